/// What virtual speakers say: packets made beforehand, said in real time, over and over. Many
/// speakers share one list.
#pragma once

#include <memory>
#include <vector>

#include "fanout/base/audio.hpp"
#include "fanout/base/bytes.hpp"
#include "fanout/base/time.hpp"

namespace fanout {

struct Word {
  std::vector<std::uint8_t> opus;  ///< empty: silence, of which nothing is sent (DTX)
  std::uint32_t samples = kFrameSamples;

  Duration duration() const noexcept {
    return microseconds(std::int64_t{samples} * 1'000 / (kClockRate / 1'000));
  }
};
using Playlist = std::vector<Word>;

/// One speaker's place in the list.
class Reciter {
 public:
  /// The list is not empty, and somewhere in it time passes.
  explicit Reciter(std::shared_ptr<const Playlist> playlist) : playlist_(std::move(playlist)) {}

  void start(Instant now) noexcept { due_ = now; }
  /// When the next word is to be said; never before the start.
  Instant due() const noexcept { return due_; }
  const Word& next() noexcept {
    const Word& word = (*playlist_)[at_];
    at_ = (at_ + 1) % playlist_->size();
    due_ = due_ + word.duration();
    return word;
  }

 private:
  std::shared_ptr<const Playlist> playlist_;
  std::size_t at_ = 0;
  Instant due_ = Instant::never();
};

}  // namespace fanout
