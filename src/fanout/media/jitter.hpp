/// The jitter buffer of one decoded stream: packets in by arrival, 20 ms of work out per tick.
/// [The implementer writes the theory here: ring by extended sequence, windowed minimum of the
/// transit time, delay histogram, cost-based target.]
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "fanout/base/bytes.hpp"
#include "fanout/base/ids.hpp"
#include "fanout/base/time.hpp"

namespace fanout {

struct JitterPacket {
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  Ssrc ssrc{};
  Bytes payload;               ///< Opus; copied
  std::uint32_t samples = 960; ///< duration at 48 kHz
  std::uint8_t level = 127;    ///< -dBov, 127 when unknown
};

enum class Push : std::uint8_t { stored, duplicate, late, restarted, held, overflow };

enum class Playout : std::uint8_t {
  frame,    ///< decode `payload`, `offset` samples into it are already played
  fec,      ///< lost, but `payload` (its successor) may carry in-band FEC
  conceal,  ///< lost: packet loss concealment
  silence,  ///< the sender is discontinuous (DTX) or there is nothing to conceal any more
  hold,     ///< not started, or delay is being built up: play nothing and advance nothing
};

struct Pop {
  Playout what = Playout::hold;
  Bytes payload;               ///< valid until the next push
  std::uint32_t samples = 0;   ///< what this entry lasts
  std::uint8_t level = 127;
};

/// W3C getStats names where there is one.
struct JitterStats {
  std::uint64_t packets_received = 0;
  std::uint64_t packets_lost = 0;
  std::uint64_t packets_discarded = 0;   ///< late
  std::uint64_t packets_duplicated = 0;
  std::uint64_t fec_packets_received = 0;
  std::uint64_t concealed_samples = 0;
  std::uint64_t silent_concealed_samples = 0;
  std::uint64_t concealment_events = 0;
  std::uint64_t inserted_samples_for_deceleration = 0;
  std::uint64_t removed_samples_for_acceleration = 0;
  std::uint64_t restarts = 0;
  double jitter_buffer_delay = 0;        ///< seconds, summed over emitted samples
  std::uint64_t jitter_buffer_emitted_count = 0;
  double target_delay = 0;               ///< seconds, now
  double jitter = 0;                     ///< RFC 3550 section 6.4.1, seconds
};

class JitterBuffer {
 public:
  JitterBuffer();
  ~JitterBuffer();
  JitterBuffer(JitterBuffer&&) noexcept;
  JitterBuffer& operator=(JitterBuffer&&) noexcept;

  Push push(Instant arrival, const JitterPacket& packet) noexcept;
  /// Called once per 20 ms tick; returns entries until `samples` adds up to a tick.
  Pop pop(Instant now) noexcept;
  void reset() noexcept;
  JitterStats stats() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fanout
