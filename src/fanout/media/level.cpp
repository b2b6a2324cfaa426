#include "fanout/media/level.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <numbers>
#include <stdexcept>

namespace fanout {
namespace {

constexpr Duration kFrame = milliseconds(20);

constexpr std::uint8_t to_loudness(std::uint8_t level) noexcept {
  return static_cast<std::uint8_t>(kSilentLevel - std::min(level, kSilentLevel));
}

// The loudest.
constexpr float kSmoothing = 0.5F;               // a word's onset counts within two frames
constexpr std::uint8_t kAudible = 57;            // louder than -70 dBov: not room noise
constexpr float kClearlyLouder = 6.0F;           // dB
constexpr std::uint8_t kHonest = 6;              // dB that a codec and its delay may be off
constexpr Duration kPauses = milliseconds(150);  // longer than a stop consonant
constexpr Duration kSilent = milliseconds(500);

// The dominant: parameters of the paper as the open implementations use them.
constexpr std::uint8_t kUnit = 10;     // dB
constexpr std::size_t kUnits = 13;     // levels 0..127 in such units
constexpr std::uint8_t kLoudUnit = 7;  // above: a loud frame
constexpr std::size_t kTenth = 5;      // frames
constexpr std::size_t kTenths = 10;
constexpr int kHistory = static_cast<int>(kTenth * kTenths);
constexpr std::uint64_t kTenthMask = (1U << kTenth) - 1;
constexpr float kImmediateMargin = 3.0F;
constexpr float kMediumMargin = 2.0F;
constexpr float kLongMargin = 0.0F;
constexpr Duration kDecide = milliseconds(300);
constexpr Duration kIdle = milliseconds(40);
constexpr std::uint16_t kFloorFrames = 750;  // noise is what stays for 15 s

/// Bit 0, 5, 10, ...: the newest frame of each tenth.
constexpr std::uint64_t tenths() {
  std::uint64_t mask = 0;
  for (std::size_t i = 0; i < kTenths; ++i) mask |= std::uint64_t{1} << (i * kTenth);
  return mask;
}

/// ln of the score of `active` out of N: ln C(N, v) + N ln 1/2 - ln L + L v, where frames are
/// active by chance with p = 1/2 in noise and exponentially (L) in speech.
template <std::size_t N>
std::array<float, N + 1> log_scores(double lambda) {
  constexpr double kLeast = 1e-10;
  std::array<float, N + 1> scores{};
  for (std::size_t v = 0; v <= N; ++v) {
    const auto n = static_cast<double>(N), k = static_cast<double>(v);
    const auto choose = std::lgamma(n + 1) - std::lgamma(k + 1) - std::lgamma(n - k + 1);
    const auto score = choose - n * std::numbers::ln2 - std::log(lambda) + lambda * k;
    scores[v] = static_cast<float>(std::log(std::max(score, kLeast)));
  }
  return scores;
}

const auto kImmediateScores = log_scores<kUnits>(0.78);
const auto kMediumScores = log_scores<kTenth>(24);
const auto kLongScores = log_scores<kTenths>(47);

}  // namespace

void SpeakerRanking::Speaker::hear(std::uint8_t level, std::uint8_t claimed, Instant now) noexcept {
  fall_silent(now - kFrame);
  raise_floor(level);
  const auto above_floor = level < floor + kUnit ? std::uint8_t{0} : level;
  unit = above_floor / kUnit;
  loud = loud << 1 | (unit > kLoudUnit ? 1 : 0);
  loudness += kSmoothing * (static_cast<float>(level) - loudness);
  if (level > kAudible)
    heard = now;
  else if (claimed > std::max<int>(kAudible, level + kHonest))
    heard = heard - kFrame;
  reported = now;
}

/// A lower level is the floor at once; a higher one pulls it up after a window without a lower.
void SpeakerRanking::Speaker::raise_floor(std::uint8_t level) noexcept {
  if (level == 0) return;
  if (level < floor) {
    floor = level;
    next_floor_frames = next_floor = 0;
    return;
  }
  next_floor = next_floor == 0 ? level : std::min(next_floor, level);
  if (++next_floor_frames < kFloorFrames) return;
  const auto known = floor == 0 ? next_floor : floor;
  floor = static_cast<std::uint8_t>(std::sqrt(static_cast<float>(known) * next_floor));
  next_floor_frames = next_floor = 0;
}

/// Frames that were not reported were silent (DTX).
void SpeakerRanking::Speaker::fall_silent(Instant now) noexcept {
  if (now - reported < kIdle) return;
  const auto frames = std::min<std::int64_t>((now - reported).us / kFrame.us, kHistory);
  loud <<= frames;
  unit = 0;
  loudness *= std::pow(1.0F - kSmoothing, static_cast<float>(frames));
  reported = now;
}

SpeakerRanking::Activity SpeakerRanking::Speaker::activity() const noexcept {
  static_assert(kTenth == 5);
  const auto throughout = loud & loud >> 1 & loud >> 2 & loud >> 3 & loud >> 4;
  return {.immediate = kImmediateScores[unit],
          .medium = kMediumScores[static_cast<std::size_t>(std::popcount(loud & kTenthMask))],
          .long_term = kLongScores[static_cast<std::size_t>(std::popcount(throughout & tenths()))]};
}

SpeakerRanking::SpeakerRanking(std::size_t audible) : places_(audible) {
  if (audible == 0) throw std::invalid_argument("audible must be at least 1");
  mixed_.reserve(audible);
  names_.reserve(audible);
}

void SpeakerRanking::add(PeerId peer) { speakers_.try_emplace(peer); }

void SpeakerRanking::remove(PeerId peer) noexcept {
  std::erase_if(mixed_, [&](const Place& place) { return place.peer == peer; });
  if (dominant_ == peer) dominant_.reset();
  speakers_.erase(peer);
}

void SpeakerRanking::report(PeerId peer, std::uint8_t level, Instant now,
                            std::uint8_t claimed) noexcept {
  const auto found = speakers_.find(peer);
  if (found == speakers_.end()) return;
  auto& speaker = found->second;
  speaker.hear(to_loudness(level), to_loudness(claimed), now);
  if (speaker.heard == now) take_place(peer, speaker, now);
  if (now < next_decision_) return;
  next_decision_ = now + kDecide;
  decide(now);
}

void SpeakerRanking::take_place(PeerId peer, const Speaker& speaker, Instant now) noexcept {
  if (std::ranges::find(mixed_, peer, &Place::peer) != mixed_.end()) return;
  if (mixed_.size() < places_) return mixed_.push_back({peer, &speaker});
  const auto strength = [&](const Place& place) {
    return now - place.speaker->heard > kPauses ? 0.0F : place.speaker->loudness + kClearlyLouder;
  };
  const auto weakest = std::ranges::min_element(mixed_, {}, strength);
  if (speaker.loudness > strength(*weakest)) *weakest = {peer, &speaker};
}

std::span<const PeerId> SpeakerRanking::audible(Instant now) noexcept {
  std::erase_if(mixed_, [&](const Place& p) { return now - p.speaker->heard >= kSilent; });
  std::ranges::sort(mixed_, [](const Place& a, const Place& b) {
    return a.speaker->loudness > b.speaker->loudness;
  });
  names_.clear();
  for (const auto& place : mixed_) names_.push_back(place.peer);
  return names_;
}

void SpeakerRanking::decide(Instant now) noexcept {
  for (auto& [peer, speaker] : speakers_) speaker.fall_silent(now);
  const auto present = dominant_ ? speakers_.find(*dominant_) : speakers_.end();
  if (present == speakers_.end()) {
    dominant_ = first_to_speak();
    return;
  }
  const auto defence = present->second.activity();
  auto lead = kMediumMargin;
  for (const auto& [peer, speaker] : speakers_) {
    const auto activity = speaker.activity();
    const auto ahead = activity.medium - defence.medium;
    const bool speech = activity.immediate - defence.immediate > kImmediateMargin &&
                        ahead > kMediumMargin &&
                        activity.long_term - defence.long_term > kLongMargin;
    if (!speech || ahead < lead || (ahead == lead && *dominant_ < peer)) continue;
    dominant_ = peer;
    lead = ahead;
  }
}

std::optional<PeerId> SpeakerRanking::first_to_speak() const noexcept {
  std::optional<PeerId> first;
  int most = 0;
  for (const auto& [peer, speaker] : speakers_) {
    const auto frames = std::popcount(speaker.loud << (64 - kHistory));
    if (frames > most || (frames == most && first && peer < *first)) first = peer, most = frames;
  }
  return first;
}

}  // namespace fanout
