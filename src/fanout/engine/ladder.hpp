/// The ladder: a room's 20 ms frames as packets of 20, 40, 60 or 120 ms, without loss, each made
/// once for all the listeners who get it.
///
/// A listener's row says the RTP timestamp that it has not been sent yet, and nothing else: from
/// there the ladder gives the packets that bring it up to the newest frame, as long as they can
/// be. So a listener may change its tier at any tick, and its timestamps go on: no frame twice,
/// none left out. A packet is named by its first frame, and no more than twelve frames can be
/// waiting: there are at most twelve packets, made when first asked for and valid until the next
/// frame. Choosing one is a subtraction and a division by a constant.
///
/// One packet ends where timestamps jump (silence), where a spurt begins (only a packet's first
/// frame can bear the marker), where Opus changes its mode, and where it would not pass every
/// network in one piece. It names as sources all who are heard in any of its frames, for that is
/// what a CSRC list says (RFC 3550 section 5.1), and cutting at each change would cost packets.
///
/// A row may lack the longest packet there can be (120 ms) and be late by as much again: it then
/// gets two. One further behind gets the newest twelve frames; that is counted.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "fanout/audience/seal.hpp"
#include "fanout/audience/tier.hpp"
#include "fanout/base/audio.hpp"
#include "fanout/base/ids.hpp"
#include "fanout/media/opus.hpp"
#include "fanout/media/repacketize.hpp"
#include "fanout/wire/red.hpp"

namespace fanout {

/// With the longest header and tag, and the byte that redundancy adds, this is a datagram of
/// IPv6's smallest MTU (1,280 bytes), which passes everywhere in one piece. A frame that is larger
/// by itself goes alone.
constexpr std::size_t kMaxMerged = 1280 - 40 - 8 - kMaxRtpHeader - kMaxSrtpTag - kRedPrimaryHeader;

struct LadderPacket {
  SharedPacket packet;
  std::uint32_t next_timestamp = 0;  ///< what its receiver has not been sent yet
};

class Ladder {
 public:
  /// `next_timestamp`: at least this has the first frame.
  Ladder(Ssrc ssrc, std::uint32_t next_timestamp);

  /// The next frame. Timestamps grow by whole ticks; those of silence are left out. False: it is
  /// not 20 ms of Opus, or not newer, and counted.
  bool push(const SharedPacket& frame) noexcept;

  /// The first of the packets for who has been sent everything before `timestamp`; null when
  /// nothing is newer. Valid until the next `push`.
  const LadderPacket* next(std::uint32_t timestamp) noexcept {
    const auto* known = known_at(plain_at_, timestamp);
    return known ? known : find(timestamp, false);
  }
  /// The same with redundant copies of what came one and three packets of the same length
  /// before, as far as they fit: one lost packet, or two in a row, come again. Blocks have the
  /// payload type zero: `set_red_payload_type` gives them the receiver's.
  const LadderPacket* next_red(std::uint32_t timestamp) noexcept {
    const auto* known = known_at(redundant_at_, timestamp);
    return known ? known : find(timestamp, true);
  }

  /// What a listener who joins now has not been sent yet: the next frame.
  std::uint32_t next_timestamp() const noexcept { return newest_ + kTickSamples; }

  std::uint64_t skips() const noexcept { return skips_; }      ///< rows that were too far behind
  std::uint64_t rejects() const noexcept { return rejects_; }  ///< frames left out

 private:
  static constexpr std::uint32_t kTickSamples = kFrameSamples;
  /// So many ticks may wait: the longest packet's, and as many of a worker that is late.
  static constexpr std::uint32_t kReach = 2 * kMostTicks;
  /// The third packet before one of six ticks begins 23 ticks before the newest; of those who are
  /// late, copies end there.
  static constexpr std::uint32_t kHistory = 24;

  struct Frame {
    Bytes bytes() const noexcept { return Bytes(packet).first(size); }
    std::span<const PeerId> sources() const noexcept { return std::span(csrc).first(csrc_count); }

    std::uint16_t size = 0;  // zero: no frame in this tick
    std::uint8_t csrc_count = 0;
    bool marker = false;
    std::array<PeerId, kMaxCsrc> csrc;
    std::array<std::uint8_t, kMaxOpusPacket> packet;
  };
  /// Frames of consecutive ticks in one payload.
  struct Run {
    Bytes payload;
    std::uint32_t frames = 0;
  };
  struct Copies;

  // A frame's place, `back`, is how many ticks it lies behind the newest.
  Frame& at(std::uint32_t back) noexcept { return frames_[(tick_ - back) % kHistory]; }
  bool has(std::uint32_t back) noexcept { return back < kHistory && at(back).size > 0; }
  std::uint32_t timestamp_at(std::uint32_t back) const noexcept {
    return newest_ - back * kTickSamples;
  }

  /// What each timestamp leads to, once somebody asked; by ticks behind the newest.
  using Places = std::array<const LadderPacket*, kReach>;
  const LadderPacket* known_at(const Places& places, std::uint32_t timestamp) const noexcept {
    const auto back = (newest_ - timestamp) / kTickSamples;
    return back < kReach ? places[back] : nullptr;
  }
  const LadderPacket* find(std::uint32_t timestamp, bool red) noexcept;

  void advance(std::uint32_t ticks) noexcept;
  std::optional<std::uint32_t> first_unsent(std::uint32_t timestamp) noexcept;
  const LadderPacket& plain(std::uint32_t back) noexcept;
  const LadderPacket& redundant(std::uint32_t back) noexcept;
  Run merge(std::uint32_t back, std::uint32_t most, MutableBytes out) noexcept;
  void copy(std::uint32_t oldest, std::uint32_t end, std::uint32_t back, Copies& copies) noexcept;
  LadderPacket packet_of(std::uint32_t back, std::uint32_t frames, Bytes payload,
                         bool red) noexcept;

  using Packets = std::array<std::optional<LadderPacket>, kReach>;  // by the first frame's place

  Ssrc ssrc_;
  std::uint32_t newest_;           // timestamp of the newest frame
  std::uint32_t forgotten_;        // the one after the last frame that no packet reaches
  std::uint64_t tick_ = kHistory;  // of the newest frame, counted from anywhere
  std::array<Frame, kHistory> frames_{};
  Packets plain_;
  Packets redundant_;
  Places plain_at_{};
  Places redundant_at_{};
  Repacketizer repacketizer_;
  std::uint64_t skips_ = 0;
  std::uint64_t rejects_ = 0;
};

}  // namespace fanout
