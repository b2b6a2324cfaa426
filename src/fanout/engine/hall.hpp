/// A space's audience on one worker: who is in it, what tier each of them has, and when they are
/// served. Rooms make frames, halls carry them out; a space has one room, and a hall on every
/// worker.
///
/// Followers of the space's tier stand in one section per phase; so do those pinned to a tier of
/// their own. A tick serves the sections that are due and no others, and a change of the space's
/// tier for any audience is a change of one number. What a member gets is the ladder's business.
///
/// Ticks come with the frames. When frames stop, the hall goes on by itself for as long as a
/// packet can be: what waits in a longer tier goes out when that is due.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "fanout/audience/pace.hpp"
#include "fanout/audience/seal.hpp"
#include "fanout/audience/table.hpp"
#include "fanout/base/ids.hpp"
#include "fanout/engine/auto_tier.hpp"
#include "fanout/engine/ladder.hpp"
#include "fanout/engine/section.hpp"
#include "fanout/engine/stats.hpp"

namespace fanout {

constexpr Duration kTick = milliseconds(20);

/// The low half of the space's id: tickets and answers can name it before anybody connects.
constexpr Ssrc ssrc_of(SpaceId space) noexcept {
  return static_cast<Ssrc>(static_cast<std::uint64_t>(space));
}

class Hall {
 public:
  void add(RowId id, AudienceTable& table);
  void remove(RowId id, AudienceTable& table) noexcept;
  bool contains(RowId id, AudienceTable& table) const noexcept;
  /// Anybody at all, so that a closing space can be emptied.
  std::optional<RowId> last() const noexcept;
  std::uint32_t size() const noexcept { return size_; }
  /// Everybody, in no order.
  std::vector<RowId> members() const;

  /// The tier of all who have none of their own; nothing: 20 ms, or as the relief has it.
  void set_tier(std::optional<Tier> tier) noexcept;
  void set_relief(Relief relief) noexcept;
  /// A member's own tier; nothing: the space's.
  void pin(RowId id, std::optional<Tier> tier, AudienceTable& table);
  /// How many members have each tier now.
  TierCounts tiers() const noexcept;

  /// A frame for everybody here. `due`: when its tick was, by the room's media clock.
  void publish(Instant now, Instant due, const SharedPacket& frame, AudienceTable& table,
               EngineCounters& counters);
  /// Seals what may be sent by `now`.
  void fan_out(Instant now, SrtpEngine& engine, AudienceTable& table, SendBatch& batch,
               EngineCounters& counters) noexcept;
  /// When `fan_out` has something to do again.
  Instant next_send() const noexcept;
  /// How long the oldest lap under way has been so, beyond the tick it had.
  Duration lateness(Instant now) const noexcept;

  /// The media clock, as the frames have told it; meaningful once there was one.
  std::uint32_t timestamp(Instant now) const noexcept;

 private:
  /// Followers first, then those pinned to each tier; each by phase.
  static constexpr std::size_t kSections = (1 + kTiers) * kMostTicks;
  /// A tick without a frame is known so much after it was due: the room may be late, and its
  /// frames on their way from another worker.
  static constexpr Duration kGrace = milliseconds(5);

  Tier tier_of_section(std::size_t section) const noexcept;
  void open(const SharedPacket& first, AudienceTable& table);
  void start_tick(Instant now) noexcept;
  void start_ticks_before(std::uint64_t tick, Instant now) noexcept;
  std::size_t left() const noexcept;
  void end_laps(std::size_t section) noexcept;
  bool may_lack(Tier tier) const noexcept;
  Instant next_quiet_tick() const noexcept;
  std::size_t serve(Section& section, std::size_t most, Instant now, SrtpEngine& engine,
                    AudienceTable& table, SendBatch& batch, EngineCounters& counters) noexcept;

  std::array<Section, kSections> sections_;
  std::uint32_t size_ = 0;
  std::optional<Tier> tier_;
  Relief relief_ = Relief::none;

  std::unique_ptr<Ladder> ladder_;  // from the first frame on
  std::uint64_t tick_ = 0;          // the last one served
  std::uint64_t frame_tick_ = 0;    // the newest frame's
  std::uint64_t unsettled_ = 0;     // before this tick somebody may wait for a tier they had
  Instant clock_at_;                // the newest frame's tick
  std::uint32_t clock_ = 0;         // and timestamp

  static constexpr int kTurns = 32;
  static_assert(kSections <= kTurns);
  std::uint32_t walking_ = 0;  // the sections that are, bit by bit
  int turn_ = 0;               // the one that is being served
  Pace pace_;
};

}  // namespace fanout
