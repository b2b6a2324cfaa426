/// How much delay a stream deserves.
///
/// Only differences of transit time (arrival - RTP timestamp) mean anything, as the two clocks
/// share no origin. The fastest packet of the last four seconds is the yardstick: `base`. A
/// windowed minimum follows a faster path at once, a slower one and the drift of the sender's
/// clock (100 ppm = 0.4 ms per window) within the window.
///
/// The relative delays (transit - base) go into a histogram whose weights rise with each packet,
/// which forgets the old ones without a loop over the bins. The target is not a quantile but the
/// cheapest depth: `D + K * late%(D)`, K being the milliseconds that one percent of late packets
/// is worth. So a clean link pays for no tail it does not have, and a long thin tail is given up.
/// Playout moves in ticks, so only depths compete that are whole ticks from the present one: the
/// best of those is not the next one above the best of all.
///
/// Forgetting by age alone is too slow after a storm, and forgetting fast loses the spikes that
/// return. So a depth is forgotten by evidence: when, by the histogram, some forty packets of
/// late should have needed it and none did, that part of the histogram belongs to the past. A
/// storm is over within a second, a spike each five seconds is remembered.
///
/// Time and delay are counted in samples of the 48 kHz RTP clock.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "fanout/base/time.hpp"
#include "fanout/media/packet_ring.hpp"

namespace fanout {

/// What a stream's delay is bought for: one setting for every link, unless somebody knows better.
/// `least` equal to `most` is a fixed delay.
struct JitterPolicy {
  /// Milliseconds of delay that one percent of late packets is worth. The E-model (ITU-T G.107)
  /// says 150 below a delay of 177 ms; late packets come in runs, so a little more.
  float late_cost = 175.0F;
  Duration least = milliseconds(10);  ///< tick jitter of a loaded worker
  Duration most = milliseconds(700);  ///< beyond it nobody can converse
};

/// The same. Throws std::invalid_argument, naming the field, unless `late_cost` is positive and at
/// most 10,000, and 0 <= `least` <= `most` <= one second: the ring holds no more.
const JitterPolicy& checked(const JitterPolicy& policy);

class DelayEstimator {
 public:
  explicit DelayEstimator(const JitterPolicy& policy) noexcept;
  /// Forget the link.
  void reset() noexcept { *this = DelayEstimator(policy_); }

  /// One packet. `counts`: whether its delay says something about the link; a comfort noise
  /// refresh moves only the base.
  void add(Samples arrival, Samples transit, bool counts) noexcept;
  /// Forget the base but not the link: the transit time has risen for good (the sender's
  /// timestamps stood still over a pause) or a new time line begins. A wrong guess heals
  /// itself, as any faster packet pulls the base down again.
  void rebase(Samples arrival, Samples transit) noexcept;

  /// How far playout stands behind the base: other depths are whole ticks away.
  void playing_at(Samples lag) noexcept { lag_ = lag; }
  /// Playout could begin so far behind the base; what should it be?
  void could_begin_at(Samples lag) noexcept;

  Samples base() const noexcept { return base_; }
  Samples target() const noexcept { return target_; }

 private:
  static constexpr std::size_t kBuckets = 16;  // of 250 ms: four seconds
  static constexpr std::size_t kBins = 128;
  static constexpr Samples kNone = std::numeric_limits<Samples>::max();

  static std::size_t bin_of(Samples relative) noexcept;
  void roll(Samples arrival) noexcept;
  bool lone_spike(Samples arrival, Samples relative) noexcept;
  void retarget() noexcept;
  void forget_what_is_over() noexcept;
  Samples cheapest() const noexcept;
  float reached(std::size_t bin, Samples depth) const noexcept;

  struct Depth {
    Samples depth = 0;
    float cost = std::numeric_limits<float>::max();
  };
  struct Bucket {
    Samples lowest = kNone;
    Samples highest = -kNone;
    int packets = 0;
  };
  std::array<Bucket, kBuckets> buckets_{};
  std::array<float, kBins> bins_{};
  Samples bucket_ = -kNone;
  Samples bucket_end_ = -kNone;
  Samples base_ = kNone;
  JitterPolicy policy_;
  Samples target_;  // a link is good until it has shown what it is
  Samples lag_ = 0;
  Samples spike_began_ = -kNone / 2;
  Samples spike_ended_ = -kNone / 2;
  float weight_ = 1.0F;
  float total_ = 0;
  int until_retarget_ = 1;
};

}  // namespace fanout
