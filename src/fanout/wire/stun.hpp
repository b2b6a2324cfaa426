/// STUN as an ICE-lite server needs it (RFC 8489, RFC 8445 section 7.3): Binding requests in,
/// Binding success responses out. No state and no cryptography: `secure/stun_auth` checks and
/// adds MESSAGE-INTEGRITY.
#pragma once

#include <expected>
#include <optional>
#include <string_view>

#include "fanout/base/address.hpp"
#include "fanout/base/bytes.hpp"
#include "fanout/base/drop.hpp"

namespace fanout {

using TransactionId = std::array<std::uint8_t, 12>;

enum class StunClass : std::uint8_t { request, indication, success, error };

/// A parsed Binding message. Borrows the datagram.
struct StunView {
  StunClass type = StunClass::request;
  TransactionId transaction{};
  std::string_view username;         ///< empty when absent
  Bytes integrity;                   ///< the 20 bytes of MESSAGE-INTEGRITY, empty when absent
  std::size_t integrity_offset = 0;  ///< where that attribute's header starts in the datagram
  bool use_candidate = false;
  bool controlling = false;  ///< ICE-CONTROLLING present
  bool controlled = false;   ///< ICE-CONTROLLED present
  std::optional<std::uint32_t> priority;
  std::optional<Address> mapped;  ///< XOR-MAPPED-ADDRESS, in responses
};

/// RFC 7983: first byte 0..3. A FINGERPRINT, when present, is checked (CRC-32) and must be last.
std::expected<StunView, Drop> parse_stun(Bytes datagram) noexcept;

/// Writes the header and the attributes before MESSAGE-INTEGRITY, which `secure/stun_auth` adds.
/// It also sets the length that the HMAC is taken over (RFC 8489 section 14.5).
void write_binding_success(Writer& out, const TransactionId& transaction,
                           const Address& mapped) noexcept;
struct BindingRequest {
  TransactionId transaction{};
  std::string_view username;
  std::uint32_t priority = 0;
  std::uint64_t tie_breaker = 0;
  bool controlling = true;  ///< which of the two roles, and so which attribute, is claimed
  bool use_candidate = true;
};
void write_binding_request(Writer& out, const BindingRequest& request) noexcept;

/// Appends FINGERPRINT, CRC-32 XOR 0x5354554e over the message so far (RFC 8489 section 14.7).
/// `buffer` is what `out` writes to: the length field in it is updated.
void append_fingerprint(Writer& out, MutableBytes buffer) noexcept;

}  // namespace fanout
