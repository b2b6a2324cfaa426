/// The sockets of a crowd, of two kinds. Towards a server on this machine one socket may serve
/// everybody: bound to the wildcard, it sends and receives for any address of 127.0.0.0/8
/// (IP_PKTINFO), so each member has an address of its own and a hundred thousand need no more
/// descriptors than one. Towards anybody else, and towards servers here that tie their answers
/// to an interface (libnice does, by IP_UNICAST_IF), everybody has a socket.
///
/// Datagrams carry the kernel's receive time, on the monotonic clock: how long one waited for a
/// slow crowd is not the server's fault.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "fanout/base/address.hpp"
#include "fanout/base/bytes.hpp"
#include "fanout/base/time.hpp"

namespace fanout {

class Paths {
 public:
  struct Inbound {
    std::uint32_t member = 0;
    Instant at;
    MutableBytes bytes;
  };
  static constexpr std::size_t kBatch = 64;  // more gains nothing

  virtual ~Paths() = default;

  /// Makes a member's path. Throws std::system_error where there is no way.
  virtual void open(std::uint32_t member, const Address& server) = 0;
  /// Up to a batch of what waits; empty only when nothing does. Valid until the next call.
  virtual std::span<const Inbound> receive() noexcept = 0;
  /// Takes a copy; on its way after `flush` at the latest.
  virtual void send(std::uint32_t member, Bytes datagram) noexcept = 0;
  virtual void flush() noexcept = 0;
  /// Readable while something waits.
  virtual int fd() const noexcept = 0;

  /// Datagrams that waited for us so long that the kernel dropped them.
  virtual std::uint64_t kernel_drops() const noexcept = 0;
  /// Datagrams the kernel would not take.
  virtual std::uint64_t send_errors() const noexcept = 0;

  /// One for all, towards IPv4 addresses of this machine. Buffers for `members`, of whom there
  /// may be 16 million.
  static std::unique_ptr<Paths> shared(std::size_t members);
  static std::unique_ptr<Paths> one_each();
};

}  // namespace fanout
