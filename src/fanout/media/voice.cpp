#include "fanout/media/voice.hpp"

#include <algorithm>

#include "fanout/media/player.hpp"

namespace fanout {
namespace {

/// Packets decoded before the first that is heard: predictors have settled after two.
constexpr std::uint64_t kWarmUp = 2;

}  // namespace

Voice::Voice(int channels, const JitterPolicy& policy, std::shared_ptr<PayloadSlab> slab)
    : jitter_(policy, std::move(slab)),
      decoder_(channels),
      // What is owed, a packet to accelerate, and one that may begin with the tick's last sample;
      // while a decoder settles there are no more.
      decoded_((Accelerator::kMostOwed + 2 * kMaxOpusSamples + kFrameSamples + kMinOpusSamples) *
               decoder_.channels()) {}

void Voice::advance(Instant now) noexcept {
  open_ = open_ && asked_;
  asked_ = false;
  while (ahead_ < kFrameSamples) {
    const auto pop = jitter_.pop(now);
    if (pop.what == Playout::skip) continue;
    const auto& entry = keep(pop);
    note_claim(pop);
    ahead_ += entry.samples;
    if (open_) decode(entry);
  }
  ahead_ -= kFrameSamples;
}

const Voice::Entry& Voice::keep(const Pop& pop) noexcept {
  auto& entry = kept_[taken_++ % kKept];
  entry.what = pop.what;
  entry.samples = std::min<std::uint32_t>(pop.samples, kMaxOpusSamples);
  entry.size = static_cast<std::uint16_t>(pop.payload.size());
  std::ranges::copy(pop.payload, entry.payload.begin());
  return entry;
}

void Voice::note_claim(const Pop& pop) noexcept {
  const bool nothing = pop.what == Playout::dtx || pop.what == Playout::silence;
  if (nothing || pop.what == Playout::hold) claim_ = kSilentLevel;
  if (pop.what != Playout::frame) return;
  leveled_ = pop.level != kUnknownLevel;
  claim_ = leveled_ ? pop.level : 0;
  if (pop.payload.size() <= kDtxBytes) claim_ = kSilentLevel;
}

Sound Voice::frame() noexcept {
  const auto frame = MutableSound(frame_).first(kFrameSamples * decoder_.channels());
  if (asked_) return frame;
  if (!open_) open();
  asked_ = open_ = true;
  const auto sound = MutableSound(decoded_).first(decoded_size_ * decoder_.channels());
  decoded_size_ -= accelerator_.shorten(sound, decoder_.channels());
  std::copy_n(decoded_.begin(), frame.size(), frame.begin());
  keep_last(ahead_ + accelerator_.owed());
  return frame;
}

/// Begins before the tick, as far back as packets were kept.
void Voice::open() noexcept {
  const auto needed = kFrameSamples + ahead_;
  const auto oldest = taken_ - std::min<std::uint64_t>(taken_, kKept);
  auto from = taken_;
  for (std::size_t covered = 0; covered < needed && from > oldest;)
    covered += kept_[--from % kKept].samples;
  from -= std::min(kWarmUp, from - oldest);
  decoder_.reset();
  std::ranges::fill(decoded_, 0.0F);
  decoded_size_ = needed;  // silence, where nothing was kept
  for (; from < taken_; ++from) {
    decode(kept_[from % kKept]);
    keep_last(needed);
  }
  accelerator_.reset();  // who begins is late for nothing
}

void Voice::decode(const Entry& entry) noexcept {
  const auto payload = Bytes(entry.payload).first(entry.size);
  const auto room = MutableSound(decoded_).subspan(decoded_size_ * decoder_.channels());
  auto samples = std::size_t{entry.samples};
  if (entry.what == Playout::accelerate) samples = opus_samples(payload).value_or(kFrameSamples);
  decoder_.decode(entry.what, payload, samples, room);
  decoded_size_ += samples;
  accelerator_.owe(samples - entry.samples);
}

void Voice::keep_last(std::size_t samples) noexcept {
  const auto drop = (decoded_size_ - samples) * decoder_.channels();
  const auto end =
      decoded_.begin() + static_cast<std::ptrdiff_t>(decoded_size_ * decoder_.channels());
  std::shift_left(decoded_.begin(), end, static_cast<std::ptrdiff_t>(drop));
  decoded_size_ = samples;
}

VoiceStats Voice::stats() const noexcept {
  VoiceStats stats{jitter_.stats(), decoder_.frames_decoded(), decoder_.decode_errors()};
  stats.concealed_samples += decoder_.spoilt().samples;
  stats.silent_concealed_samples += decoder_.spoilt().silent;
  stats.concealment_events += decoder_.spoilt().events;
  return stats;
}

}  // namespace fanout
