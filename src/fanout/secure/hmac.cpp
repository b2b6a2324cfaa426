/// A one-shot HMAC() spends two thirds of its time on fetching the algorithm. Here each thread
/// fetches once and re-keys one context per call. SHA-1 is called below EVP, whose provider would
/// take as long as the hash itself: its users check and answer datagrams by the 100,000 a second.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "fanout/secure/hmac.hpp"

#include <openssl/core_names.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <algorithm>
#include <tuple>

#include "fanout/secure/openssl.hpp"

namespace fanout {
namespace {

struct Hashes {
  OwnedLibrary library = make_library();
  OwnedMacContext hmac_sha256 = make_hmac(library.get(), OSSL_DIGEST_NAME_SHA2_256);
  OwnedDigest sha256{require(EVP_MD_fetch(library.get(), OSSL_DIGEST_NAME_SHA2_256, nullptr))};
  OwnedDigestContext sha256_context{require(EVP_MD_CTX_new())};
};

Hashes& of_this_thread() {
  thread_local Hashes hashes;
  return hashes;
}

using Sha1Block = std::array<std::uint8_t, SHA_CBLOCK>;

Sha1Digest sha1(SHA_CTX& context, Bytes message) noexcept {
  Sha1Digest digest;
  SHA1_Update(&context, message.data(), message.size());
  SHA1_Final(digest.data(), &context);
  return digest;
}

std::array<std::uint32_t, 5> compress(const Sha1Block& key, std::uint8_t pad) noexcept {
  Sha1Block padded;
  std::ranges::transform(key, padded.begin(), [pad](auto byte) { return byte ^ pad; });
  SHA_CTX context;
  SHA1_Init(&context);
  SHA1_Transform(&context, padded.data());
  return {context.h0, context.h1, context.h2, context.h3, context.h4};
}

/// As if one block had been hashed.
SHA_CTX resume(const std::array<std::uint32_t, 5>& state) noexcept {
  SHA_CTX context{};
  std::tie(context.h0, context.h1, context.h2, context.h3, context.h4) =
      std::tie(state[0], state[1], state[2], state[3], state[4]);
  context.Nl = 8 * SHA_CBLOCK;
  return context;
}

}  // namespace

HmacSha1::HmacSha1(Bytes key) noexcept {
  Sha1Block block{};
  if (key.size() > block.size()) {  // RFC 2104 section 3
    SHA_CTX context;
    SHA1_Init(&context);
    std::ranges::copy(sha1(context, key), block.begin());
  } else {
    std::ranges::copy(key, block.begin());
  }
  inner_ = compress(block, 0x36);
  outer_ = compress(block, 0x5C);
}

Sha1Digest HmacSha1::operator()(Bytes message) const noexcept {
  SHA_CTX inner = resume(inner_);
  SHA_CTX outer = resume(outer_);
  return sha1(outer, sha1(inner, message));
}

Sha1Digest hmac_sha1(Bytes key, Bytes message) noexcept { return HmacSha1(key)(message); }

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
