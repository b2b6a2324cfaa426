#include "fanout/secure/srtp_packets.hpp"

namespace fanout {
namespace {

constexpr std::size_t kRtcpHeader = 8;  // the first one of the compound stays in the clear
constexpr std::uint32_t kEncrypted = 0x8000'0000u;

bool is_gcm(const SrtpKey& key) noexcept { return key.profile == SrtpProfile::aead_aes_128_gcm; }

Ssrc rtcp_ssrc(Bytes packet) noexcept { return Ssrc{load_be<std::uint32_t>(&packet[4])}; }

std::array<std::uint8_t, kRtcpHeader + kSrtcpIndexSize> rtcp_associated(
    Bytes packet, std::uint32_t word) noexcept {
  std::array<std::uint8_t, kRtcpHeader + kSrtcpIndexSize> data;
  std::copy_n(packet.begin(), kRtcpHeader, data.begin());
  store_be(&data[kRtcpHeader], word);
  return data;
}

}  // namespace

SrtpKey SrtpPackets::rtp_key(const SrtpMaster& master) noexcept {
  return expand(master.profile, derive(master, SrtpUse::rtp));
}

SrtpKey SrtpPackets::rtcp_key(const SrtpMaster& master) noexcept {
  return expand(master.profile, derive(master, SrtpUse::rtcp));
}

void SrtpPackets::start_rtp(std::span<const SealJob> jobs) noexcept {
  for (const SealJob& job : jobs) {
    if (is_gcm(*job.key)) {
      gcm_seal(*job.key, gcm_iv(*job.key, job.ssrc, job.index), {job.packet, job.header_size},
               {job.payload, job.payload_size}, job.packet + job.header_size);
    } else {
      seal_counter(job);
    }
  }
}

void SrtpPackets::seal_counter(const SealJob& job) noexcept {
  std::uint8_t* const body = job.packet + job.header_size;
  std::uint8_t* const tag = body + job.payload_size;
  counter_crypt(*job.key, counter_iv(*job.key, job.ssrc, job.index),
                {job.payload, job.payload_size}, body);
  store_be(tag, rollover_of(job.index));  // hashed where the tag will be, never sent
  const auto digest = authenticate(*job.key, Bytes(job.packet, tag + kRolloverSize));
  std::copy_n(digest.begin(), kCounterTag, tag);
}

std::optional<MutableBytes> SrtpPackets::open_rtp(const SrtpKey& key, MutableBytes packet,
                                                  std::size_t header_size, Ssrc ssrc,
                                                  std::uint64_t index) noexcept {
  const std::size_t tag = tag_size(key.profile);
  if (packet.size() < tag || packet.size() - tag < header_size) return std::nullopt;
  if (!is_gcm(key)) return open_counter(key, packet, header_size, ssrc, index);
  const auto sealed = packet.subspan(header_size);
  if (!gcm_open(key, gcm_iv(key, ssrc, index), packet.first(header_size), sealed))
    return std::nullopt;
  return sealed.first(sealed.size() - tag);
}

std::optional<MutableBytes> SrtpPackets::open_counter(const SrtpKey& key, MutableBytes packet,
                                                      std::size_t header_size, Ssrc ssrc,
                                                      std::uint64_t index) noexcept {
  const auto tag = packet.last<kCounterTag>();
  const auto body = packet.subspan(header_size, packet.size() - header_size - kCounterTag);
  std::array<std::uint8_t, kCounterTag> received;
  std::ranges::copy(tag, received.begin());
  store_be(tag.data(), rollover_of(index));
  const auto digest = authenticate(key, packet.first(packet.size() - kCounterTag + kRolloverSize));
  if (!equal_in_constant_time(received, Bytes(digest).first(kCounterTag))) return std::nullopt;
  counter_crypt(key, counter_iv(key, ssrc, index), body, body.data());
  return body;
}

std::size_t SrtpPackets::seal_rtcp(const SrtpKey& key, MutableBytes buffer, std::size_t size,
                                   std::uint32_t index) noexcept {
  const std::size_t tag = tag_size(key.profile);
  if (size < kRtcpHeader || buffer.size() < size + tag + kSrtcpIndexSize) return 0;
  const std::uint32_t word = kEncrypted | index;
  const auto body = buffer.subspan(kRtcpHeader, size - kRtcpHeader);
  std::uint8_t* const end = buffer.data() + size;
  if (is_gcm(key)) {
    gcm_seal(key, gcm_iv(key, rtcp_ssrc(buffer), word & ~kEncrypted), rtcp_associated(buffer, word),
             body, body.data());
    store_be(end + kGcmTag, word);
  } else {
    counter_crypt(key, counter_iv(key, rtcp_ssrc(buffer), word & ~kEncrypted), body, body.data());
    store_be(end, word);
    const auto digest = authenticate(key, buffer.first(size + kSrtcpIndexSize));
    std::copy_n(digest.begin(), kCounterTag, end + kSrtcpIndexSize);
  }
  return size + tag + kSrtcpIndexSize;
}

std::optional<MutableBytes> SrtpPackets::open_rtcp(const SrtpKey& key, MutableBytes packet,
                                                   std::uint32_t& index) noexcept {
  const std::size_t overhead = tag_size(key.profile) + kSrtcpIndexSize;
  if (packet.size() < kRtcpHeader + overhead) return std::nullopt;
  const auto plain = packet.first(packet.size() - overhead);
  const auto body = plain.subspan(kRtcpHeader);
  const bool gcm = is_gcm(key);
  const auto word = load_be<std::uint32_t>(plain.data() + plain.size() + (gcm ? kGcmTag : 0));
  if ((word & kEncrypted) == 0) return std::nullopt;
  index = word & ~kEncrypted;
  if (gcm) {
    const auto sealed = packet.subspan(kRtcpHeader, body.size() + kGcmTag);
    if (!gcm_open(key, gcm_iv(key, rtcp_ssrc(packet), index), rtcp_associated(packet, word),
                  sealed))
      return std::nullopt;
    return plain;
  }
  const auto digest = authenticate(key, packet.first(plain.size() + kSrtcpIndexSize));
  if (!equal_in_constant_time(packet.last<kCounterTag>(), Bytes(digest).first(kCounterTag)))
    return std::nullopt;
  counter_crypt(key, counter_iv(key, rtcp_ssrc(packet), index), body, body.data());
  return plain;
}

}  // namespace fanout
