#include "fanout/media/mix.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace fanout {
namespace {

constexpr float kKnee = 0.891251F;   // -1 dBFS
constexpr float kAbove = 1 - kKnee;  // what is left to 0 dBFS
constexpr std::size_t kBlock = 60;   // 1.25 ms: one gain each, linear in between
constexpr std::size_t kBlocks = kFrameSamples / kBlock;
constexpr float kRelease = 0.01242F;  // 1 - exp(-1.25 ms / 100 ms)
constexpr float kReleased = 0.999F;   // the last 0.01 dB at once: transparent again

bool is_stereo(Sound frame) noexcept { return frame.size() > kFrameSamples; }

/// A block of all channels.
MutableSound block(MutableSound frame, std::size_t index) noexcept {
  const auto size = frame.size() / kBlocks;
  return frame.subspan(index * size, size);
}

/// The largest magnitude, infinite when a sample is no number. Magnitudes of IEEE 754 numbers
/// order like their bits, and integers (unlike floats) may be compared in any order: SIMD.
float peak(std::span<const float> samples) noexcept {
  constexpr auto infinity = std::bit_cast<std::int32_t>(std::numeric_limits<float>::infinity());
  std::int32_t highest = 0;
  for (const float sample : samples)
    highest = std::max(highest, std::bit_cast<std::int32_t>(sample) & 0x7FFF'FFFF);
  return std::bit_cast<float>(std::min(highest, infinity));
}

/// Straight up to the knee, then 1 - a/(1+u): same slope at the knee, 1 at infinity.
float bend(float sample) noexcept {
  const float size = std::fabs(sample);
  const float over = std::max(size - kKnee, 0.0F) / kAbove;
  return std::copysign(std::min(size, 1 - kAbove / (1 + over)), sample);
}

/// The gain `index` samples into a linear change (SIMD converts 32 bits, not 64).
float gain_at(float from, float step, std::size_t index) noexcept {
  return from + step * static_cast<float>(static_cast<std::int32_t>(index + 1));
}

template <std::size_t Channels>
void ramp(float* samples, float from, float to) noexcept {
  const float step = (to - from) / kBlock;
  for (std::size_t i = 0; i < kBlock * Channels; ++i)
    samples[i] = bend(samples[i] * gain_at(from, step, i / Channels));
}

/// The gain that brings each block's peak down to the knee.
std::array<float, kBlocks> wanted_gains(MutableSound frame) noexcept {
  std::array<float, kBlocks> gains;
  for (std::size_t i = 0; i < kBlocks; ++i)
    gains[i] = std::min(1.0F, kKnee / std::max(peak(block(frame, i)), kKnee));
  return gains;
}

float released(float gain) noexcept {
  const float next = gain + (1 - gain) * kRelease;
  return next < kReleased ? next : 1.0F;
}

/// out = base + voice · gain, over the fade and after it.
template <std::size_t Channels>
void accumulate(float* out, const float* base, const float* voice, float from, float to) noexcept {
  constexpr auto kFade = kFadeSamples * Channels;
  const float step = (to - from) / kFadeSamples;
  for (std::size_t i = 0; i < kFade; ++i)
    out[i] = base[i] + voice[i] * gain_at(from, step, i / Channels);
  for (std::size_t i = kFade; i < kFrameSamples * Channels; ++i) out[i] = base[i] + voice[i] * to;
}

void accumulate(MutableSound out, Sound base, Sound voice, float from, float to) noexcept {
  const auto of_channels = is_stereo(out) ? &accumulate<2> : &accumulate<1>;
  of_channels(out.data(), base.data(), voice.data(), from, to);
}

}  // namespace

void Limiter::process(MutableSound frame) noexcept {
  const float loudest = peak(frame);
  if (std::isinf(loudest)) std::ranges::fill(frame, 0.0F);
  if (gain_ == 1 && (loudest <= kKnee || std::isinf(loudest))) return;
  const auto wanted = wanted_gains(frame);
  const auto ramp_channels = is_stereo(frame) ? &ramp<2> : &ramp<1>;
  for (std::size_t i = 0; i < kBlocks; ++i) {
    const float ahead = wanted[std::min(i + 1, kBlocks - 1)];
    const float next = std::min({released(gain_), wanted[i], ahead});
    ramp_channels(block(frame, i).data(), gain_, next);
    gain_ = next;
  }
}

void add_voice(MutableSound sum, Sound voice, float from, float to) noexcept {
  accumulate(sum, sum, voice, from, to);
}

void subtract_voice(MutableSound out, Sound sum, Sound voice, float from, float to) noexcept {
  accumulate(out, sum, voice, -from, -to);
}

std::uint8_t level_dbov(Sound frame) noexcept {
  constexpr std::size_t kLanes = 16;  // independent sums, so that they may be added in SIMD
  std::array<float, kLanes> lanes{};
  for (std::size_t i = 0; i < frame.size(); i += kLanes)
    for (std::size_t lane = 0; lane < kLanes; ++lane)
      lanes[lane] += frame[i + lane] * frame[i + lane];
  double energy = 0;
  for (const float lane : lanes) energy += lane;
  if (std::isinf(energy) && !is_finite(frame)) return kSilentLevel;
  const double level = -10 * std::log10(energy / static_cast<double>(frame.size()));
  return level < kSilentLevel ? static_cast<std::uint8_t>(std::lround(std::max(level, 0.0)))
                              : kSilentLevel;
}

bool is_finite(Sound frame) noexcept { return !std::isinf(peak(frame)); }

}  // namespace fanout
