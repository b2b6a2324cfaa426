#include "fanout/load/reception.hpp"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <utility>

#include "fanout/base/seq.hpp"

namespace fanout {
namespace {

constexpr std::int64_t kUnitsPerMs = kClockRate / 1'000;
constexpr std::int64_t kNoTransit = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kMaxLost = 0x7F'FFFF;  // 24 bits, signed

constexpr std::int64_t to_units(std::int64_t us) { return us * kUnitsPerMs / 1'000; }

}  // namespace

void Reception::add(Instant now, Ssrc ssrc, std::uint64_t index, std::uint32_t timestamp) noexcept {
  if (received_ == 0) {
    ssrc_ = ssrc;
    first_ = newest_ = index;
    timestamp_ = timestamp;
    transit_ = to_units(now.us) - timestamp;
    fastest_ = fastest_before_ = transit_;
  }
  ++received_;
  if (index < newest_) ++reordered_;
  first_ = std::min(first_, index);
  newest_ = std::max(newest_, index);
  time(now, timestamp);
}

void Reception::time(Instant now, std::uint32_t timestamp) noexcept {
  const auto unwrapped = unwrap_timestamp(timestamp, timestamp_);
  timestamp_ = std::max(timestamp_, unwrapped);
  const auto transit = to_units(now.us) - static_cast<std::int64_t>(unwrapped);
  jitter_ += std::abs(transit - transit_) - ((jitter_ + 8) >> 4);
  transit_ = transit;
  fastest_ = std::min(fastest_, transit);
  if (transit - std::min(fastest_, fastest_before_) > to_units(playout_delay_.us)) ++late_;
}

void Reception::note_sender_report(Instant now, std::uint64_t ntp) noexcept {
  last_sr_ = static_cast<std::uint32_t>(ntp >> 16);
  last_sr_at_ = now;
}

ReportBlock Reception::report(Instant now) noexcept {
  const auto since_sr = (now - last_sr_at_).us * 65'536 / 1'000'000;
  fastest_before_ = std::exchange(fastest_, kNoTransit);
  return {
      .ssrc = ssrc_,
      .fraction_lost = fraction_lost(),
      .packets_lost = static_cast<std::int32_t>(std::clamp(packets_lost(), -kMaxLost, kMaxLost)),
      .highest_sequence = static_cast<std::uint32_t>(newest_),
      .jitter = static_cast<std::uint32_t>(jitter_ >> 4),
      .last_sr = last_sr_,
      .delay_since_sr = last_sr_ == 0 ? 0 : static_cast<std::uint32_t>(since_sr)};
}

Duration Reception::jitter() const noexcept {
  return microseconds((jitter_ >> 4) * 1'000 / kUnitsPerMs);
}

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
