#include "fanout/media/accelerator.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <ranges>

namespace fanout {
namespace {

constexpr std::size_t kShortest = kClockRate / 400;         // 2.5 ms: the period of a high voice
constexpr std::size_t kPressing = kClockRate / 1'000 * 60;  // owed: beyond, anything is alike
constexpr float kAlike = 0.9F;                              // as steady vowels are
constexpr float kLessEachTick = 0.1F;  // a fifth of a second, and anything goes
// So much noise is taken to be in both, -50 dBov: what nobody hears is alike.
constexpr float kNoise = 1e-5F;

// Likeness is sought at 6 kHz, which has all of a voice's pitch, then met to the sample.
constexpr std::size_t kCoarse = 8;
using Thumbnail = std::array<float, (Accelerator::kLongest + Accelerator::kSeam) / kCoarse>;

/// Correlation of two stretches, 1 where they are the same.
float likeness(Sound one, Sound other) noexcept {
  const auto noise = kNoise * static_cast<float>(one.size());
  float product = noise;
  float energy = noise;
  float other_energy = noise;
  for (std::size_t i = 0; i < one.size(); ++i) {
    product += one[i] * other[i];
    energy += one[i] * one[i];
    other_energy += other[i] * other[i];
  }
  return product / std::sqrt(energy * other_energy);
}

Sound thumbnail(Sound sound, std::size_t channels, Thumbnail& room) noexcept {
  const auto step = kCoarse * channels;
  const auto size = std::min(room.size(), sound.size() / step);
  for (std::size_t i = 0; i < size; ++i) {
    const auto block = sound.subspan(i * step, step);
    room[i] = std::accumulate(block.begin(), block.end(), 0.0F) / static_cast<float>(step);
  }
  return Sound(room).first(size);
}

/// The longest lag at which the seam is alike, or 0. From there down to where it is most so.
std::size_t longest_alike(Sound sound, std::size_t seam, std::size_t least, std::size_t most,
                          float wanted) noexcept {
  const auto at = [&](std::size_t lag) {
    return likeness(sound.first(seam), sound.subspan(lag, seam));
  };
  auto lag = most;
  while (lag >= least && at(lag) < wanted) --lag;
  if (lag < least) return 0;
  while (lag > least && at(lag - 1) > at(lag)) --lag;
  return lag;
}

/// The best from `least` to `most`.
std::size_t refined(Sound sound, std::size_t channels, std::size_t least,
                    std::size_t most) noexcept {
  const auto seam = Accelerator::kSeam * channels;
  return std::ranges::max(std::views::iota(least, most + 1), {}, [&](std::size_t lag) {
    return likeness(sound.first(seam), sound.subspan(lag * channels, seam));
  });
}

/// From the beginning fades into what comes `lag` later.
void splice(MutableSound sound, std::size_t channels, std::size_t lag) noexcept {
  const auto cut = lag * channels;
  for (std::size_t i = 0; i < Accelerator::kSeam * channels; ++i) {
    const auto share = static_cast<float>(i / channels + 1) / Accelerator::kSeam;
    sound[i] += (sound[i + cut] - sound[i]) * share;
  }
  const auto rest = sound.begin() + static_cast<std::ptrdiff_t>(Accelerator::kSeam * channels);
  std::shift_left(rest, sound.end(), static_cast<std::ptrdiff_t>(cut));
}

}  // namespace

float Accelerator::wanted() const noexcept {
  return owed_ > kPressing ? -1.0F : kAlike - kLessEachTick * static_cast<float>(waited_);
}

std::size_t Accelerator::shorten(MutableSound sound, std::size_t channels) noexcept {
  if (owed_ == 0) return 0;
  const auto least = owed_ - std::min(owed_, kMostOwed);
  const auto most = std::max(least, std::min(owed_, kLongest));
  const bool listen = most > kShortest && most <= kLongest;  // unheard, if shorter
  const auto lag = listen ? match(sound, channels, std::max(least, kShortest), most) : most;
  if (lag == 0) return ++waited_, 0;
  splice(sound, channels, lag);
  waited_ = 0;
  owed_ -= lag;
  return lag;
}

std::size_t Accelerator::match(Sound sound, std::size_t channels, std::size_t least,
                               std::size_t most) const noexcept {
  Thumbnail room;
  const auto coarse = longest_alike(thumbnail(sound, channels, room), kSeam / kCoarse,
                                    least / kCoarse, most / kCoarse, wanted());
  if (coarse == 0) return 0;
  const auto around = coarse * kCoarse;
  return refined(sound, channels, std::max(around - kCoarse, least),
                 std::min(around + kCoarse, most));
}

}  // namespace fanout
