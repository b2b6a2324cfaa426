#include "fanout/engine/handshakes.hpp"

#include <algorithm>
#include <cstring>
#include <exception>
#include <utility>

namespace fanout {

bool Handshake::handle_datagram(Instant now, DtlsContext& context, Bytes datagram,
                                Outbox& outbox) noexcept {
  try {
    if (!dtls)
      dtls.emplace(context, DtlsRole::server, asks_certificate, now,
                   DtlsOptions{.asks_cookie = !trusted});
  } catch (const std::exception&) {  // out of memory: this joiner tries again
    return false;
  }
  dtls->handle_datagram(now, datagram);
  return flush(outbox);
}

bool Handshake::handle_timeout(Instant now, Outbox& outbox) noexcept {
  if (!dtls || now < dtls->next_timeout()) return true;
  dtls->handle_timeout(now);
  return flush(outbox);
}

bool Handshake::flush(Outbox& outbox) noexcept {
  for (auto out = dtls->poll_transmit(); !out.empty(); out = dtls->poll_transmit())
    outbox.add(transport.address, out);
  return dtls->state() != DtlsSession::State::failed;
}

bool Handshake::certificate_matches() const noexcept {
  if (!fingerprint) return true;
  const auto shown = dtls->peer_fingerprint();
  return shown && equal_in_constant_time(Bytes(*shown).first(kFingerprintPrefix), *fingerprint);
}

void Handshake::take_keys() noexcept {
  const auto keys = dtls->keys();
  transport.local = keys.local;
  transport.remote = keys.remote;
  transport.last_flight = dtls->last_flight();
}

Handshakes::Handshakes(std::uint32_t each, std::uint32_t waiting, std::uint64_t secret)
    : secret_(secret), most_{each, waiting, each} {
  const auto most = 2 * (std::size_t{each} + waiting);
  slots_.reserve(most);  // pages that only a storm touches
  free_.reserve(most);
  used_.resize((most + 63) / 64);
  shaking_.resize(used_.size());
}

/// A network is an IPv4 address or an IPv6 /64: who has one has all of it.
std::uint16_t Handshakes::source_of(const Address& address) const noexcept {
  const std::size_t at = address.is_v4() ? 8 : 0;
  std::uint64_t network;
  std::memcpy(&network, address.ip.data() + at, sizeof network);
  return static_cast<std::uint16_t>(keyed_hash(secret_, network) % kSources);
}

bool Handshakes::crowded(Stage stage, std::uint16_t source) const noexcept {
  const auto most = most_[index(stage)];
  const auto share = std::max(most / kSourceShare, 1U);
  return count_[index(stage)] > most / 2 && by_source_[index(stage)][source] >= share;
}

bool Handshakes::may_enter(Stage stage, std::uint16_t source) const noexcept {
  return room(stage) > 0 && !crowded(stage, source);
}

Slot Handshakes::add(Handshake handshake) {
  handshake.source = source_of(handshake.transport.address);
  handshake.stage = Stage::silent;
  ++by_source_[index(Stage::silent)][handshake.source];
  ++count_[index(Stage::silent)];
  if (free_.empty()) {
    free_.push_back(static_cast<Slot>(slots_.size()));
    slots_.emplace_back();
  }
  const Slot slot = free_.back();
  free_.pop_back();
  slots_[slot] = std::move(handshake);
  put(used_, slot, true);
  return slot;
}

void Handshakes::remove(Slot slot) noexcept {
  const Handshake& handshake = *slots_[slot];
  --by_source_[index(handshake.stage)][handshake.source];
  --count_[index(handshake.stage)];
  slots_[slot].reset();
  put(used_, slot, false);
  put(shaking_, slot, false);
  free_.push_back(slot);
}

bool Handshakes::hear(Slot slot) noexcept {
  const Handshake& handshake = *slots_[slot];
  if (handshake.stage != Stage::silent) return true;
  if (!may_enter(Stage::waiting, handshake.source)) return false;
  enter(Stage::waiting, slot);
  return true;
}

void Handshakes::rest(Slot slot) noexcept {
  slots_[slot]->waiting = 0;
  if (slots_[slot]->stage == Stage::waiting) enter(Stage::silent, slot);
}

bool Handshakes::begin(Slot slot, Instant now) noexcept {
  if (!may_enter(Stage::shaking, slots_[slot]->source)) {
    rest(slot);
    return false;
  }
  slots_[slot]->started = now;
  slots_[slot]->trusted = trust(now);
  enter(Stage::shaking, slot);
  return true;
}

bool Handshakes::trust(Instant now) noexcept {
  const auto regained = (now - regained_at_).us / kTrustRegained.us;
  broken_ -= static_cast<std::uint32_t>(std::min<std::int64_t>(regained, broken_));
  regained_at_ = broken_ == 0 ? now : regained_at_ + kTrustRegained * regained;
  if (broken_ == kMostTrusted) return false;
  ++broken_;
  return true;
}

void Handshakes::proved(Slot slot) noexcept {
  if (std::exchange(slots_[slot]->trusted, false)) broken_ -= std::min(broken_, kTrustEarned);
}

void Handshakes::enter(Stage stage, Slot slot) noexcept {
  Handshake& handshake = *slots_[slot];
  --by_source_[index(handshake.stage)][handshake.source];
  --count_[index(handshake.stage)];
  handshake.stage = stage;
  ++by_source_[index(stage)][handshake.source];
  ++count_[index(stage)];
  put(shaking_, slot, stage == Stage::shaking);
}

/// There is one.
Slot Handshakes::next_used(Slot from) const noexcept {
  auto word = from / 64;
  auto bits = used_[word] & ~std::uint64_t{0} << from % 64;
  while (bits == 0) bits = used_[word = (word + 1) % static_cast<Slot>(used_.size())];
  return word * 64 + static_cast<Slot>(std::countr_zero(bits));
}

std::optional<Slot> Handshakes::find_idle(Instant now) noexcept {
  constexpr int kLooks = 4;  // each a miss to memory, and the next check looks on
  for (int i = 0; i < kLooks; ++i, hand_ = (hand_ + 1) % static_cast<Slot>(slots_.size())) {
    hand_ = next_used(hand_);
    const Handshake& handshake = *slots_[hand_];
    if (handshake.stage == Stage::silent && now - handshake.started >= kIdleHandshake) return hand_;
  }
  return std::nullopt;
}

}  // namespace fanout
