/// Time as a value. Nothing below `io` reads a clock: whoever calls says what time it is, so
/// an hour of drift or a retransmission timer is tested in microseconds, deterministically.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>

namespace fanout {

/// A span of time in microseconds.
struct Duration {
  std::int64_t us = 0;

  constexpr auto operator<=>(const Duration&) const = default;
  constexpr Duration operator+(Duration other) const { return {us + other.us}; }
  constexpr Duration operator-(Duration other) const { return {us - other.us}; }
  constexpr Duration operator*(std::int64_t factor) const { return {us * factor}; }
  constexpr Duration operator/(std::int64_t divisor) const { return {us / divisor}; }
};

constexpr Duration microseconds(std::int64_t count) { return {count}; }
constexpr Duration milliseconds(std::int64_t count) { return {count * 1'000}; }
constexpr Duration seconds(std::int64_t count) { return {count * 1'000'000}; }

/// A point on a monotonic clock, in microseconds since an origin only the caller knows.
struct Instant {
  std::int64_t us = 0;

  constexpr auto operator<=>(const Instant&) const = default;
  constexpr Instant operator+(Duration span) const { return {us + span.us}; }
  constexpr Instant operator-(Duration span) const { return {us - span.us}; }
  constexpr Duration operator-(Instant earlier) const { return {us - earlier.us}; }

  static constexpr Instant never() { return {std::numeric_limits<std::int64_t>::max()}; }
};

/// Wall-clock time in microseconds since 1970-01-01 UTC: ticket expiry and RTCP NTP stamps.
struct UnixTime {
  std::int64_t us = 0;

  constexpr auto operator<=>(const UnixTime&) const = default;
  constexpr std::int64_t seconds() const { return us / 1'000'000; }
};

}  // namespace fanout
