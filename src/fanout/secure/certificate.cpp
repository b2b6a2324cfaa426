#include "fanout/secure/certificate.hpp"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "fanout/secure/openssl.hpp"

namespace fanout {
namespace {

using OwnedBio = Owned<BIO, BIO_free>;
using OwnedKey = Owned<EVP_PKEY, EVP_PKEY_free>;
using OwnedX509 = Owned<X509, X509_free>;

constexpr long kDaySeconds = 86'400;
constexpr long kX509v3 = 2;  // versions count from zero

void check(bool ok) {
  if (!ok) throw std::runtime_error("OpenSSL failed to make a certificate");
}

template <typename WritePem>
std::string pem(WritePem write) {
  const OwnedBio bio(require(BIO_new(BIO_s_mem())));
  check(write(bio.get()) == 1);
  char* text = nullptr;
  const auto size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

/// 63 bits: never negative, hence nine bytes of DER at most.
void set_random_serial(X509* x509) {
  const auto serial = random_value<std::uint64_t>() >> 1;
  check(ASN1_INTEGER_set_uint64(X509_get_serialNumber(x509), serial) == 1);
}

void set_name(X509* x509) {
  X509_NAME* name = X509_get_subject_name(x509);
  const auto* text = reinterpret_cast<const unsigned char*>("spacescore");
  check(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, text, -1, -1, 0) == 1 &&
        X509_set_issuer_name(x509, name) == 1);
}

}  // namespace

Certificate Certificate::generate(int days) {
  const OwnedKey key(require(EVP_EC_gen("P-256")));
  const OwnedX509 x509(require(X509_new()));
  check(X509_set_version(x509.get(), kX509v3) == 1);
  set_random_serial(x509.get());
  set_name(x509.get());
  require(X509_gmtime_adj(X509_getm_notBefore(x509.get()), -kDaySeconds));
  require(X509_gmtime_adj(X509_getm_notAfter(x509.get()), days * kDaySeconds));
  check(X509_set_pubkey(x509.get(), key.get()) == 1 &&
        X509_sign(x509.get(), key.get(), EVP_sha256()) > 0);
  return {.certificate_pem = pem([&](BIO* bio) { return PEM_write_bio_X509(bio, x509.get()); }),
          .private_key_pem = pem([&](BIO* bio) {
            return PEM_write_bio_PKCS8PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr,
                                                 nullptr);
          })};
}

std::string fingerprint_text(const Sha256Digest& digest) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string text;
  for (const auto byte : digest) {
    if (!text.empty()) text += ':';
    text += kHex[byte >> 4];
    text += kHex[byte & 15];
  }
  return text;
}

}  // namespace fanout
