/// What the kernel charges for a datagram, by sendmmsg or by a ring, and nothing else. The floors
/// that benches hold the send paths against, measured in the same run.
#pragma once

#include <cstdint>
#include <span>

#include "fanout/base/address.hpp"
#include "fanout/base/bytes.hpp"
#include "fanout/io/transmit_ring.hpp"

namespace fanout {

/// Sends `rounds` datagrams of `size` bytes to each address, in batches as large as the send
/// path's; returns how many the kernel took.
std::uint64_t floor_sendmmsg(int fd, std::span<const Address> to, std::size_t size,
                             std::size_t rounds);

/// Writes `times` frames to the ring, kicked in batches as large as the send path's; returns how
/// many there was room for.
std::uint64_t floor_ring(TransmitRing& ring, Bytes frame, std::size_t times);

}  // namespace fanout
