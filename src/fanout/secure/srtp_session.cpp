#include "fanout/secure/srtp_session.hpp"

#include <utility>

namespace fanout {

KeyDerivation::KeyDerivation(OSSL_LIB_CTX* library)
    : context_(make_cipher(library, "AES-128-CTR", true)) {}

SessionKeys KeyDerivation::derive(const SrtpMaster& master, SrtpUse use) noexcept {
  EVP_CIPHER_CTX* const context = context_.get();
  const std::uint8_t* key = master.key.data();
  return derive_keys(master, use, [&](const auto& iv, MutableBytes out) {
    std::ranges::fill(out, 0);
    int size = 0;
    require_success(EVP_EncryptInit_ex2(context, nullptr, std::exchange(key, nullptr), iv.data(),
                                        nullptr) == 1 &&
                    EVP_EncryptUpdate(context, out.data(), &size, out.data(),
                                      static_cast<int>(out.size())) == 1);
  });
}

}  // namespace fanout
