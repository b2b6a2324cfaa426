#include "fanout/secure/ssl_context.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <string>
#include <vector>

namespace fanout {
namespace {

using OwnedBio = Owned<BIO, BIO_free>;
using OwnedKey = Owned<EVP_PKEY, EVP_PKEY_free>;

constexpr auto kOptions = SSL_OP_NO_QUERY_MTU | SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
                          SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE;

/// Every browser has the first; ECDSA keeps the server's flight in one datagram.
constexpr auto kCiphers = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305";

/// P-256 must be named although X25519 is preferred: DTLS 1.2 looks the certificate's own
/// curve up in the same list.
constexpr auto kGroups = "X25519:P-256";

/// OpenSSL sets aside as much as a handshake message claims to be long; the default lets a
/// client claim 100 KB, ten times over.
constexpr long kMaxMessage = 16'384;

void check(bool ok, const char* complaint) {
  ERR_clear_error();
  if (!ok) throw std::runtime_error(complaint);
}

OwnedBio reader_of(const std::string& text) {
  return OwnedBio(require(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))));
}

OwnedX509 read_certificate(OSSL_LIB_CTX* library, const std::string& pem) {
  const auto bio = reader_of(pem);
  X509* x509 = require(X509_new_ex(library, nullptr));
  const bool ok = PEM_read_bio_X509(bio.get(), &x509, nullptr, nullptr) != nullptr;
  OwnedX509 owned(x509);
  check(ok, "the certificate is no PEM");
  return owned;
}

OwnedKey read_key(OSSL_LIB_CTX* library, const std::string& pem) {
  const auto bio = reader_of(pem);
  const auto refuse_password = [](char*, int, int, void*) { return -1; };
  OwnedKey key(
      PEM_read_bio_PrivateKey_ex(bio.get(), nullptr, refuse_password, nullptr, library, nullptr));
  check(key != nullptr, "the private key is no PEM, or encrypted");
  std::array<char, 32> group{};
  const bool named = EVP_PKEY_get_group_name(key.get(), group.data(), group.size(), nullptr) == 1;
  check(named && std::string_view(group.data()) == "prime256v1", "the key is not ECDSA P-256");
  return key;
}

/// The server takes the first of its own list that the client offers. GCM: cheaper to seal.
const char* srtp_profiles(std::optional<SrtpProfile> only) {
  if (only == SrtpProfile::aead_aes_128_gcm) return "SRTP_AEAD_AES_128_GCM";
  if (only == SrtpProfile::aes128_cm_sha1_80) return "SRTP_AES128_CM_SHA1_80";
  return "SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80";
}

/// The peer's certificate is self-signed: who knows its fingerprint compares it.
int accept_any_certificate(X509_STORE_CTX*, void*) { return 1; }

/// Called once the peer's hello is read, before the costly part: without a common SRTP profile
/// there is nothing to shake hands for (RFC 5764 section 4.1.1 wants an alert then).
int require_srtp(SSL* ssl, void*) { return SSL_get_selected_srtp_profile(ssl) != nullptr; }

bool configure(SSL_CTX* context, std::optional<SrtpProfile> only) {
  SSL_CTX_set_options(context, kOptions);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_cert_verify_callback(context, &accept_any_certificate, nullptr);
  SSL_CTX_set_cert_cb(context, &require_srtp, nullptr);
  SSL_CTX_set_max_cert_list(context, kMaxMessage);
  return SSL_CTX_set_min_proto_version(context, DTLS1_2_VERSION) == 1 &&
         SSL_CTX_set_max_proto_version(context, DTLS1_2_VERSION) == 1 &&
         SSL_CTX_set_cipher_list(context, kCiphers) == 1 &&
         SSL_CTX_set1_groups_list(context, kGroups) == 1 &&
         SSL_CTX_set_tlsext_use_srtp(context, srtp_profiles(only)) == 0;  // here 0 is success
}

}  // namespace

OwnedSslContext make_ssl_context(OSSL_LIB_CTX* library, const Certificate& certificate,
                                 std::optional<SrtpProfile> only) {
  OwnedSslContext context(require(SSL_CTX_new_ex(library, nullptr, DTLS_method())));
  check(configure(context.get(), only), "OpenSSL lacks what DTLS-SRTP needs");
  const auto x509 = read_certificate(library, certificate.certificate_pem);
  const auto key = read_key(library, certificate.private_key_pem);
  const bool loaded = SSL_CTX_use_certificate(context.get(), x509.get()) == 1 &&
                      SSL_CTX_use_PrivateKey(context.get(), key.get()) == 1 &&
                      SSL_CTX_check_private_key(context.get()) == 1;
  check(loaded, "the private key is not the certificate's");
  return context;
}

Sha256Digest fingerprint_of(X509* certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509(certificate, &der);
  if (size < 0) throw std::runtime_error("OpenSSL failed to encode a certificate");
  const auto digest = sha256({der, static_cast<std::size_t>(size)});
  OPENSSL_free(der);
  return digest;
}

}  // namespace fanout
