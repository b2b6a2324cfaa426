/// The counters of a voice, wherever they are kept; names as in W3C getStats where they are there.
#pragma once

#include "fanout/bindings/bind.hpp"
#include "fanout/media/jitter.hpp"

namespace fanout {

/// Gives a class a property for each; `stats(self)` has them.
template <typename Class, typename Stats>
void bind_jitter_stats(Class& bound, Stats stats) {
  using Self = typename Class::type;
  const auto property = [&](const char* name, auto member) {
    bound.def_property_readonly(name, [=](const Self& self) { return stats(self).*member; });
  };
  property("packets_received", &JitterStats::packets_received);
  property("packets_lost", &JitterStats::packets_lost);
  property("packets_discarded", &JitterStats::packets_discarded);
  property("packets_duplicated", &JitterStats::packets_duplicated);
  property("packets_repaired", &JitterStats::packets_repaired);
  property("fec_packets_received", &JitterStats::fec_packets_received);
  property("total_samples_received", &JitterStats::total_samples_received);
  property("concealed_samples", &JitterStats::concealed_samples);
  property("silent_concealed_samples", &JitterStats::silent_concealed_samples);
  property("concealment_events", &JitterStats::concealment_events);
  property("inserted_samples_for_deceleration", &JitterStats::inserted_samples_for_deceleration);
  property("removed_samples_for_acceleration", &JitterStats::removed_samples_for_acceleration);
  property("restarts", &JitterStats::restarts);
  property("jitter_buffer_delay", &JitterStats::jitter_buffer_delay);
  property("jitter_buffer_target_delay", &JitterStats::jitter_buffer_target_delay);
  property("jitter_buffer_emitted_count", &JitterStats::jitter_buffer_emitted_count);
  property("target_delay", &JitterStats::target_delay);
  property("jitter", &JitterStats::jitter);
}

}  // namespace fanout
