/// Ethernet, IPv4 (RFC 791) or IPv6 (RFC 8200), and UDP (RFC 768) around a datagram, as the
/// kernel would write them: two thirds of what a socket costs are spent on the way to this.
#pragma once

#include <cstddef>
#include <cstdint>

#include "fanout/base/address.hpp"
#include "fanout/base/bytes.hpp"
#include "fanout/io/interface.hpp"

namespace fanout {

constexpr std::size_t kEthernetHeader = 14;

/// What IP makes of a datagram's size.
constexpr std::size_t ip_size(bool is_v4, std::size_t datagram) noexcept {
  return (is_v4 ? 20 : 40) + 8 + datagram;
}

struct FrameEnds {
  const MacAddress& from_mac;
  const MacAddress& to_mac;
  const Address& from;  ///< of the same family as `to`
  const Address& to;
};

/// Writes the whole frame to `at`, both checksums included; its size.
std::size_t write_frame(std::uint8_t* at, const FrameEnds& ends, Bytes datagram) noexcept;

}  // namespace fanout
