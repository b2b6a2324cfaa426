#include "fanout/engine/room.hpp"

#include <algorithm>

#include "fanout/secure/hmac.hpp"

namespace fanout {

namespace {

/// A 20 ms CELT frame of digital silence: any decoder plays it, no encoder is asked.
constexpr std::array<std::uint8_t, 3> kSilence = {0xF8, 0xFF, 0xFE};
/// While nobody is heard, silence this often keeps NAT bindings and players alive.
constexpr std::uint64_t kKeepAliveTicks = 20;
/// More ticks behind than this and the clock jumps: a suspended machine owes nobody a burst.
constexpr std::int64_t kMaxTicksOwed = 10;

OpusEncoderConfig continuous(OpusEncoderConfig config) {
  config.dtx = false;
  return config;
}

}  // namespace

Room::Room(SpaceId space, const OpusEncoderConfig& encoder, std::size_t audible, Instant start)
    : space_(space),
      next_tick_(start + kTick),
      timestamp_(random_value<std::uint32_t>()),
      ranking_(audible),
      mixer_(continuous(encoder)) {
  audible_.reserve(audible);
}

void Room::add_listener(RowId id, AudienceTable& table) {
  table.to_seal(id).member = static_cast<std::uint32_t>(members_.size());
  members_.push_back(id);
  ++listeners_;
}

bool Room::has_listener(RowId id, AudienceTable& table) const noexcept {
  const auto at = table.to_seal(id).member;
  return at < members_.size() && members_[at] == id;
}

void Room::remove_listener(RowId id, AudienceTable& table) noexcept {
  members_[table.to_seal(id).member] = kNobody;
  has_holes_ = true;
  --listeners_;
}

void Room::add_speaker(Speaker& speaker) {
  speakers_.push_back(&speaker);
  ranking_.add(speaker.peer());
  mixer_.add(speaker.peer());
  if (!recording_since_) recording_since_ = ticks_ + 1;
}

void Room::remove_speaker(Speaker& speaker) noexcept {
  std::erase(speakers_, &speaker);
  ranking_.remove(speaker.peer());
  mixer_.remove(speaker.peer());
}

void Room::tick(Instant now, AudienceTable& table, Outbox& outbox, EngineCounters& counters) {
  keep_time(now, counters);
  compact(table);
  recorded_.reset();
  shared_.reset();
  listen();
  if (!audible_.empty() || talking_) {  // one more tick after the last word: it fades out
    mix(outbox);
    ++frames_mixed_;
    ++counters.frames_mixed;
  } else if (ticks_ % kKeepAliveTicks == 0) {
    keep_alive(outbox);
  }
  talking_ = !audible_.empty();
  if (shared_ && listeners_ > 0) publish(now, *shared_, counters);
}

void Room::keep_time(Instant now, EngineCounters& counters) noexcept {
  const auto behind = now - next_tick_;
  if (behind > kTick / 2) ++counters.ticks_late;
  const auto owed = behind.us / kTick.us;
  const auto step = owed > kMaxTicksOwed ? owed + 1 : 1;
  ticks_ += static_cast<std::uint64_t>(step);
  timestamp_ += static_cast<std::uint32_t>(step) * static_cast<std::uint32_t>(kFrameSamples);
  next_tick_ = next_tick_ + kTick * step;
}

/// Closes the holes that leavers left; only while no frame is under way, whose cursor counts
/// members.
void Room::compact(AudienceTable& table) noexcept {
  if (!has_holes_ || fanout_count_ > 0) return;
  std::size_t kept = 0;
  for (const RowId id : members_) {
    if (id == kNobody) continue;
    table.to_seal(id).member = static_cast<std::uint32_t>(kept);
    members_[kept++] = id;
  }
  members_.resize(kept);
  has_holes_ = false;
}

/// Voices are played by the media clock, however late this tick comes.
void Room::listen() {
  const Instant now = next_tick_ - kTick;
  for (Speaker* speaker : speakers_) {
    mixer_.set_voice(speaker->peer(), speaker->next_frame(now));
    ranking_.report(speaker->peer(), speaker->level(), now);
  }
  const auto loudest = ranking_.audible(now);
  audible_.assign(loudest.begin(), loudest.end());
  std::ranges::sort(audible_);  // who is heard, not in which order, is what is told
}

void Room::mix(Outbox& outbox) {
  const auto mixed = mixer_.mix(audible_);
  shared_ = packet_of(mixed.shared);
  record(mixed.shared);
  for (Speaker* speaker : speakers_) {
    const auto own = std::ranges::find(mixed.minus, speaker->peer(), &MixMinus::peer);
    const bool heard = own != mixed.minus.end();
    speaker->send(heard ? packet_of(own->packet, speaker->peer()) : *shared_, outbox);
  }
}

void Room::keep_alive(Outbox& outbox) {
  shared_ = packet_of(kSilence);
  for (Speaker* speaker : speakers_) speaker->send(*shared_, outbox);
}

SharedPacket Room::packet_of(Bytes payload, std::optional<PeerId> without) const {
  std::array<PeerId, kMaxCsrc> csrc;
  const auto end = std::ranges::remove_copy_if(audible_, csrc.begin(), [without](PeerId peer) {
                     return peer == without;
                   }).out;
  return {
      {.marker = !talking_, .timestamp = timestamp_, .ssrc = ssrc(), .csrc = {csrc.begin(), end}},
      payload};
}

void Room::record(Bytes packet) {
  if (!recording_since_ || packet.size() > kMaxOpusPacket) return;
  auto& frame = recorded_.emplace();
  frame.space = space_;
  frame.position = (ticks_ - *recording_since_) * kFrameSamples;
  frame.samples = kFrameSamples;
  frame.size = static_cast<std::uint16_t>(packet.size());
  std::ranges::copy(packet, frame.packet.begin());
  recorded_samples_ = frame.position + frame.samples;
}

void Room::publish(Instant now, const SharedPacket& packet, EngineCounters& counters) {
  if (fanout_count_ == kMaxFanouts) {
    first_fanout_ = (first_fanout_ + 1) % kMaxFanouts;
    --fanout_count_;
    ++counters.frames_abandoned;
  }
  fanouts_[(first_fanout_ + fanout_count_++) % kMaxFanouts] = {packet, Pace(now, members_.size()),
                                                               0};
}

bool Room::fan_out(Instant now, SrtpEngine& engine, AudienceTable& table,
                   SendBatch& batch) noexcept {
  const auto before = batch.size();
  while (fanout_count_ > 0 && batch.room() > 0) {
    Fanout& frame = fanouts_[first_fanout_];
    const auto due = std::min(frame.pace.due(now), members_.size());
    if (frame.cursor < due)
      frame.cursor += seal(engine, table, members().subspan(frame.cursor, due - frame.cursor),
                           frame.packet, batch);
    if (frame.cursor < frame.pace.total()) break;
    first_fanout_ = (first_fanout_ + 1) % kMaxFanouts;
    --fanout_count_;
  }
  return batch.size() > before;
}

Instant Room::next_send(Instant now) const noexcept {
  if (fanout_count_ == 0) return Instant::never();
  const Fanout& frame = fanouts_[first_fanout_];
  return frame.cursor < frame.pace.due(now) ? now : frame.pace.next(now);
}

SpaceStats Room::stats() const {
  SpaceStats stats{.listeners = listeners_,
                   .frames_mixed = frames_mixed_,
                   .recorded_samples = recorded_samples_};
  for (const Speaker* speaker : speakers_)
    stats.speakers.push_back(
        {.peer = speaker->peer(),
         .muted = speaker->muted(),
         .audible =
             !speaker->muted() && std::ranges::find(audible_, speaker->peer()) != audible_.end(),
         .level = speaker->level(),
         .jitter = speaker->stats()});
  return stats;
}

}  // namespace fanout
