#include "fanout/media/delay.hpp"

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <stdexcept>
#include <string>

namespace fanout {
namespace {

constexpr Samples kBucket = samples_of_ms(250);
constexpr Samples kTick = 960;
// Packets that should have needed a depth while none did; more than one, as they come in clusters.
constexpr int kNoLuck = 40;

constexpr float kForget = 1.0F / 250.0F;  // memory of about five seconds at 50 packets a second
constexpr float kRescale = 1e20F;         // long before float runs out
constexpr int kRetargetEvery = 10;        // packets: keeps the scan out of the common push
constexpr float kCalmerMs = 20.0F;        // a smaller gain is noise, not worth a cut

// A spike that comes once says little; it counts in full when it returns, or lasts. One that never
// ended was a longer way.
constexpr float kLoneSpike = 0.06F;
constexpr Samples kSpike = samples_of_ms(60);  // over the target
constexpr Samples kSpikeLasts = samples_of_ms(300);
constexpr Samples kSpikeReturns = samples_of_ms(15'000);  // rarer ones are cheaper suffered

// Bins of 5 ms up to 160, of 10 up to 480, of 20 from there on: what is large may be coarse.
constexpr std::size_t kOfEach = 32;
constexpr Samples kFine = samples_of_ms(5);
constexpr Samples kMiddle = samples_of_ms(10);
constexpr Samples kCoarse = samples_of_ms(20);
constexpr Samples kFineEnd = Samples{kOfEach} * kFine;
constexpr Samples kMiddleEnd = kFineEnd + Samples{kOfEach} * kMiddle;

constexpr Samples end_of(std::size_t bin) {
  const auto count = static_cast<Samples>(bin) + 1;
  if (bin < kOfEach) return count * kFine;
  if (bin < 2 * kOfEach) return kFineEnd + (count - Samples{kOfEach}) * kMiddle;
  return kMiddleEnd + (count - Samples{2 * kOfEach}) * kCoarse;
}

constexpr float kDearest = 10'000.0F;               // late_cost, ms: all or nothing
constexpr Duration kDeepest = milliseconds(1'000);  // the ring has room for 1.3 s of 20 ms frames

constexpr Samples samples_in(Duration span) { return span.us * 6 / 125; }
constexpr float ms_in(Samples span) { return static_cast<float>(span) / 48.0F; }

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
    : policy_(policy), target_(samples_in(policy.least)) {}

std::size_t DelayEstimator::bin_of(Samples relative) noexcept {
  // Unsigned and narrow, that the divisions by constants are multiplications.
  const auto delay = static_cast<std::uint32_t>(std::min(relative, samples_of_ms(10'000)));
  if (delay < kFineEnd) return delay / std::uint32_t{kFine};
  if (delay < kMiddleEnd)
    return kOfEach + (delay - std::uint32_t{kFineEnd}) / std::uint32_t{kMiddle};
  return std::min<std::size_t>(
      2 * kOfEach + (delay - std::uint32_t{kMiddleEnd}) / std::uint32_t{kCoarse}, kBins - 1);
}

void DelayEstimator::add(Samples arrival, Samples transit, bool counts) noexcept {
  roll(arrival);
  auto& bucket = buckets_[static_cast<std::size_t>(bucket_) % kBuckets];
  bucket.lowest = std::min(bucket.lowest, transit);
  base_ = std::min(base_, transit);
  if (!counts) return;
  bucket.highest = std::max(bucket.highest, transit);
  ++bucket.packets;
  const auto relative = transit - base_;
  weight_ *= 1.0F + kForget;
  const auto mass = lone_spike(arrival, relative) ? weight_ * kLoneSpike : weight_;
  bins_[bin_of(relative)] += mass;
  total_ += mass;
  if (--until_retarget_ <= 0 || relative > target_) retarget();
}

void DelayEstimator::rebase(Samples arrival, Samples transit) noexcept {
  buckets_.fill({});
  base_ = kNone;
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
  const auto before = base_;
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
  if (total_ > 0) target_ = cheapest();
}

void DelayEstimator::retarget() noexcept {
  until_retarget_ = kRetargetEvery;
  forget_what_is_over();
  target_ = cheapest();
  if (weight_ < kRescale) return;
  for (auto& bin : bins_) bin /= weight_;
  total_ /= weight_;
  weight_ = 1.0F;
}

/// The depth alone grows, so the search ends where that costs more than the best. Up goes the
/// target for any gain, down for one that is worth a cut.
Samples DelayEstimator::cheapest() const noexcept {
  const auto least = samples_in(policy_.least);
  const auto most = samples_in(policy_.most);
  const float per_weight = policy_.late_cost * 100.0F / total_;
  const auto first = least + ((lag_ - least) % kTick + kTick) % kTick;
  Depth best{first};
  Depth present{first};
  float below = 0;
  std::size_t bin = 0;
  for (auto depth = first; depth == first || (depth <= most && ms_in(depth) < best.cost);
       depth += kTick) {
    for (; bin < kBins - 1 && end_of(bin) <= depth; ++bin) below += bins_[bin];
    const Depth here{depth, ms_in(depth) + (total_ - below - reached(bin, depth)) * per_weight};
    if (here.cost < best.cost) best = here;
    if (std::abs(depth - target_) <= kTick / 2) present = here;
  }
  const bool stays = best.depth < present.depth && present.cost - best.cost < kCalmerMs;
  return stays ? present.depth : best.depth;
}

/// What of a bin lies below a depth within it.
float DelayEstimator::reached(std::size_t bin, Samples depth) const noexcept {
  const auto begin = bin == 0 ? 0 : end_of(bin - 1);
  return bins_[bin] * ms_in(depth - begin) / ms_in(end_of(bin) - begin);
}

/// A depth that many packets should have needed by now, and none did, belongs to the past.
void DelayEstimator::forget_what_is_over() noexcept {
  Samples highest = -kNone;
  int packets = 0;
  for (Samples age = 0; age < Samples{kBuckets}; ++age) {
    const auto& bucket = buckets_[static_cast<std::size_t>(bucket_ - age) % kBuckets];
    highest = std::max(highest, bucket.highest);
    packets += bucket.packets;
    if (packets < kNoLuck) continue;
    if (highest - base_ + kTick >= target_) return;  // playout moves in ticks
    const auto above = bin_of(highest - base_) + 1;
    const auto mass = std::accumulate(bins_.begin() + above, bins_.end(), 0.0F);
    if (static_cast<float>(packets) * mass < static_cast<float>(kNoLuck) * total_) continue;
    std::fill(bins_.begin() + above, bins_.end(), 0.0F);
    total_ -= mass;
    return;
  }
}

}  // namespace fanout
