/// Datagrams that are ready: answers to checks, handshake flights, reports, the speakers' own
/// legs. A bounded ring; what does not fit is dropped and counted, as the network would.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "fanout/base/address.hpp"
#include "fanout/base/bytes.hpp"
#include "fanout/base/send_batch.hpp"

namespace fanout {

class Outbox {
 public:
  Outbox() : slots_(kSlots) {}

  bool empty() const noexcept { return head_ == tail_; }
  std::uint64_t overflows() const noexcept { return overflows_; }

  /// A buffer of `kMaxDatagram` bytes that `commit` puts in line.
  MutableBytes next() noexcept { return slots_[tail_ % kSlots].bytes; }
  void commit(const Address& to, std::size_t size) noexcept {
    if (tail_ - head_ == kSlots - 1) {
      ++overflows_;
      return;
    }
    auto& slot = slots_[tail_++ % kSlots];
    slot.to = to;
    slot.size = size;
  }
  void add(const Address& to, Bytes bytes) noexcept {
    if (bytes.size() > kMaxDatagram) return;
    std::ranges::copy(bytes, next().begin());
    commit(to, bytes.size());
  }

  /// Moves as many as fit.
  void drain(SendBatch& batch) noexcept {
    for (; !empty() && batch.room() > 0; ++head_) {
      const auto& slot = slots_[head_ % kSlots];
      std::copy_n(slot.bytes.begin(), slot.size, batch.next().begin());
      batch.add(slot.to, slot.size);
    }
    if (empty()) head_ = tail_ = 0;  // the first slots again, which are still in the cache
  }

 private:
  static constexpr std::size_t kSlots = 1'024;  // several receive batches' worth of answers

  struct Slot {
    Address to;
    std::size_t size = 0;
    std::array<std::uint8_t, kMaxDatagram> bytes{};
  };

  std::vector<Slot> slots_;
  std::size_t head_ = 0;
  std::size_t tail_ = 0;
  std::uint64_t overflows_ = 0;
};

}  // namespace fanout
