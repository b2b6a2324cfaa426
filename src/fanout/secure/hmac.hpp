/// Keyed hashes and randomness on OpenSSL: HMAC-SHA1 (STUN integrity, SRTP), HMAC-SHA256
/// (ticket passwords), the system's CSPRNG.
#pragma once

#include <array>

#include "fanout/base/bytes.hpp"

namespace fanout {

using Sha1Digest = std::array<std::uint8_t, 20>;
using Sha256Digest = std::array<std::uint8_t, 32>;

/// HMAC-SHA1 under one key, padded and compressed once for all its messages: half the work of
/// two short ones, as a STUN check and its answer are.
class HmacSha1 {
 public:
  explicit HmacSha1(Bytes key) noexcept;
  Sha1Digest operator()(Bytes message) const noexcept;

 private:
  using State = std::array<std::uint32_t, 5>;  // after the padded key
  State inner_;
  State outer_;
};

Sha1Digest hmac_sha1(Bytes key, Bytes message) noexcept;
Sha256Digest hmac_sha256(Bytes key, Bytes message) noexcept;
Sha256Digest sha256(Bytes message) noexcept;

bool equal_in_constant_time(Bytes a, Bytes b) noexcept;
void fill_random(MutableBytes out) noexcept;

template <typename T>
T random_value() noexcept {
  T value{};
  fill_random({reinterpret_cast<std::uint8_t*>(&value), sizeof(T)});
  return value;
}

}  // namespace fanout
