/// A bounded queue of byte strings between exactly one producing and one consuming thread, without
/// locks, as `SpscRing` is one of values: a string takes what it is long, so where the longest
/// datagram must fit there is room for ten times as many short ones.
///
/// A string lies in one piece behind its length, on cache lines of its own. One that does not fit
/// before the buffer's end begins at its start, and the rest is passed over: so strings are to be
/// at most half as long as the buffer, or there may never be room for them.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "fanout/base/bytes.hpp"

namespace fanout {

class SpscBytes {
 public:
  /// In bytes; rounded up to a power of two.
  explicit SpscBytes(std::size_t capacity) : buffer_(std::bit_ceil(capacity)) {}

  std::size_t capacity() const noexcept { return buffer_.size(); }
  /// How many bytes are taken, at the most, as the producer sees it.
  std::size_t size() const noexcept {
    return tail_.load(std::memory_order_relaxed) - head_.load(std::memory_order_acquire);
  }

  /// Where the next string, which is not empty, is to be written before `publish()`; nothing when
  /// there is no room for it.
  MutableBytes reserve(std::size_t size) noexcept {
    const auto tail = tail_.load(std::memory_order_relaxed);
    const auto end = buffer_.size() - place(tail);
    const auto passed_over = span_of(size) > end ? end : 0;
    const auto taken = passed_over + span_of(size);
    if (tail - head_.load(std::memory_order_acquire) + taken > buffer_.size()) return {};
    if (passed_over > 0) write_length(tail, kPassOver);
    write_length(tail + passed_over, static_cast<Length>(size));
    reserved_ = taken;
    return MutableBytes(buffer_).subspan(place(tail + passed_over) + sizeof(Length), size);
  }
  void publish() noexcept { tail_.fetch_add(reserved_, std::memory_order_release); }

  /// The oldest string, to be given back by `release()`, or nothing when the ring is empty.
  Bytes peek() noexcept {
    auto head = head_.load(std::memory_order_relaxed);
    if (head == tail_.load(std::memory_order_acquire)) return {};
    if (length_at(head) == kPassOver) {
      head += buffer_.size() - place(head);
      head_.store(head, std::memory_order_release);
    }
    return Bytes(buffer_).subspan(place(head) + sizeof(Length), length_at(head));
  }
  void release() noexcept {
    const auto length = length_at(head_.load(std::memory_order_relaxed));
    head_.fetch_add(span_of(length), std::memory_order_release);
  }

 private:
  using Length = std::uint32_t;
  static constexpr Length kPassOver = UINT32_MAX;
  static constexpr std::size_t kCacheLine = 64;

  /// Of a string with its length, in whole lines: what is passed over has room for a length.
  static constexpr std::size_t span_of(std::size_t size) noexcept {
    return (sizeof(Length) + size + kCacheLine - 1) / kCacheLine * kCacheLine;
  }
  std::size_t place(std::size_t position) const noexcept { return position & (buffer_.size() - 1); }
  Length length_at(std::size_t position) const noexcept {
    Length length;
    std::memcpy(&length, &buffer_[place(position)], sizeof length);
    return length;
  }
  void write_length(std::size_t position, Length length) noexcept {
    std::memcpy(&buffer_[place(position)], &length, sizeof length);
  }

  std::vector<std::uint8_t> buffer_;
  std::size_t reserved_ = 0;  // the producer's
  alignas(kCacheLine) std::atomic<std::size_t> head_{0};
  alignas(kCacheLine) std::atomic<std::size_t> tail_{0};
};

}  // namespace fanout
