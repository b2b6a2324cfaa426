#include "fanout/media/delay.hpp"

#include <algorithm>
#include <numeric>

namespace fanout {
namespace {

constexpr Samples kBucket = samples_of_ms(250);
constexpr std::uint32_t kFine = samples_of_ms(5);     // grid of the target
constexpr std::uint32_t kCoarse = samples_of_ms(40);  // beyond 400 ms only "far too late" matters
// Packets that should have needed a depth while none did; more than one, as they come in clusters.
constexpr int kNoLuck = 30;

constexpr float kLateCost = 80.0F;        // ms of delay that one percent of late packets is worth
constexpr float kUneasyMs = 100.0F;       // from here on a millisecond costs half as much again
constexpr float kForget = 1.0F / 500.0F;  // memory of about ten seconds at 50 packets a second
constexpr float kRescale = 1e20F;         // long before float runs out
constexpr int kRetargetEvery = 10;        // packets: keeps the scan out of the common push

constexpr Samples kFloor = samples_of_ms(10);   // tick jitter of a loaded worker
constexpr Samples kCalmer = samples_of_ms(10);  // a smaller decrease is noise
constexpr float kAlone = 0.15F;  // a late packet between two in time: FEC or PLC hides it

// A spike that comes once says little; it counts in full when it returns, or lasts.
constexpr float kLoneSpike = 0.125F;
constexpr Samples kSpike = samples_of_ms(60);  // over the target
constexpr Samples kSpikeLasts = samples_of_ms(300);
constexpr Samples kSpikeReturns = samples_of_ms(8'000);  // rarer ones are cheaper suffered

/// What a depth of (i + 1) x 5 ms costs by itself, in ms.
constexpr auto kDepthCost = [] {
  std::array<float, 80> cost{};
  for (std::size_t i = 0; i < cost.size(); ++i) {
    const auto ms = static_cast<float>(i + 1) * 5.0F;
    cost[i] = ms + std::max(0.0F, ms - kUneasyMs) / 2;
  }
  return cost;
}();

}  // namespace

std::size_t DelayEstimator::bin_of(Samples relative) noexcept {
  constexpr auto fine_end = kFine * kFineBins;
  const auto offset = static_cast<std::uint32_t>(std::min(relative, samples_of_ms(10'000)));
  if (offset < fine_end) return offset / kFine;
  return std::min<std::size_t>(kFineBins + (offset - fine_end) / kCoarse, kBins - 1);
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
  bins_[bin_of(relative)] += mass * kAlone;
  bins_[bin_of(std::min(relative, last_relative_))] += mass * (1.0F - kAlone);
  total_ += mass;
  last_relative_ = relative;
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
  base_ = std::ranges::min(buckets_, {}, &Bucket::lowest).lowest;
}

bool DelayEstimator::lone_spike(Samples arrival, Samples relative) noexcept {
  if (relative <= target_ + kSpike) return false;
  const auto pause = arrival - spike_ended_;
  if (pause > kSpikeLasts) spike_began_ = pause < kSpikeReturns ? arrival - kSpikeLasts : arrival;
  spike_ended_ = arrival;
  return arrival - spike_began_ < kSpikeLasts;
}

void DelayEstimator::retarget() noexcept {
  until_retarget_ = kRetargetEvery;
  forget_what_is_over();
  const auto wanted = std::max(kFloor, cheapest());
  if (wanted > target_ || wanted <= target_ - kCalmer) target_ = wanted;
  if (weight_ < kRescale) return;
  for (auto& bin : bins_) bin /= weight_;
  total_ /= weight_;
  weight_ = 1.0F;
}

/// The depth alone grows with each bin, so the search ends where it costs more than the best.
Samples DelayEstimator::cheapest() const noexcept {
  const float per_weight = kLateCost * 100.0F / total_;
  float late = total_;
  float best = std::numeric_limits<float>::max();
  std::size_t depth = 0;
  for (std::size_t i = 0; i < kFineBins && kDepthCost[i] < best; ++i) {
    late -= bins_[i];
    const auto cost = kDepthCost[i] + late * per_weight;
    if (cost < best) {
      best = cost;
      depth = i + 1;
    }
  }
  return static_cast<Samples>(depth) * kFine;
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
    if (highest - base_ + kFine >= target_) return;
    const auto above = bin_of(highest - base_) + 1;
    const auto mass = std::accumulate(bins_.begin() + above, bins_.end(), 0.0F);
    if (static_cast<float>(packets) * mass < static_cast<float>(kNoLuck) * total_) continue;
    std::fill(bins_.begin() + above, bins_.end(), 0.0F);
    total_ -= mass;
    return;
  }
}

}  // namespace fanout
