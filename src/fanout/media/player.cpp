#include "fanout/media/player.hpp"

#include <algorithm>

#include "fanout/media/opus.hpp"

namespace fanout {
namespace {

constexpr Samples kTick = kFrameSamples;
constexpr Samples kShortest = kMinOpusSamples;  // no smaller step in time means anything
constexpr Samples kLongest = kMaxOpusSamples;

constexpr std::uint8_t kQuietLevel = 50;       // -dBov: below it no word is cut
constexpr Samples kConcealAtMost = 5 * kTick;  // PLC drones after 100 ms
constexpr Samples kSilentLoss =
    kConcealAtMost + samples_of_ms(1'000);  // then the sender has stopped

constexpr Samples kSlack = samples_of_ms(6);        // a lag this far off its target is left alone
constexpr Samples kCatchUp = samples_of_ms(200);    // what is older after an outage is not played
constexpr Samples kAbandoned = samples_of_ms(500);  // not popped for so long: nobody listened
constexpr Samples kWorthIt = samples_of_ms(15);     // less excess than this waits for a quiet frame
constexpr Samples kPatience = samples_of_ms(200);   // time for a quiet frame to come along
constexpr Samples kInsertEvery = samples_of_ms(60);

constexpr double seconds_times(Samples span, Samples samples) {
  return static_cast<double>(span * samples) / kClockRate;
}

/// What the ring has room for, less the tick that goes out and the one that may come meanwhile.
constexpr Samples deepest(Samples frame) { return Samples{PacketRing::kSlots} * frame - 2 * kTick; }

/// How long after a frame was accelerated a spoken one may be: double speed far off the target, a
/// tenth more near it.
constexpr Samples pause_after(Samples frame, Samples excess) {
  if (excess >= samples_of_ms(200)) return frame;
  if (excess >= samples_of_ms(100)) return 2 * frame;
  if (excess >= samples_of_ms(40)) return 4 * frame;
  return 10 * frame;
}

}  // namespace

void Player::begin(std::uint64_t sequence) noexcept {
  for (auto next = ring_.next(head_); next; next = ring_.next(head_)) leave_out(*next);
  ring_.clear();
  head_ = newest_ = sequence;
  head_timestamp_ = played_timestamp_ = guessed_ = missing_ = 0;
  anchored_ = discontinuous_ = after_gap_ = false;
  fresh_ = true;
}

void Player::reset() noexcept {
  begin(0);
  skipped_ = false;
  delay_.reset();
  mean_size_ = 0;
}

bool Player::store(const PacketSlot& packet, Bytes payload) noexcept {
  delay_.add(packet.arrival, packet.arrival - packet.timestamp, packet.size > kDtxBytes);
  if (fresh_ && newest_ - packet.sequence < PacketRing::kSlots)
    head_ = std::min(head_, packet.sequence);  // overtaken at the very start
  newest_ = std::max(newest_, packet.sequence);
  if (packet.sequence < head_ || packet.end() <= head_timestamp_ - guessed_) {
    ring_.remember(packet.sequence);
    ++counts_.packets_discarded;
    return false;
  }
  make_room(packet.sequence);
  return ring_.store(packet, payload);
}

bool Player::repair_with(const PacketSlot& copy, Bytes payload) noexcept {
  delay_.add(copy.arrival, copy.arrival - copy.timestamp, true);  // so late it came, at last
  const bool past = copy.sequence < head_ || copy.end() <= head_timestamp_;
  if (past || copy.sequence + PacketRing::kSlots <= newest_) return false;
  if (!ring_.store(copy, payload)) return false;
  ++counts_.packets_repaired;
  return true;
}

Samples Player::target(Samples frame) const noexcept {
  return std::min(delay_.target(), deepest(frame));
}

/// When nobody pops, the oldest give way.
void Player::make_room(std::uint64_t sequence) noexcept {
  if (sequence < head_ + PacketRing::kSlots) return;
  const auto oldest = sequence + 1 - PacketRing::kSlots;
  for (auto next = ring_.next(head_); next && next->sequence < oldest; next = ring_.next(head_))
    leave_out(*next);
  head_ = oldest;
}

Pop Player::pop(Samples now) noexcept {
  const bool new_tick = now != last_pop_;
  if (new_tick) tick_fill_ = std::max<Samples>(0, tick_fill_ - (now - last_pop_));
  if (now - last_pop_ > kAbandoned) {
    let_go();
    missing_ = 0;
    shed(now, kTick);
  }
  last_pop_ = now;
  const auto entry = due(now, new_tick);
  tick_fill_ += entry.samples;
  if (!fresh_) counts_.total_samples_received += entry.samples;
  return entry;
}

Pop Player::due(Samples now, bool new_tick) noexcept {
  if (!anchored_) return start(now);
  reclaim();
  if (new_tick)
    if (const auto entry = steer(now)) return *entry;
  if (skipped_) return skip();
  const auto next = upcoming();
  if (!next) return run_dry(now);
  if (next->sequence > head_) return bridge(now, *next);
  if (next->timestamp < head_timestamp_ + kShortest) return play(now, *next);
  let_go();
  missing_ = 0;
  discontinuous_ = true;
  return start(now);
}

/// While nothing came, time went on by guess. The wait has bought that delay already, so time goes
/// back to what then comes: a queue that stood still comes as a clump, which would be lost whole.
void Player::reclaim() noexcept {
  if (guessed_ == 0) return;
  const auto next = ring_.next(head_);
  if (!next || next->timestamp >= head_timestamp_) return;
  const auto back = std::min(guessed_, head_timestamp_ - next->timestamp);
  head_timestamp_ -= back;
  guessed_ -= back;
}

/// The first packet that waits and whose time has not passed.
const PacketSlot* Player::upcoming() noexcept {
  auto next = ring_.next(head_);
  while (next && (next->end() <= head_timestamp_ || next->timestamp < played_timestamp_)) {
    discard(*next);
    next = ring_.next(head_);
  }
  return next;
}

void Player::discard(const PacketSlot& packet) noexcept {
  pass_over(packet);
  ++counts_.packets_discarded;
}

/// Nobody hears it, but what it says of those to come holds.
void Player::pass_over(const PacketSlot& packet) noexcept {
  ring_.remove(packet);
  head_ = packet.sequence + 1;
  discontinuous_ = packet.size <= kDtxBytes;
}

/// The same for one that could have been heard.
void Player::leave_out(const PacketSlot& packet) noexcept {
  discard(packet);
  skipped_ = true;
}

/// Stop the clock at the end of what was known to exist.
void Player::let_go() noexcept {
  anchored_ = false;
  head_timestamp_ -= guessed_;
  guessed_ = 0;
}

/// Leave out what is older than the target by more than `tolerance`, but not the last packet:
/// when that came too late as well, it is the time line that has moved.
void Player::shed(Samples now, Samples tolerance) noexcept {
  const auto oldest = delay_.target() + tolerance;
  for (auto next = upcoming(); next; next = upcoming()) {
    if (lag(now, next->timestamp) <= oldest) return;
    if (ring_.single()) {
      const bool came_late = lag(next->arrival, next->timestamp) > oldest;
      if (came_late) delay_.rebase(next->arrival, next->arrival - next->timestamp);
      return;
    }
    counts_.removed_samples_for_acceleration += next->samples;
    leave_out(*next);
  }
}

/// Nothing plays: begin with the next packet as soon as it has its target delay.
Pop Player::start(Samples now) noexcept {
  shed(now, kCatchUp);
  if (skipped_) return skip();
  const auto next = upcoming();
  if (next) {
    const auto further = kTick - std::min<Samples>(next->samples, kTick);  // to be popped with it
    const auto depth = lag(now, next->timestamp) - further;
    delay_.could_begin_at(depth);
    if (depth + kSlack >= target(next->samples)) {
      book_outage(*next);
      return play(now, *next);
    }
  }
  if (fresh_) return pass(Playout::hold, rest_of_tick());
  if (missing_ > 0 && missing_ < kSilentLoss) return conceal(rest_of_tick());
  return pass(discontinuous_ ? Playout::dtx : Playout::silence, rest_of_tick());
}

Pop Player::play(Samples now, const PacketSlot& packet) noexcept {
  const bool after_gap =
      !fresh_ && packet.sequence == head_ && packet.timestamp >= head_timestamp_ + kShortest;
  const bool refresh = after_gap && (after_gap_ || quiet(packet));  // of comfort noise
  discontinuous_ = packet.size <= kDtxBytes || refresh;
  after_gap_ = after_gap;
  if (packet.size > kDtxBytes && !after_gap) mean_size_ += packet.size - mean_size_ / 16;
  anchored_ = true;
  fresh_ = false;
  missing_ = guessed_ = 0;
  played_ = packet.sequence;
  head_ = packet.sequence + 1;
  head_timestamp_ = packet.end();
  played_timestamp_ = packet.timestamp;
  frame_ = packet.samples;
  const auto waited = std::max<Samples>(now + tick_fill_ - packet.arrival, 0);
  counts_.jitter_buffer_delay += seconds_times(waited, frame_);
  counts_.jitter_buffer_target_delay += seconds_times(target(frame_), frame_);
  counts_.jitter_buffer_emitted_count += packet.samples;
  return {.what = packet.size == 0 ? Playout::dtx : Playout::frame,
          .payload = ring_.take(packet),
          .samples = packet.samples,
          .timestamp = static_cast<std::uint32_t>(packet.timestamp),
          .sequence = static_cast<std::uint16_t>(packet.sequence),
          .level = packet.level};
}

/// Nothing has come that could be played.
Pop Player::run_dry(Samples now) noexcept {
  if (discontinuous_ || missing_ >= kConcealAtMost) {
    let_go();
    return start(now);
  }
  const auto samples = std::min(frame_, kTick);
  const auto entry = conceal(samples);
  if (deep_enough(now)) {
    head_timestamp_ += samples;
    guessed_ += samples;
  }
  return entry;
}

/// Whether time goes on while something is missing; if not, delay is gained.
bool Player::deep_enough(Samples now) const noexcept {
  return lag(now, head_timestamp_) + kSlack >= target(frame_);
}

/// How long the packet at `head_` was, seen from the one behind the hole.
Samples Player::lost_length(const PacketSlot& next) const noexcept {
  const auto count = static_cast<Samples>(next.sequence - head_);
  const auto each = (next.timestamp - head_timestamp_) / count;
  return std::min({each, std::max<Samples>(frame_, next.samples), kLongest});
}

/// Beyond some time nobody can tell an outage from the end. The gap in the sequence can.
void Player::book_outage(const PacketSlot& next) noexcept {
  if (missing_ < kSilentLoss) return;
  const auto frames = static_cast<Samples>(next.sequence - played_ - 1);
  const auto lost = std::min(frames * frame_, next.timestamp - head_timestamp_) - missing_;
  if (lost <= 0) return;
  counts_.concealed_samples += static_cast<std::uint64_t>(lost);
  counts_.silent_concealed_samples += static_cast<std::uint64_t>(lost);
}

/// What was concealed before anybody knew how much was lost is not concealed again.
void Player::skip_guessed(const PacketSlot& next) noexcept {
  if (guessed_ == 0) return;
  const auto remains =
      (std::max<Samples>(next.timestamp - head_timestamp_, 0) + frame_ - 1) / frame_;
  head_ = std::max(head_, next.sequence - static_cast<std::uint64_t>(remains));
}

/// A hole in the sequence, and `next` behind it.
Pop Player::bridge(Samples now, const PacketSlot& next) noexcept {
  skip_guessed(next);
  if (next.sequence == head_) return play(now, next);
  const auto samples = lost_length(next);
  if (samples < kShortest) return play(now, next);  // its time was concealed before
  if (discontinuous_) {
    let_go();
    return start(now);
  }
  const bool repairable = next.sequence == head_ + 1 && opus_has_fec(ring_.payload(next));
  const bool wait = !repairable && missing_ < kConcealAtMost && !deep_enough(now);
  if (wait) return conceal(rest_of_tick());
  const auto entry = repairable ? repair(next, samples) : conceal(samples);
  head_ += 1;
  head_timestamp_ += samples;
  guessed_ = 0;
  return entry;
}

Pop Player::repair(const PacketSlot& next, Samples samples) noexcept {
  ++counts_.fec_packets_received;
  missing_ = 0;
  auto entry = pass(Playout::fec, samples);
  entry.payload = ring_.payload(next);
  return entry;
}

Samples Player::rest_of_tick() const noexcept { return kTick - tick_fill_ % kTick; }

Pop Player::pass(Playout what, Samples samples) const noexcept {
  return {.what = what,
          .payload = {},
          .samples = static_cast<std::uint32_t>(samples),
          .timestamp = static_cast<std::uint32_t>(head_timestamp_)};
}

/// It lasts nothing: the entry behind it is due in its place.
Pop Player::skip() noexcept {
  skipped_ = false;
  auto entry = pass(Playout::skip, 0);
  if (const auto next = upcoming()) entry.timestamp = static_cast<std::uint32_t>(next->timestamp);
  return entry;
}

Pop Player::conceal(Samples samples) noexcept {
  const bool fading = missing_ < kConcealAtMost;
  if (missing_ == 0) ++counts_.concealment_events;
  missing_ += samples;
  counts_.concealed_samples += static_cast<std::uint64_t>(samples);
  if (!fading) counts_.silent_concealed_samples += static_cast<std::uint64_t>(samples);
  return pass(fading ? Playout::conceal : Playout::silence, samples);
}

bool Player::quiet(const PacketSlot& packet) const noexcept {
  if (packet.size <= kDtxBytes) return true;
  if (packet.level != kUnknownLevel) return packet.level > kQuietLevel;
  return std::uint32_t{packet.size} * 16 < mean_size_ / 2;  // VBR spends little on silence
}

std::optional<Pop> Player::steer(Samples now) noexcept {
  const auto further = kTick - std::min(frame_, kTick);  // the tick's last entry waits the least
  const auto depth = lag(now, head_timestamp_) - further;
  delay_.playing_at(depth);
  const auto excess = depth - target(frame_);
  if (excess < kWorthIt) next_acceleration_ = now + kPatience;
  if (excess >= std::max(frame_ - kSlack, kSlack)) return shorten(now, excess + kSlack);
  if (excess < -kSlack) return lengthen(now, -excess);
  return std::nullopt;
}

std::optional<Pop> Player::shorten(Samples now, Samples excess) noexcept {
  for (auto next = upcoming(); next; next = upcoming()) {
    const bool lost = next->sequence > head_;
    const auto length = lost ? lost_length(*next) : next->samples;
    const bool silence_ahead = !lost && next->timestamp >= head_timestamp_ + kShortest;
    const bool begun = lost && length != frame_;  // the rest of a hole ends where a tick does
    if (silence_ahead || begun || length > excess || length < kShortest) break;
    const bool wait = now < next_acceleration_ || excess < kWorthIt;
    if (wait && !lost && !quiet(*next)) break;
    counts_.removed_samples_for_acceleration += static_cast<std::uint64_t>(length);
    if (!lost && next->size > 0) {
      next_acceleration_ = now + pause_after(length, excess);
      return accelerate(now, *next);
    }
    if (lost)
      head_ += 1;
    else
      pass_over(*next);
    head_timestamp_ += length;
    skipped_ = true;
    excess -= length;
  }
  return std::nullopt;
}

Pop Player::accelerate(Samples now, const PacketSlot& packet) noexcept {
  auto entry = play(now, packet);
  entry.what = Playout::accelerate;
  entry.samples = 0;
  return entry;
}

std::optional<Pop> Player::lengthen(Samples now, Samples deficit) noexcept {
  const auto next = upcoming();
  if (!next || next->sequence > head_) return std::nullopt;  // it will be concealed, standing still
  const bool silent = quiet(*next);
  if (!silent && (deficit < kTick || now < next_insert_)) return std::nullopt;
  next_insert_ = now + kInsertEvery;
  const auto samples = rest_of_tick();
  counts_.inserted_samples_for_deceleration += static_cast<std::uint64_t>(samples);
  return pass(silent ? Playout::hold : Playout::conceal, samples);
}

JitterStats Player::stats() const noexcept {
  auto stats = counts_;
  stats.target_delay = static_cast<double>(target(frame_)) / kClockRate;
  return stats;
}

}  // namespace fanout
