/// Those who passed a check and have no keys yet: a bounded pool of DTLS handshakes. A slot is
/// small until the first ClientHello, and empty again as soon as the keys are out.
#pragma once

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
/// A ClientHello follows its check by a round trip: after this long without one, a slot may go
/// to somebody else when all are taken.
constexpr Duration kIdleHandshake = milliseconds(500);

struct Handshake {
  Transport transport;
  std::optional<std::array<std::uint8_t, kFingerprintPrefix>> fingerprint;
  bool asks_certificate = false;
  Instant started;
  std::optional<DtlsSession> dtls{};

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
  explicit Handshakes(std::uint32_t capacity);

  bool full() const noexcept { return free_.empty(); }
  std::uint32_t size() const noexcept {
    return static_cast<std::uint32_t>(slots_.size() - free_.size());
  }
  /// Only while not full.
  Slot add(Handshake handshake);
  void remove(Slot slot) noexcept;
  /// One of the oldest slots that have seen no ClientHello for `kIdleHandshake`.
  std::optional<Slot> find_idle(Instant now) noexcept;
  Handshake& operator[](Slot slot) noexcept { return *slots_[slot]; }

  /// Calls `visit(slot)` for each; `visit` may remove it.
  template <typename Visit>
  void for_each(Visit visit) {
    for (Slot slot = 0; slot < slots_.size(); ++slot)
      if (slots_[slot]) visit(slot);
  }

 private:
  std::vector<std::optional<Handshake>> slots_;
  std::vector<Slot> free_;
  Slot hand_ = 0;  // goes round, so what it meets was filled about a round ago
};

}  // namespace fanout
