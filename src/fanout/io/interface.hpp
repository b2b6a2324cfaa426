/// A network interface that frames can be handed to, past the kernel's routes and queues.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace fanout {

using MacAddress = std::array<std::uint8_t, 6>;

struct Interface {
  std::string name;
  int index = 0;
  bool is_loopback = false;
};

/// What may change while it is open.
struct Link {
  MacAddress mac{};
  std::uint32_t mtu = 0;  ///< 0: there is no such interface any more, or it is down
};

/// Throws std::invalid_argument that names it: no such interface, down, neither Ethernet nor
/// loopback, or this process lacks CAP_NET_RAW.
Interface packet_interface(const std::string& name);

/// `fd`: any socket; it says in which network namespace.
Link read_link(int fd, const Interface& interface) noexcept;

}  // namespace fanout
