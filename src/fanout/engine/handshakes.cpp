#include "fanout/engine/handshakes.hpp"

#include <algorithm>
#include <cstring>
#include <exception>
#include <utility>

namespace fanout {

bool Handshake::handle_datagram(Instant now, DtlsContext& context, Bytes datagram,
                                Outbox& outbox) noexcept {
  try {
    if (!dtls) dtls.emplace(context, DtlsRole::server, asks_certificate, now);
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
  const auto flight = dtls->last_flight();
  const auto size = flight.size() <= kMaxLastFlight ? flight.size() : 0;
  std::copy_n(flight.begin(), size, transport.last_flight.begin());
  transport.last_flight_size = static_cast<std::uint8_t>(size);
}

Handshakes::Handshakes(std::uint32_t capacity, std::uint64_t secret)
    : secret_(secret), slots_(capacity) {
  free_.reserve(capacity);
  for (Slot slot = capacity; slot > 0; --slot) free_.push_back(slot - 1);
}

/// A network is an IPv4 address or an IPv6 /64: who has one has all of it.
std::uint16_t Handshakes::source_of(const Address& address) const noexcept {
  const std::size_t at = address.is_v4() ? 8 : 0;
  std::uint64_t network;
  std::memcpy(&network, address.ip.data() + at, sizeof network);
  return static_cast<std::uint16_t>(keyed_hash(secret_, network) % kSources);
}

bool Handshakes::crowded_by(const Address& source) const noexcept {
  const auto capacity = static_cast<std::uint32_t>(slots_.size());
  const auto share = std::max(capacity / kSourceShare, 1U);
  return size() > capacity / 2 && by_source_[source_of(source)] >= share;
}

Slot Handshakes::add(Handshake handshake) {
  handshake.source = source_of(handshake.transport.address);
  ++by_source_[handshake.source];
  const Slot slot = free_.back();
  free_.pop_back();
  slots_[slot] = std::move(handshake);
  return slot;
}

void Handshakes::remove(Slot slot) noexcept {
  --by_source_[slots_[slot]->source];
  slots_[slot].reset();
  free_.push_back(slot);
}

std::optional<Slot> Handshakes::find_idle(Instant now) noexcept {
  constexpr int kLooks = 4;  // each a miss to memory, and the next check looks on
  for (int i = 0; i < kLooks; ++i, hand_ = (hand_ + 1) % static_cast<Slot>(slots_.size())) {
    const auto& handshake = slots_[hand_];
    const bool silent = handshake && !handshake->dtls && handshake->waiting == 0;
    if (silent && now - handshake->started >= kIdleHandshake) return hand_;
  }
  return std::nullopt;
}

}  // namespace fanout
