/// Ownership of OpenSSL objects. OpenSSL 3 counts references and takes locks inside its
/// library context, so whoever works on the hot path owns a context and everything fetched
/// from it (openssl#20286): threads then share no cache line.
#pragma once

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <exception>
#include <memory>
#include <stdexcept>

#include "fanout/base/bytes.hpp"

namespace fanout {

template <auto Release>
struct ReleaseWith {
  template <typename T>
  void operator()(T* object) const noexcept {
    Release(object);
  }
};

template <typename T, auto Release>
using Owned = std::unique_ptr<T, ReleaseWith<Release>>;

/// Puts a library context aside for its next owner. It is never freed: a thread that drew random
/// numbers from it cleans up in it when it ends (rand_delete_thread_state of OpenSSL 3), and that
/// may be long after its owner is gone.
void shelve_library(OSSL_LIB_CTX* library) noexcept;

using OwnedLibrary = Owned<OSSL_LIB_CTX, shelve_library>;
using OwnedCipher = Owned<EVP_CIPHER, EVP_CIPHER_free>;
using OwnedCipherContext = Owned<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free>;
using OwnedMac = Owned<EVP_MAC, EVP_MAC_free>;
using OwnedMacContext = Owned<EVP_MAC_CTX, EVP_MAC_CTX_free>;
using OwnedDigest = Owned<EVP_MD, EVP_MD_free>;
using OwnedDigestContext = Owned<EVP_MD_CTX, EVP_MD_CTX_free>;

/// OpenSSL lacks memory, or the algorithm (a FIPS-only build): throws std::runtime_error.
[[noreturn]] inline void refuse_openssl() {
  throw std::runtime_error("OpenSSL lacks an algorithm spacescore needs");
}

/// Passes an object on, or throws as above.
template <typename T>
T* require(T* object) {
  if (object == nullptr) refuse_openssl();
  return object;
}

/// A library context for one owner: one from the shelf, or a new one.
OwnedLibrary make_library();

/// A cipher ("AES-128-GCM") and a direction; keys and nonces come later, many times.
OwnedCipherContext make_cipher(OSSL_LIB_CTX* library, const char* name, bool encrypt);

/// An HMAC that keeps its digest ("SHA1", "SHA2-256") from key to key.
OwnedMacContext make_hmac(OSSL_LIB_CTX* library, const char* digest);

/// Keys it, and fills `digest`, which has the digest's size.
void run_hmac(EVP_MAC_CTX* context, Bytes key, Bytes message, MutableBytes digest) noexcept;

/// For what fails only when OpenSSL is broken: a wrong hash, or plaintext sent for ciphertext,
/// would be worse than no process.
inline void require_success(bool ok) noexcept {
  if (!ok) std::terminate();
}

}  // namespace fanout
