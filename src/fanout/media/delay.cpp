#include "fanout/media/delay.hpp"

#include <algorithm>

namespace fanout {
namespace {

constexpr Samples kBucket = samples_of_ms(250);
constexpr std::uint32_t kFine = samples_of_ms(5);     // grid of the target
constexpr std::uint32_t kCoarse = samples_of_ms(40);  // beyond 400 ms only "far too late" matters
constexpr Samples kRecentBuckets = 7;  // depth that nobody needed for 1.75 s is gone ...
constexpr Samples kFadeBuckets = 5;    // ... having faded over the last 1.25 s of them
constexpr Samples kRecentFilled = 6;   // fewer with packets in them: DTX, or just begun

constexpr float kLateCost = 40.0F;        // ms of delay that one percent of late packets is worth
constexpr float kUneasyMs = 100.0F;       // from here on a millisecond costs half as much again
constexpr float kForget = 1.0F / 500.0F;  // memory of about ten seconds at 50 packets a second
constexpr float kRescale = 1e20F;         // long before float runs out
constexpr int kRetargetEvery = 10;        // packets: keeps the scan out of the common push

constexpr Samples kFloor = samples_of_ms(10);          // tick jitter of a loaded worker
constexpr Samples kCalmer = samples_of_ms(10);         // a smaller decrease is noise
constexpr Samples kSpike = samples_of_ms(60);          // over the target: a spike ...
constexpr Samples kSpikeLasts = samples_of_ms(300);    // ... if it drains within this ...
constexpr Samples kSpikeAlone = samples_of_ms(4'000);  // ... and none came shortly before
constexpr float kSpikeWeight = 0.25F;

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
  const auto relative = transit - base_;
  weight_ *= 1.0F + kForget;
  const auto mass = lone_spike(arrival, relative) ? weight_ * kSpikeWeight : weight_;
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
  const auto bucket = arrival / kBucket;
  if (bucket <= bucket_) return;
  const auto stale =
      std::min<Samples>(bucket - std::max(bucket_, bucket - Samples{kBuckets}), Samples{kBuckets});
  for (Samples i = 0; i < stale; ++i)
    buckets_[static_cast<std::size_t>(bucket - i) % kBuckets] = {};
  bucket_ = bucket;
  base_ = std::ranges::min(buckets_, {}, &Bucket::lowest).lowest;
}

bool DelayEstimator::lone_spike(Samples arrival, Samples relative) noexcept {
  if (relative <= target_ + kSpike) return false;
  if (arrival - spike_ended_ > kSpikeLasts) {  // a new one
    if (arrival - spike_ended_ < kSpikeAlone)
      spike_began_ = arrival - kSpikeLasts;
    else
      spike_began_ = arrival;
  }
  spike_ended_ = arrival;
  return arrival - spike_began_ < kSpikeLasts;
}

void DelayEstimator::retarget() noexcept {
  until_retarget_ = kRetargetEvery;
  const auto wanted = std::max(kFloor, std::min(cheapest(), needed_lately()));
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

Samples DelayEstimator::needed_lately() const noexcept {
  Samples most = 0;
  Samples filled = 0;
  for (Samples age = 0; age < kRecentBuckets; ++age) {
    const auto& bucket = buckets_[static_cast<std::size_t>(bucket_ - age) % kBuckets];
    if (bucket.highest == -kNone) continue;
    const auto kept = std::min(kRecentBuckets - age, kFadeBuckets);
    most = std::max(most, (bucket.highest - base_) * kept / kFadeBuckets);
    ++filled;
  }
  return filled < kRecentFilled ? kNone : most + kFine;
}

}  // namespace fanout
