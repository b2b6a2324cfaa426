/// libopus, owned: its headers are included here and in repacketize.cpp alone. 48 kHz, float
/// samples in -1..1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "fanout/base/bytes.hpp"
#include "fanout/base/ids.hpp"

namespace fanout {

constexpr std::size_t kMaxOpusPacket = 1275;   // RFC 6716 section 3.2.1, one frame
constexpr std::size_t kMinOpusSamples = 120;   // 2.5 ms: every duration is a multiple of it
constexpr std::size_t kMaxOpusSamples = 5760;  // 120 ms

/// Samples (48 kHz, per channel) that a packet holds, or nothing when its TOC and framing are
/// malformed or it is longer than 120 ms (RFC 6716 section 3.4).
std::optional<std::size_t> opus_samples(Bytes packet) noexcept;

/// Whether a packet carries a copy of the frame before it at a lower rate (in-band FEC, LBRR).
bool opus_has_fec(Bytes packet) noexcept;

/// What an encoder is tuned for: words that are understood, or sound as it is.
enum class OpusApplication : std::uint8_t { voip, audio };

struct OpusEncoderConfig {
  int bitrate = 32'000;  ///< bit/s
  int complexity = 5;    ///< 0..10
  int channels = 1;
  bool dtx = true;
  int expected_loss = 10;  ///< percent; turns in-band FEC on when above zero
  OpusApplication application = OpusApplication::voip;
};

class OpusEncoder {
 public:
  /// Throws std::invalid_argument naming the bad value.
  explicit OpusEncoder(const OpusEncoderConfig& config);
  ~OpusEncoder();
  OpusEncoder(OpusEncoder&&) noexcept;
  OpusEncoder& operator=(OpusEncoder&&) noexcept;

  /// One 20 ms frame in (960 samples, interleaved when stereo), its packet out; at most
  /// `out.size()` bytes. Empty only on failure: a frame of another size, or no room. With DTX
  /// a packet of one or two bytes means that the receiver conceals or plays comfort noise.
  Bytes encode(std::span<const float> frame, MutableBytes out) noexcept;
  /// Samples by which the decoded signal lags behind the frames encoded.
  std::size_t lookahead() const noexcept;
  void reset() noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

class OpusDecoder {
 public:
  /// One channel or two (interleaved), whatever the packets have. Throws std::invalid_argument.
  explicit OpusDecoder(int channels = 1);
  ~OpusDecoder();
  OpusDecoder(OpusDecoder&&) noexcept;
  OpusDecoder& operator=(OpusDecoder&&) noexcept;

  /// Samples decoded, per channel as everywhere here; zero for a packet that does not decode.
  /// `out` has room for 5,760 of each channel.
  std::size_t decode(Bytes packet, std::span<float> out) noexcept;
  /// The frame before `next`, from its in-band FEC (LBRR), or concealed when it has none.
  /// `samples`, here and below, is what was lost: a multiple of 2.5 ms (120), at most 120 ms;
  /// anything else yields zero samples.
  std::size_t decode_fec(Bytes next, std::size_t samples, std::span<float> out) noexcept;
  std::size_t conceal(std::size_t samples, std::span<float> out) noexcept;
  void reset() noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fanout
