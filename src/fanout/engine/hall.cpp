#include "fanout/engine/hall.hpp"

#include <algorithm>

namespace fanout {

void Hall::add(RowId id, AudienceTable& table) {
  table.to_seal(id).member = size();
  members_.push_back(id);
}

bool Hall::contains(RowId id, AudienceTable& table) const noexcept {
  const auto at = table.to_seal(id).member;
  return at < members_.size() && members_[at] == id;
}

std::optional<RowId> Hall::last() const noexcept {
  if (members_.empty()) return std::nullopt;
  return members_.back();
}

void Hall::move_member(std::uint32_t from, std::uint32_t to, AudienceTable& table) noexcept {
  members_[to] = members_[from];
  table.to_seal(members_[to]).member = to;
}

void Hall::remove(RowId id, AudienceTable& table) noexcept {
  std::array<std::uint32_t*, 2 * kMaxWalks> bounds;
  std::size_t count = 0;
  for (std::size_t i = 0; i < walking_; ++i) {
    bounds[count++] = &walk(i).cursor;
    bounds[count++] = &walk(i).end;
  }
  std::ranges::sort(std::span(bounds).first(count), {}, [](const auto* bound) { return *bound; });
  auto hole = table.to_seal(id).member;
  for (auto* bound : std::span(bounds).first(count)) {
    if (*bound <= hole) continue;
    move_member(--*bound, hole, table);
    hole = *bound;
  }
  move_member(size() - 1, hole, table);
  members_.pop_back();
}

void Hall::publish(Instant now, Instant due, const SharedPacket& packet, EngineCounters& counters) {
  clock_at_ = due;
  clock_ = packet.timestamp();
  if (members_.empty()) return;
  pace_.add(now, members_.size(), walking_ == 0);
  if (walking_ == kMaxWalks) {
    pop_walk();
    ++counters.frames_abandoned;
  }
  walk(walking_++) = {packet, now, 0, size()};
}

void Hall::pop_walk() noexcept {
  first_ = (first_ + 1) % kMaxWalks;
  --walking_;
}

void Hall::fan_out(Instant now, SrtpEngine& engine, AudienceTable& table, SendBatch& batch,
                   EngineCounters& counters) noexcept {
  if (walking_ == 0) return;
  const auto slipped = pace_.slipped();
  auto due = pace_.due(now, lateness(now) > Duration{});
  if (pace_.slipped() > slipped) ++counters.slices_late;
  while (walking_ > 0 && due > 0 && batch.room() > 0) {
    Walk& frame = walk(0);
    const auto share = std::min<std::size_t>(due, frame.end - frame.cursor);
    const auto sealed =
        seal(engine, table, std::span(members_).subspan(frame.cursor, share), frame.packet, batch);
    frame.cursor += static_cast<std::uint32_t>(sealed);
    pace_.spend(sealed);
    due -= sealed;
    if (frame.cursor == frame.end) pop_walk();
  }
}

Instant Hall::next_send() const noexcept { return walking_ == 0 ? Instant::never() : pace_.next(); }

Duration Hall::lateness(Instant now) const noexcept {
  if (walking_ == 0) return {};
  return std::max(now - walks_[first_].since - kTick, Duration{});
}

std::uint32_t Hall::timestamp(Instant now) const noexcept {
  constexpr std::int64_t kSamplesPerMs = kClockRate / 1'000;
  return clock_ + static_cast<std::uint32_t>((now - clock_at_).us * kSamplesPerMs / 1'000);
}

}  // namespace fanout
