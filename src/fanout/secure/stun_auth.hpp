/// MESSAGE-INTEGRITY (RFC 8489 section 14.5, short-term credentials: the key is the password).
#pragma once

#include <string_view>

#include "fanout/wire/stun.hpp"

namespace fanout {

bool verify_integrity(Bytes datagram, const StunView& view, std::string_view password) noexcept;

/// Appends MESSAGE-INTEGRITY and FINGERPRINT to the message `out` has written into `buffer`.
void seal_stun(Writer& out, MutableBytes buffer, std::string_view password) noexcept;

}  // namespace fanout
