/// What a worker's audience gives up while its media runs late: redundancy first, then packets a
/// second, in the order in which it is missed least. Down fast, a level at a time so that each can
/// show its effect; up slowly, and more slowly each time that was too early. Speakers' own legs
/// are no part of it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "fanout/audience/tier.hpp"
#include "fanout/base/time.hpp"

namespace fanout {

/// From everybody's wish down to the fewest packets there can be.
enum class Relief : std::uint8_t { none, no_red, ms40, ms60, ms120 };

/// The tier of a listener who wishes for `wish`: never less than the relief asks for.
constexpr Tier relieved(Tier wish, Relief relief) noexcept {
  switch (relief) {
    case Relief::none:
    case Relief::no_red:
      return wish;
    case Relief::ms40:
      return std::max(wish, Tier::ms40);
    case Relief::ms60:
      return std::max(wish, Tier::ms60);
    case Relief::ms120:
      return Tier::ms120;
  }
  return wish;
}

class AutoTier {
 public:
  /// Half a tick: pacing leaves a quarter of one to catch up in, so this is no jitter any more.
  static constexpr Duration kLate = milliseconds(10);
  /// Late for so long without a break is overload. A pause of the machine is not: the ticks that
  /// it owes come at once.
  static constexpr Duration kOverload = milliseconds(100);
  /// Late for less is a hiccup, and does not break the calm.
  static constexpr Duration kHiccup = milliseconds(40);
  /// What a level does shows once a packet of 120 ms has come round.
  static constexpr Duration kSettle = milliseconds(200);
  /// Calm for so long, and a level is given back.
  static constexpr Duration kHold = seconds(10);
  /// Down again within this, and going up was too early: the hold doubles, but to less than three
  /// minutes, for loads end.
  static constexpr Duration kRelapse = seconds(30);
  static constexpr Duration kLongestHold = seconds(160);

  /// Once a tick of the worker: how late its media was sent against when it was due.
  Relief update(Instant now, Duration lateness) noexcept;
  Relief relief() const noexcept { return relief_; }

 private:
  void watch(Instant now, Duration lateness) noexcept;
  void step_down(Instant now) noexcept;
  void step_up(Instant now) noexcept;

  Relief relief_ = Relief::none;
  Duration hold_ = kHold;
  std::optional<Instant> late_since_;  // late at every tick from here on
  std::optional<Instant> calm_since_;  // no more than hiccups from here on
  std::optional<Instant> stepped_;     // when the level last changed
  std::optional<Instant> stepped_up_;  // when it last went up, until that has held
};

}  // namespace fanout
