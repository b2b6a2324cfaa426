/// Ownership of OpenSSL objects. OpenSSL 3 counts references and takes locks inside its
/// library context, so whoever works on the hot path owns a context and everything fetched
/// from it (openssl#20286): threads then share no cache line.
#pragma once

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <memory>
#include <stdexcept>

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

using OwnedLibrary = Owned<OSSL_LIB_CTX, OSSL_LIB_CTX_free>;
using OwnedCipher = Owned<EVP_CIPHER, EVP_CIPHER_free>;
using OwnedCipherContext = Owned<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free>;
using OwnedMac = Owned<EVP_MAC, EVP_MAC_free>;
using OwnedMacContext = Owned<EVP_MAC_CTX, EVP_MAC_CTX_free>;
using OwnedDigest = Owned<EVP_MD, EVP_MD_free>;
using OwnedDigestContext = Owned<EVP_MD_CTX, EVP_MD_CTX_free>;

/// Passes an object on, or throws: OpenSSL lacks memory, or the algorithm (a FIPS-only build).
template <typename T>
T* require(T* object) {
  if (object == nullptr) throw std::runtime_error("OpenSSL lacks an algorithm spacescore needs");
  return object;
}

}  // namespace fanout
