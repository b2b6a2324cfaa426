/// What the kernel charges for a datagram: sendmmsg and nothing else. The floor that benches
/// hold the send path against, measured in the same run.
#pragma once

#include <cstdint>
#include <span>

#include "fanout/base/address.hpp"

namespace fanout {

/// Sends `rounds` datagrams of `size` bytes to each address, in batches as large as the send
/// path's; returns how many the kernel took.
std::uint64_t floor_sendmmsg(int fd, std::span<const Address> to, std::size_t size,
                             std::size_t rounds);

}  // namespace fanout
