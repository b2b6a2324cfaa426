/// Pacing: what a tick brings to a large audience goes out evenly over most of that tick, so
/// that neither the network card nor the switch behind it sees a burst every 20 ms.
///
/// Credit grows with time at the rate of the latest tick and is spent packet by packet. Time
/// the sender overslept earns no credit: the schedule slips, and is not caught up in a burst.
/// Only a sender who is a whole tick behind, a thread that gets no CPU say, may bunch a little:
/// less would cost the audience audio, and more would cost the network's queues the same.
#pragma once

#include <algorithm>
#include <cstddef>

#include "fanout/base/time.hpp"

namespace fanout {

class Pace {
 public:
  /// A tick's packets leave within nine tenths of it: the rest is slack to catch up in.
  static constexpr Duration kSpan = milliseconds(18);
  /// Credit that may gather at once. With the span and a quantum it keeps any 5 ms below half
  /// again their share of a tick of 20 ms: (5 + 1) / 18 + 1 / 32 < 1.5 / 4.
  static constexpr Duration kCatchUp = milliseconds(1);
  /// The same for who is behind: the time slices of a busy scheduler. Any 5 ms then carry less
  /// than three times their share.
  static constexpr Duration kBehindCatchUp = milliseconds(8);
  /// Fewer than this a tick are no burst: they go at once. Nor is it worth waking for less.
  static constexpr std::size_t kAtOnce = 64;
  static constexpr Duration kSlice = microseconds(500);

  /// A tick brings `packets` more; `idle`: the last ones are all gone.
  void add(Instant now, std::size_t packets, bool idle) noexcept {
    rate_ = static_cast<std::int64_t>(packets);
    const auto at_once = quantum() * kSpan.us;
    if (idle) {
      last_ = now;
      credit_ = at_once;
    } else if (packets <= kAtOnce) {
      credit_ = std::max(credit_, at_once);
    }
  }

  /// How many may go now. Credit is kept until spent. `behind`: by a tick or more.
  std::size_t due(Instant now, bool behind) noexcept {
    const auto passed = std::max(now - last_, Duration{});
    const auto depth = behind ? kBehindCatchUp : kCatchUp;
    const auto earned = std::min(passed, depth);
    slipped_ = slipped_ + (passed - earned);
    last_ = std::max(last_, now);
    const auto most = rate_ * depth.us + quantum() * kSpan.us;
    credit_ = std::min(credit_ + rate_ * earned.us, most);
    return static_cast<std::size_t>(credit_ / kSpan.us);
  }

  void spend(std::size_t packets) noexcept {
    credit_ -= static_cast<std::int64_t>(packets) * kSpan.us;
  }

  /// When it is worth asking again.
  Instant next() const noexcept {
    const auto missing = quantum() * kSpan.us - credit_;
    if (missing <= 0) return last_;
    return last_ + std::max(microseconds(missing / rate_ + 1), kSlice);
  }

  /// The time that was overslept, in all.
  Duration slipped() const noexcept { return slipped_; }

 private:
  std::int64_t quantum() const noexcept {
    constexpr auto kSmall = static_cast<std::int64_t>(kAtOnce);
    return rate_ <= kSmall ? rate_ : std::clamp<std::int64_t>(rate_ / 32, 1, kSmall);
  }

  Instant last_;
  std::int64_t rate_ = 0;    // packets a span
  std::int64_t credit_ = 0;  // packets times the span
  Duration slipped_;
};

}  // namespace fanout
