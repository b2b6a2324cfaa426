#include "fanout/load/reception.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "fanout/base/audio.hpp"
#include "fanout/base/seq.hpp"

namespace fanout {
namespace {

constexpr std::int64_t kUnitsPerMs = kClockRate / 1'000;
constexpr std::int64_t kMaxLost = 0x7F'FFFF;  // 24 bits, signed

constexpr std::int64_t to_units(std::int64_t us) { return us * kUnitsPerMs / 1'000; }
constexpr Duration to_duration(std::int64_t units) {
  return microseconds(units * 1'000 / kUnitsPerMs);
}

}  // namespace

void Reception::add(Instant now, const Packet& packet) noexcept {
  if (received_ == 0) {
    ssrc_ = packet.ssrc;
    first_ = newest_ = packet.index;
    timestamp_ = packet.timestamp;
    transit_ = to_units(now.us) - packet.timestamp;
    fastest_ = transit_;
  }
  ++received_;
  last_arrival_ = now;
  if (packet.index < newest_) ++reordered_;
  if (packet.index >= newest_) follow(packet);
  first_ = std::min(first_, packet.index);
  newest_ = std::max(newest_, packet.index);
  time(now, packet.timestamp);
}

void Reception::follow(const Packet& packet) noexcept {
  const auto ahead = static_cast<std::int32_t>(packet.timestamp - next_timestamp_);
  const bool next = packet.index == newest_ + 1 && samples_ > 0;
  if (next && !packet.marker && ahead > 0)
    skipped_ += static_cast<std::uint32_t>(ahead) / kFrameSamples;
  samples_ = packet.samples;
  next_timestamp_ = packet.timestamp + packet.samples;
}

void Reception::time(Instant now, std::uint32_t timestamp) noexcept {
  const auto unwrapped = unwrap_timestamp(timestamp, timestamp_);
  timestamp_ = std::max(timestamp_, unwrapped);
  const auto transit = to_units(now.us) - static_cast<std::int64_t>(unwrapped);
  jitter_ += std::abs(transit - transit_) - ((jitter_ + 8) >> 4);
  transit_ = transit;
  fastest_ = std::min(fastest_, transit);
  if (delay() > playout_delay_) ++late_;
}

Duration Reception::delay() const noexcept { return to_duration(transit_ - fastest_); }

void Reception::note_sender_report(Instant now, std::uint64_t ntp) noexcept {
  last_sr_ = static_cast<std::uint32_t>(ntp >> 16);
  last_sr_at_ = now;
}

ReportBlock Reception::report(Instant now) noexcept {
  const auto since_sr = (now - last_sr_at_).us * 65'536 / 1'000'000;
  return {
      .ssrc = ssrc_,
      .fraction_lost = fraction_lost(),
      .packets_lost = static_cast<std::int32_t>(std::clamp(packets_lost(), -kMaxLost, kMaxLost)),
      .highest_sequence = static_cast<std::uint32_t>(newest_),
      .jitter = static_cast<std::uint32_t>(jitter_ >> 4),
      .last_sr = last_sr_,
      .delay_since_sr = last_sr_ == 0 ? 0 : static_cast<std::uint32_t>(since_sr)};
}

Duration Reception::jitter() const noexcept { return to_duration(jitter_ >> 4); }

std::int64_t Reception::expected() const noexcept {
  return received_ == 0 ? 0 : static_cast<std::int64_t>(newest_ - first_) + 1;
}

/// RFC 3550 appendix A.3; duplicates are gone, so only late arrivals make it negative.
std::uint8_t Reception::fraction_lost() noexcept {
  const auto received = static_cast<std::int64_t>(received_);
  const auto expected_now = expected() - std::exchange(expected_before_, expected());
  const auto lost = expected_now - (received - std::exchange(received_before_, received));
  return lost <= 0
             ? 0
             : static_cast<std::uint8_t>(std::min<std::int64_t>(lost * 256 / expected_now, 255));
}

}  // namespace fanout
