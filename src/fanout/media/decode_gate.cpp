#include "fanout/media/decode_gate.hpp"

#include <algorithm>

#include "fanout/base/audio.hpp"

namespace fanout {
namespace {

constexpr std::size_t kSpare = 2;  // places to try others
constexpr int kOpenedPerTick = 2;
constexpr std::uint8_t kTrial = 3;   // ticks: a decoder's first frames may be off
constexpr float kInaudible = 57;     // -70 dBov, as in the ranking: room noise
constexpr float kClearlyLouder = 6;  // dB, that equals do not chase each other out
constexpr float kSmoothing = 0.5F;
constexpr float kHonest = 6;             // dB that a codec and its delay may be off
constexpr float kForgiven = 1;           // dB a tick: a liar is tried again after a second or two
constexpr float kForgivenUnleveled = 8;  // nothing was claimed, so nothing was false

}  // namespace

DecodeGate::DecodeGate(std::size_t audible) : audible_(audible) {
  chosen_.reserve(audible + kSpare);
}

void DecodeGate::add(PeerId peer) {
  if (!find(peer)) peers_.push_back({.id = peer});
}

void DecodeGate::remove(PeerId peer) noexcept {
  std::erase_if(peers_, [peer](const Peer& known) { return known.id == peer; });
}

void DecodeGate::claim(PeerId peer, std::uint8_t level, bool leveled) noexcept {
  auto* known = find(peer);
  if (!known) return;
  known->claimed = static_cast<float>(kSilentLevel - std::min(level, kSilentLevel));
  known->leveled = leveled;
}

std::span<const PeerId> DecodeGate::choose(std::span<const PeerId> mixed) noexcept {
  float weakest = mixed.size() < audible_ ? kInaudible : kSilentLevel;
  for (auto& peer : peers_) {
    peer.mixed = peer.open && std::ranges::find(mixed, peer.id) != mixed.end();
    if (peer.mixed && mixed.size() >= audible_) weakest = std::min(weakest, peer.heard);
  }
  weakest = std::max(weakest, kInaudible);
  for (auto& peer : peers_) judge(peer, weakest);
  for (int i = 0; i < kOpenedPerTick && open_next(weakest); ++i) {
  }
  chosen_.clear();
  for (const auto& peer : peers_)
    if (peer.open) chosen_.push_back(peer.id);
  return chosen_;
}

/// After its trial somebody who is neither mixed nor louder than who is gives up the place; of who
/// says nothing it is not known whether the next word comes, so they give way to others only.
void DecodeGate::judge(Peer& peer, float weakest) noexcept {
  const float forgiven = peer.leveled ? kForgiven : kForgivenUnleveled;
  if (!peer.open) peer.doubt = std::max(0.0F, peer.doubt - forgiven);
  if (!peer.open || peer.tried < kTrial) return;
  const float wrong = peer.said - peer.heard;
  peer.doubt = wrong > kHonest ? wrong : 0.0F;
  const bool waits = !peer.leveled && peer.claimed > 0;
  if (!peer.mixed && !waits && peer.heard <= weakest) peer.open = false;
}

/// Gives the one who promises most a place, if need be that of the one who promises least.
bool DecodeGate::open_next(float weakest) noexcept {
  auto* next = most_promising();
  if (!next || next->trusted() <= weakest) return false;
  const auto open = std::ranges::count_if(peers_, &Peer::open);
  if (static_cast<std::size_t>(open) >= audible_ + kSpare) {
    auto* least = least_promising();
    if (!least || next->trusted() <= least->heard + kClearlyLouder) return false;
    least->open = false;
  }
  next->open = true;
  next->tried = 0;
  next->said = next->heard = 0;
  return true;
}

DecodeGate::Peer* DecodeGate::most_promising() noexcept {
  Peer* best = nullptr;
  for (auto& peer : peers_)
    if (!peer.open && (!best || peer.trusted() > best->trusted())) best = &peer;
  return best;
}

DecodeGate::Peer* DecodeGate::least_promising() noexcept {
  Peer* least = nullptr;
  for (auto& peer : peers_)
    if (peer.open && !peer.mixed && peer.tried >= kTrial && (!least || peer.heard < least->heard))
      least = &peer;
  return least;
}

void DecodeGate::measure(PeerId peer, std::uint8_t level) noexcept {
  auto* known = find(peer);
  if (!known || !known->open) return;
  const auto loudness = static_cast<float>(kSilentLevel - std::min(level, kSilentLevel));
  const bool first = known->tried == 0;
  known->said += (first ? 1 : kSmoothing) * (known->claimed - known->said);
  known->heard += (first ? 1 : kSmoothing) * (loudness - known->heard);
  if (known->tried < kTrial) ++known->tried;
}

DecodeGate::Peer* DecodeGate::find(PeerId id) noexcept {
  const auto at = std::ranges::find(peers_, id, &Peer::id);
  return at == peers_.end() ? nullptr : &*at;
}

}  // namespace fanout
