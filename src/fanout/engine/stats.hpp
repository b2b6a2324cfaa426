/// Counters and snapshots an engine gives out.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "fanout/audience/tier.hpp"
#include "fanout/base/audio.hpp"
#include "fanout/base/drop.hpp"
#include "fanout/base/ids.hpp"
#include "fanout/media/voice.hpp"

namespace fanout {

struct EngineCounters {
  std::uint64_t packets_received = 0;
  std::uint64_t bytes_received = 0;
  std::uint64_t packets_sent = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t checks_answered = 0;
  std::uint64_t addresses_moved = 0;
  std::uint64_t handshakes_started = 0;
  std::uint64_t handshakes_completed = 0;
  std::uint64_t handshakes_failed = 0;
  std::uint64_t cookies_asked = 0;  ///< for hellos when too many may have been forged
  std::uint64_t reports_received = 0;
  std::uint64_t reports_skipped = 0;  ///< unopened: a large audience's are sampled
  std::uint64_t frames_decoded = 0;   ///< packets of those speakers who were listened to
  std::uint64_t frames_mixed = 0;
  std::uint64_t frames_abandoned = 0;  ///< listeners who were too far behind to get them all
  std::uint64_t red_packets = 0;       ///< with redundant copies, for who loses many
  std::uint64_t frames_rejected = 0;   ///< not 20 ms of Opus that fits a datagram, or not newer
  std::uint64_t ticks = 0;             ///< of all rooms
  std::uint64_t ticks_over_1ms = 0;    ///< later than that; those over 5 ms are in here too
  std::uint64_t ticks_over_2ms = 0;
  std::uint64_t ticks_over_5ms = 0;
  std::uint64_t ticks_late = 0;  ///< by more than half a frame
  std::uint64_t ticks_over_20ms = 0;
  std::uint64_t ticks_over_50ms = 0;
  std::uint64_t slices_late = 0;  ///< of a frame's fan-out: put off, not sent in a burst
  std::uint64_t relayed = 0;      ///< datagrams handed to the worker that has their sender
  std::uint64_t outbox_overflows = 0;
  std::uint64_t consents_expired = 0;
  DropCounts drops;

  EngineCounters& operator+=(const EngineCounters& other) noexcept;
};

/// Every counter and the name it is exported under.
struct CounterName {
  const char* name;
  std::uint64_t EngineCounters::* counter;
};
std::span<const CounterName> counter_names() noexcept;

struct SpeakerStats {
  PeerId peer{};
  bool muted = false;
  bool audible = false;
  std::uint8_t level = kSilentLevel;  ///< -dBov
  VoiceStats voice;
};

struct SpaceStats {
  std::uint32_t listeners = 0;  ///< of one worker, or of all
  TierCounts tiers{};           ///< of them, who gets 20, 40, 60 and 120 ms a packet
  std::vector<SpeakerStats> speakers{};
  std::uint64_t frames_mixed = 0;
  std::uint64_t recorded_samples = 0;
};

}  // namespace fanout
