#include "fanout/io/floor.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>
#include <vector>

#include "fanout/base/send_batch.hpp"

namespace fanout {

std::uint64_t floor_sendmmsg(int fd, std::span<const Address> to, std::size_t size,
                             std::size_t rounds) {
  std::vector<std::uint8_t> payload(size, 0x80);
  iovec vector{payload.data(), size};
  std::vector<sockaddr_in6> names(to.size());
  std::vector<mmsghdr> headers(to.size());
  for (std::size_t i = 0; i < to.size(); ++i) {
    names[i].sin6_family = AF_INET6;
    names[i].sin6_port = htons(to[i].port);
    std::memcpy(&names[i].sin6_addr, to[i].ip.data(), 16);
    headers[i].msg_hdr = {&names[i], sizeof names[i], &vector, 1, nullptr, 0, 0};
  }
  std::uint64_t sent = 0;
  for (std::size_t round = 0; round < rounds; ++round)
    for (std::size_t i = 0; i < to.size(); i += SendBatch::kCapacity) {
      const auto count = std::min(SendBatch::kCapacity, to.size() - i);
      const int got = sendmmsg(fd, &headers[i], static_cast<unsigned>(count), 0);
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
