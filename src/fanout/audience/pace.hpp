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
  /// Credit that may gather beyond a quantum. Of more than 1,500 packets a tick, any 5 ms then
  /// carry less than half again their share: (5 + 1) / 18 + 64 / 1,536 = 1.5 / 4.
  static constexpr Duration kCatchUp = milliseconds(1);
  /// The same for who is behind: the time slices of a busy scheduler. Any 5 ms then carry less
  /// than three times their share.
  static constexpr Duration kBehindCatchUp = milliseconds(8);
  /// The quantum: so few are no burst to any queue, and it is not worth waking for less.
  static constexpr std::size_t kAtOnce = 64;
  static constexpr Duration kSlice = microseconds(500);

  /// A tick brings `packets` more; `idle`: the last ones are all gone.
  void add(Instant now, std::size_t packets, bool idle) noexcept {
    rate_ = std::max<std::int64_t>(static_cast<std::int64_t>(packets), 1);
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
    const auto passed = std::clamp(now - last_, Duration{}, seconds(1));
    const auto depth = behind ? kBehindCatchUp : kCatchUp;
    const auto most = rate_ * depth.us + quantum() * kSpan.us;
    last_ = std::max(last_, now);
    credit_ += rate_ * passed.us;
    if (credit_ > most) {
      slipped_ = slipped_ + microseconds((credit_ - most) / rate_);
      credit_ = most;
    }
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
    return std::min(rate_, static_cast<std::int64_t>(kAtOnce));
  }

  Instant last_;
  std::int64_t rate_ = 0;    // packets a span
  std::int64_t credit_ = 0;  // packets times the span
  Duration slipped_;
};

}  // namespace fanout
