/// What a receiver knows of one stream (RFC 3550 appendix A): loss against the sequence
/// numbers, interarrival jitter against the timestamps, and who came out of order or too late.
/// Duplicates never get here: SRTP's replay window has dropped them.
#pragma once

#include <cstdint>
#include <optional>

#include "fanout/base/ids.hpp"
#include "fanout/base/time.hpp"
#include "fanout/wire/rtcp.hpp"

namespace fanout {

class Reception {
 public:
  /// A packet that comes later than the fastest one by more than this is late: a browser's
  /// buffer would have played over it. The fastest is kept to the end, for a sender that falls
  /// behind little by little would take it along. So a sender's clock that runs slow by 50 ppm
  /// adds 3 ms a minute; one on this machine adds nothing.
  explicit Reception(Duration playout_delay) : playout_delay_(playout_delay) {}

  struct Packet {
    Ssrc ssrc{};
    std::uint64_t index = 0;  ///< extended sequence number
    std::uint32_t timestamp = 0;
    bool marker = false;        ///< first after silence
    std::uint32_t samples = 0;  ///< how much it holds; 0: who knows
  };
  void add(Instant now, const Packet& packet) noexcept;
  /// An SR of the sender, whose middle NTP bits the next report echoes.
  void note_sender_report(Instant now, std::uint64_t ntp) noexcept;
  /// The block for the interval since the last one; begins a new interval.
  ReportBlock report(Instant now) noexcept;

  Ssrc ssrc() const noexcept { return ssrc_; }
  std::uint64_t packets_received() const noexcept { return received_; }
  std::int64_t expected() const noexcept;
  /// When the latest packet came, if any has.
  std::optional<Instant> last_arrival() const noexcept {
    return received_ == 0 ? std::nullopt : std::optional(last_arrival_);
  }
  std::int64_t packets_lost() const noexcept { return expected() - std::int64_t(received_); }
  std::uint64_t packets_reordered() const noexcept { return reordered_; }
  std::uint64_t packets_late() const noexcept { return late_; }
  /// Frames of 20 ms that the sender left out: the timestamp went further than the audio, with
  /// no packet missing and no silence announced. An overloaded server loses audio so, unseen
  /// by the sequence numbers.
  std::uint64_t frames_skipped() const noexcept { return skipped_; }
  /// By how much the newest arrival came later than the fastest packet of all.
  Duration delay() const noexcept;
  Duration jitter() const noexcept;

 private:
  std::uint8_t fraction_lost() noexcept;
  void time(Instant now, std::uint32_t timestamp) noexcept;
  void follow(const Packet& packet) noexcept;

  Duration playout_delay_;
  Ssrc ssrc_{};
  std::uint64_t received_ = 0;
  Instant last_arrival_;
  std::uint64_t reordered_ = 0;
  std::uint64_t late_ = 0;
  std::uint64_t skipped_ = 0;
  std::uint32_t samples_ = 0;         // of the newest packet,
  std::uint32_t next_timestamp_ = 0;  // and where it ends
  std::uint64_t first_ = 0;
  std::uint64_t newest_ = 0;
  std::uint64_t timestamp_ = 0;  // the latest, unwrapped
  std::int64_t transit_ = 0;     // arrival less timestamp, in timestamp units
  std::int64_t jitter_ = 0;      // 16 times the estimate (appendix A.8)
  std::int64_t fastest_ = 0;     // transit
  std::int64_t expected_before_ = 0;
  std::int64_t received_before_ = 0;
  std::uint32_t last_sr_ = 0;
  Instant last_sr_at_;
};

}  // namespace fanout
