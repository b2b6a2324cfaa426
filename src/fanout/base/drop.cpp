#include "fanout/base/drop.hpp"

namespace fanout {

std::string_view name(Drop drop) noexcept {
  static constexpr std::array<std::string_view, kDropKinds> kNames = {
      "empty",           "unknown_protocol",  "malformed_stun",       "malformed_rtp",
      "malformed_rtcp",  "malformed_red",     "malformed_dtls",       "unexpected_stun",
      "bad_ticket",      "expired_ticket",    "foreign_space",        "bad_integrity",
      "replayed_check",  "unknown_address",   "certificate_mismatch", "handshake_failed",
      "handshake_limit", "handshake_backlog", "unexpected_media",     "replayed_rtp",
      "forged_rtp",      "replayed_rtcp",     "forged_rtcp",          "wrong_payload_type",
      "rate_limited",    "oversized",         "not_admitted",         "not_invited",
      "node_full",       "node_draining",     "address_taken",        "relay_full",
  };
  return kNames[static_cast<std::size_t>(drop)];
}

}  // namespace fanout
