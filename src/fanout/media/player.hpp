/// The playing half of the jitter buffer: what waits, and what is due. The theory stands in
/// media/jitter.hpp.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "fanout/base/audio.hpp"
#include "fanout/media/delay.hpp"
#include "fanout/media/jitter.hpp"
#include "fanout/media/packet_ring.hpp"

namespace fanout {

/// libopus sends at most a TOC and a count while it is discontinuous.
constexpr std::size_t kDtxBytes = 2;

class Player {
 public:
  Player(const JitterPolicy& policy, std::shared_ptr<PayloadSlab> slab) noexcept
      : ring_(std::move(slab)), delay_(policy) {}

  /// A new time line from `sequence` on; what waits is discarded.
  void begin(std::uint64_t sequence) noexcept;
  bool knows(std::uint64_t sequence) const noexcept { return ring_.knows(sequence); }
  /// False when its time has passed.
  bool store(const PacketSlot& packet, Bytes payload) noexcept;
  /// The same for a copy of one that is lost.
  bool repair_with(const PacketSlot& copy, Bytes payload) noexcept;
  bool replace_copy(std::uint64_t sequence) noexcept { return ring_.replace_copy(sequence); }
  Pop pop(Samples now) noexcept;

  /// Forget the stream and the link; the counters go on.
  void reset() noexcept;

  /// Room for one payload beside the ring.
  Bytes set_aside(Bytes payload) noexcept { return ring_.set_aside(payload); }
  DelayEstimator& delay() noexcept { return delay_; }
  const DelayEstimator& delay() const noexcept { return delay_; }
  /// The stream's counters; those of arrival are the caller's to count.
  JitterStats& counts() noexcept { return counts_; }
  JitterStats stats() const noexcept;
  /// The delay that playout is steered to now.
  Samples target() const noexcept { return target(frame_); }

 private:
  Samples lag(Samples now, Samples timestamp) const noexcept {
    return now - timestamp - delay_.base();
  }
  Samples target(Samples frame) const noexcept;
  Samples rest_of_tick() const noexcept;
  bool quiet(const PacketSlot& packet) const noexcept;
  bool deep_enough(Samples now) const noexcept;
  Samples lost_length(const PacketSlot& next) const noexcept;

  void reclaim() noexcept;
  const PacketSlot* upcoming() noexcept;
  void discard(const PacketSlot& packet) noexcept;
  void pass_over(const PacketSlot& packet) noexcept;
  void leave_out(const PacketSlot& packet) noexcept;
  void make_room(std::uint64_t sequence) noexcept;
  void let_go() noexcept;
  void shed(Samples now, Samples tolerance) noexcept;

  Pop due(Samples now, bool new_tick) noexcept;
  Pop start(Samples now) noexcept;
  Pop play(Samples now, const PacketSlot& packet) noexcept;
  Pop run_dry(Samples now) noexcept;
  void book_outage(const PacketSlot& next) noexcept;
  void skip_guessed(const PacketSlot& next) noexcept;
  Pop bridge(Samples now, const PacketSlot& next) noexcept;
  Pop repair(const PacketSlot& next, Samples samples) noexcept;
  Pop conceal(Samples samples) noexcept;
  Pop pass(Playout what, Samples samples) const noexcept;
  Pop skip() noexcept;

  std::optional<Pop> steer(Samples now) noexcept;
  std::optional<Pop> shorten(Samples now, Samples excess) noexcept;
  Pop accelerate(Samples now, const PacketSlot& packet) noexcept;
  std::optional<Pop> lengthen(Samples now, Samples deficit) noexcept;

  PacketRing ring_;
  DelayEstimator delay_;
  JitterStats counts_;
  std::uint64_t head_ = 0;  // sequence number due
  std::uint64_t newest_ = 0;
  std::uint64_t played_ = 0;    // the last that was
  Samples head_timestamp_ = 0;  // sample due
  Samples played_timestamp_ = 0;
  Samples frame_ = kFrameSamples;  // length of the last
  Samples guessed_ = 0;            // concealed at the end of all that is known to have been sent
  Samples missing_ = 0;            // length of this run of concealment
  Samples last_pop_ = 0;
  Samples tick_fill_ = 0;  // popped in this tick
  Samples next_acceleration_ = 0;
  Samples next_insert_ = 0;
  std::uint32_t mean_size_ = 0;  // bytes times 16, DTX and comfort noise apart
  bool anchored_ = false;        // the clock runs
  bool fresh_ = true;            // nothing played on this time line
  bool discontinuous_ = false;   // as far as the last frame tells, silence follows
  bool after_gap_ = false;       // nothing was sent just before the last frame
  bool skipped_ = false;         // frames were left out since the last entry
};

}  // namespace fanout
