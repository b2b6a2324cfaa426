/// The hot loop: one frame, the same for everybody, becomes one SRTP packet per listener.
/// Header, payload and contributing sources are written once; per listener there remain the
/// payload type, the sequence number and the seal under the listener's own key.
#pragma once

#include <array>
#include <span>

#include "fanout/audience/table.hpp"
#include "fanout/base/send_batch.hpp"
#include "fanout/wire/rtp.hpp"

namespace fanout {

constexpr std::size_t kMaxRtpHeader = kRtpFixedHeader + 4 * kMaxCsrc;
constexpr std::size_t kMaxPayload = kMaxDatagram - kMaxRtpHeader - kMaxSrtpTag;

/// One RTP packet as all listeners of a space get it, but for payload type and sequence number.
class SharedPacket {
 public:
  SharedPacket() = default;
  /// A payload over `kMaxPayload` bytes is misuse: std::length_error.
  SharedPacket(const RtpHeader& header, Bytes payload);

  Bytes header() const noexcept { return Bytes(header_).first(header_size_); }
  Bytes payload() const noexcept { return Bytes(payload_).first(payload_size_); }
  std::uint32_t timestamp() const noexcept { return load_be<std::uint32_t>(header_.data() + 4); }
  Ssrc ssrc() const noexcept { return Ssrc{load_be<std::uint32_t>(header_.data() + 8)}; }

 private:
  std::array<std::uint8_t, kMaxRtpHeader> header_{};
  std::array<std::uint8_t, kMaxPayload> payload_{};
  std::uint16_t header_size_ = 0;
  std::uint16_t payload_size_ = 0;
};

/// Writes the packet's header for one receiver, and the job that seals its payload after it.
SealJob prepare(const SharedPacket& packet, const SrtpKey& key, std::uint8_t payload_type,
                std::uint64_t index, MutableBytes datagram) noexcept;

/// The size that a job's packet has once it is sealed.
inline std::size_t sealed_size(const SealJob& job) noexcept {
  return std::size_t{job.header_size} + job.payload_size + tag_size(job.key->profile);
}

/// Where a receiver's sequence numbers start: anywhere in the lower half of their range, so that
/// one who misses the first packets guesses the rollover counter right (RFC 3711 section 3.3.1).
std::uint64_t random_first_index() noexcept;

/// Seals for as many of `listeners` as the batch has room for; returns how many were consumed.
std::size_t seal(SrtpEngine& engine, AudienceTable& table, std::span<const RowId> listeners,
                 const SharedPacket& packet, SendBatch& batch) noexcept;

}  // namespace fanout
