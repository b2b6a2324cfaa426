/// DTLS 1.2 with the use_srtp extension (RFC 6347, RFC 5764) on OpenSSL memory BIOs: datagrams
/// and time in, datagrams and keys out. A session lives only until its keys are exported.
///
/// Defence against spoofed sources: the caller makes no session before a STUN check with valid
/// integrity came from the same address, and until a Finished of the peer proves that address,
/// no more is sent to it than three times what came from it (RFC 9000 section 8's bound),
/// the check and its answer counted with the least and the most they can have been. Where that is
/// too much, a cookie is asked for (RFC 6347 section 4.2.1), for a round trip: nothing is signed
/// and less is sent than came, before it has been brought back.
///
/// Every session ends: connected, failed, or given up some retransmissions after its start or
/// its last flight.
#pragma once

#include <memory>
#include <optional>

#include "fanout/base/bytes.hpp"
#include "fanout/base/time.hpp"
#include "fanout/secure/certificate.hpp"
#include "fanout/secure/hmac.hpp"
#include "fanout/secure/last_flight.hpp"
#include "fanout/secure/srtp.hpp"

namespace fanout {

enum class DtlsRole : std::uint8_t { server, client };

/// The SSL_CTX of one thread: one certificate, one OSSL_LIB_CTX, GCM before CM_SHA1_80, no
/// tickets, no renegotiation, no session cache. Outlives its sessions.
class DtlsContext {
 public:
  /// Throws std::runtime_error on a bad PEM or another kind of key. `only` one SRTP profile.
  explicit DtlsContext(const Certificate& certificate,
                       std::optional<SrtpProfile> only = std::nullopt);
  ~DtlsContext();
  DtlsContext(DtlsContext&&) noexcept;
  DtlsContext& operator=(DtlsContext&&) noexcept;

  const Sha256Digest& fingerprint() const noexcept;

 private:
  friend class DtlsSession;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Keys of a finished handshake.
struct DtlsKeys {
  SrtpMaster local;   ///< we seal with it
  SrtpMaster remote;  ///< the peer seals with it
};

/// What an answer to who has proved nothing may be, in multiples of what they sent (RFC 9000
/// section 8.1).
constexpr std::size_t kAmplification = 3;

/// A flight is repeated after `timeout`, then after twice as long each time. The default suits a
/// server, whose listeners' round trips are below it.
struct DtlsOptions {
  Duration timeout = milliseconds(250);
  int retransmissions = 5;
  bool asks_cookie = false;  ///< a server's
};

class DtlsSession {
 public:
  enum class State : std::uint8_t { handshaking, connected, failed };

  /// With `client_certificate` a server asks for one and refuses a client without (whose it
  /// is, the caller checks by `peer_fingerprint()`), and a client shows its own when asked.
  DtlsSession(DtlsContext& context, DtlsRole role, bool client_certificate, Instant now,
              DtlsOptions options = {});
  ~DtlsSession();
  DtlsSession(DtlsSession&&) noexcept;
  DtlsSession& operator=(DtlsSession&&) noexcept;

  /// When connected, a repeated flight of the peer is answered with `last_flight()`, at most
  /// five times, and an alert is heard.
  void handle_datagram(Instant now, Bytes datagram) noexcept;
  /// Retransmits when due, and gives up.
  void handle_timeout(Instant now) noexcept;
  Instant next_timeout() const noexcept;
  /// The next datagram to send, or empty; valid until the next call on this session. The last
  /// word of a session that failed over a message of the peer is the alert that says so.
  Bytes poll_transmit() noexcept;
  /// Says goodbye when connected: close_notify is the last datagram to poll.
  void close() noexcept;

  State state() const noexcept;
  /// By close_notify or a fatal alert.
  bool peer_closed() const noexcept;
  /// Only when connected.
  DtlsKeys keys() const noexcept;
  std::optional<Sha256Digest> peer_fingerprint() const noexcept;
  /// A server's, empty before `connected`; a client has none.
  LastFlight last_flight() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fanout
