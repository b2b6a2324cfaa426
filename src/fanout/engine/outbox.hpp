/// Datagrams that are ready: answers to checks, handshake flights, reports, the speakers' own
/// legs. A bounded ring; what does not fit is dropped and counted, as the network would. Pages of
/// it are touched as far as the line ever was long.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "fanout/base/address.hpp"
#include "fanout/base/bytes.hpp"
#include "fanout/base/send_batch.hpp"

namespace fanout {

class Outbox {
 public:
  bool empty() const noexcept { return head_ == tail_; }
  std::uint64_t overflows() const noexcept { return overflows_; }

  /// A buffer of `kMaxDatagram` bytes that `commit` puts in line.
  MutableBytes next() noexcept { return bytes_[tail_ % kSlots]; }
  void commit(const Address& to, std::size_t size) noexcept {
    if (tail_ - head_ == kSlots - 1) {
      ++overflows_;
      return;
    }
    waiting_[tail_++ % kSlots] = {to, static_cast<std::uint16_t>(size)};
  }
  void add(const Address& to, Bytes bytes) noexcept {
    if (bytes.size() > kMaxDatagram) return;
    std::ranges::copy(bytes, next().begin());
    commit(to, bytes.size());
  }

  /// Moves as many as fit.
  void drain(SendBatch& batch) noexcept {
    for (; !empty() && batch.room() > 0; ++head_) {
      const auto& [to, size] = waiting_[head_ % kSlots];
      std::copy_n(bytes_[head_ % kSlots].begin(), size, batch.next().begin());
      batch.add(to, size);
    }
    if (empty()) head_ = tail_ = 0;  // the first slots again, which are still in the cache
  }

 private:
  static constexpr std::size_t kSlots = 1'024;  // several receive batches' worth of answers

  using Datagram = std::array<std::uint8_t, kMaxDatagram>;
  struct Waiting {
    Address to;
    std::uint16_t size = 0;
  };

  std::vector<Waiting> waiting_ = std::vector<Waiting>(kSlots);
  std::unique_ptr<Datagram[]> bytes_ = std::make_unique_for_overwrite<Datagram[]>(kSlots);
  std::size_t head_ = 0;
  std::size_t tail_ = 0;
  std::uint64_t overflows_ = 0;
};

}  // namespace fanout
