#include "fanout/media/voice_decoder.hpp"

#include <algorithm>

#include "fanout/base/audio.hpp"

namespace fanout {
namespace {

constexpr std::size_t kMs = kClockRate / 1'000;

constexpr std::size_t rounded_up(std::size_t samples) noexcept {
  return (samples + kMinOpusSamples - 1) / kMinOpusSamples * kMinOpusSamples;
}

}  // namespace

constexpr VoiceDecoder::Fade VoiceDecoder::kLoss{60 * kMs, 100 * kMs};
/// Refreshed each 400 ms; who has stopped that as well is gone.
constexpr VoiceDecoder::Fade VoiceDecoder::kBackground{1'000 * kMs, 1'200 * kMs};

float VoiceDecoder::Fade::gain_after(std::size_t samples) const noexcept {
  if (samples <= begins) return 1;
  if (samples >= ends) return 0;
  return static_cast<float>(ends - samples) / static_cast<float>(ends - begins);
}

VoiceDecoder::VoiceDecoder(int channels)
    : decoder_(channels), channels_(static_cast<std::size_t>(channels)) {}

void VoiceDecoder::reset() noexcept {
  decoder_.reset();
  gain_ = 0;
  last_ = {};
  concealed_ = 0;
}

void VoiceDecoder::decode(Playout what, Bytes payload, std::size_t samples,
                          MutableSound out) noexcept {
  const auto sound = out.first(samples * channels_);
  switch (what) {
    case Playout::frame:
    case Playout::accelerate:
      ++frames_decoded_;
      if (!play(decoder_.decode(payload, out), sound)) {
        conceal_spoilt(samples, out);
      }
      break;
    case Playout::fec:
      ++frames_decoded_;
      if (!play(decoder_.decode_fec(payload, rounded_up(samples), out), sound)) fall_silent(sound);
      break;
    case Playout::conceal:
      conceal(kLoss, samples, out);
      break;
    case Playout::dtx:
      conceal(kBackground, samples, out);
      break;
    case Playout::silence:
    case Playout::hold:
      fall_silent(sound);
      break;
    case Playout::skip:
      break;
  }
  if (!sound.empty()) std::ranges::copy(sound.last(channels_), last_.begin());
}

/// False when nothing was made.
bool VoiceDecoder::play(std::size_t made, MutableSound out) noexcept {
  if (made == 0) return false;
  const auto end = std::min(made * channels_, out.size());
  std::ranges::fill(out.subspan(end), 0.0F);  // a packet is as long as its TOC says
  if (gain_ < 1) ramp(out.first(std::min(kFadeSamples * channels_, out.size())), gain_, 1);
  gain_ = 1;
  concealed_ = 0;
  return true;
}

void VoiceDecoder::conceal_spoilt(std::size_t samples, MutableSound out) noexcept {
  ++decode_errors_;
  if (concealed_ == 0) ++spoilt_.events;
  if (concealed_ >= kLoss.ends) spoilt_.silent += samples;
  spoilt_.samples += samples;
  conceal(kLoss, samples, out);
}

void VoiceDecoder::conceal(const Fade& fade, std::size_t samples, MutableSound room) noexcept {
  const auto out = room.first(samples * channels_);
  if (decoder_.conceal(rounded_up(samples), room) == 0) return fall_silent(out);
  const float from = std::min(gain_, fade.gain_after(concealed_));
  concealed_ += samples;
  gain_ = std::min(gain_, fade.gain_after(concealed_));
  if (from < 1 || gain_ < 1) ramp(out, from, gain_);
}

void VoiceDecoder::fall_silent(MutableSound out) noexcept {
  std::ranges::fill(out, 0.0F);
  const auto tail = std::min(kFadeSamples * channels_, out.size());
  for (std::size_t i = 0; i < tail; ++i) out[i] = last_[i % channels_];
  ramp(out.first(tail), 1, 0);
  gain_ = 0;
}

void VoiceDecoder::ramp(MutableSound sound, float from, float to) const noexcept {
  const auto length = sound.size() / channels_;
  const float step = (to - from) / static_cast<float>(length);
  for (std::size_t i = 0; i < length; ++i)
    for (std::size_t channel = 0; channel < channels_; ++channel)
      sound[i * channels_ + channel] *= from + step * static_cast<float>(i + 1);
}

}  // namespace fanout
