#include "fanout/wire/rtp.hpp"

namespace fanout {
namespace {

constexpr std::uint8_t kVersion = 2;
constexpr std::uint16_t kOneByteProfile = 0xBEDE;  // RFC 8285 section 4.2
constexpr std::uint16_t kTwoByteProfile = 0x1000;  // section 4.3; the low four bits are free
constexpr std::uint8_t kOneByteStop = 15;          // section 4.2: nothing counts from here on

constexpr bool is_two_byte(std::uint16_t profile) noexcept {
  return (profile & 0xFFF0) == kTwoByteProfile;
}

/// Section 4.2: id and length - 1 share a byte; a zero byte is padding, but id 0 with a length
/// ends the list.
std::optional<Bytes> find_one_byte(Bytes extension, std::uint8_t id) noexcept {
  Reader in(extension);
  while (in.remaining() > 0) {
    const auto head = in.u8();
    if (head == 0) continue;
    const auto element = static_cast<std::uint8_t>(head >> 4);
    if (element == 0 || element == kOneByteStop) return std::nullopt;
    const auto data = in.take((head & 0x0Fu) + 1u);
    if (!in.ok()) return std::nullopt;
    if (element == id) return data;
  }
  return std::nullopt;
}

/// Section 4.3: a byte of id, a byte of length, which may be zero; a zero id is padding.
std::optional<Bytes> find_two_byte(Bytes extension, std::uint8_t id) noexcept {
  Reader in(extension);
  while (in.remaining() > 0) {
    const auto element = in.u8();
    if (element == 0) continue;
    const auto data = in.take(in.u8());
    if (!in.ok()) return std::nullopt;
    if (element == id) return data;
  }
  return std::nullopt;
}

}  // namespace

std::expected<RtpView, Drop> parse_rtp(Bytes datagram) noexcept {
  Reader in(datagram);
  const auto first = in.u8();
  const auto second = in.u8();
  RtpView rtp;
  rtp.padding = (first & 0x20) != 0;
  rtp.marker = (second & 0x80) != 0;
  rtp.payload_type = second & 0x7F;
  rtp.sequence = in.u16();
  rtp.timestamp = in.u32();
  rtp.ssrc = Ssrc{in.u32()};
  rtp.csrc = in.take((first & 0x0Fu) * 4u);
  if ((first & 0x10) != 0) {
    rtp.extension_profile = in.u16();
    rtp.extension = in.take(in.u16() * 4u);
  }
  if (!in.ok() || first >> 6 != kVersion) return std::unexpected(Drop::malformed_rtp);
  rtp.header_size = in.position();
  rtp.payload = datagram.subspan(rtp.header_size);
  return rtp;
}

std::expected<Bytes, Drop> strip_padding(const RtpView& rtp) noexcept {
  if (!rtp.padding) return rtp.payload;
  const std::size_t count = rtp.payload.empty() ? 0 : rtp.payload.back();
  if (count == 0 || count > rtp.payload.size()) return std::unexpected(Drop::malformed_rtp);
  return rtp.payload.first(rtp.payload.size() - count);
}

std::optional<Bytes> find_extension(const RtpView& rtp, std::uint8_t id) noexcept {
  if (id == 0) return std::nullopt;  // zero is padding in both forms
  if (rtp.extension_profile == kOneByteProfile) return find_one_byte(rtp.extension, id);
  if (is_two_byte(rtp.extension_profile)) return find_two_byte(rtp.extension, id);
  return std::nullopt;
}

std::optional<AudioLevel> audio_level(const RtpView& rtp, std::uint8_t id) noexcept {
  const auto data = find_extension(rtp, id);
  if (!data || data->empty()) return std::nullopt;
  const auto value = data->front();
  return AudioLevel{.level = static_cast<std::uint8_t>(value & 0x7F), .voice = (value & 0x80) != 0};
}

void write_rtp_header(Writer& out, const RtpHeader& header) noexcept {
  const auto csrc = header.csrc.first(std::min(header.csrc.size(), kMaxCsrc));
  out.u8(static_cast<std::uint8_t>(kVersion << 6 | csrc.size()));
  out.u8(static_cast<std::uint8_t>((header.marker ? 0x80 : 0) | (header.payload_type & 0x7F)));
  out.u16(header.sequence);
  out.u32(header.timestamp);
  out.u32(static_cast<std::uint32_t>(header.ssrc));
  for (const auto peer : csrc) out.u32(static_cast<std::uint32_t>(peer));
}

}  // namespace fanout
