/// What the kernel charges for a datagram, by sendmmsg or by a ring, and nothing else. The floors
/// that benches hold the send paths against, measured in the same run.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <span>
#include <vector>

#include "fanout/base/address.hpp"
#include "fanout/base/bytes.hpp"
#include "fanout/io/transmit_ring.hpp"

namespace fanout {

/// Datagrams of `size` bytes, one to each address, written down beforehand.
class FloorDatagrams {
 public:
  FloorDatagrams(std::span<const Address> to, std::size_t size);
  FloorDatagrams(FloorDatagrams&&) noexcept = default;  // the headers' pointers stay true

  /// Gives them to the kernel in batches as large as the send path's; returns how many it took.
  std::uint64_t send(int fd);

 private:
  std::vector<std::uint8_t> payload_;
  std::vector<iovec> vector_;
  std::vector<sockaddr_in6> names_;
  std::vector<mmsghdr> headers_;
};

/// Writes `times` frames to the ring, kicked in batches as large as the send path's; returns how
/// many there was room for.
std::uint64_t floor_ring(TransmitRing& ring, Bytes frame, std::size_t times);

}  // namespace fanout
