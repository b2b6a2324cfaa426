/// The hot loop: one frame, the same for everybody, becomes one SRTP packet per listener.
/// Header, payload and contributing sources are written once; per listener there remain the
/// payload type, the sequence number and the seal under the listener's own key.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
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
  /// A payload over `kMaxPayload` bytes is misuse: std::length_error. `redundant`: it is RFC
  /// 2198's, and its blocks have no payload type yet.
  SharedPacket(const RtpHeader& header, Bytes payload, bool redundant = false);
  /// The same as one with this header and payload, none of them redundant.
  SharedPacket(Bytes header, Bytes payload);

  Bytes header() const noexcept { return Bytes(header_).first(header_size_); }
  /// Copies the header, and whatever lies behind it up to the longest there can be: a copy of one
  /// size for all is a few instructions where one by size is a call.
  void write_header(MutableBytes datagram) const noexcept {
    std::memcpy(datagram.data(), header_.data(), kMaxRtpHeader);
  }
  Bytes payload() const noexcept { return Bytes(payload_).first(payload_size_); }
  bool redundant() const noexcept { return redundant_; }
  bool marker() const noexcept { return (header_[1] & 0x80) != 0; }
  Bytes csrc() const noexcept { return header().subspan(kRtpFixedHeader); }
  std::uint32_t timestamp() const noexcept { return load_be<std::uint32_t>(header_.data() + 4); }
  Ssrc ssrc() const noexcept { return Ssrc{load_be<std::uint32_t>(header_.data() + 8)}; }

 private:
  void set_payload(Bytes payload);

  std::array<std::uint8_t, kMaxRtpHeader> header_{};
  std::array<std::uint8_t, kMaxPayload> payload_{};
  std::uint16_t header_size_ = 0;
  std::uint16_t payload_size_ = 0;
  bool redundant_ = false;
};

/// Writes the packet's header for one receiver, and the job that seals its payload after it.
/// `datagram` has room for the longest header.
inline SealJob prepare(const SharedPacket& packet, const SrtpKey& key, std::uint8_t payload_type,
                       std::uint64_t index, MutableBytes datagram) noexcept {
  const auto header = packet.header();
  packet.write_header(datagram);
  datagram[1] = static_cast<std::uint8_t>((header[1] & 0x80) | payload_type);
  store_be(datagram.data() + 2, static_cast<std::uint16_t>(index));
  return {.key = &key,
          .packet = datagram.data(),
          .payload = packet.payload().data(),
          .header_size = static_cast<std::uint16_t>(header.size()),
          .payload_size = static_cast<std::uint16_t>(packet.payload().size()),
          .ssrc = packet.ssrc(),
          .index = index};
}

/// The size that a job's packet has once it is sealed.
inline std::size_t sealed_size(const SealJob& job) noexcept {
  return std::size_t{job.header_size} + job.payload_size + tag_size(job.key->profile);
}

/// Where a receiver's sequence numbers start: anywhere in the lower half of their range, so that
/// one who misses the first packets guesses the rollover counter right (RFC 3711 section 3.3.1).
std::uint64_t random_first_index() noexcept;

/// Writes a redundant packet's blocks into the datagram, with the receiver's type for Opus: the
/// job then seals them in place.
void write_blocks(SealJob& job, std::uint8_t payload_type) noexcept;

/// A row is reached by its number, which no hardware prefetcher guesses: fetch the counters, the
/// address and the key of a listener that comes a DRAM access later.
constexpr std::size_t kRowsAhead = 16;
/// Packets prepared before they are sealed together. Fewer would stall on headers that are not
/// in the cache yet; more would ask memory for all their keys at once, and then for none.
constexpr std::size_t kGroup = 8;

// Inlined by force: GCC 12 drops calls to a function that only prefetches.
[[gnu::always_inline]] inline void prefetch(const SealRow& row) noexcept {
  __builtin_prefetch(&row.next_index, 1);
  __builtin_prefetch(&row.key.salt, 0);
}

/// Seals for each of `listeners` the packet that `choose(row)` gives, or none where that is null,
/// while the batch has room; returns how many listeners it came to.
template <typename Choose>
std::size_t seal(SrtpEngine& engine, AudienceTable& table, std::span<const RowId> listeners,
                 Choose choose, SendBatch& batch) noexcept {
  std::array<SealJob, kGroup> jobs;
  std::size_t count = 0;
  std::size_t taken = 0;
  std::size_t size = 0;  // a guess at the next packet's: the latest one's
  for (; taken < listeners.size() && batch.room() > 0; ++taken) {
    if (taken + kRowsAhead < listeners.size()) {
      const SealRow& later = table.to_seal(listeners[taken + kRowsAhead]);
      prefetch(later);
      engine.fetch(later.key, size);
    }
    SealRow& row = table.to_seal(listeners[taken]);
    const SharedPacket* packet = choose(row);
    if (!packet) continue;
    size = packet->payload().size();
    SealJob& job = jobs[count++];
    const auto payload_type = packet->redundant() ? row.red_payload_type : row.payload_type;
    job = prepare(*packet, row.key, payload_type, row.next_index++, batch.next());
    if (packet->redundant()) [[unlikely]]
      write_blocks(job, row.payload_type);
    ++row.packets_sent;
    row.octets_sent += job.payload_size;
    batch.add(row.to, sealed_size(job));
    if (count == kGroup) {
      engine.start_rtp(jobs);
      count = 0;
    }
  }
  engine.start_rtp(std::span(jobs).first(count));
  engine.finish_rtp();
  return taken;
}

}  // namespace fanout
