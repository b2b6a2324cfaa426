/// The controlling end of ICE towards a lite server: Binding requests until one is answered,
/// then the same ones, slower, as consent to go on (RFC 8445 section 7.2, RFC 7675). Every
/// request is a new transaction, as browsers send them.
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
    std::string username;  ///< server ufrag, colon, client ufrag
    std::string password;  ///< the server's
    Duration consent_interval = milliseconds(2'500);
    bool nominates_always = true;  ///< Chrome repeats USE-CANDIDATE for ever, Firefox stops
  };

  explicit ConnectivityChecks(Config config);

  /// Sends a request when one is due; the first call starts.
  void handle_timeout(Instant now, DatagramQueue& out);
  std::expected<void, Drop> handle_answer(Instant now, Bytes datagram) noexcept;
  Instant next_timeout() const noexcept { return next_; }

  bool answered() const noexcept { return answers_ > 0; }
  /// Whether the server has been silent for too long.
  bool expired(Instant now) const noexcept { return started_ && now - heard_ > kConsentTimeout; }

  std::optional<Instant> started() const noexcept { return started_; }
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

  Pending* find(const TransactionId& id) noexcept;

  Config config_;
  std::array<Pending, kPending> pending_{};
  Instant next_{};
  Instant heard_{};
  std::optional<Instant> started_;
  std::uint64_t tie_breaker_;
  std::uint64_t sent_ = 0;
  std::uint64_t answers_ = 0;
  Duration round_trip_{};
  std::optional<Address> mapped_;
};

}  // namespace fanout
