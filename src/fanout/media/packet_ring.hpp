/// Packets waiting for their time, by extended sequence number: 64 slots, 1.3 s of 20 ms frames.
/// One bit per slot tells which wait, so the next packet at or after any point is a rotate and a
/// count of zeros away, however large the hole before it. A slot remembers its sequence number
/// until it is used again, which is how duplicates of played packets are known.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>

#include "fanout/base/bytes.hpp"

namespace fanout {

using Samples = std::int64_t;  ///< time on the 48 kHz RTP clock

constexpr Samples samples_of_ms(std::int64_t ms) { return ms * 48; }

struct PacketSlot {
  std::uint64_t sequence = 0;  ///< extended; zero: never used
  Samples timestamp = 0;       ///< extended
  Samples arrival = 0;
  std::uint16_t size = 0;
  std::uint16_t samples = 0;
  std::uint8_t level = 127;
  bool copy = false;  ///< came with a later packet (RFC 2198), not by itself

  Samples end() const noexcept { return timestamp + samples; }
};
static_assert(sizeof(PacketSlot) <= 32);

/// All that waits lies within `kSlots` of the `head` that `next` is asked for.
class PacketRing {
 public:
  static constexpr std::size_t kSlots = 64;
  /// What an RTP packet may hold: an Ethernet frame less IPv4 and UDP.
  static constexpr std::size_t kMaxPayload = 1'472;

  bool knows(std::uint64_t sequence) const noexcept {
    return slots_[index(sequence)].sequence == sequence;
  }
  /// It is known by a copy only; not any more.
  bool replace_copy(std::uint64_t sequence) noexcept {
    auto& slot = slots_[index(sequence)];
    return slot.sequence == sequence && std::exchange(slot.copy, false);
  }
  /// The first that waits at or after `head`, or null.
  const PacketSlot* next(std::uint64_t head) const noexcept {
    if (waiting_ == 0) return nullptr;
    const auto distance = std::countr_zero(std::rotr(waiting_, static_cast<int>(index(head))));
    return &slots_[index(head + static_cast<std::uint64_t>(distance))];
  }
  /// Exactly one waits.
  bool single() const noexcept { return std::has_single_bit(waiting_); }
  void store(const PacketSlot& packet, Bytes payload) noexcept {
    const auto at = index(packet.sequence);
    slots_[at] = packet;
    waiting_ |= bit(at);
    copy(at, payload);
  }
  /// It came, but too late to wait.
  void remember(std::uint64_t sequence) noexcept {
    auto& slot = slots_[index(sequence)];
    if (slot.sequence >= sequence) return;
    slot.sequence = sequence;
    slot.copy = false;  // whoever had the slot before may have been one
  }
  void remove(const PacketSlot& packet) noexcept { waiting_ &= ~bit(index(packet.sequence)); }
  void clear() noexcept {
    slots_.fill({});
    waiting_ = 0;
  }

  /// Valid until the slot is stored to again.
  Bytes payload(const PacketSlot& packet) const noexcept {
    return {&(*slab_)[index(packet.sequence) * kMaxPayload], packet.size};
  }
  /// Room for one payload beside the ring.
  Bytes set_aside(Bytes payload) noexcept { return copy(kSlots, payload); }

 private:
  using Slab = std::array<std::uint8_t, (kSlots + 1) * kMaxPayload>;

  static constexpr std::size_t index(std::uint64_t sequence) { return sequence % kSlots; }
  static constexpr std::uint64_t bit(std::size_t at) { return std::uint64_t{1} << at; }

  Bytes copy(std::size_t at, Bytes payload) noexcept {
    const auto room = &(*slab_)[at * kMaxPayload];
    if (!payload.empty()) std::memcpy(room, payload.data(), payload.size());
    return {room, payload.size()};
  }

  std::array<PacketSlot, kSlots> slots_{};
  std::uint64_t waiting_ = 0;
  std::unique_ptr<Slab> slab_ = std::make_unique_for_overwrite<Slab>();
};

}  // namespace fanout
