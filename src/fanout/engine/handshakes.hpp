/// Those who passed a check and have no keys yet, in three stages, each of them bounded:
///
///   silent    the check was answered, and no ClientHello has come. Whoever forges addresses gets
///             no further, so these are few, and the oldest give way. While a crowd waits they may
///             be as many more: most of those who are answered do say hello, then.
///   waiting   a hello waits in the line for the CPU. A crowd that comes at once is here: a place
///             is half a kilobyte, and who was answered stops asking twenty times a second.
///   shaking   there is a DTLS session, tens of kilobytes, until the keys are out.
#pragma once

#include <array>
#include <bit>
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

/// While others wait to begin, a handshake has this long for the peer's Finished, which alone
/// proves its address: who forges a check and a hello holds a session no longer. It is enough
/// for a round trip of two seconds that loses a flight.
constexpr Duration kUnprovenHandshake = seconds(4);

/// The first flight answers a hello with up to three times its bytes, for a round trip is dear.
/// That is a trust which the peer's Finished proves right. Where so many have not yet, or never,
/// the others are asked for a cookie first, until trust is regained, one by one, as time passes;
/// and who is proved right gives it back twice, as acknowledgements open a congestion window. So a
/// flood with forged addresses makes us send less than it takes and sign nothing, and of a crowd
/// that comes at once a few hundred take a round trip more.
constexpr std::uint32_t kMostTrusted = 128;
constexpr std::uint32_t kTrustEarned = 2;
constexpr Duration kTrustRegained = milliseconds(100);

/// A source that has this fraction of a stage waits while more than half of it is taken: an
/// office behind one address joins a little slower than the rest of the world.
constexpr std::uint32_t kSourceShare = 16;

/// Datagrams of one handshake that may wait for the CPU: two flights, or a hello with a key too
/// large for one datagram. Who repeats a hello that waits already only makes the line longer.
constexpr std::uint8_t kMaxFlights = 4;
constexpr std::uint8_t kMaxHellos = 2;

enum class Stage : std::uint8_t { silent, waiting, shaking };

struct Handshake {
  Transport transport;
  std::optional<std::array<std::uint8_t, kFingerprintPrefix>> fingerprint;
  bool asks_certificate = false;
  bool trusted = false;  ///< without a cookie
  Instant started;
  std::optional<DtlsSession> dtls{};
  std::uint16_t source = 0;  ///< which counter of its source it is under
  std::uint8_t waiting = 0;  ///< datagrams in the line
  Stage stage = Stage::silent;

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
  /// `each`: how many may be silent, and how many shaking.
  Handshakes(std::uint32_t each, std::uint32_t waiting, std::uint64_t secret);

  /// Whether as many are silent as may be.
  bool full() const noexcept {
    return count_[index(Stage::silent)] >=
           most_[index(Stage::silent)] + count_[index(Stage::waiting)];
  }
  std::uint32_t size() const noexcept {
    return static_cast<std::uint32_t>(slots_.size() - free_.size());
  }
  /// Whether the address' network has its share of the silent, and they are getting many.
  bool crowded_by(const Address& source) const noexcept {
    return crowded(Stage::silent, source_of(source));
  }
  /// Silent. Only while not full.
  Slot add(Handshake handshake);
  /// Its first hello is there: it waits. False when too many do, all in all or of its network.
  bool hear(Slot slot) noexcept;
  /// Nothing of it is in the line any more: who waited is silent again.
  void rest(Slot slot) noexcept;
  /// Whether one more may shake hands.
  bool may_begin() const noexcept { return room(Stage::shaking) > 0; }
  /// Its turn has come, and `kJoinDeadline` begins anew. False as with `hear`; it is silent then.
  bool begin(Slot slot, Instant now) noexcept;
  /// Its Finished came: the address is whose it said.
  void proved(Slot slot) noexcept;
  void remove(Slot slot) noexcept;
  /// One of the oldest slots that have seen no ClientHello for `kIdleHandshake`; the same one again
  /// while it is.
  std::optional<Slot> find_idle(Instant now) noexcept;
  Handshake& operator[](Slot slot) noexcept { return *slots_[slot]; }

  /// Calls `visit(slot)` for each; `visit` may remove it.
  template <typename Visit>
  void for_each(Visit visit) {
    each(used_, visit);
  }
  /// The same, for those that shake hands.
  template <typename Visit>
  void for_each_shaking(Visit visit) {
    each(shaking_, visit);
  }

 private:
  /// Sources share counters by hash: what two of them lose to each other passes in a second.
  static constexpr std::size_t kSources = 4'096;
  using Bits = std::vector<std::uint64_t>;

  template <typename Visit>
  static void each(const Bits& set, Visit visit) {
    for (Slot word = 0; word < set.size(); ++word)
      for (auto bits = set[word]; bits != 0; bits &= bits - 1)
        visit(word * 64 + static_cast<Slot>(std::countr_zero(bits)));
  }
  static void put(Bits& set, Slot slot, bool in) noexcept {
    const auto bit = std::uint64_t{1} << slot % 64;
    set[slot / 64] = in ? set[slot / 64] | bit : set[slot / 64] & ~bit;
  }

  static constexpr std::size_t index(Stage stage) { return static_cast<std::size_t>(stage); }
  std::uint32_t room(Stage stage) const noexcept {
    return most_[index(stage)] - count_[index(stage)];
  }
  std::uint16_t source_of(const Address& address) const noexcept;
  bool crowded(Stage stage, std::uint16_t source) const noexcept;
  bool may_enter(Stage stage, std::uint16_t source) const noexcept;
  void enter(Stage stage, Slot slot) noexcept;
  bool trust(Instant now) noexcept;
  Slot next_used(Slot from) const noexcept;

  std::uint64_t secret_;
  std::array<std::array<std::uint16_t, kSources>, 3> by_source_{};
  std::array<std::uint32_t, 3> most_;
  std::array<std::uint32_t, 3> count_{};
  std::vector<std::optional<Handshake>> slots_;  // as many as ever were needed at once
  Bits used_;
  Bits shaking_;
  std::vector<Slot> free_;
  std::uint32_t broken_ = 0;  // trusted, and not proved: not yet, or never
  Instant regained_at_;
  Slot hand_ = 0;  // goes round, so what it meets was filled about a round ago
};

}  // namespace fanout
