#include "fanout/batch/replay.hpp"

#include <algorithm>
#include <array>

#include "fanout/base/audio.hpp"

namespace fanout {
namespace {

constexpr std::int64_t kTickUs = 20'000;
constexpr std::int64_t kPaidEachTick =
    kClockRate / 100;  // 10 ms: what `Accelerator` takes out of a voice
// What the payloads hold does not matter, only how long they are.
constexpr std::array<std::uint8_t, PacketRing::kMaxPayload + 1> kPayload{};

JitterPacket packet_of(const PacketRow& row) noexcept {
  const auto size = std::min<std::size_t>(row.size, kPayload.size());
  return {.sequence = row.sequence,
          .timestamp = row.timestamp,
          .ssrc = Ssrc{row.ssrc},
          .payload = Bytes(kPayload).first(size),
          .samples = row.samples,
          .level = row.level};
}

Outcome fate_of(Push outcome) noexcept {
  switch (outcome) {
    case Push::duplicate:
      return Outcome::duplicate;
    case Push::late:
      return Outcome::late;
    case Push::overflow:
      return Outcome::refused;
    default:
      return Outcome::left_out;  // until it is played
  }
}

class Listener {
 public:
  Listener(const Replay& run, const JitterPolicy& policy) : run_(&run), buffer_(policy) {}

  void hear(std::size_t row) noexcept {
    const auto& packet = run_->trace[row];
    const auto fate = fate_of(buffer_.push({packet.arrival_us}, packet_of(packet)));
    run_->fates[row] = {.fate = fate};
    if (fate == Outcome::left_out) row_of(packet.sequence) = row;
  }

  /// What a mixer does per tick.
  void play(std::size_t tick) noexcept {
    const auto now = run_->first_tick_us + static_cast<std::int64_t>(tick) * kTickUs;
    auto& out = run_->played[tick];
    out = {.what = kFromFifo};
    unpaid_ = kPaidEachTick;
    pay();
    while (fifo_ < std::int64_t{kFrameSamples}) {
      const auto entry = buffer_.pop({now});
      if (entry.what == Playout::skip) {
        out.skipped = 1;
        continue;
      }
      if (out.what == kFromFifo) {
        out.timestamp = entry.timestamp;
        out.what = static_cast<std::uint8_t>(entry.what);
      }
      const bool accelerate = entry.what == Playout::accelerate;
      if (entry.what == Playout::frame || accelerate) {
        const auto row = row_of(entry.sequence);
        run_->fates[row] = {now + (fifo_ + owed_) * 125 / 6, Outcome::played};
        if (accelerate) owed_ += run_->trace[row].samples;
        pay();
      }
      fifo_ += entry.samples;
    }
    fifo_ -= kFrameSamples;
    out.target_us = static_cast<std::int32_t>(buffer_.target().us);
  }

  JitterStats stats() const noexcept { return buffer_.stats(); }

 private:
  void pay() noexcept {
    const auto paid = std::min(owed_, unpaid_);
    owed_ -= paid;
    unpaid_ -= paid;
  }
  std::size_t& row_of(std::uint16_t sequence) noexcept { return rows_[sequence % rows_.size()]; }

  const Replay* run_;
  JitterBuffer buffer_;
  // By sequence number, the latest that may be played: no more than those in the ring are asked
  // for.
  std::array<std::size_t, 4 * PacketRing::kSlots> rows_{};
  std::int64_t fifo_ = 0;    // samples left over
  std::int64_t owed_ = 0;    // samples heard later for them, until they are left out
  std::int64_t unpaid_ = 0;  // of what this tick pays
};

}  // namespace

JitterStats replay(const Replay& run, const JitterPolicy& policy) noexcept {
  Listener listener(run, policy);
  std::size_t next = 0;
  for (std::size_t tick = 0; tick < run.ticks; ++tick) {
    const auto now = run.first_tick_us + static_cast<std::int64_t>(tick) * kTickUs;
    for (; next < run.packets && run.trace[next].arrival_us <= now; ++next) listener.hear(next);
    listener.play(tick);
  }
  std::fill(run.fates + next, run.fates + run.packets, PacketFate{});
  return listener.stats();
}

}  // namespace fanout
