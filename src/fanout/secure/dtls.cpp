#include "fanout/secure/dtls.hpp"

#include <openssl/err.h>

#include <utility>

#include "fanout/secure/dtls_flight.hpp"
#include "fanout/secure/ssl_context.hpp"

namespace fanout {
namespace {

/// How often a connected session answers a peer that has missed its last flight.
constexpr int kMaxLastFlights = 5;

/// A check has a header, a USERNAME of 85 + 1 + 4 characters or more, MESSAGE-INTEGRITY.
constexpr std::size_t kLeastCheck = 20 + (4 + 92) + 24;
constexpr std::size_t kLargestCheckAnswer = 76;  // to an IPv6 address

/// The same where a cookie is asked for: nobody's victim gets more than the sender has to send.
constexpr std::size_t kCookieAmplification = 1;

/// Content types (RFC 5246 section 6.2.1).
constexpr std::uint8_t kAlert = 21, kHandshake = 22;

/// Longer than any handshake lives: see dtls_flight.hpp.
unsigned openssl_timeout_us(SSL*, unsigned) noexcept { return 3'600'000'000; }

using Cookie = std::array<std::uint8_t, 16>;

/// What a BIO, the one transport OpenSSL knows, exchanges with its session: whole datagrams.
struct Wire {
  Bytes inbound;
  DtlsFlight flight;
  std::optional<Cookie> cookie;  // once it was asked for
  bool proved = false;           // it was brought back
  bool open = true;
};

Wire& wire_of(BIO* bio) noexcept { return *static_cast<Wire*>(BIO_get_data(bio)); }

int write_datagram(BIO* bio, const char* data, int size) noexcept {
  auto& wire = wire_of(bio);
  const auto count = static_cast<std::size_t>(size);
  if (wire.open) wire.flight.add({reinterpret_cast<const std::uint8_t*>(data), count});
  return size;
}

int read_datagram(BIO* bio, char* out, int size) noexcept {
  BIO_clear_retry_flags(bio);
  const auto datagram = std::exchange(wire_of(bio).inbound, {});
  if (datagram.empty()) {
    BIO_set_retry_read(bio);
    return -1;
  }
  const auto count = std::min(datagram.size(), static_cast<std::size_t>(size));
  std::copy_n(datagram.begin(), count, out);
  return static_cast<int>(count);
}

long control(BIO*, int command, long, void*) noexcept { return command == BIO_CTRL_FLUSH ? 1 : 0; }

int write_cookie(SSL* ssl, unsigned char* out, unsigned* size) noexcept {
  auto& cookie = wire_of(SSL_get_wbio(ssl)).cookie;
  if (!cookie) cookie = random_value<Cookie>();  // one for all hellos: several may be under way
  std::ranges::copy(*cookie, out);
  *size = cookie->size();
  return 1;
}

int verify_cookie(SSL* ssl, const unsigned char* cookie, unsigned size) noexcept {
  auto& wire = wire_of(SSL_get_rbio(ssl));
  wire.proved = wire.cookie && equal_in_constant_time({cookie, size}, *wire.cookie);
  return wire.proved;
}

using OwnedBioMethod = Owned<BIO_METHOD, BIO_meth_free>;

OwnedBioMethod make_bio_method() {
  OwnedBioMethod method(require(BIO_meth_new(BIO_TYPE_SOURCE_SINK, "datagrams")));
  BIO_meth_set_write(method.get(), &write_datagram);
  BIO_meth_set_read(method.get(), &read_datagram);
  BIO_meth_set_ctrl(method.get(), &control);
  return method;
}

/// RFC 5764 section 4.2: both keys, then both salts, the client's first.
std::optional<DtlsKeys> export_keys(SSL* ssl, DtlsRole role) noexcept {
  constexpr std::string_view kLabel = "EXTRACTOR-dtls_srtp";
  const auto* selected = SSL_get_selected_srtp_profile(ssl);
  if (selected == nullptr) return std::nullopt;
  const auto profile = static_cast<SrtpProfile>(selected->id);
  const auto salt = salt_size(profile);
  std::array<std::uint8_t, 2 * (kSrtpKeySize + kMaxSrtpSalt)> material;
  if (SSL_export_keying_material(ssl, material.data(), 2 * (kSrtpKeySize + salt), kLabel.data(),
                                 kLabel.size(), nullptr, 0, 0) != 1)
    return std::nullopt;
  SrtpMaster client{.profile = profile}, server{.profile = profile};
  Reader in(material);
  std::ranges::copy(in.take(kSrtpKeySize), client.key.begin());
  std::ranges::copy(in.take(kSrtpKeySize), server.key.begin());
  std::ranges::copy(in.take(salt), client.salt.begin());
  std::ranges::copy(in.take(salt), server.salt.begin());
  OPENSSL_cleanse(material.data(), material.size());
  const bool is_client = role == DtlsRole::client;
  return is_client ? DtlsKeys{client, server} : DtlsKeys{server, client};
}

}  // namespace

struct DtlsContext::Impl {
  OwnedLibrary library = make_library();
  OwnedBioMethod bio_method = make_bio_method();
  OwnedSslContext ssl_context;
  Sha256Digest fingerprint;

  Impl(const Certificate& certificate, std::optional<SrtpProfile> only)
      : ssl_context(make_ssl_context(library.get(), certificate, only)),
        fingerprint(fingerprint_of(SSL_CTX_get0_certificate(ssl_context.get()))) {
    SSL_CTX_set_cookie_generate_cb(ssl_context.get(), &write_cookie);
    SSL_CTX_set_cookie_verify_cb(ssl_context.get(), &verify_cookie);
  }
};

DtlsContext::DtlsContext(const Certificate& certificate, std::optional<SrtpProfile> only)
    : impl_(std::make_unique<Impl>(certificate, only)) {}
DtlsContext::~DtlsContext() = default;
DtlsContext::DtlsContext(DtlsContext&&) noexcept = default;
DtlsContext& DtlsContext::operator=(DtlsContext&&) noexcept = default;

const Sha256Digest& DtlsContext::fingerprint() const noexcept { return impl_->fingerprint; }

struct DtlsSession::Impl {
  Wire wire;
  DtlsRole role;
  State state = State::handshaking;
  bool peer_closed = false;
  DtlsOptions options;
  Instant deadline;
  Duration timeout = options.timeout;
  int retransmissions = 0;
  std::size_t received = kLeastCheck;
  std::size_t sent = kLargestCheckAnswer;
  DtlsKeys keys;
  std::optional<Sha256Digest> peer_fingerprint;
  OwnedSsl ssl;  // last: OpenSSL writes to `wire` while it lives

  Impl(DtlsContext::Impl& context, DtlsRole role, bool client_certificate, Instant now,
       DtlsOptions options);

  void handshake(Instant now) noexcept;
  void restart_timer(Instant now) noexcept;
  void finish() noexcept;
  void fail() noexcept;
  void hear_alert() noexcept;
  void say_goodbye() noexcept;
  void resend_last_flight() noexcept;
  bool may_send(std::size_t size) const noexcept;
};

DtlsSession::Impl::Impl(DtlsContext::Impl& context, DtlsRole role, bool client_certificate,
                        Instant now, DtlsOptions options)
    : role(role),
      options(options),
      deadline(now + options.timeout),
      ssl(require(SSL_new(context.ssl_context.get()))) {
  BIO* bio = require(BIO_new_ex(context.library.get(), context.bio_method.get()));
  BIO_set_data(bio, &wire);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl.get(), bio, bio);
  SSL_set_mtu(ssl.get(), kDtlsMtu);
  if (options.asks_cookie) SSL_set_options(ssl.get(), SSL_OP_COOKIE_EXCHANGE);
  DTLS_set_timer_cb(ssl.get(), &openssl_timeout_us);
  if (role == DtlsRole::server) {
    const int demand = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    SSL_set_verify(ssl.get(), client_certificate ? demand : SSL_VERIFY_NONE, nullptr);
    SSL_set_accept_state(ssl.get());
  } else {
    if (!client_certificate) SSL_certs_clear(ssl.get());
    SSL_set_connect_state(ssl.get());
    handshake(now);
  }
}

void DtlsSession::Impl::handshake(Instant now) noexcept {
  ERR_clear_error();
  wire.flight.end();
  const int result = SSL_do_handshake(ssl.get());
  wire.inbound = {};
  const bool waits = result != 1 && SSL_get_error(ssl.get(), result) == SSL_ERROR_WANT_READ;
  ERR_clear_error();
  if (result == 1)
    finish();
  else if (!waits)
    fail();
  else if (!wire.flight.ended())
    restart_timer(now);
}

void DtlsSession::Impl::restart_timer(Instant now) noexcept {
  timeout = options.timeout;
  retransmissions = 0;
  deadline = now + timeout;
}

void DtlsSession::Impl::finish() noexcept {
  const auto exported = export_keys(ssl.get(), role);
  if (!exported) {
    wire.flight.end();
    return fail();
  }
  keys = *exported;
  if (X509* certificate = SSL_get0_peer_certificate(ssl.get()))
    peer_fingerprint = fingerprint_of(certificate);
  state = State::connected;
  retransmissions = 0;
  if (role == DtlsRole::client) wire.flight.clear();
  wire.open = false;
}

void DtlsSession::Impl::fail() noexcept {
  state = State::failed;
  peer_closed = (SSL_get_shutdown(ssl.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
  if (wire.flight.ended()) wire.flight.clear();  // otherwise it is the alert
  wire.open = false;
}

void DtlsSession::Impl::hear_alert() noexcept {
  ERR_clear_error();
  std::uint8_t unused;
  SSL_read(ssl.get(), &unused, sizeof unused);
  wire.inbound = {};
  ERR_clear_error();
  peer_closed = (SSL_get_shutdown(ssl.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
}

void DtlsSession::Impl::say_goodbye() noexcept {
  wire.flight.end();
  wire.open = true;
  ERR_clear_error();
  SSL_shutdown(ssl.get());
  ERR_clear_error();
  wire.open = false;
}

void DtlsSession::Impl::resend_last_flight() noexcept {
  if (retransmissions == kMaxLastFlights) return;
  ++retransmissions;
  wire.flight.repeat();
}

bool DtlsSession::Impl::may_send(std::size_t size) const noexcept {
  if (role == DtlsRole::client || state == State::connected || wire.proved) return true;
  return sent + size <= (options.asks_cookie ? kCookieAmplification : kAmplification) * received;
}

DtlsSession::DtlsSession(DtlsContext& context, DtlsRole role, bool client_certificate, Instant now,
                         DtlsOptions options)
    : impl_(std::make_unique<Impl>(*context.impl_, role, client_certificate, now, options)) {}
DtlsSession::~DtlsSession() = default;
DtlsSession::DtlsSession(DtlsSession&&) noexcept = default;
DtlsSession& DtlsSession::operator=(DtlsSession&&) noexcept = default;

void DtlsSession::handle_datagram(Instant now, Bytes datagram) noexcept {
  if (state() == State::failed || datagram.empty()) return;
  impl_->received += datagram.size();
  impl_->wire.inbound = datagram;
  if (state() == State::handshaking)
    impl_->handshake(now);
  else if (datagram[0] == kAlert)
    impl_->hear_alert();
  else if (datagram[0] == kHandshake)
    impl_->resend_last_flight();
}

void DtlsSession::handle_timeout(Instant now) noexcept {
  if (now < next_timeout()) return;
  if (++impl_->retransmissions > impl_->options.retransmissions) {
    impl_->wire.flight.end();
    return impl_->fail();
  }
  impl_->timeout = impl_->timeout * 2;
  impl_->deadline = now + impl_->timeout;
  impl_->wire.flight.repeat();
}

Instant DtlsSession::next_timeout() const noexcept {
  return state() == State::handshaking ? impl_->deadline : Instant::never();
}

Bytes DtlsSession::poll_transmit() noexcept {
  const auto datagram = impl_->wire.flight.next();
  if (datagram.empty() || !impl_->may_send(datagram.size())) return {};
  impl_->sent += datagram.size();
  impl_->wire.flight.mark_sent();
  return datagram;
}

void DtlsSession::close() noexcept {
  if (state() == State::connected) impl_->say_goodbye();
}

DtlsSession::State DtlsSession::state() const noexcept { return impl_->state; }
bool DtlsSession::peer_closed() const noexcept { return impl_->peer_closed; }
DtlsKeys DtlsSession::keys() const noexcept { return impl_->keys; }

std::optional<Sha256Digest> DtlsSession::peer_fingerprint() const noexcept {
  return impl_->peer_fingerprint;
}

LastFlight DtlsSession::last_flight() const noexcept {
  return state() == State::connected ? LastFlight(impl_->wire.flight.bytes()) : LastFlight{};
}

}  // namespace fanout
