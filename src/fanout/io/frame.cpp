#include "fanout/io/frame.hpp"

#include <netinet/in.h>

#include <cstring>

namespace fanout {

namespace {

constexpr std::uint16_t kEtherV4 = 0x0800, kEtherV6 = 0x86DD;
constexpr std::uint8_t kHops = 64;  // RFC 1700's recommendation, and the kernel's choice
constexpr std::uint16_t kDoNotFragment = 0x4000;
constexpr std::size_t kUdpHeader = 8;

/// The Internet checksum's sum (RFC 1071), in the machine's own byte order: swapped bytes sum to
/// the swapped sum. Halves of 32 bits leave their carries room in 64.
std::uint64_t add_words(std::uint64_t sum, const std::uint8_t* at, std::size_t size) noexcept {
  for (; size >= 8; at += 8, size -= 8) {
    std::uint64_t word;
    std::memcpy(&word, at, 8);
    sum += (word & 0xFFFFFFFF) + (word >> 32);
  }
  std::uint64_t rest = 0;
  std::memcpy(&rest, at, size);
  return sum + (rest & 0xFFFFFFFF) + (rest >> 32);
}

std::uint16_t checksum(std::uint64_t sum) noexcept {
  sum = (sum & 0xFFFFFFFF) + (sum >> 32);
  sum = (sum & 0xFFFFFFFF) + (sum >> 32);
  sum = (sum & 0xFFFF) + (sum >> 16);
  sum = (sum & 0xFFFF) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

void write_ethernet(std::uint8_t* at, const FrameEnds& ends, std::uint16_t type) noexcept {
  std::memcpy(at, ends.to_mac.data(), 6);
  std::memcpy(at + 6, ends.from_mac.data(), 6);
  store_be(at + 12, type);
}

/// Never fragmented, so that it needs no identification (RFC 6864 section 4.1).
void write_v4(std::uint8_t* at, const FrameEnds& ends, std::size_t size) noexcept {
  store_be<std::uint32_t>(at, 0x45000000U | static_cast<std::uint32_t>(size));
  store_be<std::uint32_t>(at + 4, kDoNotFragment);
  store_be<std::uint32_t>(at + 8, std::uint32_t{kHops} << 24 | IPPROTO_UDP << 16);
  std::memcpy(at + 12, ends.from.ip.data() + 12, 4);
  std::memcpy(at + 16, ends.to.ip.data() + 12, 4);
  const auto sum = checksum(add_words(0, at, 20));
  std::memcpy(at + 10, &sum, 2);
}

void write_v6(std::uint8_t* at, const FrameEnds& ends, std::size_t payload) noexcept {
  store_be<std::uint32_t>(at, 0x60000000U);
  store_be<std::uint32_t>(at + 4,
                          static_cast<std::uint32_t>(payload << 16 | IPPROTO_UDP << 8 | kHops));
  std::memcpy(at + 8, ends.from.ip.data(), 16);
  std::memcpy(at + 24, ends.to.ip.data(), 16);
}

/// `sum`: of the addresses.
void write_udp(std::uint8_t* at, const FrameEnds& ends, Bytes datagram,
               std::uint64_t sum) noexcept {
  const auto size = static_cast<std::uint16_t>(kUdpHeader + datagram.size());
  store_be(at, ends.from.port);
  store_be(at + 2, ends.to.port);
  store_be<std::uint32_t>(at + 4, std::uint32_t{size} << 16);
  std::memcpy(at + kUdpHeader, datagram.data(), datagram.size());
  sum += htons(size);
  sum += htons(IPPROTO_UDP);
  auto check = checksum(add_words(sum, at, size));
  if (check == 0) check = 0xFFFF;  // 0 would say that there is none
  std::memcpy(at + 6, &check, 2);
}

}  // namespace

std::size_t write_frame(std::uint8_t* at, const FrameEnds& ends, Bytes datagram) noexcept {
  const bool is_v4 = ends.to.is_v4();
  const auto size = ip_size(is_v4, datagram.size());
  std::uint8_t* const ip = at + kEthernetHeader;
  write_ethernet(at, ends, is_v4 ? kEtherV4 : kEtherV6);
  if (is_v4) {
    write_v4(ip, ends, size);
    write_udp(ip + 20, ends, datagram, add_words(0, ip + 12, 8));
  } else {
    write_v6(ip, ends, size - 40);
    write_udp(ip + 40, ends, datagram, add_words(0, ip + 8, 32));
  }
  return kEthernetHeader + size;
}

}  // namespace fanout
