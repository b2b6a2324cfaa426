/// A bounded queue between exactly one producing and one consuming thread, without locks:
/// each side writes its own counter and reads the other's. The memory of a slot is touched when it
/// is first filled.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <type_traits>

namespace fanout {

template <typename T>
class SpscRing {
 public:
  explicit SpscRing(std::size_t capacity)
      : count_(std::bit_ceil(capacity)), slots_(static_cast<T*>(std::malloc(count_ * sizeof(T)))) {
    if (!slots_) throw std::bad_alloc();
  }

  /// The next free slot, to be filled before `publish()`, or nothing when the ring is full. What is
  /// in it is undefined.
  T* reserve() noexcept {
    const auto tail = tail_.load(std::memory_order_relaxed);
    if (tail - head_.load(std::memory_order_acquire) == count_) return nullptr;
    return &slots_[tail & (count_ - 1)];
  }
  void publish() noexcept { tail_.fetch_add(1, std::memory_order_release); }

  /// The oldest filled slot, to be given back by `release()`, or nothing when the ring is empty.
  T* peek() noexcept {
    const auto head = head_.load(std::memory_order_relaxed);
    if (head == tail_.load(std::memory_order_acquire)) return nullptr;
    return &slots_[head & (count_ - 1)];
  }
  void release() noexcept { head_.fetch_add(1, std::memory_order_release); }

 private:
  static constexpr std::size_t kCacheLine = 64;
  static_assert(std::is_trivially_copyable_v<T>, "malloc makes no objects of other types");
  struct Free {
    void operator()(T* slots) const noexcept { std::free(slots); }
  };

  std::size_t count_;
  std::unique_ptr<T[], Free> slots_;
  alignas(kCacheLine) std::atomic<std::size_t> head_{0};
  alignas(kCacheLine) std::atomic<std::size_t> tail_{0};
};

}  // namespace fanout
