/// A line of handshake datagrams that wait for the CPU: bounded, first come, first served.
/// Who finds it full is dropped and sends again, as DTLS does after any loss. Pages of it are
/// touched as far as the line ever was long.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "fanout/base/address.hpp"
#include "fanout/base/bytes.hpp"
#include "fanout/base/send_batch.hpp"

namespace fanout {

class Backlog {
 public:
  /// Of so many datagrams.
  explicit Backlog(std::size_t capacity)
      : capacity_(capacity),
        bytes_(std::make_unique_for_overwrite<std::uint8_t[]>(capacity * kMaxDatagram)) {
    waiting_.reserve(capacity);
  }

  bool empty() const noexcept { return head_ == tail_; }

  bool push(const Address& from, Bytes datagram) noexcept {
    if (tail_ - head_ == capacity_ || datagram.size() > kMaxDatagram) return false;
    const auto at = tail_++ % capacity_;
    if (at == waiting_.size()) waiting_.emplace_back();
    waiting_[at] = {from, static_cast<std::uint16_t>(datagram.size())};
    std::ranges::copy(datagram, &bytes_[at * kMaxDatagram]);
    return true;
  }

  const Address& from() const noexcept { return waiting_[head_ % capacity_].from; }
  Bytes datagram() const noexcept {
    const auto at = head_ % capacity_;
    return {&bytes_[at * kMaxDatagram], waiting_[at].size};
  }
  void pop() noexcept {
    ++head_;
    if (empty()) head_ = tail_ = 0;  // begin again where memory was touched already
  }

 private:
  struct Waiting {
    Address from;
    std::uint16_t size = 0;
  };

  std::size_t capacity_;
  std::vector<Waiting> waiting_;
  std::unique_ptr<std::uint8_t[]> bytes_;
  std::size_t head_ = 0;
  std::size_t tail_ = 0;
};

}  // namespace fanout
