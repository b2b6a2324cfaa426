#include "fanout/media/mixer.hpp"

#include <algorithm>

namespace fanout {

Mixer::Mixer(const OpusEncoderConfig& config, bool encodes)
    : config_(config),
      size_(kFrameSamples * static_cast<std::size_t>(config.channels)),
      encoder_(config) {
  if (!encodes) encoder_.reset();
}

void Mixer::add(PeerId peer) {
  if (auto* voice = find(peer)) {
    voice->removed = false;
    return;
  }
  voices_.emplace_back().peer = peer;
  minus_.reserve(voices_.size());
}

void Mixer::remove(PeerId peer) noexcept {
  if (auto* voice = find(peer)) voice->removed = true;
}

void Mixer::set_voice(PeerId peer, Sound frame) noexcept {
  auto* voice = find(peer);
  if (!voice || frame.size() != size_ || !is_finite(frame)) return;
  std::ranges::copy(frame, voice->frame.begin());
  voice->has_frame = true;
}

MixResult Mixer::mix(std::span<const PeerId> audible) {
  choose(audible);
  sum_.fill(0);
  for (auto& voice : voices_)
    if (voice.is_heard()) add_voice(used(sum_), used(voice.frame), voice.gain, voice.target);
  minus_.clear();
  for (auto& voice : voices_) voice.in_minus = false;
  for (auto& voice : voices_)
    if (voice.is_heard() && !voice.removed) encode_minus(voice);
  shared_.frame = sum_;
  const auto packet = shared_.encode(encoder_ ? &*encoder_ : nullptr, size_);
  finish_tick();
  return {.shared = packet, .minus = minus_};
}

void Mixer::choose(std::span<const PeerId> audible) {
  std::erase_if(voices_, [](const Voice& voice) { return voice.removed && voice.gain == 0; });
  for (auto& voice : voices_) {
    const bool heard = !voice.removed && std::ranges::count(audible, voice.peer) > 0;
    voice.target = heard ? 1.0F : 0.0F;
    if (heard && voice.gain == 0) enter(voice);
    if (voice.is_heard() && !voice.has_frame) write_tail(voice);
  }
}

Mixer::Voice* Mixer::find(PeerId peer) noexcept {
  const auto at = std::ranges::find(voices_, peer, &Voice::peer);
  return at == voices_.end() ? nullptr : &*at;
}

void Mixer::enter(Voice& voice) {
  voice.output.limiter = shared_.limiter;
  voice.last = {};
  if (!encoder_) return;
  if (voice.encoder)
    voice.encoder->reset();
  else
    voice.encoder.emplace(config_);
  voice.encoder->encode(used(shared_.frame), voice.output.packet);
}

void Mixer::encode_minus(Voice& voice) noexcept {
  subtract_voice(used(voice.output.frame), used(sum_), used(voice.frame), voice.gain, voice.target);
  minus_.push_back(
      {voice.peer, voice.output.encode(voice.encoder ? &*voice.encoder : nullptr, size_)});
  voice.in_minus = true;
}

void Mixer::finish_tick() noexcept {
  for (auto& voice : voices_) {
    voice.last = {};
    if (voice.is_heard()) std::ranges::copy(used(voice.frame).last(channels()), voice.last.begin());
    voice.gain = voice.target;
    voice.has_frame = false;
  }
}

Sound Mixer::sound_without(PeerId peer) noexcept {
  const auto* voice = find(peer);
  return voice && voice->in_minus ? Sound(voice->output.frame).first(size_) : sound();
}

/// A voice that stops without a frame: from its last sample down to nothing.
void Mixer::write_tail(Voice& voice) noexcept {
  voice.frame.fill(0);
  for (std::size_t i = 0; i + 1 < kFadeSamples; ++i)
    for (std::size_t channel = 0; channel < channels(); ++channel)
      voice.frame[i * channels() + channel] =
          voice.last[channel] * (1 - static_cast<float>(i + 1) / kFadeSamples);
}

Bytes Mixer::Output::encode(OpusEncoder* encoder, std::size_t size) noexcept {
  const auto samples = std::span(frame).first(size);
  limiter.process(samples);
  return encoder ? encoder->encode(samples, packet) : Bytes{};
}

}  // namespace fanout
