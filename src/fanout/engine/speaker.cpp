#include "fanout/engine/speaker.hpp"

#include <algorithm>
#include <cstdlib>

namespace fanout {

namespace {

/// Browsers send one or two, nine at the most.
constexpr std::size_t kMaxCopies = 9;
/// Samples by which a copy's offset may be off: half of the shortest step in time.
constexpr std::int64_t kStampError = 60;
/// The quietest that is a level: the last, digital silence, stands for none.
constexpr std::uint8_t kQuietest = kUnknownLevel - 1;

}  // namespace

Speaker::Speaker(const Transport& transport, SrtpEngine& engine, int channels,
                 std::shared_ptr<PayloadSlab> slab)
    : transport_(transport),
      engine_(&engine),
      receiver_(engine, transport.remote),
      rtp_key_(engine.rtp_key(transport.local)),
      rtcp_key_(engine.rtcp_key(transport.local)),
      next_index_(random_first_index()),
      voice_(channels, {}, std::move(slab)) {}

std::expected<void, Drop> Speaker::handle_rtp(Instant now, MutableBytes datagram) noexcept {
  auto rtp = parse_rtp(datagram);
  if (!rtp) return std::unexpected(rtp.error());
  if (rtp->payload_type != transport_.payload_type && !is_red(*rtp))
    return std::unexpected(Drop::wrong_payload_type);
  const auto opened = receiver_.open_rtp(datagram, rtp->header_size, rtp->ssrc, rtp->sequence);
  if (!opened) return std::unexpected(opened.error());
  rtp->payload = opened->payload;
  const auto payload = strip_padding(*rtp);
  if (!payload) return std::unexpected(payload.error());
  rtp->payload = *payload;
  note_received(*rtp, opened->index);
  return is_red(*rtp) ? hear_red(now, *rtp) : push(now, *rtp, *payload);
}

bool Speaker::is_red(const RtpView& rtp) const noexcept {
  return transport_.red_payload_type != 0 && rtp.payload_type == transport_.red_payload_type;
}

std::expected<void, Drop> Speaker::push(Instant now, const RtpView& rtp, Bytes opus) noexcept {
  const auto samples = opus_samples(opus);
  if (!samples) return std::unexpected(Drop::malformed_rtp);
  voice_.push(now, {.sequence = rtp.sequence,
                    .timestamp = rtp.timestamp,
                    .ssrc = rtp.ssrc,
                    .payload = opus,
                    .samples = static_cast<std::uint32_t>(*samples),
                    .level = level_of(rtp)});
  return {};
}

std::uint8_t Speaker::level_of(const RtpView& rtp) const noexcept {
  const auto level = audio_level(rtp, transport_.level_extension);
  return level ? std::min(level->level, kQuietest) : kUnknownLevel;
}

/// RFC 2198: what came before, and last the packet itself.
std::expected<void, Drop> Speaker::hear_red(Instant now, const RtpView& rtp) noexcept {
  auto red = RedView::parse(rtp.payload);
  if (!red) return std::unexpected(red.error());
  std::array<RedBlock, kMaxCopies + 1> blocks;
  std::size_t count = 0;
  while (const auto block = red->next()) {
    if (count == blocks.size()) return std::unexpected(Drop::malformed_red);
    blocks[count++] = *block;
  }
  const auto& primary = blocks[count - 1];
  if (primary.payload_type != transport_.payload_type)
    return std::unexpected(Drop::wrong_payload_type);
  const auto pushed = push(now, rtp, primary.payload);
  push_copies(now, rtp, std::span(blocks).first(count - 1));
  return pushed;
}

/// A copy does not say which packet it repeats. Senders take them from an unbroken run before
/// the packet, as long as its own, so a copy's offset in time counts them. Stamps may be rounded.
void Speaker::push_copies(Instant now, const RtpView& rtp,
                          std::span<const RedBlock> copies) noexcept {
  for (const auto& copy : copies) {
    const auto samples = opus_samples(copy.payload);
    if (!samples || copy.payload_type != transport_.payload_type) continue;
    const auto back = (copy.timestamp_offset + *samples / 2) / *samples;
    const auto off = static_cast<std::int64_t>(back * *samples) - copy.timestamp_offset;
    if (back == 0 || std::abs(off) > kStampError) continue;
    voice_.push_copy(now, {.sequence = static_cast<std::uint16_t>(rtp.sequence - back),
                           .timestamp = rtp.timestamp - copy.timestamp_offset,
                           .ssrc = rtp.ssrc,
                           .payload = copy.payload,
                           .samples = static_cast<std::uint32_t>(*samples),
                           .level = level_of(rtp)});
  }
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
      .jitter = static_cast<std::uint32_t>(voice_.stats().jitter * kClockRate),
      .last_sr = last_sr_,
      .delay_since_sr =
          last_sr_ ? static_cast<std::uint32_t>((now - last_sr_at_).us * 65'536 / 1'000'000) : 0};
}

}  // namespace fanout
