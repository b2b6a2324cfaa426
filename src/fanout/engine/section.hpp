/// Members of a hall who are served at the same ticks, in one array, and the lap through it that
/// is under way: those before the cursor were served in it, those behind it were not.
///
/// To be served twice costs a look, for a listener's row says what it still lacks; to be passed
/// over costs sound. So whoever comes during a lap is served at its end, and whoever leaves is
/// replaced by the last one served and that one by the last of all, two moves. Ticks that fall
/// due during a lap are one more lap: a section that is too large for its ticks gets longer
/// packets.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "fanout/audience/table.hpp"
#include "fanout/base/time.hpp"

namespace fanout {

class Section {
 public:
  std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(members_.size()); }
  std::span<const RowId> members() const noexcept { return members_; }

  void add(RowId id, AudienceTable& table) {
    table.to_seal(id).member = size();
    members_.push_back(id);
  }

  void remove(RowId id, AudienceTable& table) noexcept {
    auto hole = table.to_seal(id).member;
    if (hole < cursor_) {
      move(--cursor_, hole, table);
      hole = cursor_;
    }
    move(size() - 1, hole, table);
    members_.pop_back();
  }

  bool contains(RowId id, AudienceTable& table) const noexcept {
    const auto at = table.to_seal(id).member;
    return at < members_.size() && members_[at] == id;
  }

  /// They are due: a lap begins, or once more when this one ends.
  void start(Instant now) noexcept {
    if (walking_ && !again_) again_since_ = now;
    again_ = walking_;
    if (!walking_) since_ = now;
    walking_ = true;
  }

  bool walking() const noexcept { return walking_; }
  /// Since when those who wait were due.
  Instant since() const noexcept { return since_; }
  /// Visits to make.
  std::uint32_t left() const noexcept {
    if (!walking_) return 0;
    return again_ ? size() : size() - cursor_;
  }
  bool is_waiting(std::uint32_t member) const noexcept { return walking_ && member >= cursor_; }
  std::span<const RowId> waiting() const noexcept { return members().subspan(cursor_); }

  /// That many of those who wait were served; true at the end of a lap.
  bool advance(std::size_t served) noexcept {
    cursor_ += static_cast<std::uint32_t>(served);
    if (cursor_ < size()) return false;
    cursor_ = 0;
    walking_ = again_;
    since_ = again_since_;
    again_ = false;
    return true;
  }

 private:
  void move(std::uint32_t from, std::uint32_t to, AudienceTable& table) noexcept {
    members_[to] = members_[from];
    table.to_seal(members_[to]).member = to;
  }

  std::vector<RowId> members_;
  std::uint32_t cursor_ = 0;
  bool walking_ = false;
  bool again_ = false;
  Instant since_;
  Instant again_since_;
};

}  // namespace fanout
