/// The SSL_CTX that DtlsContext and the handshake floor share: DTLS 1.2, ECDHE-ECDSA, use_srtp;
/// no tickets, no renegotiation, no session cache. Internal to `secure`.
#pragma once

#include <openssl/ssl.h>

#include <optional>

#include "fanout/secure/certificate.hpp"
#include "fanout/secure/openssl.hpp"
#include "fanout/secure/srtp.hpp"

namespace fanout {

using OwnedSslContext = Owned<SSL_CTX, SSL_CTX_free>;
using OwnedSsl = Owned<SSL, SSL_free>;
using OwnedX509 = Owned<X509, X509_free>;

/// Without IP and UDP headers: fits every path that QUIC's minimum fits (RFC 9000 section 14).
constexpr long kDtlsMtu = 1200;

/// Throws std::runtime_error on a bad PEM, or when the key is not P-256's.
OwnedSslContext make_ssl_context(OSSL_LIB_CTX* library, const Certificate& certificate,
                                 std::optional<SrtpProfile> only);

/// SHA-256 over the DER.
Sha256Digest fingerprint_of(X509* certificate);

}  // namespace fanout
