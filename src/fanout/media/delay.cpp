#include "fanout/media/delay.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <stdexcept>
#include <string>

namespace fanout {
namespace {

constexpr Samples kBucket = samples_of_ms(250);
constexpr Samples kTick = 960;
// Late packets, and runs of them, that should have been there while none was.
constexpr int kNoLuck = 25;
constexpr float kNoLuckRuns = 8;
constexpr float kRunSmoothing = 0.125F;

// A young stream has not shown its worst: so much of a packet is taken to have come late by any
// time, e times less each 60 ms.
constexpr float kUnseen = 0.072F;
constexpr float kUnseenMs = 60.0F;
constexpr float kFewerEachTick = 0.7165F;  // exp(-20 / 60)

// All in packets, of which there are 50 a second.
constexpr float kSteadyMemory = 250;
constexpr float kMovingMemory = 1'000;  // a queue's pace changes less than its length
constexpr float kCostOf = 3'000;        // a minute: a link does not change its kind often
constexpr int kGone = 64;               // buckets: spikes on a tram return within twenty seconds
constexpr int kRetargetEvery = 10;      // keeps the scans out of the common push

constexpr Samples kRecent = 3;      // buckets: as long as a queue takes to swell by a tick or two
constexpr float kCalmerMs = 20.0F;  // a smaller gain is noise, not worth a cut

// A spike that comes once says little; it counts in full when it returns, or lasts. One that never
// ended was a longer way.
constexpr float kLoneSpike = 0.03F;
constexpr Samples kSpike = samples_of_ms(60);  // over the target
constexpr Samples kSpikeLasts = samples_of_ms(300);
constexpr Samples kSpikeReturns = samples_of_ms(10'000);  // rarer ones are cheaper suffered

constexpr float kDearest = 10'000.0F;               // late_cost, ms: all or nothing
constexpr Duration kDeepest = milliseconds(1'000);  // the ring has room for 1.3 s of 20 ms frames

constexpr Samples samples_in(Duration span) { return span.us * 6 / 125; }
constexpr float ms_in(Samples span) { return static_cast<float>(span) / 48.0F; }
constexpr std::int32_t narrow(Samples span) { return static_cast<std::int32_t>(span); }

}  // namespace

const JitterPolicy& checked(const JitterPolicy& policy) {
  const auto in_ms = [](Duration span) { return std::to_string(span.us / 1'000) + " ms"; };
  if (!(policy.late_cost > 0 && policy.late_cost <= kDearest))
    throw std::invalid_argument("late_cost must be above 0 and at most 10000 ms, not " +
                                std::to_string(policy.late_cost));
  if (policy.least < Duration{} || policy.least > policy.most || policy.most > kDeepest)
    throw std::invalid_argument("least and most must ascend from 0 to 1000 ms, not " +
                                in_ms(policy.least) + " and " + in_ms(policy.most));
  return policy;
}

DelayEstimator::DelayEstimator(const JitterPolicy& policy) noexcept
    : policy_(policy),
      steady_{DelayHistogram(kSteadyMemory), 0, narrow(samples_in(policy.least)), 0},
      moving_{DelayHistogram(kMovingMemory), 0, narrow(samples_in(policy.least)), 0},
      target_(samples_in(policy.least)) {}

void DelayEstimator::add(Samples arrival, Samples transit, bool counts) noexcept {
  roll(arrival);
  auto& bucket = buckets_[static_cast<std::size_t>(bucket_) % kBuckets];
  bucket.lowest = std::min(bucket.lowest, transit);
  base_ = std::min(base_, transit);
  recent_ = std::min(recent_, transit);
  if (!counts) return;
  const auto relative = transit - base_;
  bucket.highest = std::max(bucket.highest, narrow(relative));
  ++bucket.packets;
  ++seen_;
  note_run(relative);
  charge(steady_, relative);
  charge(moving_, relative);
  const auto share = lone_spike(arrival, relative) ? kLoneSpike : 1.0F;
  steady_.delays.add(relative, share);
  moving_.delays.add(relative - trend(), share);
  if (--until_retarget_ <= 0 || relative > target_) retarget();
}

/// What needs more than half the target, and is no jitter of a tick, is late enough to say how such
/// come: one by one, or a queue of them.
void DelayEstimator::note_run(Samples relative) noexcept {
  if (relative > kTick && 2 * relative > target_) {
    ++run_;
  } else if (run_ > 0) {
    run_length_ += (static_cast<float>(run_) - run_length_) * kRunSmoothing;
    run_ = 0;
  }
}

/// How far the fastest of just now has been behind the fastest of late.
Samples DelayEstimator::trend() const noexcept { return recent_ - base_; }

void DelayEstimator::charge(Forecast& forecast, Samples relative) const noexcept {
  const auto late = relative > forecast.held ? policy_.late_cost * 100.0F : 0.0F;
  forecast.cost += (ms_in(forecast.held) + late - forecast.cost) / kCostOf;
}

void DelayEstimator::rebase(Samples arrival, Samples transit) noexcept {
  buckets_.fill({});
  base_ = recent_ = kNone;
  add(arrival, transit, false);
}

void DelayEstimator::roll(Samples arrival) noexcept {
  if (arrival < bucket_end_) return;
  const auto bucket = arrival / kBucket;
  bucket_end_ = (bucket + 1) * kBucket;
  const auto stale =
      std::min<Samples>(bucket - std::max(bucket_, bucket - Samples{kBuckets}), Samples{kBuckets});
  for (Samples i = 0; i < stale; ++i)
    buckets_[static_cast<std::size_t>(bucket - i) % kBuckets] = {};
  bucket_ = bucket;
  forget_drained_queue();
  steady_.held = steady_.target;
  moving_.held = moving_.target;
  const auto before = base_;
  recent_ = kNone;
  for (Samples age = 0; age < kRecent; ++age)
    recent_ = std::min(recent_, buckets_[static_cast<std::size_t>(bucket - age) % kBuckets].lowest);
  base_ = std::ranges::min(buckets_, {}, &Bucket::lowest).lowest;
  if (base_ != kNone && base_ - before > kSpike) spike_ended_ = -kNone / 2;
}

bool DelayEstimator::lone_spike(Samples arrival, Samples relative) noexcept {
  if (relative <= target_ + kSpike) return false;
  const auto pause = arrival - spike_ended_;
  if (pause > kSpikeLasts) spike_began_ = pause < kSpikeReturns ? arrival - kSpikeLasts : arrival;
  spike_ended_ = arrival;
  return arrival - spike_began_ < kSpikeLasts;
}

void DelayEstimator::could_begin_at(Samples lag) noexcept {
  lag_ = lag;
  if (base_ != kNone) forecast_anew();
}

void DelayEstimator::retarget() noexcept {
  until_retarget_ = kRetargetEvery;
  forget_what_is_over();
  forecast_anew();
  steady_.delays.rescale();
  moving_.delays.rescale();
}

void DelayEstimator::forecast_anew() noexcept {
  steady_.target = narrow(cheapest(steady_, 0));
  moving_.target = narrow(cheapest(moving_, trend()));
  const bool swells = moving_.cost + kCalmerMs < steady_.cost;
  target_ = swells ? moving_.target : steady_.target;
}

/// The depth alone grows, so the search ends where that costs more than the best. Up goes the
/// target for any gain, down for one that is worth a cut. `origin`: where the histogram begins.
Samples DelayEstimator::cheapest(const Forecast& forecast, Samples origin) const noexcept {
  const auto least = samples_in(policy_.least);
  const auto most = samples_in(policy_.most);
  const auto all_late = policy_.late_cost * 100.0F;
  const auto first = least + ((lag_ - least) % kTick + kTick) % kTick;
  DelayHistogram::Tail tail(forecast.delays);
  auto unseen = all_late * kUnseen / (kUnseen + seen_) * std::exp(-ms_in(first) / kUnseenMs);
  Depth best{first};
  Depth present{first};
  for (auto depth = first; depth == first || (depth <= most && ms_in(depth) < best.cost);
       depth += kTick, unseen *= kFewerEachTick) {
    const Depth here{depth, ms_in(depth) + all_late * tail.beyond(depth - origin) + unseen};
    if (here.cost < best.cost) best = here;
    if (std::abs(depth - forecast.target) <= kTick / 2) present = here;
  }
  const bool stays = best.depth < present.depth && present.cost - best.cost < kCalmerMs;
  return stays ? present.depth : best.depth;
}

/// A depth that many packets should have needed by now, and none did, belongs to the past.
void DelayEstimator::forget_what_is_over() noexcept {
  const int expected = std::min(kNoLuck, static_cast<int>(kNoLuckRuns * run_length_));
  Samples highest = 0;
  int packets = 0;
  for (Samples age = 0; age < Samples{kBuckets}; ++age) {
    const auto& bucket = buckets_[static_cast<std::size_t>(bucket_ - age) % kBuckets];
    highest = std::max<Samples>(highest, bucket.highest);
    packets += bucket.packets;
    if (packets < expected) continue;
    if (highest + kTick >= steady_.target) return;  // playout moves in ticks
    steady_.delays.forget_above(highest, packets, expected);
  }
}

/// A queue that drains to swell again does not rest for long. Once nobody has needed two thirds of
/// the depth that its forecast asks for in so many buckets, and in the four seconds before, it is
/// gone. Nobody's silence says so.
void DelayEstimator::forget_drained_queue() noexcept {
  int packets = 0;
  for (const auto& bucket : buckets_) packets += bucket.packets;
  if (packets < kNoLuck) return;
  const auto highest = std::ranges::max(buckets_, {}, &Bucket::highest).highest;
  rests_ = 3 * (highest + kTick) < 2 * moving_.target ? rests_ + 1 : 0;
  if (rests_ >= kGone) moving_.delays.forget_above(highest, 1, 0);
}

}  // namespace fanout
