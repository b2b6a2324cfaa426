#include "fanout/wire/rtcp.hpp"

namespace fanout {
namespace {

constexpr std::size_t kHeader = 4;
constexpr std::size_t kSsrc = 4;
constexpr std::size_t kSenderInfo = 20;
constexpr std::size_t kReportBlock = 24;
constexpr std::size_t kMaxCount = 31;  // the count field has five bits
constexpr std::size_t kMaxCname = 255;
constexpr std::uint8_t kVersion = 2;
constexpr std::uint8_t kRtpFeedback = 205, kPayloadFeedback = 206, kExtendedReport = 207;
constexpr std::uint8_t kCname = 1;  // RFC 3550 section 6.5.1

struct Head {
  std::uint8_t version;
  bool padding;
  std::uint8_t count;
  std::uint8_t type;
  std::size_t size;  // of the whole packet, this header included
};

constexpr Head read_head(Bytes at) noexcept {
  return {.version = static_cast<std::uint8_t>(at[0] >> 6),
          .padding = (at[0] & 0x20) != 0,
          .count = static_cast<std::uint8_t>(at[0] & 0x1F),
          .type = at[1],
          .size = (load_be<std::uint16_t>(&at[2]) + std::size_t{1}) * 4};
}

/// What follows the header, without padding; nothing when the padding cannot be.
constexpr std::optional<Bytes> read_body(const Head& head, Bytes at) noexcept {
  const auto body = at.subspan(kHeader, head.size - kHeader);
  if (!head.padding) return body;
  const std::size_t count = body.empty() ? 0 : body.back();
  if (count == 0 || count % 4 != 0 || count > body.size()) return std::nullopt;
  return body.first(body.size() - count);
}

/// The least a packet of this type and count must hold.
constexpr std::size_t least_body(std::uint8_t type, std::size_t count) noexcept {
  switch (type) {
    case kRtcpSr:
      return kSsrc + kSenderInfo + count * kReportBlock;
    case kRtcpRr:
      return kSsrc + count * kReportBlock;
    case kRtcpSdes:
      return count * (kSsrc + 4);  // a chunk ends in a zero, on a word's boundary
    case kRtcpBye:
      return count * kSsrc;
    case kRtpFeedback:
    case kPayloadFeedback:
      return 2 * kSsrc;  // RFC 4585 section 6.1: of sender and of media
    case kExtendedReport:
      return kSsrc;
    default:
      return 0;
  }
}

/// RFC 3550 appendix A.2, for one packet of the compound.
constexpr bool is_valid(Bytes at, bool first) noexcept {
  if (at.size() < kHeader) return false;
  const auto head = read_head(at);
  if (head.version != kVersion || head.size > at.size()) return false;
  if (first && (head.padding || (head.type != kRtcpSr && head.type != kRtcpRr))) return false;
  if (head.padding && head.size != at.size()) return false;  // only the last may be padded
  const auto body = read_body(head, at);
  return body && body->size() >= least_body(head.type, head.count);
}

constexpr SenderInfo read_sender_info(Reader& in) noexcept {
  SenderInfo info;
  info.ntp = in.u64();
  info.rtp_timestamp = in.u32();
  info.packets = in.u32();
  info.octets = in.u32();
  return info;
}

void write_head(Writer& out, std::uint8_t type, std::size_t count, std::size_t body) noexcept {
  out.u8(static_cast<std::uint8_t>(kVersion << 6 | count));
  out.u8(type);
  out.u16(static_cast<std::uint16_t>(body / 4));
}

void write_ssrc(Writer& out, Ssrc ssrc) noexcept { out.u32(static_cast<std::uint32_t>(ssrc)); }

void write_report(Writer& out, const ReportBlock& report) noexcept {
  write_ssrc(out, report.ssrc);
  const auto lost = static_cast<std::uint32_t>(
      std::clamp(report.packets_lost, -0x80'0000, 0x7F'FFFF));  // saturates, section 6.4.1
  out.u32(std::uint32_t{report.fraction_lost} << 24 | (lost & 0xFF'FFFF));
  out.u32(report.highest_sequence);
  out.u32(report.jitter);
  out.u32(report.last_sr);
  out.u32(report.delay_since_sr);
}

}  // namespace

std::size_t RtcpPacket::report_count() const noexcept {
  return type == kRtcpSr || type == kRtcpRr ? count : 0;
}

ReportBlock RtcpPacket::report(std::size_t index) const noexcept {
  if (index >= report_count()) return {};
  const auto skipped = kSsrc + (type == kRtcpSr ? kSenderInfo : 0) + index * kReportBlock;
  Reader in(body.subspan(skipped, kReportBlock));
  ReportBlock report;
  report.ssrc = Ssrc{in.u32()};
  const auto loss = in.u32();
  report.fraction_lost = static_cast<std::uint8_t>(loss >> 24);
  report.packets_lost = static_cast<std::int32_t>(loss << 8) >> 8;  // carries the sign of 24 bits
  report.highest_sequence = in.u32();
  report.jitter = in.u32();
  report.last_sr = in.u32();
  report.delay_since_sr = in.u32();
  return report;
}

std::expected<RtcpView, Drop> RtcpView::parse(Bytes datagram) noexcept {
  auto rest = datagram;
  do {
    if (!is_valid(rest, rest.size() == datagram.size()))
      return std::unexpected(Drop::malformed_rtcp);
    rest = rest.subspan(read_head(rest).size);
  } while (!rest.empty());
  return RtcpView(datagram);
}

std::optional<RtcpPacket> RtcpView::next() noexcept {
  if (rest_.empty()) return std::nullopt;
  const auto head = read_head(rest_);
  RtcpPacket packet;
  packet.type = head.type;
  packet.count = head.count;
  packet.body = read_body(head, rest_).value_or(Bytes{});
  Reader in(packet.body);
  packet.sender = Ssrc{in.u32()};
  if (head.type == kRtcpSr) packet.info = read_sender_info(in);
  rest_ = rest_.subspan(head.size);
  return packet;
}

std::uint64_t ntp_time(UnixTime when) noexcept {
  constexpr std::int64_t kSecondsFrom1900To1970 = 2'208'988'800;
  constexpr std::uint64_t kMicroseconds = 1'000'000;
  const auto us = static_cast<std::uint64_t>(when.us + kSecondsFrom1900To1970 * 1'000'000);
  return us / kMicroseconds << 32 | (us % kMicroseconds << 32) / kMicroseconds;
}

void write_sender_report(Writer& out, Ssrc sender, const SenderInfo& info,
                         std::span<const ReportBlock> reports) noexcept {
  reports = reports.first(std::min(reports.size(), kMaxCount));
  write_head(out, kRtcpSr, reports.size(), kSsrc + kSenderInfo + reports.size() * kReportBlock);
  write_ssrc(out, sender);
  out.u64(info.ntp);
  out.u32(info.rtp_timestamp);
  out.u32(info.packets);
  out.u32(info.octets);
  for (const auto& report : reports) write_report(out, report);
}

void write_receiver_report(Writer& out, Ssrc sender,
                           std::span<const ReportBlock> reports) noexcept {
  reports = reports.first(std::min(reports.size(), kMaxCount));
  write_head(out, kRtcpRr, reports.size(), kSsrc + reports.size() * kReportBlock);
  write_ssrc(out, sender);
  for (const auto& report : reports) write_report(out, report);
}

void write_sdes_cname(Writer& out, Ssrc source, std::string_view cname) noexcept {
  cname = cname.substr(0, kMaxCname);
  const auto chunk = kSsrc + 2 + cname.size();
  const auto zeros = 4 - chunk % 4;  // one to four: the list must end in a zero
  write_head(out, kRtcpSdes, 1, chunk + zeros);
  write_ssrc(out, source);
  out.u8(kCname);
  out.u8(static_cast<std::uint8_t>(cname.size()));
  out.bytes({reinterpret_cast<const std::uint8_t*>(cname.data()), cname.size()});
  out.zeros(zeros);
}

void write_bye(Writer& out, Ssrc source) noexcept {
  write_head(out, kRtcpBye, 1, kSsrc);
  write_ssrc(out, source);
}

}  // namespace fanout
