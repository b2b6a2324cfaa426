/// The jitter buffer of one decoded stream: packets in by arrival, 20 ms of work out per tick.
///
/// A ring of 64 slots by extended sequence number holds what has come; one bit per slot says
/// which are taken, so the next packet is a rotate and a count of zeros away, however large the
/// hole before it. The state is at most 4 KiB, allocated at construction. Payloads lie in a slab
/// that streams share (media/payload_slab.hpp), which grows until it has held the most that ever
/// waited: 128 bytes for each packet of speech, of which there are two or three in a calm stream,
/// and one more that was played last.
///
/// Playout follows the sender's timestamps. `lag` is how far the sample that is due stands behind
/// the fastest packet of late (media/delay.hpp), and it is steered to the estimator's target:
/// - too long: lost frames are skipped, not concealed. Others are given no time of their own, and
///   who decodes them shortens the sound (media/accelerator.hpp): silent ones first, spoken ones
///   at a rate that grows with the excess;
/// - too short: silence is drawn out. A frame that had to be concealed anyway does not move the
///   clock, so that delay is gained for nothing;
/// - right: time goes on whatever is missing. One lost packet therefore changes no delay.
///
/// Sequence numbers tell loss from silence: a gap in them is loss, a jump of the timestamp
/// without one is DTX. Over silence, and after 100 ms of concealment, playout lets go of the
/// clock and starts anew with the packet that then comes, once that has its target delay.
///
/// A packet from nowhere (far off in sequence or in transit time, well ahead of the fastest, or
/// newer than all and yet older than some) is held aside until a second one follows it there. Then
/// both are taken where they can be, or begin a new epoch (RFC 3550 appendix A.1). A new SSRC
/// begins one at once.
///
/// A redundant copy (RFC 2198) has the place of the packet that it repeats and only fills a hole:
/// it is none of the packets received. But what a lost packet came back by, a copy or its
/// successor's FEC, counts as its arrival in the delay estimate: where packets are lost and come
/// again, the buffer grows until they are in time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "fanout/base/audio.hpp"
#include "fanout/base/bytes.hpp"
#include "fanout/base/ids.hpp"
#include "fanout/base/time.hpp"
#include "fanout/media/delay.hpp"
#include "fanout/media/packet_ring.hpp"

namespace fanout {

/// What a packet without a level of its own counts as.
constexpr std::uint8_t kUnknownLevel = kSilentLevel;

struct JitterPacket {
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  Ssrc ssrc{};
  Bytes payload;                          ///< Opus; copied
  std::uint32_t samples = kFrameSamples;  ///< duration at 48 kHz
  std::uint8_t level = kUnknownLevel;     ///< -dBov
};

enum class Push : std::uint8_t {
  stored,
  duplicate,
  late,       ///< its time has passed
  restarted,  ///< stored, and a new epoch has begun
  held,       ///< from nowhere: kept aside until a second one confirms it
  overflow,   ///< dropped: larger than `PacketRing::kMaxPayload`
};

enum class Playout : std::uint8_t {
  frame,       ///< decode `payload`
  fec,         ///< lost, but `payload` (its successor) may carry in-band FEC
  conceal,     ///< missing: packet loss concealment
  dtx,         ///< the sender is discontinuous: nothing was sent, nothing is missing
  silence,     ///< missing for so long that there is nothing to conceal any more
  hold,        ///< not started, or delay is being built up: play nothing for `samples`
  accelerate,  ///< decode `payload`, but it has no time of its own: shorten what is heard
  skip,        ///< frames are left out here, to shorten the delay or for want of room: ask again
};

struct Pop {
  Playout what = Playout::hold;
  Bytes payload;                       ///< valid until the next push or pop
  std::uint32_t samples = 0;           ///< what this entry lasts; zero to accelerate, or for a skip
  std::uint32_t timestamp = 0;         ///< RTP timestamp of its first sample; where a skip leads to
  std::uint16_t sequence = 0;          ///< RTP sequence number; frames only
  std::uint8_t level = kUnknownLevel;  ///< as pushed; of frames only
};

/// W3C getStats names where there is one: all but the four marked as ours.
struct JitterStats {
  std::uint64_t packets_received = 0;
  std::uint64_t packets_lost = 0;
  std::uint64_t packets_discarded = 0;       ///< late, too large, or never played
  std::uint64_t packets_duplicated = 0;      ///< ours
  std::uint64_t packets_repaired = 0;        ///< ours: lost, and redundant copies stood in for them
  std::uint64_t fec_packets_received = 0;    ///< lost, and made again from their successor's FEC
  std::uint64_t total_samples_received = 0;  ///< all that was played, what was not sent as well
  std::uint64_t concealed_samples = 0;
  std::uint64_t silent_concealed_samples = 0;
  std::uint64_t concealment_events = 0;
  std::uint64_t inserted_samples_for_deceleration = 0;
  std::uint64_t removed_samples_for_acceleration = 0;
  std::uint64_t restarts = 0;             ///< ours
  double jitter_buffer_delay = 0;         ///< seconds, summed over emitted samples
  double jitter_buffer_target_delay = 0;  ///< seconds, summed over emitted samples
  std::uint64_t jitter_buffer_emitted_count = 0;
  double target_delay = 0;  ///< ours: seconds, now
  double jitter = 0;        ///< RFC 3550 section 6.4.1, seconds
};

class JitterBuffer {
 public:
  /// Streams may share a slab, all on one thread; by default each has its own. Throws
  /// std::invalid_argument for a policy that makes no sense.
  explicit JitterBuffer(const JitterPolicy& policy = {},
                        std::shared_ptr<PayloadSlab> slab = nullptr);
  ~JitterBuffer();
  JitterBuffer(JitterBuffer&&) noexcept;
  JitterBuffer& operator=(JitterBuffer&&) noexcept;

  /// `packet.samples` is clamped to what Opus knows, 2.5 to 120 ms.
  Push push(Instant arrival, const JitterPacket& packet) noexcept;
  /// A redundant copy of an earlier packet, after the packet that brought it.
  Push push_copy(Instant arrival, const JitterPacket& packet) noexcept;
  /// The next entry that is due. A mixer keeps a FIFO of decoded samples per speaker and, once
  /// per 20 ms tick, calls this until the FIFO holds a tick: a 60 ms packet serves three ticks,
  /// and a tick may take eight packets of 2.5 ms. All calls of one tick pass the same `now`, the
  /// nominal time of the tick. Nobody need call it while nobody listens: after half a second
  /// without a call playout starts anew, at the target delay.
  Pop pop(Instant now) noexcept;
  void reset() noexcept;
  JitterStats stats() const noexcept;
  Duration target() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fanout
