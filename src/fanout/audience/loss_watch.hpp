/// Whether a listener's path loses so much that copies are worth their bytes, by its own receiver
/// reports. Soon on, late off: loss comes in spells.
#pragma once

#include <cstdint>

namespace fanout {

class LossWatch {
 public:
  /// In 1/256, as reports have it: 3 % and 1 %. Below the first, Opus conceals what is lost.
  static constexpr std::uint8_t kLossy = 8;
  static constexpr std::uint8_t kClean = 3;
  /// Two in a row, since one lost packet of a short interval is a large fraction; and six, which
  /// browsers send in about half a minute.
  static constexpr std::uint8_t kReportsOn = 2;
  static constexpr std::uint8_t kReportsOff = 6;

  bool is_lossy() const noexcept { return lossy_; }

  void report(std::uint8_t fraction_lost) noexcept {
    const bool against = lossy_ ? fraction_lost < kClean : fraction_lost >= kLossy;
    count_ = against ? count_ + 1 : 0;
    if (count_ < (lossy_ ? kReportsOff : kReportsOn)) return;
    lossy_ = !lossy_;
    count_ = 0;
  }

 private:
  bool lossy_ = false;
  std::uint8_t count_ = 0;  // reports in a row that speak against what is held
};

}  // namespace fanout
