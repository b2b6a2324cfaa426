/// What is known of a peer's path once its first check passed: plain data, the same for those
/// who are still shaking hands, for listeners and for speakers.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "fanout/base/address.hpp"
#include "fanout/base/ids.hpp"
#include "fanout/base/time.hpp"
#include "fanout/secure/last_flight.hpp"
#include "fanout/secure/srtp.hpp"
#include "fanout/secure/ticket.hpp"
#include "fanout/wire/stun.hpp"

namespace fanout {

/// A peer that has its keys already asks for the last flight only while it lacks it.
constexpr std::uint8_t kMaxLastFlightsSent = 5;
/// Transaction ids remembered per session: a captured check must not move the stream.
constexpr std::size_t kRecentChecks = 8;
/// Consent (RFC 7675): a lite agent takes any authenticated check for it. Browsers check each
/// 2.5 to 6 s; 30 s without one means that nobody listens.
constexpr Duration kConsent = seconds(30);
/// A DTLS alert cannot be authenticated once the session is freed, so it only shortens consent.
constexpr Duration kConsentAfterAlert = seconds(6);
/// Whoever moves the stream must check again from where they took it, within two of Firefox'
/// intervals: a ticket would else point half a minute of audio at anybody's address.
constexpr Duration kConsentAfterMove = seconds(12);

struct Transport {
  Address address;
  std::uint8_t payload_type = 0;
  std::uint8_t red_payload_type = 0;  ///< zero: takes no redundancy, or sends none
  std::uint8_t last_flights_sent = 0;
  std::uint8_t next_check : 4 = 0;       ///< where in `recent_checks` the next id goes
  std::uint8_t level_extension : 4 = 0;  ///< a speaker's RFC 6464 element; zero: sends no levels
  Role role = Role::listener;
  bool closing : 1 = false;     ///< a DTLS alert came
  bool moved : 1 = false;       ///< and has not checked again since
  bool sends_only : 1 = false;  ///< gets no media back
  bool nominated : 1 = false;   ///< a check said USE-CANDIDATE,
  bool settled : 1 = false;     ///< and one since did not: of consent, on the one pair that is left
  std::uint8_t relay = 0;  ///< the worker, counted from 1, where the datagrams come in; 0: here
  PeerId peer{};
  SpaceId space{};
  Instant last_check{};
  SessionId session;
  Password password{};
  std::array<std::uint32_t, kRecentChecks> recent_checks{};
  // All that a consent check touches is above: two cache lines.
  SrtpMaster local{};
  SrtpMaster remote{};
  LastFlight last_flight{};

  bool consent_expired(Instant now) const noexcept {
    const auto patience = closing ? kConsentAfterAlert : moved ? kConsentAfterMove : kConsent;
    return now - last_check > patience;
  }

  /// A check came from where the stream goes. Firefox and others nominate once and then ask for
  /// consent without; Chrome nominates in each check of the pair in use, and in no other.
  void note_check(Instant now, bool nominates) noexcept {
    last_check = now;
    settled = !nominates && nominated;
    nominated |= nominates;
  }

  /// True when the check was not seen before; remembers it.
  bool remember(const TransactionId& id) noexcept {
    const auto tag = load_be<std::uint32_t>(id.data());
    if (std::ranges::find(recent_checks, tag) != recent_checks.end()) return false;
    recent_checks[next_check++ % kRecentChecks] = tag;
    return true;
  }
};

}  // namespace fanout
