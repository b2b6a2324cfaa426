/// A bounded queue between exactly one producing and one consuming thread, without locks:
/// each side writes its own counter and reads the other's.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <vector>

namespace fanout {

template <typename T>
class SpscRing {
 public:
  explicit SpscRing(std::size_t capacity) : slots_(std::bit_ceil(capacity)) {}

  std::size_t capacity() const noexcept { return slots_.size(); }
  /// How many slots are filled, at the most, as the producer sees it.
  std::size_t size() const noexcept {
    return tail_.load(std::memory_order_relaxed) - head_.load(std::memory_order_acquire);
  }

  /// The next free slot to be filled before `publish()`, or nothing when the ring is full.
  T* reserve() noexcept {
    const auto tail = tail_.load(std::memory_order_relaxed);
    if (tail - head_.load(std::memory_order_acquire) == slots_.size()) return nullptr;
    return &slots_[tail & (slots_.size() - 1)];
  }
  void publish() noexcept { tail_.fetch_add(1, std::memory_order_release); }

  /// The oldest filled slot, to be given back by `release()`, or nothing when the ring is empty.
  T* peek() noexcept {
    const auto head = head_.load(std::memory_order_relaxed);
    if (head == tail_.load(std::memory_order_acquire)) return nullptr;
    return &slots_[head & (slots_.size() - 1)];
  }
  void release() noexcept { head_.fetch_add(1, std::memory_order_release); }

 private:
  static constexpr std::size_t kCacheLine = 64;

  std::vector<T> slots_;
  alignas(kCacheLine) std::atomic<std::size_t> head_{0};
  alignas(kCacheLine) std::atomic<std::size_t> tail_{0};
};

}  // namespace fanout
