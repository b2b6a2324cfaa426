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
#include <functional>

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

}  // namespace fanout

template <>
struct std::hash<fanout::Address> {
  std::size_t operator()(const fanout::Address& address) const noexcept {
    std::uint64_t high, low;
    std::memcpy(&high, address.ip.data(), 8);
    std::memcpy(&low, address.ip.data() + 8, 8);
    // splitmix64's finalizer: neighbouring ports and addresses land far apart.
    std::uint64_t x = high * 0x9E3779B97F4A7C15ULL ^ low ^ (std::uint64_t{address.port} << 32) ^
                      (std::uint64_t{address.via} << 48);
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
    return x ^ (x >> 31);
  }
};
