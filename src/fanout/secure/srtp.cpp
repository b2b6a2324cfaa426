#include "fanout/secure/srtp.hpp"

#include <stdexcept>

#include "fanout/base/seq.hpp"
#include "fanout/secure/srtp_packets.hpp"

namespace fanout {
namespace {

/// A key is spent after 2^48 packets (RFC 3711 section 9.2): no index follows.
constexpr std::uint64_t kMaxIndex = (std::uint64_t{1} << 48) - 1;

/// First header of the compound, with the SSRC; then index and tag.
constexpr std::size_t kMinRtcp = 8;

}  // namespace

std::unique_ptr<SrtpEngine> SrtpEngine::make(SrtpBackend backend) {
  std::unique_ptr<SrtpEngine> engine;
  if (backend != SrtpBackend::openssl) engine = make_ipsec_mb_engine();
  if (!engine && backend == SrtpBackend::ipsec_mb)
    throw std::runtime_error("intel-ipsec-mb is not built in, or this CPU lacks AES-NI");
  return engine ? std::move(engine) : make_openssl_engine();
}

void SrtpEngine::fetch(const SrtpKey&, std::size_t) const noexcept {}

bool ReplayWindow::accepts(std::uint64_t index) const noexcept {
  if (index >= end_) return true;
  if (end_ - index > kSize) return false;
  return (seen_[index % kSize / 64] >> index % 64 & 1) == 0;
}

void ReplayWindow::mark(std::uint64_t index) noexcept {
  if (index >= end_ + kSize) {
    seen_ = {};
    end_ = index;
  }
  for (; end_ <= index; ++end_) word(end_) &= ~(std::uint64_t{1} << end_ % 64);
  if (end_ - index <= kSize) word(index) |= std::uint64_t{1} << index % 64;
}

void ReplayWindow::mark_through(std::uint64_t index) noexcept {
  end_ = index + 1;
  seen_.fill(~std::uint64_t{0});
}

SrtpReceiver::SrtpReceiver(SrtpEngine& engine, const SrtpMaster& remote)
    : engine_(&engine), rtp_key_(engine.rtp_key(remote)), rtcp_key_(engine.rtcp_key(remote)) {}

void SrtpReceiver::resume(Ssrc ssrc, std::uint64_t newest) noexcept {
  newest_ = newest;
  rtp_sources_ = {};
  Source& source = *rtp_sources_.add(ssrc);
  source.newest = newest;
  source.seen.mark_through(newest);
}

auto SrtpReceiver::open_rtp(MutableBytes datagram, std::size_t header_size, Ssrc ssrc,
                            std::uint16_t sequence) noexcept -> std::expected<Opened, Drop> {
  if (datagram.size() < header_size + tag_size(rtp_key_.profile))
    return std::unexpected(Drop::malformed_rtp);
  Source* source = rtp_sources_.find(ssrc);
  if (!source && rtp_sources_.full()) return std::unexpected(Drop::unexpected_media);
  const std::uint64_t index = source ? unwrap(sequence, source->newest) : sequence;
  if (index > kMaxIndex || (source && !source->seen.accepts(index)))
    return std::unexpected(Drop::replayed_rtp);
  const auto payload = engine_->open_rtp(rtp_key_, datagram, header_size, ssrc, index);
  if (!payload) return std::unexpected(Drop::forged_rtp);
  if (!source) source = rtp_sources_.add(ssrc);
  newest_ = source->newest = std::max(source->newest, index);
  source->seen.mark(index);
  return Opened{*payload, index};
}

std::expected<Bytes, Drop> SrtpReceiver::open_rtcp(MutableBytes datagram) noexcept {
  if (datagram.size() < kMinRtcp + tag_size(rtcp_key_.profile) + kSrtcpIndexSize)
    return std::unexpected(Drop::malformed_rtcp);
  std::uint32_t index = 0;
  const auto compound = engine_->open_rtcp(rtcp_key_, datagram, index);
  if (!compound) return std::unexpected(Drop::forged_rtcp);
  const Ssrc ssrc{load_be<std::uint32_t>(&datagram[4])};
  Source* source = rtcp_sources_.find(ssrc);
  if (!source) source = rtcp_sources_.add(ssrc);
  if (!source) return std::unexpected(Drop::unexpected_media);
  if (!source->seen.accepts(index)) return std::unexpected(Drop::replayed_rtcp);
  source->seen.mark(index);
  return *compound;
}

auto SrtpReceiver::Sources::find(Ssrc ssrc) noexcept -> Source* {
  const auto known = std::span(known_).first(count_);
  const auto found = std::ranges::find(known, ssrc, &Source::ssrc);
  return found == known.end() ? nullptr : &*found;
}

auto SrtpReceiver::Sources::add(Ssrc ssrc) noexcept -> Source* {
  if (full()) return nullptr;
  Source& source = known_[count_++];
  source.ssrc = ssrc;
  return &source;
}

}  // namespace fanout
