/// SRTP and SRTCP packets over four primitives of a backend. Here are the offsets, the
/// associated data and the order of things; the backends know only ciphers.
///
///   GCM   RTP:  header · ciphertext · tag(16)            associated: header
///         RTCP: header(8) · ciphertext · tag(16) · word  associated: header · word
///   CM    RTP:  header · ciphertext · tag(10)            authenticated: all before it · ROC
///         RTCP: header(8) · ciphertext · word · tag(10)  authenticated: all before it
///
/// where word = E bit · 31-bit SRTCP index.
#pragma once

#include "fanout/secure/hmac.hpp"
#include "fanout/secure/srtp_session.hpp"

namespace fanout {

constexpr std::size_t kGcmTag = tag_size(SrtpProfile::aead_aes_128_gcm);
constexpr std::size_t kCounterTag = tag_size(SrtpProfile::aes128_cm_sha1_80);

class SrtpPackets : public SrtpEngine {
 public:
  SrtpKey rtp_key(const SrtpMaster& master) noexcept override;
  SrtpKey rtcp_key(const SrtpMaster& master) noexcept override;

  void start_rtp(std::span<const SealJob> jobs) noexcept override;
  std::optional<MutableBytes> open_rtp(const SrtpKey& key, MutableBytes packet,
                                       std::size_t header_size, Ssrc ssrc,
                                       std::uint64_t index) noexcept override;
  std::size_t seal_rtcp(const SrtpKey& key, MutableBytes buffer, std::size_t size,
                        std::uint32_t index) noexcept override;
  std::optional<MutableBytes> open_rtcp(const SrtpKey& key, MutableBytes packet,
                                        std::uint32_t& index) noexcept override;

 protected:
  /// Ciphertext and 16 bytes of tag go to `out`, which may be where `plain` is.
  virtual void gcm_seal(const SrtpKey& key, const SrtpIv& iv, Bytes associated, Bytes plain,
                        std::uint8_t* out) noexcept = 0;
  /// `sealed` is ciphertext and tag; decrypted in place.
  virtual bool gcm_open(const SrtpKey& key, const SrtpIv& iv, Bytes associated,
                        MutableBytes sealed) noexcept = 0;
  /// Either direction; `out` may be where `in` is.
  virtual void counter_crypt(const SrtpKey& key, const SrtpIv& iv, Bytes in,
                             std::uint8_t* out) noexcept = 0;
  virtual Sha1Digest authenticate(const SrtpKey& key, Bytes message) noexcept = 0;
  virtual SessionKeys derive(const SrtpMaster& master, SrtpUse use) noexcept = 0;

 private:
  void seal_counter(const SealJob& job) noexcept;
  std::optional<MutableBytes> open_counter(const SrtpKey& key, MutableBytes packet,
                                           std::size_t header_size, Ssrc ssrc,
                                           std::uint64_t index) noexcept;
};

/// The 32-bit rollover counter of a 48-bit index.
constexpr std::uint32_t rollover_of(std::uint64_t index) noexcept {
  return static_cast<std::uint32_t>(index >> 16);
}
constexpr std::size_t kRolloverSize = 4;

/// Each returns null where the backend is not built in or the CPU lacks it.
std::unique_ptr<SrtpEngine> make_ipsec_mb_engine();
std::unique_ptr<SrtpEngine> make_openssl_engine();

}  // namespace fanout
