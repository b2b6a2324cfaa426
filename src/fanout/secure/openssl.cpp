#include "fanout/secure/openssl.hpp"

#include <openssl/core_names.h>
#include <openssl/params.h>

#include <vector>

namespace fanout {
namespace {

/// An empty span may hold a null pointer, which EVP_MAC_init takes as "the key of last time".
constexpr std::uint8_t kNoKey = 0;

/// Library contexts that nobody has now.
struct Shelf {
  CRYPTO_RWLOCK* lock = require(CRYPTO_THREAD_lock_new());
  std::size_t made = 0;
  std::vector<OSSL_LIB_CTX*> idle;  // has room for all that were made
};

using Locked = Owned<CRYPTO_RWLOCK, CRYPTO_THREAD_unlock>;

Locked lock(CRYPTO_RWLOCK* lock) noexcept {
  require_success(CRYPTO_THREAD_write_lock(lock) == 1);
  return Locked(lock);
}

/// Outlives every owner, those in static storage and in threads that never end too.
Shelf& shelf() {
  static Shelf& shelf = *new Shelf;
  return shelf;
}

}  // namespace

OwnedLibrary make_library() {
  auto& [mutex, made, idle] = shelf();
  const auto locked = lock(mutex);
  if (idle.empty()) {
    idle.reserve(made + 1);
    idle.push_back(require(OSSL_LIB_CTX_new()));
    ++made;
  }
  OwnedLibrary library(idle.back());
  idle.pop_back();
  return library;
}

void shelve_library(OSSL_LIB_CTX* library) noexcept {
  auto& [mutex, made, idle] = shelf();
  const auto locked = lock(mutex);
  idle.push_back(library);
}

OwnedCipherContext make_cipher(OSSL_LIB_CTX* library, const char* name, bool encrypt) {
  const OwnedCipher cipher(require(EVP_CIPHER_fetch(library, name, nullptr)));
  OwnedCipherContext context(require(EVP_CIPHER_CTX_new()));
  if (EVP_CipherInit_ex2(context.get(), cipher.get(), nullptr, nullptr, encrypt, nullptr) != 1)
    refuse_openssl();
  return context;
}

OwnedMacContext make_hmac(OSSL_LIB_CTX* library, const char* digest) {
  const OwnedMac mac(require(EVP_MAC_fetch(library, OSSL_MAC_NAME_HMAC, nullptr)));
  OwnedMacContext context(require(EVP_MAC_CTX_new(mac.get())));
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, const_cast<char*>(digest), 0),
      OSSL_PARAM_construct_end()};
  if (EVP_MAC_CTX_set_params(context.get(), parameters) != 1) refuse_openssl();
  return context;
}

void run_hmac(EVP_MAC_CTX* context, Bytes key, Bytes message, MutableBytes digest) noexcept {
  const std::uint8_t* const secret = key.empty() ? &kNoKey : key.data();
  std::size_t size = 0;
  require_success(EVP_MAC_init(context, secret, key.size(), nullptr) == 1 &&
                  EVP_MAC_update(context, message.data(), message.size()) == 1 &&
                  EVP_MAC_final(context, digest.data(), &size, digest.size()) == 1);
}

}  // namespace fanout
