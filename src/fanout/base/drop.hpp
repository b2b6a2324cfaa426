/// Why a datagram died. Garbage from the network is a counted value, never an exception and
/// never a log line per packet.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace fanout {

enum class Drop : std::uint8_t {
  empty,             ///< no bytes
  unknown_protocol,  ///< first byte is none of RFC 7983's
  malformed_stun,
  malformed_rtp,
  malformed_rtcp,
  malformed_red,
  malformed_dtls,
  unexpected_stun,  ///< well formed, but not a Binding request from a controlling agent
  bad_ticket,       ///< ufrag is no ticket of ours
  expired_ticket,
  foreign_space,    ///< a ticket for a space that does not live here
  bad_integrity,    ///< MESSAGE-INTEGRITY does not verify
  replayed_check,   ///< a STUN transaction id seen before
  unknown_address,  ///< DTLS or RTP from an address without a valid check
  certificate_mismatch,
  handshake_failed,
  handshake_limit,    ///< every handshake slot is taken, or its source has more than a share
  handshake_backlog,  ///< more handshakes wait for the CPU than may
  unexpected_media,   ///< RTP from a listener
  replayed_rtp,       ///< SRTP index seen before or older than the window (RFC 3711 3.3.2)
  forged_rtp,         ///< SRTP authentication failed
  replayed_rtcp,
  forged_rtcp,
  wrong_payload_type,
  rate_limited,   ///< a last flight asked for too often
  oversized,      ///< more than an Ethernet frame carries
  not_admitted,   ///< a cohort whose turn has not come
  not_invited,    ///< with everybody's ticket, where each needs one of their own
  node_full,      ///< the audience table holds all it was made for
  node_draining,  ///< newcomers are sent elsewhere
  address_taken,  ///< a check from an address where another session lives
  relay_full,     ///< the worker it was for is behind with what it was handed
  count_,
};

constexpr std::size_t kDropKinds = static_cast<std::size_t>(Drop::count_);

/// The name under which a drop is exported, e.g. "bad_ticket".
std::string_view name(Drop drop) noexcept;

/// One counter per reason.
class DropCounts {
 public:
  void add(Drop drop) noexcept { ++counts_[static_cast<std::size_t>(drop)]; }
  DropCounts& operator+=(const DropCounts& other) noexcept {
    for (std::size_t i = 0; i < kDropKinds; ++i) counts_[i] += other.counts_[i];
    return *this;
  }
  std::uint64_t operator[](Drop drop) const noexcept {
    return counts_[static_cast<std::size_t>(drop)];
  }

 private:
  std::array<std::uint64_t, kDropKinds> counts_{};
};

}  // namespace fanout
