/// Which destinations are reached through one interface, and whose MAC address their frames bear:
/// the kernel's routes as far as they concern it, and the neighbours it knows there.
///
/// It is exact or it says nothing: what it has no answer for (another interface, several paths,
/// rules of an administrator's own, a neighbour not yet known) goes by the socket, and the kernel
/// decides. A million listeners share a gateway, so it holds routes, never destinations.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "fanout/base/address.hpp"
#include "fanout/io/interface.hpp"
#include "fanout/io/netlink.hpp"

namespace fanout {

struct Neighbour {
  std::array<std::uint8_t, 16> ip{};
  MacAddress mac{};
  /// The kernel has not heard of it for a while. It asks again when something is sent there by a
  /// socket, and only then learns that the address has moved.
  bool to_confirm = false;
};

/// A prefix and where it leads.
struct Route {
  enum class To : std::uint8_t { elsewhere, on_link, gateway };

  std::uint64_t high = 0, low = 0;  ///< of the network, as `Address::ip` has it
  std::uint64_t high_mask = 0, low_mask = 0;
  To to = To::elsewhere;
  std::uint32_t gateway = 0;  ///< which neighbour

  bool covers(std::uint64_t address_high, std::uint64_t address_low) const noexcept {
    return (address_high & high_mask) == high && (address_low & low_mask) == low;
  }
};

struct NextHops {
  Link link;
  std::vector<Route> v4, v6;          ///< in the order the kernel tries them
  std::vector<Neighbour> neighbours;  ///< by address

  /// nullptr: by the socket.
  Neighbour* find(const Address& to) noexcept;
};

/// Reads it from the kernel, in the network namespace it was made in.
class NextHopReader {
 public:
  /// Throws std::system_error.
  explicit NextHopReader(Interface interface) : interface_(std::move(interface)) {}

  /// Without routes when the kernel's could not be read, or are too many.
  NextHops read();

 private:
  /// One of the kernel's routes, before its gateway is looked up.
  struct Entry {
    std::uint8_t table = 0, length = 0;
    std::uint32_t metric = 0;
    Route route;
    std::array<std::uint8_t, 16> gateway{};
  };

  bool has_own_rules(std::uint8_t family);
  std::vector<Route> routes(std::uint8_t family, const NextHops& hops);
  Entry entry_of(const nlmsghdr& message) const noexcept;
  std::vector<Neighbour> neighbours();
  bool reaches(std::uint8_t family) const;

  Interface interface_;
  Netlink netlink_;
};

}  // namespace fanout
