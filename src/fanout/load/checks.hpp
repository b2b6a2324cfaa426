/// A full ICE agent with one pair of candidates: Binding requests until one is answered, then
/// the same ones, slower, as consent to go on (RFC 8445 section 7.2, RFC 7675). Every request
/// is a new transaction, as browsers send them. A lite server only answers; a full one sends
/// checks of its own, which are answered here.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>

#include "fanout/base/drop.hpp"
#include "fanout/base/time.hpp"
#include "fanout/load/datagram_queue.hpp"
#include "fanout/wire/stun.hpp"

namespace fanout {

constexpr Duration kCheckInterval = milliseconds(50);  // RFC 8445 section 14.2: Ta
constexpr Duration kConsentTimeout = seconds(30);      // RFC 7675 section 5.1

class ConnectivityChecks {
 public:
  struct Config {
    std::string username;        ///< server ufrag, colon, client ufrag
    std::string password;        ///< the server's
    std::string own_password{};  ///< the key of the server's checks; empty: it sends none
    Address server{};            ///< what the answers to those say they saw
    bool controlling = true;     ///< whoever offered; always, towards a lite server
    Duration consent_interval = milliseconds(2'500);
    bool nominates_always = true;  ///< Chrome repeats USE-CANDIDATE for ever, Firefox stops
  };

  explicit ConnectivityChecks(Config config);

  /// Sends a request when one is due; the first call starts.
  void handle_timeout(Instant now, DatagramQueue& out);
  /// An answer of the server's, or a check, whose answer goes to `out`.
  std::expected<void, Drop> handle_datagram(Instant now, Bytes datagram, DatagramQueue& out);
  Instant next_timeout() const noexcept { return next_; }

  bool answered() const noexcept { return answers_ > 0; }
  /// Whether the server has sent a check of its own, and has settled on this path by one: a
  /// controlled end sends nothing before (RFC 8445 section 8.1.1).
  bool checked() const noexcept { return checked_; }
  bool nominated() const noexcept { return config_.controlling || nominated_; }
  /// Whether the server has been silent for too long.
  bool expired(Instant now) const noexcept { return started_ && now - heard_ > kConsentTimeout; }

  std::optional<Instant> started() const noexcept { return started_; }
  std::optional<Instant> last_answer() const noexcept {
    return answered() ? std::optional(heard_) : std::nullopt;
  }
  std::uint64_t sent() const noexcept { return sent_; }
  std::uint64_t answers() const noexcept { return answers_; }
  Duration round_trip() const noexcept { return round_trip_; }
  /// Where the server sees us.
  std::optional<Address> mapped() const noexcept { return mapped_; }

 private:
  struct Pending {
    TransactionId id{};
    Instant sent;
  };
  /// 400 ms of unanswered checks; an answer to an older one finds its transaction gone.
  static constexpr std::size_t kPending = 8;

  std::expected<void, Drop> handle_answer(Instant now, Bytes datagram,
                                          const StunView& view) noexcept;
  std::expected<void, Drop> answer(Bytes datagram, const StunView& view, DatagramQueue& out);
  bool nominates() const noexcept {
    return config_.controlling && (!answered() || config_.nominates_always);
  }
  Pending* find(const TransactionId& id) noexcept;

  Config config_;
  std::array<Pending, kPending> pending_{};
  Instant next_{};
  Instant heard_{};
  std::optional<Instant> started_;
  std::uint64_t tie_breaker_;
  std::uint64_t sent_ = 0;
  std::uint64_t answers_ = 0;
  bool checked_ = false;
  bool nominated_ = false;
  Duration round_trip_{};
  std::optional<Address> mapped_;
};

}  // namespace fanout
