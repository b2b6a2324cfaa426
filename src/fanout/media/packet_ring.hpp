/// Packets waiting for their time, by extended sequence number: 64 slots, 1.3 s of 20 ms frames.
/// One bit per slot tells which wait, so the next packet at or after any point is a rotate and a
/// count of zeros away, however large the hole before it. A slot remembers its sequence number
/// until it is used again, which is how duplicates of played packets are known. Payloads lie in a
/// slab that other streams may share.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <memory>
#include <utility>

#include "fanout/base/audio.hpp"
#include "fanout/base/bytes.hpp"
#include "fanout/media/payload_slab.hpp"

namespace fanout {

using Samples = std::int64_t;  ///< time on the 48 kHz RTP clock

constexpr Samples samples_of_ms(std::int64_t ms) { return ms * 48; }

struct PacketSlot {
  std::uint64_t sequence = 0;  ///< extended; zero: never used
  Samples timestamp = 0;       ///< extended
  Samples arrival = 0;
  std::uint16_t size = 0;
  std::uint16_t samples = 0;
  std::uint8_t level = kSilentLevel;
  bool copy = false;  ///< came with a later packet (RFC 2198), not by itself

  Samples end() const noexcept { return timestamp + samples; }
};
static_assert(sizeof(PacketSlot) <= 32);

/// All that waits lies within `kSlots` of the `head` that `next` is asked for.
class PacketRing {
 public:
  static constexpr std::size_t kSlots = 64;
  static constexpr std::size_t kMaxPayload = PayloadSlab::kLargest;

  explicit PacketRing(std::shared_ptr<PayloadSlab> slab) noexcept : slab_(std::move(slab)) {}
  ~PacketRing() {
    clear();
    give_back(taken_);
    give_back(aside_);
  }
  PacketRing(const PacketRing&) = delete;
  PacketRing& operator=(const PacketRing&) = delete;

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
  /// False when there is no memory.
  bool store(const PacketSlot& packet, Bytes payload) noexcept {
    const auto at = index(packet.sequence);
    if ((waiting_ & bit(at)) != 0) remove(slots_[at]);
    slots_[at] = packet;
    places_[at] = slab_->put(payload);
    if (places_[at]) waiting_ |= bit(at);
    return places_[at] != nullptr;
  }
  /// It came, but too late to wait.
  void remember(std::uint64_t sequence) noexcept {
    auto& slot = slots_[index(sequence)];
    if (slot.sequence >= sequence) return;
    slot.sequence = sequence;
    slot.copy = false;  // whoever had the slot before may have been one
  }
  void remove(const PacketSlot& packet) noexcept { give_back(withdraw(packet)); }
  /// The same, but its payload can be read until the next is taken.
  Bytes take(const PacketSlot& packet) noexcept {
    give_back(taken_);
    return taken_ = withdraw(packet);
  }
  void clear() noexcept {
    while (waiting_ != 0) remove(slots_[static_cast<std::size_t>(std::countr_zero(waiting_))]);
    slots_.fill({});
  }

  /// Of one that waits, as long as it does.
  Bytes payload(const PacketSlot& packet) const noexcept {
    return {places_[index(packet.sequence)], packet.size};
  }
  /// Room for one payload beside the ring.
  Bytes set_aside(Bytes payload) noexcept {
    give_back(aside_);
    const auto place = slab_->put(payload);
    return aside_ = {place, place ? payload.size() : 0};
  }

 private:
  static constexpr std::size_t index(std::uint64_t sequence) { return sequence % kSlots; }
  static constexpr std::uint64_t bit(std::size_t at) { return std::uint64_t{1} << at; }

  MutableBytes withdraw(const PacketSlot& packet) noexcept {
    const auto at = index(packet.sequence);
    waiting_ &= ~bit(at);
    return {places_[at], packet.size};
  }
  void give_back(MutableBytes payload) noexcept {
    if (payload.data()) slab_->give_back(payload.data(), payload.size());
  }

  std::array<PacketSlot, kSlots> slots_{};
  std::array<std::uint8_t*, kSlots> places_;  // of those that wait
  std::uint64_t waiting_ = 0;
  MutableBytes taken_;
  MutableBytes aside_;
  std::shared_ptr<PayloadSlab> slab_;
};

}  // namespace fanout
