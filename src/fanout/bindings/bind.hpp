/// What every binding file shares: one function per unit, each registered by module.cpp.
/// A binding is one sentence per name: convert, call, convert.
#pragma once

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <array>
#include <expected>
#include <stdexcept>
#include <string>

#include "fanout/base/address.hpp"
#include "fanout/base/bytes.hpp"
#include "fanout/base/drop.hpp"

namespace py = pybind11;

namespace fanout {

/// The bytes of a Python buffer, borrowed while `object` lives.
inline Bytes view(const py::bytes& object) {
  const std::string_view text = object;
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

inline py::bytes to_bytes(Bytes bytes) {
  return py::bytes(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

/// Raised as spacescore.Dropped with the reason's name: the single-packet functions are for
/// tests and tools; engines count instead.
struct Dropped {
  Drop drop;
};

template <typename T>
T value_or_raise(std::expected<T, Drop> result) {
  if (!result) throw Dropped{result.error()};
  return *std::move(result);
}

inline std::array<std::uint8_t, 32> to_digest(const py::bytes& object) {
  std::array<std::uint8_t, 32> digest;
  const auto bytes = view(object);
  if (bytes.size() != digest.size()) throw std::invalid_argument("a fingerprint has 32 bytes");
  std::ranges::copy(bytes, digest.begin());
  return digest;
}

void bind_base(py::module_& module);
void bind_wire(py::module_& module);
void bind_red(py::module_& module);
void bind_srtp(py::module_& module);
void bind_dtls(py::module_& module);
void bind_ticket(py::module_& module);
void bind_stun_auth(py::module_& module);
void bind_media(py::module_& module);
void bind_jitter(py::module_& module);
void bind_voice(py::module_& module);
void bind_repacketize(py::module_& module);
void bind_ogg(py::module_& module);
void bind_packet(py::module_& module);
void bind_audience(py::module_& module);
void bind_ladder(py::module_& module);
void bind_engine(py::module_& module);
void bind_node(py::module_& module);
void bind_recorder(py::module_& module);
void bind_load(py::module_& module);
void bind_swarm(py::module_& module);

}  // namespace fanout
