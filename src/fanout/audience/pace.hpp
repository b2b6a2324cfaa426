/// Pacing: what a tick brings to a large audience goes out evenly over most of that tick, so
/// that neither the network card nor the switch behind it sees a burst every 20 ms: of more than
/// 1,500 packets a tick no 5 ms carry more than half again their share. Fewer are no burst.
///
/// Credit grows with time at the rate of what a tick brings and is spent packet by packet. Time
/// the sender overslept earns no credit: the schedule slips, and is not caught up in a burst.
/// A sender who is a whole tick behind catches up in the slack of each span, a tenth of the time,
/// and no faster: a listener who waited gets all the frames they lack in one packet (of 120 ms, in
/// two), so lateness makes packets longer, hardly more.
///
/// A thread that gets no CPU for milliseconds at a time would not even keep up so. While behind,
/// it may send at once what a long sleep has earned, as much as 5 ms may carry, and then nothing
/// for 5 ms.
#pragma once

#include <algorithm>
#include <cstddef>

#include "fanout/base/time.hpp"

namespace fanout {

class Pace {
 public:
  /// A tick's packets leave within nine tenths of it: the rest is slack to catch up in.
  static constexpr Duration kSpan = milliseconds(18);
  /// What is held to half again its share.
  static constexpr Duration kWindow = milliseconds(5);
  /// Credit that may gather beyond a quantum. Of more than 1,500 packets a tick, any 5 ms then
  /// carry less than half again their share: (5 + 1) / 18 + 64 / 1,536 = 1.5 / 4.
  static constexpr Duration kCatchUp = milliseconds(1);
  /// Credit of who overslept while behind: 1.5 times the share of 5 ms in one of 20.
  static constexpr Duration kAfterSleep = microseconds(kSpan.us * 3 / 8);
  /// The quantum: so few are no burst to any queue, and it is not worth waking for less.
  static constexpr std::size_t kAtOnce = 64;
  static constexpr Duration kSlice = microseconds(500);

  /// A tick brings `brought` packets more, so that `waiting` are to go in all; `idle`: the earlier
  /// ones are all gone.
  void add(Instant now, std::size_t brought, std::size_t waiting, bool idle) noexcept {
    const auto most = std::max(rate_, static_cast<std::int64_t>(brought));
    rate_ = std::max<std::int64_t>(std::min(most, static_cast<std::int64_t>(waiting)), 1);
    at_once_ = static_cast<std::int64_t>(std::min(waiting, kAtOnce)) * kSpan.us;
    if (idle) {
      last_ = now;
      credit_ = at_once_;
    } else if (waiting <= kAtOnce) {
      credit_ = std::max(credit_, at_once_);
    }
  }

  /// How many may go now. Credit is kept until spent. `behind`: by a tick or more.
  std::size_t due(Instant now, bool behind) noexcept {
    if (now >= held_) earn(now, behind);
    return static_cast<std::size_t>(credit_ / kSpan.us);
  }

  void spend(std::size_t packets) noexcept {
    credit_ -= static_cast<std::int64_t>(packets) * kSpan.us;
  }

  /// When it is worth asking again.
  Instant next() const noexcept {
    const auto missing = at_once_ - credit_;
    if (missing <= 0) return last_;
    return std::max(held_, last_ + std::max(microseconds(missing / rate_ + 1), kSlice));
  }

  /// The time that was overslept, in all.
  Duration slipped() const noexcept { return slipped_; }

 private:
  void earn(Instant now, bool behind) noexcept {
    const auto passed = std::clamp(now - last_, Duration{}, seconds(1));
    const bool overslept = behind && passed > kCatchUp;
    if (overslept) held_ = now + kWindow;
    const auto most =
        overslept ? std::max(rate_ * kAfterSleep.us, at_once_) : rate_ * kCatchUp.us + at_once_;
    last_ = std::max(last_, now);
    credit_ += rate_ * passed.us;
    if (credit_ > most) {
      slipped_ = slipped_ + microseconds((credit_ - most) / rate_);
      credit_ = most;
    }
  }

  Instant last_;
  Instant held_;              // until then nothing is earned
  std::int64_t rate_ = 0;     // packets a span
  std::int64_t credit_ = 0;   // packets times the span
  std::int64_t at_once_ = 0;  // the same, of the quantum
  Duration slipped_;
};

}  // namespace fanout
