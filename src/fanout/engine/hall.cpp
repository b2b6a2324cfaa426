#include "fanout/engine/hall.hpp"

#include <algorithm>
#include <bit>

#include "fanout/base/audio.hpp"

namespace fanout {

void Hall::add(RowId id, AudienceTable& table) {
  const auto followers = std::span(sections_).first(kMostTicks);
  const auto smallest = std::ranges::min_element(followers, {}, &Section::size);
  SealRow& row = table.to_seal(id);
  row.section = static_cast<std::uint8_t>(smallest - followers.begin());
  if (ladder_) row.next_timestamp = ladder_->next_timestamp();
  smallest->add(id, table);
  ++size_;
}

void Hall::remove(RowId id, AudienceTable& table) noexcept {
  const auto section = table.to_seal(id).section;
  sections_[section].remove(id, table);
  end_laps(section);
  --size_;
}

/// Whoever was still waiting may have left: a lap with nobody to visit is over.
void Hall::end_laps(std::size_t section) noexcept {
  Section& lap = sections_[section];
  while (lap.walking() && lap.waiting().empty()) lap.advance(0);
  if (!lap.walking()) walking_ &= ~(1u << section);
}

bool Hall::contains(RowId id, AudienceTable& table) const noexcept {
  return sections_[table.to_seal(id).section].contains(id, table);
}

std::optional<RowId> Hall::last() const noexcept {
  for (const auto& section : sections_)
    if (section.size() > 0) return section.members().back();
  return std::nullopt;
}

std::vector<RowId> Hall::members() const {
  std::vector<RowId> all;
  all.reserve(size_);
  for (const auto& section : sections_)
    all.insert(all.end(), section.members().begin(), section.members().end());
  return all;
}

void Hall::set_tier(std::optional<Tier> tier) noexcept {
  tier_ = tier;
  unsettled_ = tick_ + kMostTicks;
}

void Hall::set_relief(Relief relief) noexcept {
  relief_ = relief;
  unsettled_ = tick_ + kMostTicks;
}

void Hall::pin(RowId id, std::optional<Tier> tier, AudienceTable& table) {
  SealRow& row = table.to_seal(id);
  const auto phase = row.section % kMostTicks;
  const auto group = tier ? 1 + static_cast<std::size_t>(*tier) : 0;
  const auto before = row.section;
  const auto since = sections_[before].since();
  const bool waits = sections_[before].is_waiting(row.member);
  sections_[before].remove(id, table);
  row.section = static_cast<std::uint8_t>(group * kMostTicks + phase);
  sections_[row.section].add(id, table);
  if (waits && !sections_[row.section].walking()) {  // and must not wait for another turn
    sections_[row.section].start(since);
    walking_ |= 1u << row.section;
  }
  end_laps(before);
  unsettled_ = tick_ + kMostTicks;
}

Tier Hall::tier_of_section(std::size_t section) const noexcept {
  const auto group = section / kMostTicks;
  const Tier wish = group > 0 ? static_cast<Tier>(group - 1) : tier_.value_or(Tier::ms20);
  return tier_ ? wish : relieved(wish, relief_);
}

TierCounts Hall::tiers() const noexcept {
  TierCounts counts{};
  for (std::size_t i = 0; i < kSections; ++i)
    counts[static_cast<std::size_t>(tier_of_section(i))] += sections_[i].size();
  return counts;
}

void Hall::publish(Instant now, Instant due, const SharedPacket& frame, AudienceTable& table,
                   EngineCounters& counters) {
  if (!ladder_) open(frame, table);
  const auto passed = std::max(static_cast<std::int32_t>(frame.timestamp() - clock_), 0);
  const auto tick = frame_tick_ + static_cast<std::uint64_t>(passed) / kFrameSamples;
  start_ticks_before(tick, now);
  if (!ladder_->push(frame)) {
    ++counters.frames_rejected;
    return;
  }
  clock_at_ = due;
  clock_ = frame.timestamp();
  tick_ = frame_tick_ = tick;
  start_tick(now);
}

/// The first frame: whoever was here before it has been sent nothing.
void Hall::open(const SharedPacket& first, AudienceTable& table) {
  ladder_ = std::make_unique<Ladder>(first.ssrc(), first.timestamp());
  clock_ = first.timestamp();
  for (const auto& section : sections_)
    for (const RowId id : section.members()) table.to_seal(id).next_timestamp = first.timestamp();
}

/// Ticks that were overslept come at once, those at least for which anything can be waiting.
void Hall::start_ticks_before(std::uint64_t tick, Instant now) noexcept {
  while (tick_ + 1 < tick && tick_ + 1 < frame_tick_ + kMostTicks) {
    ++tick_;
    start_tick(now);
  }
}

void Hall::start_tick(Instant now) noexcept {
  const bool idle = walking_ == 0;
  std::size_t brought = 0;
  for (std::uint32_t i = 0; i < kSections; ++i) {
    const Tier tier = tier_of_section(i);
    if (sections_[i].size() > 0 && is_due(tier, i % kMostTicks, tick_) && may_lack(tier)) {
      sections_[i].start(now);
      brought += sections_[i].size();
      walking_ |= 1u << i;
    }
  }
  if (walking_ != 0) pace_.add(now, brought, left(), idle);
}

/// Visits to make, in all sections.
std::size_t Hall::left() const noexcept {
  std::size_t visits = 0;
  for (const auto& section : sections_) visits += section.left();
  return visits;
}

/// Whether members of this tier can lack anything: who cannot is not walked for nothing.
bool Hall::may_lack(Tier tier) const noexcept {
  return tick_ - frame_tick_ < (tick_ < unsettled_ ? kMostTicks : ticks(tier));
}

void Hall::fan_out(Instant now, SrtpEngine& engine, AudienceTable& table, SendBatch& batch,
                   EngineCounters& counters) noexcept {
  for (; next_quiet_tick() <= now; start_tick(now)) ++tick_;
  if (walking_ == 0) return;
  const auto slipped = pace_.slipped();
  auto due = pace_.due(now, lateness(now) > Duration{});
  if (pace_.slipped() > slipped) ++counters.slices_late;
  while (due > 0 && walking_ != 0 && batch.room() > 0) {
    turn_ = (turn_ + std::countr_zero(std::rotr(walking_, turn_))) % kTurns;
    due -=
        serve(sections_[static_cast<std::size_t>(turn_)], due, now, engine, table, batch, counters);
  }
}

/// Visits up to `most` of a section's members; returns how many.
std::size_t Hall::serve(Section& section, std::size_t most, Instant now, SrtpEngine& engine,
                        AudienceTable& table, SendBatch& batch, EngineCounters& counters) noexcept {
  const auto before = batch.size();
  const auto skips = ladder_->skips();
  bool more = false;
  const auto next = [&](SealRow& row) -> const SharedPacket* {
    const bool red = row.red_payload_type != 0 && row.loss.is_lossy() && relief_ == Relief::none;
    const auto* step =
        red ? ladder_->next_red(row.next_timestamp) : ladder_->next(row.next_timestamp);
    if (!step) return nullptr;
    row.next_timestamp = step->next_timestamp;
    more |= step->next_timestamp != ladder_->next_timestamp();
    counters.red_packets += red;
    return &step->packet;
  };
  const auto waiting = section.waiting();
  const auto visited =
      seal(engine, table, waiting.first(std::min(most, waiting.size())), next, batch);
  pace_.spend(batch.size() - before);
  counters.frames_abandoned += ladder_->skips() - skips;
  if (more) {  // what one packet could not hold is a lap of its own
    section.start(now);
    pace_.add(now, 0, left(), false);
  }
  if (section.advance(visited)) {
    if (!section.walking()) walking_ &= ~(1u << turn_);
    turn_ = (turn_ + 1) % kTurns;  // the others first
  }
  return visited;
}

Instant Hall::next_send() const noexcept {
  return walking_ != 0 ? std::min(pace_.next(), next_quiet_tick()) : next_quiet_tick();
}

Instant Hall::next_quiet_tick() const noexcept {
  const auto quiet = tick_ - frame_tick_ + 1;
  if (!ladder_ || size_ == 0 || quiet >= kMostTicks) return Instant::never();
  return clock_at_ + kTick * static_cast<std::int64_t>(quiet) + kGrace;
}

Duration Hall::lateness(Instant now) const noexcept {
  Duration latest;
  for (const auto& section : sections_)
    if (section.walking()) latest = std::max(latest, now - section.since() - kTick);
  return latest;
}

std::uint32_t Hall::timestamp(Instant now) const noexcept {
  constexpr std::int64_t kSamplesPerMs = kClockRate / 1'000;
  return clock_ + static_cast<std::uint32_t>((now - clock_at_).us * kSamplesPerMs / 1'000);
}

}  // namespace fanout
