/// DTLS 1.2 with the use_srtp extension (RFC 6347, RFC 5764) on OpenSSL memory BIOs: datagrams
/// and time in, datagrams and keys out. A session lives only until its keys are exported.
///
/// Defence against spoofed sources: the caller makes no session before a STUN check with valid
/// integrity came from the same address, and a session sends at most three times what it
/// received until the peer's second flight proves the address (RFC 9000 section 8's bound).
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "fanout/base/bytes.hpp"
#include "fanout/base/time.hpp"
#include "fanout/secure/hmac.hpp"
#include "fanout/secure/srtp.hpp"

namespace fanout {

/// A self-signed ECDSA P-256 certificate and its key.
struct Certificate {
  std::string certificate_pem;
  std::string private_key_pem;

  /// Valid from a day ago for `days`.
  static Certificate generate(int days = 30);
};

/// "AB:CD:…" of the SHA-256 over the DER, as a=fingerprint has it (RFC 8122 section 5).
std::string fingerprint_text(const Sha256Digest& digest);

enum class DtlsRole : std::uint8_t { server, client };

/// The SSL_CTX of one thread: one certificate, one OSSL_LIB_CTX, GCM before CM_SHA1_80, no
/// tickets, no renegotiation, no session cache. Throws std::runtime_error on a bad PEM.
class DtlsContext {
 public:
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

class DtlsSession {
 public:
  enum class State : std::uint8_t { handshaking, connected, failed };

  /// A server that sets `ask_certificate` refuses a client without one; whose certificate it
  /// is, the caller checks by `peer_fingerprint()`.
  DtlsSession(DtlsContext& context, DtlsRole role, bool ask_certificate, Instant now);
  ~DtlsSession();
  DtlsSession(DtlsSession&&) noexcept;
  DtlsSession& operator=(DtlsSession&&) noexcept;

  void handle_datagram(Instant now, Bytes datagram) noexcept;
  /// Retransmits when due: 250 ms, doubling, given up after the fifth time.
  void handle_timeout(Instant now) noexcept;
  Instant next_timeout() const noexcept;
  /// The next datagram to send, or empty; valid until the next call on this session.
  Bytes poll_transmit() noexcept;

  State state() const noexcept;
  bool peer_closed() const noexcept;
  /// Only when connected.
  DtlsKeys keys() const noexcept;
  std::optional<Sha256Digest> peer_fingerprint() const noexcept;
  /// The datagram to resend when the peer repeats its last flight (RFC 6347 section 4.2.4).
  Bytes last_flight() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fanout
