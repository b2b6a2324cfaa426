#include "fanout/media/jitter.hpp"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <utility>

#include "fanout/base/seq.hpp"
#include "fanout/media/opus.hpp"
#include "fanout/media/player.hpp"

namespace fanout {
namespace {

// RFC 3550 appendix A.1.
constexpr std::int64_t kMaxDropout = 3'000;
constexpr std::int64_t kMaxMisorder = 100;
constexpr int kConfirms = 16;  // steps from a packet held aside to the one that confirms it
constexpr Samples kMaxTransitJump = samples_of_ms(3'000);  // no queue is so long: a new time line
constexpr Samples kMaxLead = samples_of_ms(200);  // a queue drains by a packet's length at a time

constexpr Samples samples_at(Instant when) { return when.us * 48 / 1'000; }

/// RFC 3550 section 6.4.1 and appendix A.8, scaled by 16 as there.
struct InterarrivalJitter {
  std::optional<Samples> last_transit;
  Samples scaled = 0;

  void add(Samples transit) noexcept {
    scaled += std::abs(transit - last_transit.value_or(transit)) - ((scaled + 8) >> 4);
    last_transit = transit;
  }
};

}  // namespace

/// The arriving half: which epoch a packet belongs to, and where in it.
struct JitterBuffer::Impl {
  Impl(const JitterPolicy& policy, std::shared_ptr<PayloadSlab> slab) noexcept
      : player(policy, std::move(slab)) {}

  Player player;
  InterarrivalJitter jitter;
  std::optional<Ssrc> ssrc;
  std::optional<Ssrc> previous_ssrc;
  std::uint64_t first = 0;  // sequence number of this epoch
  std::uint64_t newest = 0;
  std::uint64_t newest_timestamp = 0;
  std::uint64_t arrived = 0;      // in this epoch, without duplicates
  std::uint64_t lost_before = 0;  // in earlier epochs
  std::optional<JitterPacket> aside;
  Instant aside_arrival;

  Push push(Instant when, const JitterPacket& packet) noexcept;
  Push push_copy(Samples arrival, const JitterPacket& packet) noexcept;
  PacketSlot place(Samples arrival, const JitterPacket& packet) const noexcept;
  bool of_this_epoch(const PacketSlot& packet) const noexcept;
  bool from_nowhere(const PacketSlot& packet) const noexcept;
  Push take_both(Instant when, const JitterPacket& packet) noexcept;
  Push hold_aside(Instant when, const JitterPacket& packet) noexcept;
  void begin(const JitterPacket& packet) noexcept;
  Push restart(Samples arrival, const JitterPacket& packet) noexcept;
  Push accept(const PacketSlot& packet, Bytes payload) noexcept;
  void note_repair(const PacketSlot& packet, Bytes payload) noexcept;
  void note(const PacketSlot& packet) noexcept;
  std::uint64_t lost() const noexcept;
  void refuse() noexcept { ++player.counts().packets_discarded; }
  void reset() noexcept;
  JitterStats stats() const noexcept;
};

Push JitterBuffer::Impl::push(Instant when, const JitterPacket& packet) noexcept {
  ++player.counts().packets_received;
  if (packet.payload.size() > PacketRing::kMaxPayload) return refuse(), Push::overflow;
  const auto arrival = samples_at(when);
  if (!ssrc) begin(packet);
  if (packet.ssrc != ssrc && packet.ssrc != previous_ssrc) return restart(arrival, packet);
  const auto slot = place(arrival, packet);
  if (packet.ssrc != ssrc || from_nowhere(slot)) return hold_aside(when, packet);
  return accept(slot, packet.payload);
}

/// Where the packet belongs in this epoch.
PacketSlot JitterBuffer::Impl::place(Samples arrival, const JitterPacket& packet) const noexcept {
  const auto timestamp = unwrap_timestamp(packet.timestamp, newest_timestamp);
  return {.sequence = unwrap(packet.sequence, newest),
          .timestamp = static_cast<Samples>(timestamp),
          .arrival = arrival,
          .size = static_cast<std::uint16_t>(packet.payload.size()),
          .samples = static_cast<std::uint16_t>(
              std::clamp<std::size_t>(packet.samples, kMinOpusSamples, kMaxOpusSamples)),
          .level = packet.level};
}

/// It belongs to what this epoch knows, or it is of no use.
Push JitterBuffer::Impl::push_copy(Samples arrival, const JitterPacket& packet) noexcept {
  if (packet.ssrc != ssrc || arrived == 0 || packet.payload.size() > PacketRing::kMaxPayload)
    return Push::late;
  auto slot = place(arrival, packet);
  slot.copy = true;
  if (slot.sequence < first || slot.sequence >= newest || from_nowhere(slot)) return Push::late;
  if (player.knows(slot.sequence)) return Push::duplicate;
  return player.repair_with(slot, packet.payload) ? Push::stored : Push::late;
}

/// Whether the time line can hold it at all.
bool JitterBuffer::Impl::of_this_epoch(const PacketSlot& packet) const noexcept {
  const auto step = static_cast<std::int64_t>(packet.sequence - newest);
  if (step > kMaxDropout || step < -kMaxMisorder) return false;
  const auto later = packet.timestamp - static_cast<Samples>(newest_timestamp);
  if (step > 0 ? later < 0 : step < 0 && later > 0) return false;
  const auto transit = packet.arrival - packet.timestamp;
  return std::abs(transit - player.delay().base()) <= kMaxTransitJump;
}

bool JitterBuffer::Impl::from_nowhere(const PacketSlot& packet) const noexcept {
  if (arrived == 0) return false;
  const auto lead = player.delay().base() - (packet.arrival - packet.timestamp);
  return lead > kMaxLead || !of_this_epoch(packet);
}

/// A stray packet must not end an epoch, two in a row that agree do.
Push JitterBuffer::Impl::hold_aside(Instant when, const JitterPacket& packet) noexcept {
  if (aside && aside->ssrc == packet.ssrc) {
    const auto step = static_cast<std::int16_t>(packet.sequence - aside->sequence);
    if (step == 0) return ++player.counts().packets_duplicated, Push::duplicate;
    if (step > 0 && step <= kConfirms) return take_both(when, packet);
  }
  if (aside) refuse();
  aside = packet;
  aside->payload = player.set_aside(packet.payload);
  aside_arrival = when;
  return Push::held;
}

Push JitterBuffer::Impl::take_both(Instant when, const JitterPacket& packet) noexcept {
  const auto held = *std::exchange(aside, std::nullopt);
  const auto slot = place(samples_at(aside_arrival), held);
  const bool here = held.ssrc == ssrc && of_this_epoch(slot);
  if (here)
    accept(slot, held.payload);
  else
    restart(slot.arrival, held);
  const auto outcome = accept(place(samples_at(when), packet), packet.payload);
  return here ? outcome : Push::restarted;
}

void JitterBuffer::Impl::begin(const JitterPacket& packet) noexcept {
  if (packet.ssrc != ssrc) previous_ssrc = ssrc;
  ssrc = packet.ssrc;
  lost_before = lost();
  // One turn up, so that neither runs below zero when an earlier packet follows.
  first = newest = packet.sequence + 0x1'0000ULL;
  newest_timestamp = packet.timestamp + 0x1'0000'0000ULL;
  arrived = 0;
  aside.reset();
  jitter.last_transit.reset();
  player.begin(first);
}

Push JitterBuffer::Impl::restart(Samples arrival, const JitterPacket& packet) noexcept {
  ++player.counts().restarts;
  begin(packet);
  player.delay().rebase(arrival, arrival - static_cast<Samples>(newest_timestamp));
  accept(place(arrival, packet), packet.payload);
  return Push::restarted;
}

Push JitterBuffer::Impl::accept(const PacketSlot& packet, Bytes payload) noexcept {
  if (player.knows(packet.sequence)) [[unlikely]] {
    auto& counts = player.counts();
    if (player.replace_copy(packet.sequence)) {  // what the copy stood in for has come after all
      note(packet);
      --counts.packets_repaired;
    } else {
      ++counts.packets_duplicated;
    }
    return Push::duplicate;
  }
  if (packet.sequence == newest + 2) [[unlikely]]
    note_repair(packet, payload);
  note(packet);
  return player.store(packet, payload) ? Push::stored : Push::late;
}

/// The one before is missing, and is here by FEC: to be had for this much delay.
void JitterBuffer::Impl::note_repair(const PacketSlot& packet, Bytes payload) noexcept {
  if (player.knows(newest + 1) || !opus_has_fec(payload)) return;
  const auto lost = packet.timestamp - packet.samples;
  player.delay().add(packet.arrival, packet.arrival - lost, true);
}

void JitterBuffer::Impl::note(const PacketSlot& packet) noexcept {
  ++arrived;
  if (aside) refuse(), aside.reset();
  jitter.add(packet.arrival - packet.timestamp);
  first = std::min(first, packet.sequence);
  if (packet.sequence < newest) return;
  newest = packet.sequence;
  newest_timestamp = static_cast<std::uint64_t>(packet.timestamp);
}

/// RFC 3550 appendix A.3, over all epochs.
std::uint64_t JitterBuffer::Impl::lost() const noexcept {
  const auto expected = arrived > 0 ? newest - first + 1 : 0;
  return lost_before + expected - std::min(expected, arrived);
}

void JitterBuffer::Impl::reset() noexcept {
  lost_before = lost();
  arrived = 0;
  ssrc.reset();
  previous_ssrc.reset();
  aside.reset();
  jitter = {};
  player.reset();
}

JitterStats JitterBuffer::Impl::stats() const noexcept {
  auto stats = player.stats();
  stats.packets_lost = lost();
  stats.jitter = static_cast<double>(jitter.scaled) / 16 / kClockRate;
  return stats;
}

JitterBuffer::JitterBuffer(const JitterPolicy& policy, std::shared_ptr<PayloadSlab> slab)
    : impl_(std::make_unique<Impl>(checked(policy),
                                   slab ? std::move(slab) : std::make_shared<PayloadSlab>())) {
  static_assert(sizeof(Impl) <= 4'096);
}
JitterBuffer::~JitterBuffer() = default;
JitterBuffer::JitterBuffer(JitterBuffer&&) noexcept = default;
JitterBuffer& JitterBuffer::operator=(JitterBuffer&&) noexcept = default;

Push JitterBuffer::push(Instant arrival, const JitterPacket& packet) noexcept {
  return impl_->push(arrival, packet);
}

Push JitterBuffer::push_copy(Instant arrival, const JitterPacket& packet) noexcept {
  return impl_->push_copy(samples_at(arrival), packet);
}

Pop JitterBuffer::pop(Instant now) noexcept { return impl_->player.pop(samples_at(now)); }
void JitterBuffer::reset() noexcept { impl_->reset(); }
JitterStats JitterBuffer::stats() const noexcept { return impl_->stats(); }
Duration JitterBuffer::target() const noexcept { return {impl_->player.target() * 1'000 / 48}; }

}  // namespace fanout
