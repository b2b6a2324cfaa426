/// One speaker's voice: packets come in, and each tick 20 ms of sound are due.
///
/// Decoding is what a silent crowd would cost, so it is left to whoever asks: `advance` takes what
/// is due from the jitter buffer and tells what the speaker says of its loudness, `frame` decodes
/// it. The last packets are kept undecoded: a voice that is asked for after a while begins with a
/// fresh decoder and some of those, so that it has settled before it is heard.
///
/// What is lost is replaced by the best there is: a copy that came with a later packet (RFC 2198),
/// then the successor's in-band FEC, then concealment.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "fanout/base/audio.hpp"
#include "fanout/media/accelerator.hpp"
#include "fanout/media/jitter.hpp"
#include "fanout/media/voice_decoder.hpp"

namespace fanout {

struct VoiceStats : JitterStats {
  std::uint64_t frames_decoded = 0;  ///< packets given to the decoder
  std::uint64_t decode_errors = 0;   ///< of them, those that were concealed
};

class Voice {
 public:
  /// Throws std::invalid_argument for other channels than 1 or 2, or a policy that makes no sense.
  /// Voices of a thread may share a slab.
  explicit Voice(int channels = 1, const JitterPolicy& policy = {},
                 std::shared_ptr<PayloadSlab> slab = nullptr);

  Push push(Instant arrival, const JitterPacket& packet) noexcept {
    return jitter_.push(arrival, packet);
  }
  /// A redundant copy of an earlier packet, after the packet that brought it.
  Push push_copy(Instant arrival, const JitterPacket& packet) noexcept {
    return jitter_.push_copy(arrival, packet);
  }

  /// Once per tick, with its nominal time.
  void advance(Instant now) noexcept;
  /// What the tick is said to hold, -dBov: 127 is silence; 0, the loudest, where nothing is said.
  std::uint8_t claim() const noexcept { return claim_; }
  /// Whether that was said by a level of its own (RFC 6464).
  bool leveled() const noexcept { return leveled_; }

  /// The tick's sound, once a tick; valid until the next call. Who does not ask in a tick has
  /// stopped listening.
  Sound frame() noexcept;

  VoiceStats stats() const noexcept;
  /// Packets given to the decoder since the last call.
  std::uint64_t poll_decoded() noexcept {
    return decoder_.frames_decoded() - std::exchange(polled_, decoder_.frames_decoded());
  }

 private:
  /// What the buffer gave.
  struct Entry {
    Playout what = Playout::hold;
    std::uint16_t size = 0;
    std::uint32_t samples = 0;
    std::array<std::uint8_t, PacketRing::kMaxPayload> payload;
  };
  /// Those of a tick, eight at the most and one to accelerate, and two before.
  static constexpr std::size_t kKept = 11;

  const Entry& keep(const Pop& pop) noexcept;
  void note_claim(const Pop& pop) noexcept;
  void open() noexcept;
  void decode(const Entry& entry) noexcept;
  void keep_last(std::size_t samples) noexcept;

  JitterBuffer jitter_;
  VoiceDecoder decoder_;
  bool leveled_ = false;
  bool open_ = false;   // the decoder has followed up to here
  bool asked_ = false;  // in this tick
  std::uint8_t claim_ = kSilentLevel;

  std::array<Entry, kKept> kept_{};
  std::uint64_t taken_ = 0;     // entries, ever
  std::size_t ahead_ = 0;       // samples taken for later ticks
  std::vector<float> decoded_;  // this tick's, what is ahead, and what is owed
  Accelerator accelerator_;
  std::size_t decoded_size_ = 0;
  Frame frame_{};

  std::uint64_t polled_ = 0;
};

}  // namespace fanout
