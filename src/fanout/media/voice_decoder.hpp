/// Opus to sound, with every joint smooth. What is missing is concealed by libopus, faded from
/// 60 to 100 ms: longer concealment drones. What a discontinuous sender does not send is the noise
/// around it, and libopus goes on with that: silence between two refreshes would be heard as a
/// pulse. Sound that stops otherwise ends within 5 ms, and begins again within as long.
#pragma once

#include <array>
#include <cstdint>

#include "fanout/media/jitter.hpp"
#include "fanout/media/mix.hpp"
#include "fanout/media/opus.hpp"

namespace fanout {

class VoiceDecoder {
 public:
  struct Spoilt {
    std::uint64_t samples = 0;
    std::uint64_t silent = 0;  ///< of them, after the fade
    std::uint64_t events = 0;
  };

  /// Throws std::invalid_argument for other channels than 1 or 2.
  explicit VoiceDecoder(int channels = 1);

  std::size_t channels() const noexcept { return channels_; }

  /// What one entry of the jitter buffer sounds like: `samples` of each channel, which `out` has
  /// room for, and for `kMinOpusSamples` more: all that libopus makes lasts a multiple of them,
  /// and a hole need not, for stamps may be rounded.
  void decode(Playout what, Bytes payload, std::size_t samples, MutableSound out) noexcept;
  /// Forget the past; the counters go on.
  void reset() noexcept;

  /// Calls of libopus for a packet, FEC included.
  std::uint64_t frames_decoded() const noexcept { return frames_decoded_; }
  /// Packets that were no Opus inside.
  std::uint64_t decode_errors() const noexcept { return decode_errors_; }
  /// What was concealed for them; their runs, where nothing had been concealed before.
  const Spoilt& spoilt() const noexcept { return spoilt_; }

 private:
  /// How long what libopus makes by itself is heard, in samples.
  struct Fade {
    std::size_t begins;
    std::size_t ends;

    float gain_after(std::size_t samples) const noexcept;
  };
  static const Fade kLoss;
  static const Fade kBackground;

  bool play(std::size_t made, MutableSound out) noexcept;
  void conceal_spoilt(std::size_t samples, MutableSound out) noexcept;
  void conceal(const Fade& fade, std::size_t samples, MutableSound out) noexcept;
  void fall_silent(MutableSound out) noexcept;
  void ramp(MutableSound sound, float from, float to) const noexcept;

  OpusDecoder decoder_;
  std::size_t channels_;
  float gain_ = 0;                          // at the end of what was made
  std::array<float, kMaxChannels> last_{};  // the sample there
  std::size_t concealed_ = 0;               // how long nothing was known
  std::uint64_t frames_decoded_ = 0;
  std::uint64_t decode_errors_ = 0;
  Spoilt spoilt_;
};

}  // namespace fanout
