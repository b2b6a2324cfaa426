#include "fanout/engine/room.hpp"

#include <algorithm>

#include "fanout/base/audio.hpp"
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

/// Most ticks are in time: they are told apart by the first of these alone.
void count_lateness(Duration behind, EngineCounters& counters) noexcept {
  ++counters.ticks;
  if (behind.us <= 1'000) return;
  ++counters.ticks_over_1ms;
  if (behind.us > 2'000) ++counters.ticks_over_2ms;
  if (behind.us > 5'000) ++counters.ticks_over_5ms;
  if (behind > kTick / 2) ++counters.ticks_late;
  if (behind.us > 20'000) ++counters.ticks_over_20ms;
  if (behind.us > 50'000) ++counters.ticks_over_50ms;
}

}  // namespace

Room::Room(SpaceId space, const OpusEncoderConfig& encoder, std::size_t audible, Instant start)
    : space_(space),
      next_tick_(start + kTick),
      timestamp_(random_value<std::uint32_t>()),
      channels_(encoder.channels),
      gate_(audible),
      ranking_(audible),
      mixer_(continuous(encoder)) {
  audible_.reserve(audible);
}

void Room::add_speaker(Speaker& speaker) {
  speakers_.push_back(&speaker);
  gate_.add(speaker.peer());
  ranking_.add(speaker.peer());
  mixer_.add(speaker.peer());
  if (!recording_since_) recording_since_ = ticks_ + 1;
}

void Room::remove_speaker(Speaker& speaker) noexcept {
  std::erase(speakers_, &speaker);
  gate_.remove(speaker.peer());
  ranking_.remove(speaker.peer());
  mixer_.remove(speaker.peer());
}

void Room::tick(Instant now, Outbox& outbox, EngineCounters& counters) {
  keep_time(now, counters);
  recorded_.reset();
  shared_.reset();
  listen(counters);
  if (!audible_.empty() || talking_) {  // one more tick after the last word: it fades out
    mix(outbox);
    ++frames_mixed_;
    ++counters.frames_mixed;
  } else if (ticks_ % kKeepAliveTicks == 0) {
    keep_alive(outbox);
  }
  talking_ = !audible_.empty();
}

void Room::keep_time(Instant now, EngineCounters& counters) noexcept {
  const auto behind = now - next_tick_;
  count_lateness(behind, counters);
  const auto owed = behind.us / kTick.us;
  const auto step = owed > kMaxTicksOwed ? owed + 1 : 1;
  ticks_ += static_cast<std::uint64_t>(step);
  timestamp_ += static_cast<std::uint32_t>(step) * static_cast<std::uint32_t>(kFrameSamples);
  next_tick_ = next_tick_ + kTick * step;
}

/// Voices are played by the media clock, however late this tick comes.
void Room::listen(EngineCounters& counters) {
  const Instant now = last_tick();
  for (Speaker* speaker : speakers_) {
    auto& voice = speaker->voice();
    voice.advance(now);
    const auto claim = speaker->muted() ? kSilentLevel : voice.claim();
    gate_.claim(speaker->peer(), claim, voice.leveled());
    speaker->set_level(voice.leveled() ? claim : kSilentLevel);  // until it is heard
  }
  for (const PeerId peer : gate_.choose(ranking_.audible(now)))
    if (Speaker* speaker = find(peer)) hear(*speaker, now);
  for (Speaker* speaker : speakers_) counters.frames_decoded += speaker->voice().poll_decoded();
  audible_.clear();
  for (const PeerId peer : ranking_.audible(now))
    if (const auto* speaker = find(peer); speaker && !speaker->muted()) audible_.push_back(peer);
  std::ranges::sort(audible_);  // who is heard, not in which order, is what is told
}

/// Who is muted is heard no more, but for the end of a fade.
void Room::hear(Speaker& speaker, Instant now) {
  const auto frame = speaker.voice().frame();
  const auto level = speaker.muted() ? kSilentLevel : level_dbov(frame);
  mixer_.set_voice(speaker.peer(), frame);
  gate_.measure(speaker.peer(), level);
  ranking_.report(speaker.peer(), level, now, speaker.level());
  speaker.set_level(level);
}

Speaker* Room::find(PeerId peer) const noexcept {
  const auto at = std::ranges::find(speakers_, peer, &Speaker::peer);
  return at == speakers_.end() ? nullptr : *at;
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

SpaceStats Room::stats() const {
  SpaceStats stats{.frames_mixed = frames_mixed_, .recorded_samples = recorded_samples_};
  for (const Speaker* speaker : speakers_)
    stats.speakers.push_back(
        {.peer = speaker->peer(),
         .muted = speaker->muted(),
         .audible =
             !speaker->muted() && std::ranges::find(audible_, speaker->peer()) != audible_.end(),
         .level = speaker->level(),
         .voice = speaker->stats()});
  return stats;
}

}  // namespace fanout
