/// How much delay a stream deserves.
///
/// Only differences of transit time (arrival - RTP timestamp) mean anything, as the two clocks
/// share no origin. The fastest packet of the last four seconds is the yardstick: `base`. A
/// windowed minimum follows a faster path at once, a slower one and the drift of the sender's
/// clock (100 ppm = 0.4 ms per window) within the window.
///
/// The target is not a quantile but the cheapest depth: `D + K * late%(D)`, K being the
/// milliseconds that one percent of late packets is worth. So a clean link pays for no tail it
/// does not have, and a long thin tail is given up. Playout moves in ticks, so only depths compete
/// that are whole ticks from the present one: the best of those is not the next one above the best
/// of all.
///
/// How many will be late is forecast in two ways, each by a histogram of its own. Where each delay
/// is drawn anew, the next one is told best by how far packets have been behind `base`. Where a
/// queue swells and drains, it is told by how far they have been behind the fastest of just now: a
/// depth that follows the queue is ahead of it when it rises, and need not stay where it once was.
/// Which kind a link is, nobody says; so both keep count of what following them would have cost of
/// late, in the same coin, and the plain one leads until the other is cheaper by a good deal. Who
/// comes late is counted beside the target that held a moment before: a spike raises it with its
/// first packet, and all others of it would seem in time.
///
/// Forgetting by age alone is too slow after a storm, and forgetting fast loses the spikes that
/// return. So a depth is forgotten by evidence: when, by the histogram, some eight runs of late
/// packets should have needed it and none did, that part of the histogram belongs to the past. Late
/// packets of a storm come one by one, those of a spike in a long run: a storm, strong or mild, is
/// over within three seconds, a spike each five seconds is remembered. A queue rests before it
/// swells again, so what its forecast remembers goes only after twenty seconds in which nobody came
/// near it.
///
/// Time and delay are counted in samples of the 48 kHz RTP clock.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "fanout/base/time.hpp"
#include "fanout/media/delay_histogram.hpp"
#include "fanout/media/packet_ring.hpp"

namespace fanout {

/// What a stream's delay is bought for: one setting for every link, unless somebody knows better.
/// `least` equal to `most` is a fixed delay.
struct JitterPolicy {
  /// Milliseconds of delay that one percent of late packets is worth. The E-model (ITU-T G.107)
  /// says 150 below a delay of 177 ms; late packets come in runs, so more.
  float late_cost = 275.0F;
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
  static constexpr Samples kNone = std::numeric_limits<Samples>::max();

  /// One way to tell how many packets a depth will miss.
  struct Forecast {
    DelayHistogram delays;  // behind what it reckons from
    float cost;             ///< of late, per packet, in ms of delay
    std::int32_t target;
    std::int32_t held;  ///< the target when the bucket began
  };
  struct Depth {
    Samples depth = 0;
    float cost = std::numeric_limits<float>::max();
  };
  struct Bucket {
    Samples lowest = kNone;
    std::int32_t highest = 0;  // behind the base
    std::int32_t packets = 0;
  };

  void roll(Samples arrival) noexcept;
  bool lone_spike(Samples arrival, Samples relative) noexcept;
  Samples trend() const noexcept;
  void note_run(Samples relative) noexcept;
  void charge(Forecast& forecast, Samples relative) const noexcept;
  void retarget() noexcept;
  void forget_what_is_over() noexcept;
  void forget_drained_queue() noexcept;
  void forecast_anew() noexcept;
  Samples cheapest(const Forecast& forecast, Samples origin) const noexcept;

  std::array<Bucket, kBuckets> buckets_{};
  Samples bucket_ = -kNone;
  Samples bucket_end_ = -kNone;
  Samples base_ = kNone;
  Samples recent_ = kNone;  // transit time of the fastest of just now
  JitterPolicy policy_;
  Forecast steady_;  // behind the base
  Forecast moving_;  // behind the fastest of just now
  Samples target_;   // a link is good until it has shown what it is
  Samples lag_ = 0;
  Samples spike_began_ = -kNone / 2;
  Samples spike_ended_ = -kNone / 2;
  float run_length_ = 4;  // of late packets one after the other, mean
  int run_ = 0;           // of the present one
  float seen_ = 0;        // packets, of 16 million at the most
  int until_retarget_ = 1;
  int rests_ = 0;  // buckets in which the moving forecast asked for far too much
};

}  // namespace fanout
