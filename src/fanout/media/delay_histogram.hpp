/// How late packets come: shares over delay, the old ones forgotten.
///
/// The weight of each entry is larger than that of the one before, which forgets without a loop
/// over the bins.
#pragma once

#include <array>
#include <cstddef>

#include "fanout/media/packet_ring.hpp"

namespace fanout {

class DelayHistogram {
 public:
  static constexpr std::size_t kBins = 84;

  /// `memory`: packets after which an entry counts a third.
  explicit DelayHistogram(float memory) noexcept : growth_(1.0F + 1.0F / memory) {}

  /// `share`: 1 for an entry that counts in full. What is below zero is zero.
  void add(Samples delay, float share) noexcept;
  /// Forget all delays above, if by the shares that they have `expected` of `packets` should have
  /// been among them.
  void forget_above(Samples delay, int packets, int expected) noexcept;
  /// To be called now and then, long before a float runs out.
  void rescale() noexcept;

  /// Shares of what is later than a depth, for depths that ascend from call to call.
  class Tail {
   public:
    explicit Tail(const DelayHistogram& histogram) noexcept : of_(histogram) {}
    float beyond(Samples depth) noexcept;

   private:
    const DelayHistogram& of_;
    std::size_t bin_ = 0;
    float below_ = 0;
  };

 private:
  std::array<float, kBins> bins_{};
  float growth_;
  float weight_ = 1.0F;
  float total_ = 0;
};

}  // namespace fanout
