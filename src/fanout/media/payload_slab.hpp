/// Payloads that wait in jitter buffers, by size: places of 128, 384 and 1,472 bytes, so that a
/// packet of speech does not take the room of the largest there may be. The streams of a thread
/// share one: what a calm stream does not need is there for one in a storm.
///
/// Places are kept for ever and given out again, the last one first, as it is still in the cache.
/// Memory is asked for, 16 places at a time, only when more wait than ever did before.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "fanout/base/bytes.hpp"

namespace fanout {

class PayloadSlab {
 public:
  /// What an RTP packet may hold: an Ethernet frame less IPv4 and UDP.
  static constexpr std::size_t kLargest = 1'472;

  /// A copy, or null when there is no memory. At most `kLargest` bytes.
  std::uint8_t* put(Bytes payload) noexcept {
    const auto shelf = shelf_of(payload.size());
    if (!free_[shelf] && !grow(shelf)) return nullptr;
    const auto place = free_[shelf];
    std::memcpy(&free_[shelf], place, sizeof(place));
    if (!payload.empty()) std::memcpy(place, payload.data(), payload.size());
    return place;
  }
  /// Of the size that was put.
  void give_back(std::uint8_t* place, std::size_t size) noexcept {
    const auto shelf = shelf_of(size);
    std::memcpy(place, &free_[shelf], sizeof(place));
    free_[shelf] = place;
  }
  /// What has been asked for so far.
  std::size_t bytes() const noexcept { return bytes_; }

 private:
  static constexpr std::array<std::size_t, 3> kSizes = {128, 384, kLargest};

  static std::size_t shelf_of(std::size_t size) noexcept {
    return (size > kSizes[0] ? 1 : 0) + (size > kSizes[1] ? 1 : 0);
  }
  bool grow(std::size_t shelf) noexcept;

  std::array<std::uint8_t*, kSizes.size()> free_{};  // chained through their first bytes
  std::vector<std::unique_ptr<std::uint8_t[]>> boards_;
  std::size_t bytes_ = 0;
};

}  // namespace fanout
