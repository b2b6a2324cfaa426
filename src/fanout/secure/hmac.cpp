/// A one-shot HMAC() spends two thirds of its time on fetching the algorithm. Here each thread
/// fetches once and re-keys one context per call.
#include "fanout/secure/hmac.hpp"

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <exception>

#include "fanout/secure/openssl.hpp"

namespace fanout {
namespace {

/// An empty span may hold a null pointer, which EVP_MAC_init takes as "the key of last time".
constexpr std::uint8_t kNoBytes = 0;

const std::uint8_t* data_of(Bytes bytes) noexcept {
  return bytes.empty() ? &kNoBytes : bytes.data();
}

OwnedMacContext make_hmac(OSSL_LIB_CTX* library, const char* digest) {
  const OwnedMac mac(require(EVP_MAC_fetch(library, OSSL_MAC_NAME_HMAC, nullptr)));
  OwnedMacContext context(require(EVP_MAC_CTX_new(mac.get())));
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, const_cast<char*>(digest), 0),
      OSSL_PARAM_construct_end()};
  if (EVP_MAC_CTX_set_params(context.get(), parameters) != 1) require<EVP_MAC_CTX>(nullptr);
  return context;
}

struct Hashes {
  OwnedLibrary library{require(OSSL_LIB_CTX_new())};
  OwnedMacContext hmac_sha1 = make_hmac(library.get(), OSSL_DIGEST_NAME_SHA1);
  OwnedMacContext hmac_sha256 = make_hmac(library.get(), OSSL_DIGEST_NAME_SHA2_256);
  OwnedDigest sha256{require(EVP_MD_fetch(library.get(), OSSL_DIGEST_NAME_SHA2_256, nullptr))};
  OwnedDigestContext sha256_context{require(EVP_MD_CTX_new())};
};

Hashes& of_this_thread() {
  thread_local Hashes hashes;
  return hashes;
}

/// Wrong keyed hashes would be worse than none: the process ends.
void check(bool ok) noexcept {
  if (!ok) std::terminate();
}

template <typename Digest>
Digest hmac(EVP_MAC_CTX* context, Bytes key, Bytes message) noexcept {
  Digest digest;
  std::size_t size = 0;
  check(EVP_MAC_init(context, data_of(key), key.size(), nullptr) == 1 &&
        EVP_MAC_update(context, data_of(message), message.size()) == 1 &&
        EVP_MAC_final(context, digest.data(), &size, digest.size()) == 1);
  return digest;
}

}  // namespace

Sha1Digest hmac_sha1(Bytes key, Bytes message) noexcept {
  return hmac<Sha1Digest>(of_this_thread().hmac_sha1.get(), key, message);
}

Sha256Digest hmac_sha256(Bytes key, Bytes message) noexcept {
  return hmac<Sha256Digest>(of_this_thread().hmac_sha256.get(), key, message);
}

Sha256Digest sha256(Bytes message) noexcept {
  auto& hashes = of_this_thread();
  EVP_MD_CTX* context = hashes.sha256_context.get();
  Sha256Digest digest;
  check(EVP_DigestInit_ex2(context, hashes.sha256.get(), nullptr) == 1 &&
        EVP_DigestUpdate(context, message.data(), message.size()) == 1 &&
        EVP_DigestFinal_ex(context, digest.data(), nullptr) == 1);
  return digest;
}

bool equal_in_constant_time(Bytes a, Bytes b) noexcept {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

void fill_random(MutableBytes out) noexcept {
  check(RAND_bytes_ex(nullptr, out.data(), out.size(), 0) == 1);
}

}  // namespace fanout
