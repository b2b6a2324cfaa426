#include "fanout/engine/ladder.hpp"

#include <algorithm>
#include <functional>

namespace fanout {

static_assert(kMaxOpusPacket + kRedPrimaryHeader <= kMaxPayload, "any frame fits a datagram");

/// The copies of a redundant packet, and the bytes of those that are merged for it.
struct Ladder::Copies {
  explicit Copies(std::size_t space) : room(space) {}

  void add(std::uint32_t offset, Bytes payload) noexcept {
    blocks[count++] = {.timestamp_offset = static_cast<std::uint16_t>(offset), .payload = payload};
    room -= kRedHeader + payload.size();
  }
  /// Where the next copy may be merged, as large as it may be.
  MutableBytes space() noexcept {
    return std::span(bytes).last(room).first(std::min(room - kRedHeader, kMaxRedCopy));
  }

  std::size_t room;
  std::size_t count = 0;
  std::array<RedBlock, 2 * kMostTicks> blocks;
  std::array<std::uint8_t, kMaxMerged> bytes;
};

Ladder::Ladder(Ssrc ssrc, std::uint32_t next_timestamp)
    : ssrc_(ssrc), newest_(next_timestamp - kTickSamples), forgotten_(next_timestamp) {}

bool Ladder::push(const SharedPacket& packet) noexcept {
  const auto step = static_cast<std::int32_t>(packet.timestamp() - newest_);
  const auto payload = packet.payload();
  if (step <= 0 || step % kTickSamples != 0 || payload.size() > kMaxOpusPacket ||
      opus_samples(payload) != kFrameSamples) {
    ++rejects_;
    return false;
  }
  advance(static_cast<std::uint32_t>(step) / kTickSamples);
  Frame& frame = at(0);
  frame.marker = packet.marker();
  frame.csrc_count = 0;
  for (Reader in(packet.csrc()); in.remaining() > 0;)
    frame.csrc[frame.csrc_count++] = PeerId{in.u32()};
  frame.size = static_cast<std::uint16_t>(payload.size());
  std::ranges::copy(payload, frame.packet.begin());
  return true;
}

/// The newest tick is `ticks` later, and has no frame yet.
void Ladder::advance(std::uint32_t ticks) noexcept {
  for (auto back = kReach - std::min(ticks, kReach); back < kReach; ++back)
    if (has(back)) {
      forgotten_ = timestamp_at(back) + kTickSamples;
      break;
    }
  for (std::uint32_t i = std::min(ticks, kHistory); i > 0; --i)
    frames_[(tick_ + i) % kHistory].size = 0;
  tick_ += ticks;
  newest_ += ticks * kTickSamples;
  for (auto& made : plain_) made.reset();
  for (auto& made : redundant_) made.reset();
  plain_at_.fill(nullptr);
  redundant_at_.fill(nullptr);
}

const LadderPacket* Ladder::find(std::uint32_t timestamp, bool red) noexcept {
  const auto back = first_unsent(timestamp);
  if (!back) return nullptr;
  const LadderPacket& found = red ? redundant(*back) : plain(*back);
  const auto asked = std::min((newest_ - timestamp) / kTickSamples, kReach - 1);
  (red ? redundant_at_ : plain_at_)[asked] = &found;
  return &found;
}

std::optional<std::uint32_t> Ladder::first_unsent(std::uint32_t timestamp) noexcept {
  const auto behind = static_cast<std::int32_t>(newest_ - timestamp);
  if (behind < 0) return std::nullopt;
  auto back = static_cast<std::uint32_t>(behind) / kTickSamples;
  if (back >= kReach) {
    if (static_cast<std::int32_t>(forgotten_ - timestamp) > 0) ++skips_;
    back = kReach - 1;
  }
  while (!has(back))
    if (back-- == 0) return std::nullopt;  // no frame was ever pushed
  return back;
}

const LadderPacket& Ladder::plain(std::uint32_t back) noexcept {
  auto& made = plain_[back];
  if (!made) {
    std::array<std::uint8_t, kMaxMerged> merged;
    const Run run = merge(back, std::min(back + 1, kMostTicks), merged);
    made = packet_of(back, run.frames, run.payload, false);
  }
  return *made;
}

const LadderPacket& Ladder::redundant(std::uint32_t back) noexcept {
  auto& made = redundant_[back];
  if (made) return *made;
  const LadderPacket& own = plain(back);
  const auto primary = own.packet.payload();
  const auto frames = (own.next_timestamp - timestamp_at(back)) / kTickSamples;
  Copies copies(kMaxMerged - std::min(kMaxMerged, primary.size()));
  for (const auto distance : {1u, 3u})  // spaced copies outlive bursts that neighbours do not
    copy(back + distance * frames, back + (distance - 1) * frames, back, copies);
  const auto blocks = std::span(copies.blocks).first(copies.count);
  std::ranges::sort(blocks, std::greater{}, &RedBlock::timestamp_offset);
  std::array<std::uint8_t, kMaxPayload> payload;
  Writer out(payload);
  write_red(out, blocks, 0, primary);
  made = packet_of(back, frames, out.written(), true);
  return *made;
}

/// As many frames as one payload holds, from the one at `back` on, at the most `most`.
Ladder::Run Ladder::merge(std::uint32_t back, std::uint32_t most, MutableBytes out) noexcept {
  std::array<Bytes, kMostTicks> frames;
  std::uint32_t count = 0;
  do frames[count] = at(back - count).bytes();
  while (++count < most && has(back - count) && !at(back - count).marker);
  if (count > 1) {
    auto merged = repacketizer_.merge(std::span(frames).first(count), out);
    if (!merged && merged.error() > 1) {
      count = static_cast<std::uint32_t>(merged.error());
      merged = repacketizer_.merge(std::span(frames).first(count), out);
    }
    if (merged) return {*merged, count};
  }
  return {frames[0], 1};
}

/// Copies the frames from `oldest` up to `end`, without it, for the packet that begins at `back`.
void Ladder::copy(std::uint32_t oldest, std::uint32_t end, std::uint32_t back,
                  Copies& copies) noexcept {
  auto from = std::min<std::uint32_t>(oldest, back + kMaxRedOffset / kTickSamples);
  while (from > end && copies.room > kRedHeader) {
    if (!has(from)) {
      --from;
      continue;
    }
    const auto space = copies.space();
    const Run run = merge(from, from - end, space);
    if (run.payload.size() > space.size()) return;
    copies.add((from - back) * kTickSamples, run.payload);
    from -= run.frames;
  }
}

LadderPacket Ladder::packet_of(std::uint32_t back, std::uint32_t frames, Bytes payload,
                               bool red) noexcept {
  std::array<PeerId, kMaxCsrc> heard;
  auto end = heard.begin();
  for (std::uint32_t i = 0; i < frames; ++i)
    for (const PeerId peer : at(back - i).sources())
      if (end != heard.end() && std::find(heard.begin(), end, peer) == end) *end++ = peer;
  const RtpHeader header{.marker = at(back).marker,
                         .timestamp = timestamp_at(back),
                         .ssrc = ssrc_,
                         .csrc = {heard.begin(), end}};
  return {.packet = {header, payload, red},
          .next_timestamp = timestamp_at(back) + frames * kTickSamples};
}

}  // namespace fanout
