#include "fanout/io/floor.hpp"

#include <algorithm>
#include <cstring>

#include "fanout/base/send_batch.hpp"

namespace fanout {

FloorDatagrams::FloorDatagrams(std::span<const Address> to, std::size_t size)
    : payload_(size, 0x80),
      vector_{{payload_.data(), size}},
      names_(to.size()),
      headers_(to.size()) {
  for (std::size_t i = 0; i < to.size(); ++i) {
    names_[i].sin6_family = AF_INET6;
    names_[i].sin6_port = htons(to[i].port);
    std::memcpy(&names_[i].sin6_addr, to[i].ip.data(), 16);
    headers_[i].msg_hdr = {&names_[i], sizeof names_[i], vector_.data(), 1, nullptr, 0, 0};
  }
}

std::uint64_t FloorDatagrams::send(int fd) {
  std::uint64_t sent = 0;
  for (std::size_t i = 0; i < headers_.size(); i += SendBatch::kCapacity) {
    const auto count = std::min(SendBatch::kCapacity, headers_.size() - i);
    const int got = sendmmsg(fd, &headers_[i], static_cast<unsigned>(count), 0);
    if (got > 0) sent += static_cast<std::uint64_t>(got);
  }
  return sent;
}

std::uint64_t floor_ring(TransmitRing& ring, Bytes frame, std::size_t times) {
  std::uint64_t written = 0;
  for (std::size_t i = 1; i <= times; ++i) {
    if (auto* const at = ring.next()) {
      std::memcpy(at, frame.data(), frame.size());
      ring.add(frame.size());
      ++written;
    }
    if (i % SendBatch::kCapacity == 0 || i == times) ring.kick();
  }
  return written;
}

}  // namespace fanout
