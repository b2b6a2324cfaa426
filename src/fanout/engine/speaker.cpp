#include "fanout/engine/speaker.hpp"

#include <algorithm>

namespace fanout {

Speaker::Speaker(const Transport& transport, SrtpEngine& engine)
    : transport_(transport),
      engine_(&engine),
      receiver_(engine, transport.remote),
      rtp_key_(engine.rtp_key(transport.local)),
      rtcp_key_(engine.rtcp_key(transport.local)),
      next_index_(random_first_index()) {}

std::expected<void, Drop> Speaker::handle_rtp(Instant now, MutableBytes datagram) noexcept {
  auto rtp = parse_rtp(datagram);
  if (!rtp) return std::unexpected(rtp.error());
  if (rtp->payload_type != transport_.payload_type)
    return std::unexpected(Drop::wrong_payload_type);
  const auto opened = receiver_.open_rtp(datagram, rtp->header_size, rtp->ssrc, rtp->sequence);
  if (!opened) return std::unexpected(opened.error());
  rtp->payload = opened->payload;
  const auto payload = strip_padding(*rtp);
  if (!payload) return std::unexpected(payload.error());
  note_received(*rtp, opened->index);
  const auto samples = opus_samples(*payload);
  if (!samples) return std::unexpected(Drop::malformed_rtp);
  jitter_.push(now, {.sequence = rtp->sequence,
                     .timestamp = rtp->timestamp,
                     .ssrc = rtp->ssrc,
                     .payload = *payload,
                     .samples = static_cast<std::uint32_t>(*samples)});
  return {};
}

void Speaker::note_received(const RtpView& rtp, std::uint64_t index) noexcept {
  if (ssrc_ != rtp.ssrc) {
    ssrc_ = rtp.ssrc;
    first_index_ = highest_index_ = index;
    received_ = expected_prior_ = received_prior_ = 0;
  }
  highest_index_ = std::max(highest_index_, index);
  ++received_;
}

std::expected<bool, Drop> Speaker::handle_rtcp(Instant now, MutableBytes datagram) noexcept {
  const auto plain = receiver_.open_rtcp(datagram);
  if (!plain) return std::unexpected(plain.error());
  auto compound = RtcpView::parse(*plain);
  if (!compound) return std::unexpected(compound.error());
  bool goodbye = false;
  while (const auto packet = compound->next()) {
    if (packet->info) {
      last_sr_ = static_cast<std::uint32_t>(packet->info->ntp >> 16);
      last_sr_at_ = now;
    }
    goodbye |= packet->type == kRtcpBye;
  }
  return goodbye;
}

const Frame& Speaker::next_frame(Instant now) noexcept {
  refill(now);
  const auto ready = std::min(decoded_size_, frame_.size());
  std::copy_n(decoded_.begin(), ready, frame_.begin());
  std::fill(frame_.begin() + static_cast<std::ptrdiff_t>(ready), frame_.end(), 0.0F);
  std::shift_left(decoded_.begin(), decoded_.begin() + static_cast<std::ptrdiff_t>(decoded_size_),
                  static_cast<std::ptrdiff_t>(ready));
  decoded_size_ -= ready;
  if (muted_) frame_.fill(0.0F);
  level_ = level_dbov(frame_);
  return frame_;
}

void Speaker::refill(Instant now) noexcept {
  while (decoded_size_ < kFrameSamples) {
    const auto entry = jitter_.pop(now);
    if (entry.what == Playout::hold) return;
    const auto made = decode(entry, std::span(decoded_).subspan(decoded_size_));
    if (made == 0) return;
    decoded_size_ += made;
  }
}

std::size_t Speaker::decode(const Pop& entry, std::span<float> out) noexcept {
  const std::size_t samples = std::min<std::size_t>(entry.samples, kMaxOpusSamples);
  switch (entry.what) {
    case Playout::frame: {
      const auto made = decoder_.decode(entry.payload, out);
      return made > 0 ? made : decoder_.conceal(samples, out);
    }
    case Playout::fec:
      return decoder_.decode_fec(entry.payload, samples, out);
    case Playout::conceal:
      return decoder_.conceal(samples, out);
    case Playout::silence:
      std::ranges::fill(out.first(samples), 0.0F);
      return samples;
    case Playout::hold:
      return 0;
  }
  return 0;
}

void Speaker::send(const SharedPacket& packet, Outbox& outbox) noexcept {
  if (transport_.sends_only) return;
  const auto job = prepare(packet, rtp_key_, transport_.payload_type, next_index_++, outbox.next());
  engine_->seal_rtp({&job, 1});
  ++packets_sent_;
  octets_sent_ += job.payload_size;
  outbox.commit(transport_.address, sealed_size(job));
}

void Speaker::send_report(Instant now, UnixTime wall, Ssrc ours, std::uint32_t timestamp,
                          Outbox& outbox) noexcept {
  Writer out{outbox.next().first(kMaxDatagram - kMaxSrtcpExpansion)};
  const auto block = report_block(now);
  const std::span<const ReportBlock> blocks{&block, ssrc_ ? 1UL : 0UL};
  const SenderInfo info{ntp_time(wall), timestamp, packets_sent_, octets_sent_};
  if (transport_.sends_only) {
    write_receiver_report(out, ours, blocks);
  } else {
    write_sender_report(out, ours, info, blocks);
  }
  write_sdes_cname(out, ours, kCname);
  seal_and_commit(out.size(), outbox);
}

void Speaker::send_bye(Ssrc ours, Outbox& outbox) noexcept {
  Writer out{outbox.next().first(kMaxDatagram - kMaxSrtcpExpansion)};
  write_receiver_report(out, ours, {});
  write_bye(out, ours);
  seal_and_commit(out.size(), outbox);
}

void Speaker::seal_and_commit(std::size_t size, Outbox& outbox) noexcept {
  const auto sealed = engine_->seal_rtcp(rtcp_key_, outbox.next(), size, srtcp_index_++);
  outbox.commit(transport_.address, sealed);
}

ReportBlock Speaker::report_block(Instant now) noexcept {
  const auto expected = ssrc_ ? highest_index_ - first_index_ + 1 : 0;
  const auto interval = static_cast<std::int64_t>(expected - expected_prior_);
  const auto lost = interval - static_cast<std::int64_t>(received_ - received_prior_);
  expected_prior_ = expected;
  received_prior_ = received_;
  constexpr std::int64_t kMost = 0x7FFFFF;  // 24 bits, signed
  return {
      .ssrc = ssrc_.value_or(Ssrc{}),
      .fraction_lost = static_cast<std::uint8_t>(
          interval > 0 ? std::clamp<std::int64_t>(lost * 256 / interval, 0, 255) : 0),
      .packets_lost = static_cast<std::int32_t>(std::clamp<std::int64_t>(
          static_cast<std::int64_t>(expected) - static_cast<std::int64_t>(received_), -kMost - 1,
          kMost)),
      .highest_sequence = static_cast<std::uint32_t>(highest_index_),
      .jitter = static_cast<std::uint32_t>(jitter_.stats().jitter * kClockRate),
      .last_sr = last_sr_,
      .delay_since_sr =
          last_sr_ ? static_cast<std::uint32_t>((now - last_sr_at_).us * 65'536 / 1'000'000) : 0};
}

}  // namespace fanout
