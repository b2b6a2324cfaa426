/// How many milliseconds of sound a listener gets per packet. Packets are what an audience costs:
/// 20 ms are 50 a second and listener, 60 are 16.7, 120 are 8.3; what they buy is that much delay.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <stdexcept>

namespace fanout {

enum class Tier : std::uint8_t { ms20, ms40, ms60, ms120 };
constexpr std::size_t kTiers = 4;
using TierCounts = std::array<std::uint32_t, kTiers>;

constexpr int milliseconds_of(Tier tier) noexcept {
  constexpr int kMilliseconds[] = {20, 40, 60, 120};
  return kMilliseconds[static_cast<std::size_t>(tier)];
}

/// Ticks of the rooms' clock that one packet spans.
constexpr std::uint32_t ticks(Tier tier) noexcept {
  return static_cast<std::uint32_t>(milliseconds_of(tier)) / 20;
}
constexpr std::uint32_t kMostTicks = ticks(Tier::ms120);

/// Misuse: std::invalid_argument.
constexpr Tier tier_of(int milliseconds) {
  for (const auto tier : {Tier::ms20, Tier::ms40, Tier::ms60, Tier::ms120})
    if (milliseconds_of(tier) == milliseconds) return tier;
  throw std::invalid_argument("a tier is 20, 40, 60 or 120 ms");
}

/// A listener's phase is any number that never changes; one whose tier spans k ticks is due at
/// every k-th, the phases by turns, so that a tier's members are the same load at every tick. At
/// every sixth all tiers are due: whoever changes theirs is never further behind.
constexpr bool is_due(Tier tier, std::uint32_t phase, std::uint64_t tick) noexcept {
  return (tick + phase) % ticks(tier) == 0;
}

}  // namespace fanout
