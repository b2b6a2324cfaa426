/// What all sockets here need of the kernel: names, buffers, what it dropped, why a call failed.
#pragma once

#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <system_error>

#include "fanout/base/address.hpp"

namespace fanout {

/// Of the call that has just failed.
inline std::system_error failure(const std::string& what) {
  return {errno, std::generic_category(), what};
}

/// The kernel caps what it gives at net.core.rmem_max; a privileged process may go beyond.
inline void set_receive_buffer(int fd, int size) noexcept {
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0)
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
}
/// The same, with net.core.wmem_max.
inline void set_send_buffer(int fd, int size) noexcept {
  if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) != 0)
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

/// Datagrams the kernel dropped because the socket's receive buffer was full.
inline std::uint64_t kernel_drops(int fd) noexcept {
  std::array<std::uint32_t, SK_MEMINFO_VARS> info{};
  socklen_t size = sizeof info;
  if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info.data(), &size) != 0) return 0;
  return info[SK_MEMINFO_DROPS];
}

/// Writes an address as sockets of a family have it; its size. AF_INET takes IPv4 alone.
inline socklen_t write_name(const Address& address, int family, sockaddr_storage& out) noexcept {
  if (family == AF_INET) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(address.port);
    std::memcpy(&name.sin_addr, address.ip.data() + 12, 4);
    std::memcpy(&out, &name, sizeof name);
    return sizeof name;
  }
  sockaddr_in6 name{};
  name.sin6_family = AF_INET6;
  name.sin6_port = htons(address.port);
  std::memcpy(&name.sin6_addr, address.ip.data(), 16);
  std::memcpy(&out, &name, sizeof name);
  return sizeof name;
}

}  // namespace fanout
