#include "fanout/engine/auto_tier.hpp"

namespace fanout {
namespace {

constexpr Relief moved(Relief relief, int by) noexcept {
  return static_cast<Relief>(static_cast<int>(relief) + by);
}

}  // namespace

Relief AutoTier::update(Instant now, Duration lateness) noexcept {
  watch(now, lateness);
  const bool settled = !stepped_ || now - *stepped_ >= kSettle;
  if (late_since_ && now - *late_since_ >= kOverload && settled && relief_ != Relief::ms120)
    step_down(now);
  else if (now - std::max(*calm_since_, stepped_.value_or(*calm_since_)) >= hold_ &&
           relief_ != Relief::none)
    step_up(now);
  return relief_;
}

void AutoTier::watch(Instant now, Duration lateness) noexcept {
  if (lateness <= kLate)
    late_since_.reset();
  else if (!late_since_)
    late_since_ = now;
  if (!calm_since_ || (late_since_ && now - *late_since_ >= kHiccup)) calm_since_ = now;
  if (stepped_up_ && now - *stepped_up_ >= kRelapse) {
    stepped_up_.reset();
    hold_ = kHold;
  }
}

void AutoTier::step_down(Instant now) noexcept {
  if (stepped_up_) hold_ = std::min(hold_ * 2, kLongestHold);
  stepped_up_.reset();
  stepped_ = now;
  relief_ = moved(relief_, 1);
}

void AutoTier::step_up(Instant now) noexcept {
  stepped_ = stepped_up_ = now;
  relief_ = moved(relief_, -1);
}

}  // namespace fanout
