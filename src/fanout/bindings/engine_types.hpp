/// How engines' snapshots look in Python; shared by the sans-IO engine and the worker.
#pragma once

#include "fanout/bindings/bind.hpp"
#include "fanout/engine/engine.hpp"

namespace fanout {

py::dict to_dict(const EngineCounters& counters);

template <std::size_t N>
std::array<std::uint8_t, N> exactly(const py::bytes& object, const char* complaint) {
  const auto bytes = view(object);
  if (bytes.size() != N) throw std::invalid_argument(complaint);
  std::array<std::uint8_t, N> array;
  std::ranges::copy(bytes, array.begin());
  return array;
}

inline SessionId to_session(const py::bytes& session) {
  return {exactly<12>(session, "a session id is 12 bytes")};
}

inline TicketKey to_ticket_key(const py::bytes& key) {
  return exactly<32>(key, "a ticket key is 32 bytes");
}

/// Both PEMs empty: a fresh certificate.
Certificate to_certificate(std::string certificate_pem, std::string private_key_pem);
SrtpBackend to_backend(std::string_view name);
Role to_role(std::string_view name);

constexpr SoundMode to_mode(bool music) { return music ? SoundMode::music : SoundMode::voice; }

/// Milliseconds a packet; none where the tier of those around is to hold.
std::optional<Tier> to_tier(std::optional<int> milliseconds);

/// Gives a class the method that mints tickets by `keys(self)`.
template <typename Class, typename Keys>
void bind_mint(Class& bound, Keys keys) {
  bound.def(
      "mint",
      [keys](const typename Class::type& self, std::uint64_t space, std::string_view role,
             std::uint32_t expiry, std::uint32_t peer, std::uint16_t cohort, bool personal,
             bool requires_certificate, bool sends_only) {
        return keys(self).mint({.space = SpaceId{space},
                                .expiry = expiry,
                                .peer = PeerId{peer},
                                .cohort = cohort,
                                .role = to_role(role),
                                .personal = personal,
                                .requires_certificate = requires_certificate,
                                .sends_only = sends_only});
      },
      py::kw_only(), py::arg("space"), py::arg("role"), py::arg("expiry"), py::arg("peer") = 0,
      py::arg("cohort") = 0, py::arg("personal") = false, py::arg("requires_certificate") = false,
      py::arg("sends_only") = false);
}

template <typename T>
T known_space(std::optional<T> value) {
  if (!value) throw py::key_error("no such space");
  return *std::move(value);
}

}  // namespace fanout
