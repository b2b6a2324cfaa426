/// A space's audience on one worker: who is in it, and the frames on their way to them. Rooms
/// make frames, halls carry them out; a space has one room, and a hall on every worker.
///
/// Members lie in one array, and each frame under way is a stretch of it that shrinks from the
/// front. Whoever leaves is replaced by the last one of each stretch in turn, a handful of
/// moves, so that nobody is served twice or passed over, and no holes are left to close.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "fanout/audience/pace.hpp"
#include "fanout/audience/seal.hpp"
#include "fanout/audience/table.hpp"
#include "fanout/base/ids.hpp"
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
  std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(members_.size()); }

  /// A frame for everybody here. `due`: when its tick was, by the room's media clock.
  void publish(Instant now, Instant due, const SharedPacket& packet, EngineCounters& counters);
  /// Seals what may be sent by `now`.
  void fan_out(Instant now, SrtpEngine& engine, AudienceTable& table, SendBatch& batch,
               EngineCounters& counters) noexcept;
  /// When `fan_out` has something to do again.
  Instant next_send() const noexcept;
  /// How long the oldest frame under way has been so, beyond the tick it had.
  Duration lateness(Instant now) const noexcept;

  /// The media clock, as the frames have told it; meaningful once there was one.
  std::uint32_t timestamp(Instant now) const noexcept;

 private:
  /// A frame on its way: `[cursor, end)` of the members are still to get it.
  struct Walk {
    SharedPacket packet;
    Instant since;
    std::uint32_t cursor = 0;
    std::uint32_t end = 0;
  };
  /// Frames under way at once: more than three behind, and the oldest is given up.
  static constexpr std::size_t kMaxWalks = 4;

  Walk& walk(std::size_t i) noexcept { return walks_[(first_ + i) % kMaxWalks]; }
  void pop_walk() noexcept;
  void move_member(std::uint32_t from, std::uint32_t to, AudienceTable& table) noexcept;

  std::vector<RowId> members_;
  std::array<Walk, kMaxWalks> walks_{};
  std::size_t first_ = 0;
  std::size_t walking_ = 0;
  Pace pace_;
  Instant clock_at_;
  std::uint32_t clock_ = 0;
};

}  // namespace fanout
