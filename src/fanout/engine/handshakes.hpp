/// Those who passed a check and have no keys yet: a bounded pool of DTLS handshakes. A slot is
/// small until the first ClientHello, and empty again as soon as the keys are out.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "fanout/audience/transport.hpp"
#include "fanout/engine/outbox.hpp"
#include "fanout/secure/dtls.hpp"

namespace fanout {

using Slot = std::uint32_t;

/// Nobody needs longer from the first check to the last flight: the peer starts afresh then.
constexpr Duration kJoinDeadline = seconds(15);
/// A ClientHello follows its check by a round trip, and one that was lost is repeated after a
/// second (RFC 6347 section 4.2.4.1): after this long without one, a slot may go to somebody else
/// when all are taken. Were it less, a crowd of slow joiners would throw each other out, and nobody
/// join.
constexpr Duration kIdleHandshake = seconds(2);

/// A source that has this fraction of the slots waits while more than half of them are taken:
/// an office behind one address joins a little slower than the rest of the world.
constexpr std::uint32_t kSourceShare = 16;

/// Datagrams of one handshake that may wait for the CPU: two flights. Who repeats a hello that
/// waits already only makes the line longer.
constexpr std::uint8_t kMaxWaiting = 4;

struct Handshake {
  Transport transport;
  std::optional<std::array<std::uint8_t, kFingerprintPrefix>> fingerprint;
  bool asks_certificate = false;
  Instant started;
  std::optional<DtlsSession> dtls{};
  std::uint16_t source = 0;  ///< which counter of its source it is under
  std::uint8_t waiting = 0;  ///< datagrams in the line

  /// Feeds the session, which the first record makes. False when it failed.
  bool handle_datagram(Instant now, DtlsContext& context, Bytes datagram, Outbox& outbox) noexcept;
  bool handle_timeout(Instant now, Outbox& outbox) noexcept;
  bool connected() const noexcept { return dtls && dtls->state() == DtlsSession::State::connected; }
  /// Whether the certificate shown is the one the ufrag names, if it names one.
  bool certificate_matches() const noexcept;
  /// Takes keys and last flight over into the transport.
  void take_keys() noexcept;

 private:
  bool flush(Outbox& outbox) noexcept;
};

class Handshakes {
 public:
  Handshakes(std::uint32_t capacity, std::uint64_t secret);

  bool full() const noexcept { return free_.empty(); }
  std::uint32_t size() const noexcept {
    return static_cast<std::uint32_t>(slots_.size() - free_.size());
  }
  /// Whether the address' network has its share and slots are getting scarce.
  bool crowded_by(const Address& source) const noexcept;
  /// Only while not full.
  Slot add(Handshake handshake);
  void remove(Slot slot) noexcept;
  /// One of the oldest slots that have seen no ClientHello for `kIdleHandshake`; the same one again
  /// while it is.
  std::optional<Slot> find_idle(Instant now) noexcept;
  Handshake& operator[](Slot slot) noexcept { return *slots_[slot]; }

  /// Calls `visit(slot)` for each; `visit` may remove it.
  template <typename Visit>
  void for_each(Visit visit) {
    for (Slot slot = 0; slot < slots_.size(); ++slot)
      if (slots_[slot]) visit(slot);
  }

 private:
  /// Sources share counters by hash: what two of them lose to each other passes in a second.
  static constexpr std::size_t kSources = 4'096;
  std::uint16_t source_of(const Address& address) const noexcept;

  std::uint64_t secret_;
  std::array<std::uint32_t, kSources> by_source_{};
  std::vector<std::optional<Handshake>> slots_;
  std::vector<Slot> free_;
  Slot hand_ = 0;  // goes round, so what it meets was filled about a round ago
};

}  // namespace fanout
