/// A recorded stream against the jitter buffer: a whole trace in one call, so that policies are
/// compared over hours of audio in milliseconds.
#pragma once

#include <cstddef>
#include <cstdint>

#include "fanout/batch/row.hpp"
#include "fanout/media/jitter.hpp"

namespace fanout {

/// What became of a packet.
enum class Outcome : std::uint8_t {
  played,
  duplicate,
  late,      ///< it came after its time
  left_out,  ///< it came in time, and was not played: delay was shed, or the trace ended
  refused,   ///< larger than a datagram
};

struct PacketFate {
  std::int64_t played_us = -1;  ///< when its first sample is heard
  Outcome fate = Outcome::left_out;
};
static_assert(sizeof(PacketFate) == 16);

struct TickRow {
  std::uint32_t timestamp = 0;  ///< RTP timestamp of the tick's first entry
  std::int32_t target_us = 0;   ///< target delay after the tick
  std::uint8_t what = 0;        ///< Playout of that entry; kFromFifo when there was none
  std::uint8_t skipped = 0;     ///< frames were left out in this tick
};
static_assert(sizeof(TickRow) == 12);

/// The tick was served by what an earlier, longer packet left.
constexpr std::uint8_t kFromFifo = 255;

/// One row per packet, in order of arrival, and one per 20 ms tick from `first_tick_us` on.
struct Replay {
  std::size_t packets = 0;
  const PacketRow* trace = nullptr;
  PacketFate* fates = nullptr;
  std::size_t ticks = 0;
  std::int64_t first_tick_us = 0;
  TickRow* played = nullptr;
};

JitterStats replay(const Replay& run, const JitterPolicy& policy) noexcept;

}  // namespace fanout
