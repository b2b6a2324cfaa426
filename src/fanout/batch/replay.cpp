#include "fanout/batch/replay.hpp"

#include <algorithm>
#include <array>

namespace fanout {
namespace {

constexpr std::int64_t kTickUs = 20'000;
// What the payloads hold does not matter, only how long they are.
constexpr std::array<std::uint8_t, PacketRing::kMaxPayload> kPayload{};

JitterPacket row(const ReplayTrace& trace, std::size_t i) noexcept {
  const auto size = std::min<std::size_t>(trace.sizes[i], kPayload.size());
  return {.sequence = trace.sequences[i],
          .timestamp = trace.timestamps[i],
          .ssrc = {},
          .payload = Bytes(kPayload).first(size),
          .samples = trace.samples[i],
          .level = trace.levels ? trace.levels[i] : std::uint8_t{127}};
}

/// What a mixer does per tick; returns what is left in its FIFO.
std::int64_t play_tick(JitterBuffer& buffer, const ReplayTicks& out, std::size_t tick,
                       std::int64_t fifo) noexcept {
  constexpr std::int64_t kWanted = kFrameSamples;
  const Instant now{out.first_tick_us + static_cast<std::int64_t>(tick) * kTickUs};
  const bool pops = fifo < kWanted;
  const auto first = pops ? buffer.pop(now) : Pop{};
  fifo += first.samples;
  while (fifo < kWanted) fifo += buffer.pop(now).samples;
  out.what[tick] = pops ? static_cast<std::uint8_t>(first.what) : kFromFifo;
  out.timestamp[tick] = first.timestamp;
  out.target_us[tick] = static_cast<std::int32_t>(buffer.target().us);
  return fifo - kWanted;
}

}  // namespace

JitterStats replay(const ReplayTrace& trace, const ReplayTicks& out) noexcept {
  JitterBuffer buffer;
  std::size_t next = 0;
  std::int64_t fifo = 0;
  for (std::size_t tick = 0; tick < out.ticks; ++tick) {
    const auto now = out.first_tick_us + static_cast<std::int64_t>(tick) * kTickUs;
    for (; next < trace.packets && trace.arrival_us[next] <= now; ++next)
      buffer.push({trace.arrival_us[next]}, row(trace, next));
    fifo = play_tick(buffer, out, tick, fifo);
  }
  return buffer.stats();
}

}  // namespace fanout
