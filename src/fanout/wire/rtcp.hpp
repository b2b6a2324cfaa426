/// RTCP (RFC 3550 section 6): compound packets read block by block; SR, RR, SDES and BYE
/// written. No state.
#pragma once

#include <expected>
#include <optional>
#include <string_view>

#include "fanout/base/bytes.hpp"
#include "fanout/base/drop.hpp"
#include "fanout/base/ids.hpp"
#include "fanout/base/time.hpp"

namespace fanout {

struct ReportBlock {  // RFC 3550 section 6.4.1
  Ssrc ssrc{};
  std::uint8_t fraction_lost = 0;  ///< in 1/256
  std::int32_t packets_lost = 0;   ///< 24 bits, signed
  std::uint32_t highest_sequence = 0;
  std::uint32_t jitter = 0;          ///< in timestamp units
  std::uint32_t last_sr = 0;         ///< middle 32 bits of the NTP stamp
  std::uint32_t delay_since_sr = 0;  ///< in 1/65536 s
};

struct SenderInfo {
  std::uint64_t ntp = 0;  ///< 32.32 seconds since 1900
  std::uint32_t rtp_timestamp = 0;
  std::uint32_t packets = 0;
  std::uint32_t octets = 0;
};

/// One packet of a compound. Borrows the datagram.
struct RtcpPacket {
  std::uint8_t type = 0;   ///< 200 SR, 201 RR, 202 SDES, 203 BYE, 205 RTPFB, 206 PSFB, 207 XR
  std::uint8_t count = 0;  ///< report count, or the feedback message type
  Ssrc sender{};
  std::optional<SenderInfo> info;
  Bytes body;  ///< all after the 4-byte header, padding taken off
  std::size_t report_count() const noexcept;
  ReportBlock report(std::size_t index) const noexcept;
};

constexpr std::uint8_t kRtcpSr = 200, kRtcpRr = 201, kRtcpSdes = 202, kRtcpBye = 203;

/// Walks a compound packet: validated whole in `parse` (RFC 3550 appendix A.2), then cheap.
class RtcpView {
 public:
  static std::expected<RtcpView, Drop> parse(Bytes datagram) noexcept;
  std::optional<RtcpPacket> next() noexcept;

 private:
  explicit RtcpView(Bytes rest) noexcept : rest_(rest) {}
  Bytes rest_;
};

std::uint64_t ntp_time(UnixTime when) noexcept;

void write_sender_report(Writer& out, Ssrc sender, const SenderInfo& info,
                         std::span<const ReportBlock> reports) noexcept;
void write_receiver_report(Writer& out, Ssrc sender, std::span<const ReportBlock> reports) noexcept;
void write_sdes_cname(Writer& out, Ssrc source, std::string_view cname) noexcept;
void write_bye(Writer& out, Ssrc source) noexcept;

}  // namespace fanout
