/// A one-shot HMAC() spends two thirds of its time on fetching the algorithm. Here each thread
/// fetches once and re-keys one context per call.
#include "fanout/secure/hmac.hpp"

#include <openssl/core_names.h>
#include <openssl/rand.h>

#include "fanout/secure/openssl.hpp"

namespace fanout {
namespace {

struct Hashes {
  OwnedLibrary library = make_library();
  OwnedMacContext hmac_sha1 = make_hmac(library.get(), OSSL_DIGEST_NAME_SHA1);
  OwnedMacContext hmac_sha256 = make_hmac(library.get(), OSSL_DIGEST_NAME_SHA2_256);
  OwnedDigest sha256{require(EVP_MD_fetch(library.get(), OSSL_DIGEST_NAME_SHA2_256, nullptr))};
  OwnedDigestContext sha256_context{require(EVP_MD_CTX_new())};
};

Hashes& of_this_thread() {
  thread_local Hashes hashes;
  return hashes;
}

}  // namespace

Sha1Digest hmac_sha1(Bytes key, Bytes message) noexcept {
  Sha1Digest digest;
  run_hmac(of_this_thread().hmac_sha1.get(), key, message, digest);
  return digest;
}

Sha256Digest hmac_sha256(Bytes key, Bytes message) noexcept {
  Sha256Digest digest;
  run_hmac(of_this_thread().hmac_sha256.get(), key, message, digest);
  return digest;
}

Sha256Digest sha256(Bytes message) noexcept {
  auto& hashes = of_this_thread();
  EVP_MD_CTX* context = hashes.sha256_context.get();
  Sha256Digest digest;
  require_success(EVP_DigestInit_ex2(context, hashes.sha256.get(), nullptr) == 1 &&
                  EVP_DigestUpdate(context, message.data(), message.size()) == 1 &&
                  EVP_DigestFinal_ex(context, digest.data(), nullptr) == 1);
  return digest;
}

bool equal_in_constant_time(Bytes a, Bytes b) noexcept {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

void fill_random(MutableBytes out) noexcept {
  require_success(RAND_bytes_ex(nullptr, out.data(), out.size(), 0) == 1);
}

}  // namespace fanout
