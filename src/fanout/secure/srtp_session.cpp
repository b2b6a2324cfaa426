#include "fanout/secure/srtp_session.hpp"

namespace fanout {
namespace {

/// The label lies where the index of a packet would: 7 bytes from the end of the salt.
constexpr std::size_t kLabelAt = 7;

/// AES-CM keystream: encrypted zeros.
void fill_keystream(EVP_CIPHER_CTX* context, const SrtpMaster& master, std::uint8_t label,
                    MutableBytes out) noexcept {
  std::array<std::uint8_t, 16> iv{};
  std::copy_n(master.salt.begin(), salt_size(master.profile), iv.begin());
  iv[kLabelAt] ^= label;
  std::ranges::fill(out, 0);
  int size = 0;
  require_success(
      EVP_EncryptInit_ex2(context, nullptr, master.key.data(), iv.data(), nullptr) == 1 &&
      EVP_EncryptUpdate(context, out.data(), &size, out.data(), static_cast<int>(out.size())) == 1);
}

}  // namespace

KeyDerivation::KeyDerivation(OSSL_LIB_CTX* library)
    : context_(make_cipher(library, "AES-128-CTR", true)) {}

SessionKeys KeyDerivation::derive(const SrtpMaster& master, SrtpUse use) noexcept {
  const auto label = static_cast<std::uint8_t>(use);
  SessionKeys keys;
  fill_keystream(context_.get(), master, label, keys.cipher);
  if (master.profile == SrtpProfile::aes128_cm_sha1_80)
    fill_keystream(context_.get(), master, label + 1, keys.authentication);
  fill_keystream(context_.get(), master, label + 2,
                 MutableBytes(keys.salt).first(salt_size(master.profile)));
  return keys;
}

}  // namespace fanout
