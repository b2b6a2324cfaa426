/// RTP (RFC 3550 section 5.1) with RFC 8285 header extensions: parse and write, no state.
#pragma once

#include <expected>
#include <optional>

#include "fanout/base/audio.hpp"
#include "fanout/base/bytes.hpp"
#include "fanout/base/drop.hpp"
#include "fanout/base/ids.hpp"

namespace fanout {

constexpr std::size_t kRtpFixedHeader = 12;
constexpr std::size_t kMaxCsrc = 15;

/// A parsed packet. Borrows the datagram. For SRTP, parse before opening: `payload` is then
/// still ciphertext and tag, and `padding` must be taken off after opening (`strip_padding`).
struct RtpView {
  bool marker = false;
  bool padding = false;  ///< the P bit
  std::uint8_t payload_type = 0;
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  Ssrc ssrc{};
  Bytes csrc;  ///< 4 bytes each
  std::uint16_t extension_profile = 0;
  Bytes extension;  ///< body of the header extension, empty when absent
  std::size_t header_size = 0;
  Bytes payload;
};

std::expected<RtpView, Drop> parse_rtp(Bytes datagram) noexcept;

/// Payload without RTP padding; fails when the count is zero or larger than the payload.
std::expected<Bytes, Drop> strip_padding(const RtpView& rtp) noexcept;

/// RFC 8285 element with this id (one-byte and two-byte forms), or nothing.
std::optional<Bytes> find_extension(const RtpView& rtp, std::uint8_t id) noexcept;

/// RFC 6464: level in -dBov, 0 (loudest) to 127 (silence), and the voice bit.
struct AudioLevel {
  std::uint8_t level = kSilentLevel;
  bool voice = false;
};
std::optional<AudioLevel> audio_level(const RtpView& rtp, std::uint8_t id) noexcept;

struct RtpHeader {
  bool marker = false;
  std::uint8_t payload_type = 0;
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  Ssrc ssrc{};
  std::span<const PeerId> csrc;  ///< at most 15
};
void write_rtp_header(Writer& out, const RtpHeader& header) noexcept;

/// RFC 5761 section 4: payload types 64..95 under rtcp-mux are RTCP.
constexpr bool is_rtcp(Bytes datagram) noexcept {
  return datagram.size() >= 2 && datagram[1] >= 192 && datagram[1] <= 223;
}

}  // namespace fanout
