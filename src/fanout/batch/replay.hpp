/// A recorded stream against the jitter buffer: a whole trace in one call, so that policies are
/// compared over hours of audio in milliseconds.
#pragma once

#include <cstddef>
#include <cstdint>

#include "fanout/media/jitter.hpp"

namespace fanout {

/// One row per packet, in order of arrival; `levels` may be null (unknown).
struct ReplayTrace {
  std::size_t packets = 0;
  const std::int64_t* arrival_us = nullptr;
  const std::uint16_t* sequences = nullptr;
  const std::uint32_t* timestamps = nullptr;  ///< 48 kHz
  const std::uint16_t* sizes = nullptr;       ///< payload bytes
  const std::uint16_t* samples = nullptr;
  const std::uint8_t* levels = nullptr;
};

/// One row per 20 ms tick from `first_tick` on.
struct ReplayTicks {
  std::size_t ticks = 0;
  std::int64_t first_tick_us = 0;
  std::uint8_t* what = nullptr;       ///< Playout of the tick's first entry; kFromFifo when none
  std::int64_t* timestamp = nullptr;  ///< RTP timestamp of that entry
  std::int32_t* target_us = nullptr;  ///< target delay after the tick
};

/// The tick was served by what an earlier, longer packet left.
constexpr std::uint8_t kFromFifo = 255;

JitterStats replay(const ReplayTrace& trace, const ReplayTicks& out) noexcept;

}  // namespace fanout
