/// A space's room: every 20 ms its speakers' voices become one frame for the audience and a
/// private one for each voice heard in it. What is the same for all is done once, here; the
/// frames then wait in `Fanout`s for the seal loop to carry them to each listener.
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

#include "fanout/audience/pace.hpp"
#include "fanout/audience/seal.hpp"
#include "fanout/audience/table.hpp"
#include "fanout/base/ids.hpp"
#include "fanout/engine/outbox.hpp"
#include "fanout/engine/speaker.hpp"
#include "fanout/engine/stats.hpp"
#include "fanout/media/level.hpp"
#include "fanout/media/mixer.hpp"

namespace fanout {

constexpr Duration kTick = milliseconds(20);

/// A frame on its way to the members, `cursor` of whom it has reached.
struct Fanout {
  SharedPacket packet;
  Pace pace;
  std::size_t cursor = 0;
};

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

  SpaceId space() const noexcept { return space_; }
  /// The low half of the space's id: tickets and answers can name it before anybody connects.
  Ssrc ssrc() const noexcept { return static_cast<Ssrc>(static_cast<std::uint64_t>(space_)); }
  Instant next_tick() const noexcept { return next_tick_; }
  std::uint32_t timestamp() const noexcept { return timestamp_; }

  void add_listener(RowId id, AudienceTable& table);
  void remove_listener(RowId id, AudienceTable& table) noexcept;
  bool has_listener(RowId id, AudienceTable& table) const noexcept;
  std::uint32_t listeners() const noexcept { return listeners_; }
  /// Members in no particular order; `kNobody` where one left since the last tick.
  std::span<const RowId> members() const noexcept { return members_; }

  /// The speaker stays owned by the caller, and is removed before it dies.
  void add_speaker(Speaker& speaker);
  void remove_speaker(Speaker& speaker) noexcept;
  std::span<Speaker* const> speakers() const noexcept { return speakers_; }
  std::span<const PeerId> audible() const noexcept { return audible_; }

  /// One tick of the media clock. The speakers' own legs go to `outbox`.
  void tick(Instant now, AudienceTable& table, Outbox& outbox, EngineCounters& counters);
  /// What the last tick gave to record, if anything.
  const RecordedFrame* recorded() const noexcept { return recorded_ ? &*recorded_ : nullptr; }

  /// Seals what may be sent by `now`; true when the batch grew.
  bool fan_out(Instant now, SrtpEngine& engine, AudienceTable& table, SendBatch& batch) noexcept;
  /// When `fan_out` has something to do again.
  Instant next_send(Instant now) const noexcept;

  SpaceStats stats() const;

 private:
  void keep_time(Instant now, EngineCounters& counters) noexcept;
  void compact(AudienceTable& table) noexcept;
  void listen();
  void mix(Outbox& outbox);
  void keep_alive(Outbox& outbox);
  /// `without`: who does not hear themselves, and is not named among the sources.
  SharedPacket packet_of(Bytes payload, std::optional<PeerId> without = std::nullopt) const;
  void publish(Instant now, const SharedPacket& packet, EngineCounters& counters);
  void record(Bytes packet);

  /// Frames under way at once: more than three behind, and the oldest is given up.
  static constexpr std::size_t kMaxFanouts = 4;

  SpaceId space_;
  Instant next_tick_;
  std::uint64_t ticks_ = 0;
  std::uint32_t timestamp_;
  bool talking_ = false;  // somebody was heard in the last tick: else the next starts a spurt

  std::vector<RowId> members_;
  std::uint32_t listeners_ = 0;
  bool has_holes_ = false;

  std::vector<Speaker*> speakers_;
  SpeakerRanking ranking_;
  Mixer mixer_;
  std::vector<PeerId> audible_;
  std::optional<SharedPacket> shared_;

  std::array<Fanout, kMaxFanouts> fanouts_{};
  std::size_t first_fanout_ = 0;
  std::size_t fanout_count_ = 0;

  std::uint64_t frames_mixed_ = 0;
  std::optional<std::uint64_t> recording_since_;  // in ticks
  std::optional<RecordedFrame> recorded_;
  std::uint64_t recorded_samples_ = 0;
};

}  // namespace fanout
