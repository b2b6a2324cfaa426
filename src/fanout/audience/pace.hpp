/// Pacing: when a frame goes to a large audience, it goes evenly over most of a tick, so that
/// neither the network card nor the switch behind it sees a burst every 20 ms.
#pragma once

#include <algorithm>
#include <cstddef>

#include "fanout/base/time.hpp"

namespace fanout {

class Pace {
 public:
  /// Sending ends a quarter of a tick before the next frame is due: slack to catch up in.
  static constexpr Duration kSpan = milliseconds(15);
  static constexpr Duration kSlice = milliseconds(1);
  /// Fewer than this is no burst: they go at once.
  static constexpr std::size_t kAtOnce = 64;

  Pace() = default;
  Pace(Instant start, std::size_t total) : start_(start), total_(total) {}

  /// How many of all may have been sent by `now`.
  std::size_t due(Instant now) const noexcept {
    const auto slices = std::clamp<std::int64_t>((now - start_).us / kSlice.us + 1, 0, kSlices);
    return std::max(std::min(total_, kAtOnce),
                    total_ * static_cast<std::size_t>(slices) / static_cast<std::size_t>(kSlices));
  }

  std::size_t total() const noexcept { return total_; }

  /// When the next slice may be sent.
  Instant next(Instant now) const noexcept {
    if (now < start_) return start_;
    return start_ + kSlice * ((now - start_).us / kSlice.us + 1);
  }

 private:
  static constexpr std::int64_t kSlices = kSpan.us / kSlice.us;

  Instant start_;
  std::size_t total_ = 0;
};

}  // namespace fanout
