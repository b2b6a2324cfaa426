#include "fanout/media/opus.hpp"

#include <opus/opus.h>

#include <algorithm>
#include <array>
#include <limits>
#include <new>
#include <stdexcept>
#include <string>

#include "fanout/base/audio.hpp"

namespace fanout {
namespace {

constexpr int kRate = static_cast<int>(kClockRate);
constexpr int kLsbDepth = 16;  // microphones and WebRTC carry 16 bits

void require(bool good, const char* what, int value) {
  if (!good) throw std::invalid_argument(std::string(what) + ": " + std::to_string(value));
}

void check_channels(int channels) {
  require(channels == 1 || channels == 2, "channels neither 1 nor 2", channels);
}

void check(const OpusEncoderConfig& config) {
  require(config.bitrate >= 6'000 && config.bitrate <= 510'000,
          "bitrate outside 6000..510000 bit/s", config.bitrate);
  require(config.expected_loss >= 0 && config.expected_loss <= 100,
          "expected_loss outside 0..100 percent", config.expected_loss);
  require(config.complexity >= 0 && config.complexity <= 10, "complexity outside 0..10",
          config.complexity);
  check_channels(config.channels);
}

/// libopus counts in int; no real packet comes near.
int length(std::size_t size) noexcept {
  return static_cast<int>(std::min<std::size_t>(size, std::numeric_limits<int>::max()));
}

std::size_t count(int result) noexcept { return static_cast<std::size_t>(std::max(result, 0)); }

bool is_duration(std::size_t samples) noexcept {
  return samples > 0 && samples <= kMaxOpusSamples && samples % kMinOpusSamples == 0;
}

}  // namespace

std::optional<std::size_t> opus_samples(Bytes packet) noexcept {
  std::array<opus_int16, 48> sizes;  // 120 ms of 2.5 ms frames
  const int frames = opus_packet_parse(packet.data(), length(packet.size()), nullptr, nullptr,
                                       sizes.data(), nullptr);
  if (frames <= 0) return std::nullopt;
  const auto samples = count(frames * opus_packet_get_samples_per_frame(packet.data(), kRate));
  return samples <= kMaxOpusSamples ? std::optional(samples) : std::nullopt;
}

/// RFC 6716: 3.1 (the TOC's upper five bits below 16 are SILK or hybrid), 4.2.3 (a SILK frame
/// begins with a bit of voice activity per 20 ms and then one that says whether LBRR follows, the
/// same again for the side channel).
bool opus_has_fec(Bytes packet) noexcept {
  std::array<const unsigned char*, 48> frames;
  std::array<opus_int16, 48> sizes;
  unsigned char toc = 0;
  const int count = opus_packet_parse(packet.data(), length(packet.size()), &toc, frames.data(),
                                      sizes.data(), nullptr);
  if (count <= 0 || (toc & 0x80) != 0 || sizes[0] == 0) return false;
  const int each = opus_packet_get_samples_per_frame(packet.data(), kRate);
  const int parts = std::max(each / static_cast<int>(kFrameSamples), 1);
  const unsigned flags = frames[0][0];
  const bool side = opus_packet_get_nb_channels(packet.data()) == 2;
  return (flags >> (7 - parts) & 1) != 0 || (side && (flags >> (6 - 2 * parts) & 1) != 0);
}

struct OpusEncoder::Impl {
  struct Free {
    void operator()(::OpusEncoder* encoder) const noexcept { opus_encoder_destroy(encoder); }
  };

  explicit Impl(const OpusEncoderConfig& config)
      : channels(static_cast<std::size_t>(config.channels)),
        state(opus_encoder_create(kRate, config.channels,
                                  config.application == OpusApplication::voip
                                      ? OPUS_APPLICATION_VOIP
                                      : OPUS_APPLICATION_AUDIO,
                                  nullptr)) {
    if (!state) throw std::bad_alloc();
  }

  template <typename... Request>
  void set(Request... request) noexcept {
    opus_encoder_ctl(state.get(), request...);
  }

  std::size_t channels;
  std::unique_ptr<::OpusEncoder, Free> state;
};

OpusEncoder::OpusEncoder(const OpusEncoderConfig& config) {
  check(config);
  impl_ = std::make_unique<Impl>(config);
  if (config.application == OpusApplication::voip) impl_->set(OPUS_SET_SIGNAL(OPUS_SIGNAL_VOICE));
  impl_->set(OPUS_SET_VBR(1));
  impl_->set(OPUS_SET_COMPLEXITY(config.complexity));
  impl_->set(OPUS_SET_DTX(config.dtx ? 1 : 0));
  impl_->set(OPUS_SET_LSB_DEPTH(kLsbDepth));
  impl_->set(OPUS_SET_BITRATE(config.bitrate));
  impl_->set(OPUS_SET_INBAND_FEC(config.expected_loss > 0 ? 1 : 0));
  impl_->set(OPUS_SET_PACKET_LOSS_PERC(config.expected_loss));
}

OpusEncoder::~OpusEncoder() = default;
OpusEncoder::OpusEncoder(OpusEncoder&&) noexcept = default;
OpusEncoder& OpusEncoder::operator=(OpusEncoder&&) noexcept = default;

Bytes OpusEncoder::encode(std::span<const float> frame, MutableBytes out) noexcept {
  if (frame.size() != kFrameSamples * impl_->channels) return {};
  const int size = opus_encode_float(impl_->state.get(), frame.data(), kFrameSamples, out.data(),
                                     length(out.size()));
  return out.first(count(size));
}

std::size_t OpusEncoder::lookahead() const noexcept {
  opus_int32 samples = 0;
  impl_->set(OPUS_GET_LOOKAHEAD(&samples));
  return count(samples);
}

void OpusEncoder::reset() noexcept { impl_->set(OPUS_RESET_STATE); }

struct OpusDecoder::Impl {
  struct Free {
    void operator()(::OpusDecoder* decoder) const noexcept { opus_decoder_destroy(decoder); }
  };

  explicit Impl(int channels)
      : channels(static_cast<std::size_t>(channels)),
        state(opus_decoder_create(kRate, channels, nullptr)) {
    if (!state) throw std::bad_alloc();
  }

  std::size_t room(std::span<float> out) const noexcept { return out.size() / channels; }

  /// `samples`: at most, and to the sample where the packet is lost.
  std::size_t decode(Bytes packet, std::span<float> out, std::size_t samples, bool fec) noexcept {
    return count(opus_decode_float(state.get(), packet.data(), length(packet.size()), out.data(),
                                   length(samples), fec ? 1 : 0));
  }

  std::size_t channels;
  std::unique_ptr<::OpusDecoder, Free> state;
};

OpusDecoder::OpusDecoder(int channels) {
  check_channels(channels);
  impl_ = std::make_unique<Impl>(channels);
}
OpusDecoder::~OpusDecoder() = default;
OpusDecoder::OpusDecoder(OpusDecoder&&) noexcept = default;
OpusDecoder& OpusDecoder::operator=(OpusDecoder&&) noexcept = default;

std::size_t OpusDecoder::decode(Bytes packet, std::span<float> out) noexcept {
  if (packet.empty()) return 0;  // libopus would conceal all of `out`
  return impl_->decode(packet, out, impl_->room(out), false);
}

std::size_t OpusDecoder::decode_fec(Bytes next, std::size_t samples,
                                    std::span<float> out) noexcept {
  if (!is_duration(samples) || samples > impl_->room(out)) return 0;
  if (!next.empty())
    if (const auto decoded = impl_->decode(next, out, samples, true)) return decoded;
  return conceal(samples, out);
}

std::size_t OpusDecoder::conceal(std::size_t samples, std::span<float> out) noexcept {
  if (!is_duration(samples) || samples > impl_->room(out)) return 0;
  return impl_->decode({}, out, samples, false);
}

void OpusDecoder::reset() noexcept { opus_decoder_ctl(impl_->state.get(), OPUS_RESET_STATE); }

}  // namespace fanout
