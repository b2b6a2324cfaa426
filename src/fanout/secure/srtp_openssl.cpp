/// SRTP on OpenSSL EVP, for CPUs that ipsec-mb does not know: everything is fetched once and
/// the contexts are re-keyed per packet. `SrtpKey::expanded` holds the session keys as they are.
#include <openssl/core_names.h>

#include "fanout/secure/srtp_packets.hpp"

namespace fanout {
namespace {

const SessionKeys& session(const SrtpKey& key) noexcept {
  static_assert(sizeof(SessionKeys) <= sizeof(key.expanded));
  return *reinterpret_cast<const SessionKeys*>(key.expanded.data());
}

int length(Bytes bytes) noexcept { return static_cast<int>(bytes.size()); }

class OpensslEngine final : public SrtpPackets {
 public:
  std::string_view name() const noexcept override { return "openssl"; }

  SrtpKey expand(SrtpProfile profile, const SessionKeys& keys) noexcept override {
    SrtpKey key{.expanded = {}, .salt = keys.salt, .profile = profile};
    std::memcpy(key.expanded.data(), &keys, sizeof(keys));
    return key;
  }

 protected:
  void gcm_seal(const SrtpKey& key, const SrtpIv& iv, Bytes associated, Bytes plain,
                std::uint8_t* out) noexcept override {
    EVP_CIPHER_CTX* const context = seal_.get();
    std::uint8_t* const tag = out + plain.size();
    int size = 0;
    require_success(start(context, key, iv, associated) &&
                    EVP_EncryptUpdate(context, out, &size, plain.data(), length(plain)) == 1 &&
                    EVP_EncryptFinal_ex(context, tag, &size) == 1 &&
                    EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, kGcmTag, tag) == 1);
  }

  bool gcm_open(const SrtpKey& key, const SrtpIv& iv, Bytes associated,
                MutableBytes sealed) noexcept override {
    EVP_CIPHER_CTX* const context = open_.get();
    const auto body = sealed.first(sealed.size() - kGcmTag);
    std::uint8_t* const tag = body.data() + body.size();
    int size = 0;
    return start(context, key, iv, associated) &&
           EVP_DecryptUpdate(context, body.data(), &size, body.data(), length(body)) == 1 &&
           EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, kGcmTag, tag) == 1 &&
           EVP_DecryptFinal_ex(context, tag, &size) == 1;
  }

  void counter_crypt(const SrtpKey& key, const SrtpIv& iv, Bytes in,
                     std::uint8_t* out) noexcept override {
    int size = 0;
    require_success(start(counter_.get(), key, iv, {}) &&
                    EVP_EncryptUpdate(counter_.get(), out, &size, in.data(), length(in)) == 1);
  }

  SessionKeys derive(const SrtpMaster& master, SrtpUse use) noexcept override {
    return derivation_.derive(master, use);
  }

  Sha1Digest authenticate(const SrtpKey& key, Bytes message) noexcept override {
    Sha1Digest digest;
    run_hmac(hmac_.get(), session(key).authentication, message, digest);
    return digest;
  }

 private:
  /// Keys a context, keeping its cipher and direction.
  static bool start(EVP_CIPHER_CTX* context, const SrtpKey& key, const SrtpIv& iv,
                    Bytes associated) noexcept {
    int size = 0;
    return EVP_CipherInit_ex2(context, nullptr, session(key).cipher.data(), iv.data(), -1,
                              nullptr) == 1 &&
           (associated.empty() ||
            EVP_CipherUpdate(context, nullptr, &size, associated.data(), length(associated)) == 1);
  }

  OwnedLibrary library_ = make_library();
  KeyDerivation derivation_{library_.get()};
  OwnedCipherContext seal_ = make_cipher(library_.get(), "AES-128-GCM", true);
  OwnedCipherContext open_ = make_cipher(library_.get(), "AES-128-GCM", false);
  OwnedCipherContext counter_ = make_cipher(library_.get(), "AES-128-CTR", true);
  OwnedMacContext hmac_ = make_hmac(library_.get(), OSSL_DIGEST_NAME_SHA1);
};

}  // namespace

std::unique_ptr<SrtpEngine> make_openssl_engine() { return std::make_unique<OpensslEngine>(); }

}  // namespace fanout
