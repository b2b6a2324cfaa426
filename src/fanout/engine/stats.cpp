#include "fanout/engine/stats.hpp"

#include <array>

namespace fanout {

std::span<const CounterName> counter_names() noexcept {
  using C = EngineCounters;
  static constexpr auto kNames = std::to_array<CounterName>({
      {"packets_received", &C::packets_received},
      {"bytes_received", &C::bytes_received},
      {"packets_sent", &C::packets_sent},
      {"bytes_sent", &C::bytes_sent},
      {"checks_answered", &C::checks_answered},
      {"addresses_moved", &C::addresses_moved},
      {"handshakes_started", &C::handshakes_started},
      {"handshakes_completed", &C::handshakes_completed},
      {"handshakes_failed", &C::handshakes_failed},
      {"cookies_asked", &C::cookies_asked},
      {"reports_received", &C::reports_received},
      {"reports_skipped", &C::reports_skipped},
      {"frames_decoded", &C::frames_decoded},
      {"frames_mixed", &C::frames_mixed},
      {"frames_abandoned", &C::frames_abandoned},
      {"red_packets", &C::red_packets},
      {"frames_rejected", &C::frames_rejected},
      {"ticks", &C::ticks},
      {"ticks_over_1ms", &C::ticks_over_1ms},
      {"ticks_over_2ms", &C::ticks_over_2ms},
      {"ticks_over_5ms", &C::ticks_over_5ms},
      {"ticks_late", &C::ticks_late},
      {"ticks_over_20ms", &C::ticks_over_20ms},
      {"ticks_over_50ms", &C::ticks_over_50ms},
      {"slices_late", &C::slices_late},
      {"relayed", &C::relayed},
      {"outbox_overflows", &C::outbox_overflows},
      {"consents_expired", &C::consents_expired},
  });
  return kNames;
}

EngineCounters& EngineCounters::operator+=(const EngineCounters& other) noexcept {
  for (const auto& [name, counter] : counter_names()) this->*counter += other.*counter;
  drops += other.drops;
  return *this;
}

}  // namespace fanout
