#include "fanout/wire/red.hpp"

#include <array>
#include <tuple>
#include <vector>

#include "fanout/bindings/bind.hpp"

namespace fanout {
namespace {

using PyBlock = std::tuple<std::uint8_t, std::uint16_t, py::bytes>;
constexpr std::size_t kRedBuffer = 2048;

std::vector<PyBlock> parse_blocks(const py::bytes& payload) {
  auto red = value_or_raise(RedView::parse(view(payload)));
  std::vector<PyBlock> blocks;
  while (const auto block = red.next())
    blocks.emplace_back(block->payload_type, block->timestamp_offset, to_bytes(block->payload));
  return blocks;
}

py::bytes write_copies(const std::vector<PyBlock>& copies, std::uint8_t payload_type,
                       const py::bytes& primary) {
  std::vector<RedBlock> blocks;
  for (const auto& [type, offset, bytes] : copies) blocks.push_back({type, offset, view(bytes)});
  std::array<std::uint8_t, kRedBuffer> buffer;
  Writer out(buffer);
  write_red(out, blocks, payload_type, view(primary));
  if (!out.ok()) throw std::length_error("no datagram is as large");
  return to_bytes(out.written());
}

py::bytes with_payload_type(const py::bytes& payload, std::uint8_t payload_type) {
  value_or_raise(RedView::parse(view(payload)));
  std::string copy = payload;
  set_red_payload_type({reinterpret_cast<std::uint8_t*>(copy.data()), copy.size()}, payload_type);
  return copy;
}

}  // namespace

void bind_red(py::module_& module) {
  module.def("parse_red", &parse_blocks, py::arg("payload"),
             "Blocks as (payload type, timestamp offset, payload), the primary last.");
  module.def("write_red", &write_copies, py::arg("copies"), py::arg("payload_type"),
             py::arg("primary"));
  module.def("with_red_payload_type", &with_payload_type, py::arg("payload"),
             py::arg("payload_type"));
}

}  // namespace fanout
