/// Addresses as Python's sockets spell them: ("192.0.2.1", 5000), with IPv6 in the same pair.
#pragma once

#include <arpa/inet.h>

#include <stdexcept>
#include <utility>

#include "fanout/bindings/bind.hpp"

namespace fanout {

using HostAndPort = std::pair<std::string, std::uint16_t>;

inline Address to_address(const HostAndPort& from) {
  const auto& [host, port] = from;
  Address address{.port = port};
  std::array<std::uint8_t, 4> v4;
  if (inet_pton(AF_INET, host.c_str(), v4.data()) == 1) return Address::v4(v4, port);
  if (inet_pton(AF_INET6, host.c_str(), address.ip.data()) == 1) return address;
  throw std::invalid_argument("no IP address: " + host);
}

inline HostAndPort to_host_and_port(const Address& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const bool v4 = address.is_v4();
  inet_ntop(v4 ? AF_INET : AF_INET6, address.ip.data() + (v4 ? 12 : 0), text.data(), text.size());
  return {text.data(), address.port};
}

}  // namespace fanout
