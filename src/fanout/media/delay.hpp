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
/// What hurts is a run of late packets; one between two in time is hidden by FEC or concealment.
/// So most of a packet's weight goes to the delay that it and its predecessor both had.
///
/// Forgetting by age alone is too slow after a storm, and forgetting fast loses the spikes that
/// return. So a depth is forgotten by evidence: when, by the histogram, some thirty packets of
/// late should have needed it and none did, that part of the histogram belongs to the past. A
/// storm is over within a second, a spike each five seconds is remembered.
///
/// Time and delay are counted in samples of the 48 kHz RTP clock.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "fanout/media/packet_ring.hpp"

namespace fanout {

class DelayEstimator {
 public:
  void reset() noexcept { *this = DelayEstimator(); }

  /// One packet. `counts`: whether its delay says something about the link; a comfort noise
  /// refresh moves only the base.
  void add(Samples arrival, Samples transit, bool counts) noexcept;
  /// Forget the base but not the link: the transit time has risen for good (the sender's
  /// timestamps stood still over a pause) or a new time line begins. A wrong guess heals
  /// itself, as any faster packet pulls the base down again.
  void rebase(Samples arrival, Samples transit) noexcept;

  Samples base() const noexcept { return base_; }
  Samples target() const noexcept { return target_; }

 private:
  static constexpr std::size_t kBuckets = 16;  // of 250 ms: four seconds
  static constexpr std::size_t kFineBins = 80;
  static constexpr std::size_t kBins = 128;
  static constexpr Samples kFloor = samples_of_ms(10);  // tick jitter of a loaded worker
  static constexpr Samples kNone = std::numeric_limits<Samples>::max();

  static std::size_t bin_of(Samples relative) noexcept;
  void roll(Samples arrival) noexcept;
  bool lone_spike(Samples arrival, Samples relative) noexcept;
  void retarget() noexcept;
  void forget_what_is_over() noexcept;
  Samples cheapest() const noexcept;

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
  Samples target_ = kFloor;  // a link is good until it has shown what it is
  Samples last_relative_ = 0;
  Samples spike_began_ = -kNone / 2;
  Samples spike_ended_ = -kNone / 2;
  float weight_ = 1.0F;
  float total_ = 0;
  int until_retarget_ = 1;
};

}  // namespace fanout
