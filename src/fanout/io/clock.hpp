/// The system's clocks.
#pragma once

#include <ctime>

#include "fanout/base/time.hpp"

namespace fanout {

inline std::int64_t microseconds_of(clockid_t clock) noexcept {
  timespec now;
  clock_gettime(clock, &now);
  return now.tv_sec * 1'000'000 + now.tv_nsec / 1'000;
}

/// As Python's time.monotonic_ns has it.
inline Instant monotonic() noexcept { return {microseconds_of(CLOCK_MONOTONIC)}; }

inline UnixTime wall_clock() noexcept { return {microseconds_of(CLOCK_REALTIME)}; }

}  // namespace fanout
