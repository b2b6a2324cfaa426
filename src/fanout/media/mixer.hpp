/// One room's mix: of the voices to be heard now it makes one packet for all who listen, and
/// for each of those voices a packet without itself (mix-minus), so that nobody hears an echo
/// of themselves.
///
/// The number of encoders is what a room costs, so only who is audible gets one of its own: it
/// is made when a voice is first heard and kept while the peer is in the room; everybody else
/// shares one. Where a peer passes from the shared packets to its own, its encoder starts
/// afresh and is fed the last shared frame first: the peer's one decoder then meets an
/// encoder that heard what it heard.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "fanout/base/audio.hpp"
#include "fanout/base/bytes.hpp"
#include "fanout/base/ids.hpp"
#include "fanout/media/mix.hpp"
#include "fanout/media/opus.hpp"

namespace fanout {

struct MixMinus {
  PeerId peer{};
  Bytes packet;
};

struct MixResult {
  Bytes shared;                     ///< for all who are not in `minus`
  std::span<const MixMinus> minus;  ///< who was audible in this tick, fading out included
};

/// Decoding stays with the caller (one OpusDecoder per speaker, driven by its JitterBuffer).
/// Peers that were never added are ignored.
class Mixer {
 public:
  /// `encodes`: false for who wants the sound alone; packets are empty then. Throws
  /// std::invalid_argument naming the bad value.
  explicit Mixer(const OpusEncoderConfig& config, bool encodes = true);

  /// Samples of a frame, all channels together: 960 or 1,920.
  std::size_t frame_size() const noexcept { return size_; }

  void add(PeerId peer);
  /// A voice removed while audible fades out in the next mix.
  void remove(PeerId peer) noexcept;

  /// What `peer` says in this tick, `frame_size` samples. A voice without a frame, or with one
  /// of another size or that is not finite, falls silent within 5 ms from where it was.
  void set_voice(PeerId peer, Sound frame) noexcept;

  /// One tick: those in `audible` are heard; who enters fades in, who left fades out. The
  /// packets are valid until the next call of anything here.
  MixResult mix(std::span<const PeerId> audible);
  /// What the last `mix` sounds like.
  Sound sound() const noexcept { return Sound(shared_.frame).first(size_); }
  /// The same without one of the voices in it.
  Sound sound_without(PeerId peer) noexcept;

 private:
  using Packet = std::array<std::uint8_t, kMaxOpusPacket>;

  struct Output {
    /// Without an encoder the sound is all there is.
    Bytes encode(OpusEncoder* encoder, std::size_t size) noexcept;

    Frame frame{};
    Limiter limiter;
    Packet packet;
  };

  struct Voice {
    bool is_heard() const noexcept { return gain > 0 || target > 0; }

    PeerId peer{};
    Frame frame{};
    bool has_frame = false;
    bool removed = false;
    bool in_minus = false;                   // of the last tick
    std::array<float, kMaxChannels> last{};  // the last sample heard
    float gain = 0;                          // at the end of the last tick
    float target = 0;                        // at the end of this one
    std::optional<OpusEncoder> encoder;
    Output output;
  };

  Voice* find(PeerId peer) noexcept;
  void choose(std::span<const PeerId> audible);
  void enter(Voice& voice);
  void encode_minus(Voice& voice) noexcept;
  void finish_tick() noexcept;
  void write_tail(Voice& voice) noexcept;

  MutableSound used(Frame& frame) const noexcept { return std::span(frame).first(size_); }
  std::size_t channels() const noexcept { return size_ / kFrameSamples; }

  OpusEncoderConfig config_;
  std::size_t size_;
  std::optional<OpusEncoder> encoder_;
  std::vector<Voice> voices_;  // in the order of joining, so that sums round the same way
  Frame sum_{};
  Output shared_;
  std::vector<MixMinus> minus_;
};

}  // namespace fanout
