/// What every SRTP backend computes alike: session keys out of master keys, and the nonce of a
/// packet. RTP and SRTCP share one shape: a 48-bit index (the SRTCP index is 31 bits of it).
#pragma once

#include <algorithm>
#include <bit>

#include "fanout/secure/openssl.hpp"
#include "fanout/secure/srtp.hpp"

namespace fanout {

/// The first of three key derivation labels: cipher, authentication, salt (RFC 3711 4.3.1).
enum class SrtpUse : std::uint8_t { rtp = 0, rtcp = 3 };

/// AES-CM key derivation at rate zero; RFC 7714 section 11 keeps it for GCM.
/// `keystream(iv, out)` encrypts zeros under the master key.
template <typename Keystream>
SessionKeys derive_keys(const SrtpMaster& master, SrtpUse use, Keystream keystream) {
  /// The label lies where the index of a packet would: 7 bytes from the end of the salt.
  constexpr std::size_t kLabelAt = 7;
  const auto fill = [&](int which, MutableBytes out) {
    std::array<std::uint8_t, 16> iv{};
    std::copy_n(master.salt.begin(), salt_size(master.profile), iv.begin());
    iv[kLabelAt] ^= static_cast<std::uint8_t>(static_cast<int>(use) + which);
    keystream(iv, out);
  };
  SessionKeys keys;
  fill(0, keys.cipher);
  if (master.profile == SrtpProfile::aes128_cm_sha1_80) fill(1, keys.authentication);
  fill(2, MutableBytes(keys.salt).first(salt_size(master.profile)));
  return keys;
}

/// The same on OpenSSL.
class KeyDerivation {
 public:
  explicit KeyDerivation(OSSL_LIB_CTX* library);
  SessionKeys derive(const SrtpMaster& master, SrtpUse use) noexcept;

 private:
  OwnedCipherContext context_;
};

using SrtpSalt = std::array<std::uint8_t, kMaxSrtpSalt>;

/// 16 bytes, given as big-endian halves and written by one vector store: a cipher that loads
/// a vector from two stores just made waits for both to reach the cache, 15 ns or so.
class SrtpIv {
 public:
  SrtpIv() = default;
  SrtpIv(std::uint64_t high, std::uint64_t low) noexcept
      : halves_{big_endian(high), big_endian(low)} {}

  static constexpr std::size_t size() noexcept { return sizeof(halves_); }
  const std::uint8_t* data() const noexcept {
    return reinterpret_cast<const std::uint8_t*>(&halves_);
  }

 private:
  static constexpr std::uint64_t big_endian(std::uint64_t value) noexcept {
    return std::endian::native == std::endian::little ? std::byteswap(value) : value;
  }

  [[gnu::vector_size(16)]] std::uint64_t halves_ = {};
};

/// Bytes 0 to 7 of the salt, and bytes 8 to 13 with two zero bytes.
inline std::uint64_t high_salt(const SrtpSalt& salt) noexcept {
  return load_be<std::uint64_t>(&salt[0]);
}
inline std::uint64_t low_salt(const SrtpSalt& salt) noexcept {
  return load_be<std::uint64_t>(&salt[6]) << 16;
}

/// RFC 7714 sections 8.1 and 9.1: 00 00 · SSRC · index, XOR salt (12 bytes).
inline SrtpIv gcm_iv(const SrtpKey& key, Ssrc ssrc, std::uint64_t index) noexcept {
  const auto source = static_cast<std::uint64_t>(ssrc);
  return {high_salt(key.salt) ^ (source << 16 | index >> 32), low_salt(key.salt) ^ index << 32};
}

/// RFC 3711 section 4.1.1: salt · 2^16 XOR SSRC · 2^64 XOR index · 2^16.
inline SrtpIv counter_iv(const SrtpKey& key, Ssrc ssrc, std::uint64_t index) noexcept {
  return {high_salt(key.salt) ^ static_cast<std::uint64_t>(ssrc), low_salt(key.salt) ^ index << 16};
}

}  // namespace fanout
