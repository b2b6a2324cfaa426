/// Sound heard in less time than it was spoken: where it repeats itself, a stretch of it is left
/// out and the seam faded over (waveform similarity overlap-add: Verhelst and Roelands, ICASSP
/// 1993). A voice keeps its pitch and loses no sound of a word, which a frame left out whole would
/// take along.
///
/// What is to go is owed, and paid off: in each tick the longest stretch is taken whose two ends
/// are alike enough. Where none is, less is asked of the next tick. What is owed has to wait
/// somewhere, so there is a bound to it; what is beyond goes whatever it sounds like.
#pragma once

#include <cstddef>

#include "fanout/base/audio.hpp"
#include "fanout/media/mix.hpp"
#include "fanout/media/opus.hpp"

namespace fanout {

class Accelerator {
 public:
  static constexpr std::size_t kLongest = kFrameSamples;     ///< sought to leave out at once
  static constexpr std::size_t kSeam = kClockRate / 100;     ///< 10 ms: a period of a low voice
  static constexpr std::size_t kMostOwed = kMaxOpusSamples;  ///< between ticks

  void owe(std::size_t samples) noexcept { owed_ += samples; }
  /// Samples of each channel.
  std::size_t owed() const noexcept { return owed_; }
  void reset() noexcept { *this = {}; }

  /// Once a tick: leaves a stretch near the front of `sound` out, if there is one that can be.
  /// `sound` is at least a frame and what is owed. Returns the length of the stretch, in samples of
  /// each channel: so much at the end of `sound` is void. No more than `kMostOwed` is owed then.
  std::size_t shorten(MutableSound sound, std::size_t channels) noexcept;

 private:
  std::size_t match(Sound sound, std::size_t channels, std::size_t least,
                    std::size_t most) const noexcept;
  float wanted() const noexcept;

  std::size_t owed_ = 0;
  int waited_ = 0;  // ticks in which nothing was alike enough
};

}  // namespace fanout
