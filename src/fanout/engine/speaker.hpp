/// A speaker: one SRTP stream in (opened, its redundancy unpacked, buffered), one stream out (the
/// mix without their own voice), and the RTCP that goes with both.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string_view>

#include "fanout/audience/seal.hpp"
#include "fanout/audience/transport.hpp"
#include "fanout/base/audio.hpp"
#include "fanout/engine/outbox.hpp"
#include "fanout/media/voice.hpp"
#include "fanout/secure/srtp.hpp"
#include "fanout/wire/red.hpp"
#include "fanout/wire/rtcp.hpp"
#include "fanout/wire/rtp.hpp"

namespace fanout {

/// The canonical name of everything this server sends (RFC 7022 asks for no more than it be one).
constexpr std::string_view kCname = "spacescore";

class Speaker {
 public:
  /// `channels`: of the room's mix. `slab`: of all speakers of this engine.
  Speaker(const Transport& transport, SrtpEngine& engine, int channels,
          std::shared_ptr<PayloadSlab> slab);

  Transport& transport() noexcept { return transport_; }
  const Transport& transport() const noexcept { return transport_; }
  PeerId peer() const noexcept { return transport_.peer; }

  bool muted() const noexcept { return muted_; }
  void set_muted(bool muted) noexcept { muted_ = muted; }
  /// -dBov of the last tick: as heard, or as claimed where nobody listens.
  std::uint8_t level() const noexcept { return level_; }
  void set_level(std::uint8_t level) noexcept { level_ = level; }
  Voice& voice() noexcept { return voice_; }
  VoiceStats stats() const noexcept { return voice_.stats(); }

  /// An SRTP packet from this speaker. Decrypts in place.
  std::expected<void, Drop> handle_rtp(Instant now, MutableBytes datagram) noexcept;
  /// An SRTCP packet; true when it says goodbye (BYE).
  std::expected<bool, Drop> handle_rtcp(Instant now, MutableBytes datagram) noexcept;

  /// Seals one frame of the mix for this speaker.
  void send(const SharedPacket& packet, Outbox& outbox) noexcept;
  /// Sender and receiver report (RFC 3550 section 6.4), CNAME included.
  void send_report(Instant now, UnixTime wall, Ssrc ours, std::uint32_t timestamp,
                   Outbox& outbox) noexcept;
  void send_bye(Ssrc ours, Outbox& outbox) noexcept;

 private:
  std::uint8_t level_of(const RtpView& rtp) const noexcept;
  bool is_red(const RtpView& rtp) const noexcept;
  std::expected<void, Drop> hear_red(Instant now, const RtpView& rtp) noexcept;
  std::expected<void, Drop> push(Instant now, const RtpView& rtp, Bytes opus) noexcept;
  void push_copies(Instant now, const RtpView& rtp, std::span<const RedBlock> copies) noexcept;
  void note_received(const RtpView& rtp, std::uint64_t index) noexcept;
  ReportBlock report_block(Instant now) noexcept;
  void seal_and_commit(std::size_t size, Outbox& outbox) noexcept;

  Transport transport_;
  SrtpEngine* engine_;
  SrtpReceiver receiver_;
  SrtpKey rtp_key_;
  SrtpKey rtcp_key_;
  std::uint64_t next_index_;
  std::uint32_t srtcp_index_ = 0;
  std::uint32_t packets_sent_ = 0;
  std::uint32_t octets_sent_ = 0;

  Voice voice_;
  std::uint8_t level_ = kSilentLevel;
  bool muted_ = false;

  // Reception statistics of the current SSRC (RFC 3550 appendix A.3).
  std::optional<Ssrc> ssrc_;
  std::uint64_t first_index_ = 0;
  std::uint64_t highest_index_ = 0;
  std::uint64_t received_ = 0;
  std::uint64_t expected_prior_ = 0;
  std::uint64_t received_prior_ = 0;
  std::uint32_t last_sr_ = 0;
  Instant last_sr_at_;
};

}  // namespace fanout
