/// A space's room: every 20 ms its speakers' voices become one frame for the audience and a
/// private one for each voice heard in it. What is the same for all is done once, here; halls
/// carry the frame to each listener.
///
/// Discontinuous transmission is the room's own: where nobody is heard nothing is encoded or
/// sent, but a silent frame now and then. Opus' DTX would take a held chord for noise.
///
/// The RTP timestamp is the room's media clock and never stops, whoever speaks: the same for
/// every listener, and the position in the recording.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "fanout/audience/seal.hpp"
#include "fanout/base/ids.hpp"
#include "fanout/engine/hall.hpp"
#include "fanout/engine/outbox.hpp"
#include "fanout/engine/speaker.hpp"
#include "fanout/engine/stats.hpp"
#include "fanout/media/decode_gate.hpp"
#include "fanout/media/level.hpp"
#include "fanout/media/mixer.hpp"

namespace fanout {

/// What the recorder is to write: one packet and its place on the recording's time line.
struct RecordedFrame {
  SpaceId space{};
  std::uint64_t position = 0;  ///< samples since the first voice
  std::uint32_t samples = 0;
  std::uint16_t size = 0;
  std::array<std::uint8_t, kMaxOpusPacket> packet{};

  Bytes bytes() const noexcept { return Bytes(packet).first(size); }
};

class Room {
 public:
  Room(SpaceId space, const OpusEncoderConfig& encoder, std::size_t audible, Instant start);

  int channels() const noexcept { return channels_; }
  SpaceId space() const noexcept { return space_; }
  Ssrc ssrc() const noexcept { return ssrc_of(space_); }
  Instant next_tick() const noexcept { return next_tick_; }
  std::uint32_t timestamp() const noexcept { return timestamp_; }

  /// The speaker stays owned by the caller, and is removed before it dies.
  void add_speaker(Speaker& speaker);
  void remove_speaker(Speaker& speaker) noexcept;
  std::span<Speaker* const> speakers() const noexcept { return speakers_; }
  std::span<const PeerId> audible() const noexcept { return audible_; }
  /// Who has the word, by what was said in the last second.
  std::optional<PeerId> dominant() const noexcept { return ranking_.dominant(); }

  /// One tick of the media clock. The speakers' own legs go to `outbox`.
  void tick(Instant now, Outbox& outbox, EngineCounters& counters);
  /// What the last tick gave the audience, if anything, and when that tick was due.
  const SharedPacket* shared() const noexcept { return shared_ ? &*shared_ : nullptr; }
  Instant last_tick() const noexcept { return next_tick_ - kTick; }
  /// What it gave to record.
  const RecordedFrame* recorded() const noexcept { return recorded_ ? &*recorded_ : nullptr; }

  SpaceStats stats() const;

 private:
  void keep_time(Instant now, EngineCounters& counters) noexcept;
  void listen(EngineCounters& counters);
  void hear(Speaker& speaker, Instant now);
  Speaker* find(PeerId peer) const noexcept;
  void mix(Outbox& outbox);
  void keep_alive(Outbox& outbox);
  /// `without`: who does not hear themselves, and is not named among the sources.
  SharedPacket packet_of(Bytes payload, std::optional<PeerId> without = std::nullopt) const;
  void record(Bytes packet);

  SpaceId space_;
  Instant next_tick_;
  std::uint64_t ticks_ = 0;
  std::uint32_t timestamp_;
  bool talking_ = false;  // somebody was heard in the last tick: else the next starts a spurt

  std::vector<Speaker*> speakers_;
  int channels_;
  DecodeGate gate_;
  SpeakerRanking ranking_;
  Mixer mixer_;
  std::vector<PeerId> audible_;
  std::optional<SharedPacket> shared_;

  std::uint64_t frames_mixed_ = 0;
  std::optional<std::uint64_t> recording_since_;  // in ticks
  std::optional<RecordedFrame> recorded_;
  std::uint64_t recorded_samples_ = 0;
};

}  // namespace fanout
