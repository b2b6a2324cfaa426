/// A transport address as plain data: IPv4 is kept as its IPv4-mapped IPv6 form (RFC 4291
/// section 2.5.5.2), so one comparison and one dual-stack socket serve both families.
///
/// To a machine with several addresses a peer is known by both ends of its path: what comes
/// back from another address than it was sent to, no ICE agent takes (RFC 8445 section 7.2.5.2.1).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "fanout/base/hash.hpp"

namespace fanout {

struct Address {
  std::array<std::uint8_t, 16> ip{};
  std::uint16_t port = 0;  // host order
  std::uint8_t via = 0;    // which of our addresses it reached, as the socket numbers them; 0: any

  bool operator==(const Address&) const = default;

  static constexpr Address v4(std::array<std::uint8_t, 4> octets, std::uint16_t port) {
    Address address{.port = port};
    address.ip = {0, 0, 0,    0,    0,         0,         0,         0,
                  0, 0, 0xFF, 0xFF, octets[0], octets[1], octets[2], octets[3]};
    return address;
  }

  constexpr bool is_v4() const {
    for (std::size_t i = 0; i < 10; ++i)
      if (ip[i] != 0) return false;
    return ip[10] == 0xFF && ip[11] == 0xFF;
  }
};

inline std::uint64_t hash_value(const Address& address, std::uint64_t secret) noexcept {
  std::uint64_t high, low;
  std::memcpy(&high, address.ip.data(), sizeof high);
  std::memcpy(&low, address.ip.data() + sizeof high, sizeof low);
  return keyed_hash(secret, high, low, std::uint64_t{address.port} << 8 | address.via);
}

}  // namespace fanout
