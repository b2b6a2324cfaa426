/// SRTP (RFC 3711, RFC 7714): sealing for many receivers, opening for few senders.
///
/// Keys are plain data, so a listener's row can be copied, replicated or mapped by another
/// process. `SrtpEngine` is the one small interface over two implementations: intel-ipsec-mb
/// (precomputed GCM tables, multi-buffer AES-CM/HMAC-SHA1 jobs) and OpenSSL EVP (any CPU).
/// An engine belongs to one thread.
#pragma once

#include <array>
#include <cstddef>
#include <expected>
#include <memory>
#include <optional>
#include <string_view>

#include "fanout/base/bytes.hpp"
#include "fanout/base/drop.hpp"
#include "fanout/base/ids.hpp"

namespace fanout {

/// DTLS-SRTP protection profile numbers (RFC 5764 section 4.1.2, RFC 7714 section 14.2).
enum class SrtpProfile : std::uint16_t {
  aes128_cm_sha1_80 = 0x0001,
  aead_aes_128_gcm = 0x0007,
};

constexpr std::size_t kSrtpKeySize = 16;
constexpr std::size_t kMaxSrtpSalt = 14;
constexpr std::size_t kMaxSrtpTag = 16;
constexpr std::size_t kSrtcpIndexSize = 4;
/// What a sealed RTCP packet is longer by, at most.
constexpr std::size_t kMaxSrtcpExpansion = kMaxSrtpTag + kSrtcpIndexSize;

constexpr std::size_t salt_size(SrtpProfile profile) noexcept {
  return profile == SrtpProfile::aead_aes_128_gcm ? 12 : 14;
}
constexpr std::size_t tag_size(SrtpProfile profile) noexcept {
  return profile == SrtpProfile::aead_aes_128_gcm ? 16 : 10;
}

/// Master key and salt of one direction, as DTLS exports them.
struct SrtpMaster {
  SrtpProfile profile = SrtpProfile::aead_aes_128_gcm;
  std::array<std::uint8_t, kSrtpKeySize> key{};
  std::array<std::uint8_t, kMaxSrtpSalt> salt{};
};

/// Session keys of one direction (RFC 3711 section 4.3): what the key derivation yields. GCM
/// has no authentication key, and uses the first 12 bytes of the salt.
struct SessionKeys {
  std::array<std::uint8_t, kSrtpKeySize> cipher{};
  std::array<std::uint8_t, kMaxSrtpSalt> salt{};
  std::array<std::uint8_t, 20> authentication{};
};

/// The same, expanded for one engine: opaque, plain data, meaningful only to that backend on
/// that kind of CPU (other machines are sent the master). 1,008 bytes is what ipsec-mb's
/// precomputed GCM key takes on every architecture it supports.
struct alignas(64) SrtpKey {
  std::array<std::uint8_t, 1008> expanded{};
  std::array<std::uint8_t, kMaxSrtpSalt> salt{};
  SrtpProfile profile = SrtpProfile::aead_aes_128_gcm;
};
static_assert(sizeof(SrtpKey) == 1024);

/// One packet to seal: the header is at `packet[0..header_size)`, the plaintext elsewhere
/// (shared by all receivers) or in place; ciphertext and tag are written after the header.
/// An engine writes nothing beyond the tag.
struct SealJob {
  const SrtpKey* key = nullptr;
  std::uint8_t* packet = nullptr;  ///< header_size + payload_size + tag bytes writable
  const std::uint8_t* payload = nullptr;
  std::uint16_t header_size = 0;
  std::uint16_t payload_size = 0;
  Ssrc ssrc{};
  std::uint64_t index = 0;  ///< 48 bits: ROC · 65536 + sequence number
};

enum class SrtpBackend : std::uint8_t { best, ipsec_mb, openssl };

class SrtpEngine {
 public:
  virtual ~SrtpEngine() = default;

  /// Throws std::runtime_error when the backend is not built in or the CPU lacks it.
  static std::unique_ptr<SrtpEngine> make(SrtpBackend backend = SrtpBackend::best);
  virtual std::string_view name() const noexcept = 0;

  /// Derives the session keys for RTP, or for RTCP (RFC 3711 section 4.3, RFC 7714 section 11).
  virtual SrtpKey rtp_key(const SrtpMaster& master) noexcept = 0;
  virtual SrtpKey rtcp_key(const SrtpMaster& master) noexcept = 0;

  virtual SrtpKey expand(SrtpProfile profile, const SessionKeys& session) noexcept = 0;

  /// Asks memory for what sealing a payload of that size will touch of a key: the keys of a
  /// large audience fit no cache.
  virtual void fetch(const SrtpKey& key, std::size_t payload_size) const noexcept;

  /// Jobs may have different keys and profiles; all are done on return.
  void seal_rtp(std::span<const SealJob> jobs) noexcept {
    start_rtp(jobs);
    finish_rtp();
  }
  /// The same in parts: some backends gather packets, and are done with them, their keys and
  /// their payloads only when `finish_rtp` returns.
  virtual void start_rtp(std::span<const SealJob> jobs) noexcept = 0;
  virtual void finish_rtp() noexcept {}

  /// Decrypts in place; the plaintext payload, or nothing when the tag does not verify (the
  /// packet's bytes are then worthless).
  virtual std::optional<MutableBytes> open_rtp(const SrtpKey& key, MutableBytes packet,
                                               std::size_t header_size, Ssrc ssrc,
                                               std::uint64_t index) noexcept = 0;

  /// `buffer[0..size)` is the plain compound; returns the sealed size (index and tag appended),
  /// or zero when `buffer` has no room for it or the compound no header. 31 bits of index.
  virtual std::size_t seal_rtcp(const SrtpKey& key, MutableBytes buffer, std::size_t size,
                                std::uint32_t index) noexcept = 0;
  /// Decrypts in place; the plain compound. The index, from the packet, goes to `index`. A
  /// packet without the E bit is refused: both profiles encrypt RTCP.
  virtual std::optional<MutableBytes> open_rtcp(const SrtpKey& key, MutableBytes packet,
                                                std::uint32_t& index) noexcept = 0;
};

/// 128 packets of history (RFC 3711 section 3.3.2 asks for at least 64), plain data.
class ReplayWindow {
 public:
  static constexpr std::uint64_t kSize = 128;

  /// Whether an index is new: not seen, and not older than the window.
  bool accepts(std::uint64_t index) const noexcept;
  void mark(std::uint64_t index) noexcept;
  /// Takes everything up to an index as seen.
  void mark_through(std::uint64_t index) noexcept;

 private:
  std::uint64_t& word(std::uint64_t index) noexcept { return seen_[index % kSize / 64]; }

  std::uint64_t end_ = 0;                         // one more than the newest
  std::array<std::uint64_t, kSize / 64> seen_{};  // a ring of bits: index modulo kSize
};

/// The receiving end of one peer: ROC estimation (RFC 3711 appendix A), replay, opening. A peer
/// may change its SSRC a few times; each has indices of its own, and is remembered, or its old
/// packets could be replayed. SSRCs beyond are `unexpected_media`. A dropped packet changes
/// nothing.
class SrtpReceiver {
 public:
  SrtpReceiver(SrtpEngine& engine, const SrtpMaster& remote);

  struct Opened {
    Bytes payload;        ///< plaintext, in place in the datagram
    std::uint64_t index;  ///< 48-bit extended sequence number
  };
  std::expected<Opened, Drop> open_rtp(MutableBytes datagram, std::size_t header_size, Ssrc ssrc,
                                       std::uint16_t sequence) noexcept;
  std::expected<Bytes, Drop> open_rtcp(MutableBytes datagram) noexcept;

  /// Takes over a stream another process or node has received up to `newest`.
  void resume(Ssrc ssrc, std::uint64_t newest) noexcept;
  /// Highest index opened of the SSRC heard last, for whoever may have to resume.
  std::uint64_t newest() const noexcept { return newest_; }

 private:
  struct Source {
    Ssrc ssrc{};
    std::uint64_t newest = 0;
    ReplayWindow seen;
  };
  /// Each SSRC of the peer counts its own indices (RFC 3711 section 3.2.3). A browser reports as
  /// SSRC 1 until it sends, then as its stream.
  class Sources {
   public:
    Source* find(Ssrc ssrc) noexcept;
    /// Null when there are too many.
    Source* add(Ssrc ssrc) noexcept;
    bool full() const noexcept { return count_ == known_.size(); }

   private:
    std::array<Source, 4> known_{};
    std::size_t count_ = 0;
  };

  SrtpEngine* engine_;
  SrtpKey rtp_key_;
  SrtpKey rtcp_key_;
  std::uint64_t newest_ = 0;
  Sources rtp_sources_;
  Sources rtcp_sources_;
};

}  // namespace fanout
