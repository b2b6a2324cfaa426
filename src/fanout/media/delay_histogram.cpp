#include "fanout/media/delay_histogram.hpp"

#include <algorithm>
#include <cstdint>
#include <numeric>

namespace fanout {
namespace {

// Bins of 5 ms up to 140, of 10 up to 420, of 20 up to 980: what is large may be coarse.
constexpr std::size_t kOfEach = DelayHistogram::kBins / 3;
constexpr Samples kFine = samples_of_ms(5);
constexpr Samples kMiddle = samples_of_ms(10);
constexpr Samples kCoarse = samples_of_ms(20);
constexpr Samples kFineEnd = Samples{kOfEach} * kFine;
constexpr Samples kMiddleEnd = kFineEnd + Samples{kOfEach} * kMiddle;

constexpr float kRescale = 1e20F;

constexpr Samples end_of(std::size_t bin) {
  const auto count = static_cast<Samples>(bin) + 1;
  if (bin < kOfEach) return count * kFine;
  if (bin < 2 * kOfEach) return kFineEnd + (count - Samples{kOfEach}) * kMiddle;
  return kMiddleEnd + (count - Samples{2 * kOfEach}) * kCoarse;
}

std::size_t bin_of(Samples delay) {
  // Unsigned and narrow, that the divisions by constants are multiplications.
  const auto at = static_cast<std::uint32_t>(std::clamp<Samples>(delay, 0, samples_of_ms(10'000)));
  if (at < kFineEnd) return at / std::uint32_t{kFine};
  if (at < kMiddleEnd) return kOfEach + (at - std::uint32_t{kFineEnd}) / std::uint32_t{kMiddle};
  return std::min<std::size_t>(
      2 * kOfEach + (at - std::uint32_t{kMiddleEnd}) / std::uint32_t{kCoarse},
      DelayHistogram::kBins - 1);
}

}  // namespace

void DelayHistogram::add(Samples delay, float share) noexcept {
  weight_ *= growth_;
  bins_[bin_of(delay)] += weight_ * share;
  total_ += weight_ * share;
}

void DelayHistogram::forget_above(Samples delay, int packets, int expected) noexcept {
  const auto above = bins_.begin() + static_cast<std::ptrdiff_t>(bin_of(delay)) + 1;
  const auto mass = std::accumulate(above, bins_.end(), 0.0F);
  if (static_cast<float>(packets) * mass < static_cast<float>(expected) * total_) return;
  std::fill(above, bins_.end(), 0.0F);
  total_ -= mass;
}

void DelayHistogram::rescale() noexcept {
  if (weight_ < kRescale) return;
  for (auto& bin : bins_) bin /= weight_;
  total_ /= weight_;
  weight_ = 1.0F;
}

float DelayHistogram::Tail::beyond(Samples depth) noexcept {
  for (; bin_ < kBins - 1 && end_of(bin_) <= depth; ++bin_) below_ += of_.bins_[bin_];
  const auto begin = bin_ == 0 ? 0 : end_of(bin_ - 1);
  const auto length = end_of(bin_) - begin;
  const auto within = static_cast<float>(std::clamp<Samples>(depth - begin, 0, length)) /
                      static_cast<float>(length);
  return of_.total_ > 0 ? (of_.total_ - below_ - of_.bins_[bin_] * within) / of_.total_ : 0.0F;
}

}  // namespace fanout
