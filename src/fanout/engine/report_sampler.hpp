/// Which of the listeners' receiver reports are opened. They are statistics, so a small audience's
/// are all read, and of a large one's as many as keep every listener known: whoever begins to lose
/// packets is noticed after `kOld` and one more report of theirs (browsers send one in 2.5 to
/// 7.5 s), within half a minute, and then followed closely. What comes beyond is counted, unopened.
#pragma once

#include <cstdint>

#include "fanout/base/time.hpp"

namespace fanout {

class ReportSampler {
 public:
  static constexpr Duration kWindow = milliseconds(20);
  static constexpr Duration kOld = seconds(20);
  /// 3,200 a second: all that 16,000 listeners say.
  static constexpr std::uint32_t kAnybody = 64;
  /// 75,000 a second, when 1,000,000 listeners have 50,000 to be read: a bound on the work that
  /// forged reports can make, half a microsecond each.
  static constexpr std::uint32_t kAtMost = 1'500;

  /// A time in two bytes of a listener's row, in quarters of a second. It wraps after hours, and
  /// who was silent for just that long waits for a turn once more.
  using Stamp = std::uint16_t;
  static Stamp stamp(Instant now) noexcept {
    return static_cast<Stamp>(now.us / milliseconds(250).us);
  }

  /// Whether to open a report of somebody whose last one, opened at `last`, told of loss or not.
  bool takes(Instant now, Stamp last, bool lossy) noexcept {
    if (now - since_ >= kWindow) {
      since_ = now;
      taken_ = 0;
    }
    const bool old = static_cast<Stamp>(stamp(now) - last) >= kOld.us / milliseconds(250).us;
    const bool takes = taken_ < (old || lossy ? kAtMost : kAnybody);
    taken_ += takes;
    return takes;
  }

 private:
  Instant since_;
  std::uint32_t taken_ = 0;
};

}  // namespace fanout
