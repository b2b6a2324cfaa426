/// Datagrams on their way out: a fixed arena that packets are sealed into and that the socket
/// layer hands to the kernel as it stands, without another copy.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "fanout/base/address.hpp"
#include "fanout/base/bytes.hpp"

namespace fanout {

/// A datagram never exceeds what an Ethernet frame carries.
constexpr std::size_t kMaxDatagram = 1472;

class SendBatch {
 public:
  static constexpr std::size_t kCapacity = 64;  // from 16 on, sendmmsg gains nothing more

  std::size_t size() const noexcept { return size_; }
  std::size_t room() const noexcept { return kCapacity - size_; }
  void clear() noexcept { size_ = 0; }

  /// The buffer of the next datagram; `add` makes it part of the batch. None is empty.
  MutableBytes next() noexcept { return arena_[size_]; }
  void add(const Address& to, std::size_t size) noexcept {
    entries_[size_++] = {to, static_cast<std::uint16_t>(size)};
  }

  /// It went another way: what sends the batch passes over it.
  void take(std::size_t i) noexcept { entries_[i].size = 0; }
  bool is_taken(std::size_t i) const noexcept { return entries_[i].size == 0; }

  Bytes bytes(std::size_t i) const noexcept { return Bytes(arena_[i]).first(entries_[i].size); }
  const Address& to(std::size_t i) const noexcept { return entries_[i].to; }

 private:
  struct Entry {
    Address to;
    std::uint16_t size = 0;
  };
  /// Every packet on its own cache lines, and an odd number of them: with a power of two in it,
  /// all headers would share a few sets of the first cache.
  static constexpr std::size_t kStride = 1600;

  std::size_t size_ = 0;
  std::array<Entry, kCapacity> entries_{};
  alignas(64) std::array<std::array<std::uint8_t, kStride>, kCapacity> arena_{};
};

}  // namespace fanout
