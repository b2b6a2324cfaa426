/// The line of handshake datagrams that wait for the CPU: bounded, first come, first served.
/// Who finds it full is dropped and sends again, as DTLS does after any loss.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "fanout/base/address.hpp"
#include "fanout/base/bytes.hpp"
#include "fanout/base/send_batch.hpp"

namespace fanout {

class Backlog {
 public:
  Backlog() : slots_(kSlots) {}

  bool empty() const noexcept { return head_ == tail_; }

  bool push(const Address& from, Bytes datagram) noexcept {
    if (tail_ - head_ == kSlots || datagram.size() > kMaxDatagram) return false;
    Waiting& waiting = slots_[tail_++ % kSlots];
    waiting.from = from;
    waiting.size = static_cast<std::uint16_t>(datagram.size());
    std::ranges::copy(datagram, waiting.bytes.begin());
    return true;
  }

  const Address& from() const noexcept { return slots_[head_ % kSlots].from; }
  Bytes datagram() const noexcept {
    const Waiting& waiting = slots_[head_ % kSlots];
    return Bytes(waiting.bytes).first(waiting.size);
  }
  void pop() noexcept { ++head_; }

 private:
  /// The hellos of a thousand, in two datagrams each, and as many again.
  static constexpr std::size_t kSlots = 4'096;

  struct Waiting {
    Address from;
    std::uint16_t size = 0;
    std::array<std::uint8_t, kMaxDatagram> bytes;
  };

  std::vector<Waiting> slots_;
  std::size_t head_ = 0;
  std::size_t tail_ = 0;
};

}  // namespace fanout
