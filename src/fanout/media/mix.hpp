/// Mixing (design: decode the K loudest, one shared mix, mix-minus for those heard in it).
/// Float accumulation and a soft limiter: the sum never wraps. Voices fade in and out over
/// 5 ms, so that nobody clicks on entering. All frames of one call have as many channels.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "fanout/base/audio.hpp"

namespace fanout {

constexpr std::size_t kMaxChannels = 2;
constexpr std::size_t kFadeSamples = kClockRate / 200;  // 5 ms: too short to hear, no click
/// Room for 20 ms at 48 kHz. What is in it is a span of 960 samples, or of 1,920 where it is
/// stereo: left and right by turns, as Opus has them.
using Frame = std::array<float, kFrameSamples * kMaxChannels>;
using Sound = std::span<const float>;
using MutableSound = std::span<float>;

/// A soft limiter: transparent (to the bit) below -1 dBFS, never above 0 dBFS, attack within
/// the frame, release over about 100 ms. One per output. It looks ahead inside its frame, so
/// the gain has always fallen before a peak comes; a peak in the first 1.25 ms, for which
/// there is no time, is bent by a soft knee. Both channels get the same gain, or voices would
/// wander. A frame with a NaN or an infinity is silence.
class Limiter {
 public:
  void process(MutableSound frame) noexcept;

 private:
  float gain_ = 1.0F;
};

/// sum += voice · gain, the gain moving linearly from `from` to `to` over the first 5 ms.
void add_voice(MutableSound sum, Sound voice, float from, float to) noexcept;

/// out = sum - voice · (the same fade): what everybody but this voice said.
void subtract_voice(MutableSound out, Sound sum, Sound voice, float from, float to) noexcept;

/// Root mean square as RFC 6464 wants it: 0 (0 dBov, a square wave at full scale) to 127
/// (silence, and frames with a NaN or an infinity: they are never heard).
std::uint8_t level_dbov(Sound frame) noexcept;

/// Whether every sample is a number: what a decoder makes always is.
bool is_finite(Sound frame) noexcept;

}  // namespace fanout
