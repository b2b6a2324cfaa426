/// MESSAGE-INTEGRITY (RFC 8489 section 14.5, short-term credentials: the key is the password).
#pragma once

#include <string_view>

#include "fanout/secure/hmac.hpp"
#include "fanout/wire/stun.hpp"

namespace fanout {

/// A password, ready for any number of messages.
class IntegrityKey {
 public:
  explicit IntegrityKey(std::string_view password) noexcept
      : hmac_({reinterpret_cast<const std::uint8_t*>(password.data()), password.size()}) {}
  Sha1Digest operator()(Bytes message) const noexcept { return hmac_(message); }

 private:
  HmacSha1 hmac_;
};

bool verify_integrity(Bytes datagram, const StunView& view, const IntegrityKey& key) noexcept;

/// Appends MESSAGE-INTEGRITY and FINGERPRINT to the message `out` has written into `buffer`.
void seal_stun(Writer& out, MutableBytes buffer, const IntegrityKey& key) noexcept;

/// For those with one message.
inline bool verify_integrity(Bytes datagram, const StunView& view,
                             std::string_view password) noexcept {
  return verify_integrity(datagram, view, IntegrityKey(password));
}
inline void seal_stun(Writer& out, MutableBytes buffer, std::string_view password) noexcept {
  seal_stun(out, buffer, IntegrityKey(password));
}

}  // namespace fanout
