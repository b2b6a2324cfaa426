#include "fanout/media/repacketize.hpp"

#include <opus/opus.h>

#include <algorithm>
#include <array>
#include <limits>
#include <new>

namespace fanout {
namespace {

constexpr std::size_t kMostFrames = 48;  // 120 ms of 2.5 ms frames

opus_int32 length(std::size_t size) noexcept {
  constexpr std::size_t kMost = std::numeric_limits<opus_int32>::max();
  return static_cast<opus_int32>(std::min(size, kMost));
}

}  // namespace

Repacketizer::Repacketizer() : state_(opus_repacketizer_create()) {
  if (!state_) throw std::bad_alloc();
}

void Repacketizer::Free::operator()(OpusRepacketizer* state) const noexcept {
  opus_repacketizer_destroy(state);
}

std::expected<Bytes, std::size_t> Repacketizer::merge(std::span<const Bytes> packets,
                                                      MutableBytes out) noexcept {
  opus_repacketizer_init(state_.get());
  std::array<int, kMostFrames> frames;  // in the first packet, in the first two, ...
  std::size_t like = 0;
  for (; like < packets.size(); ++like) {
    const Bytes packet = packets[like];
    if (opus_repacketizer_cat(state_.get(), packet.data(), length(packet.size())) != OPUS_OK) break;
    frames[like] = opus_repacketizer_get_nb_frames(state_.get());
  }
  for (std::size_t fitting = out.empty() ? 0 : like; fitting > 0; --fitting) {
    const auto size = opus_repacketizer_out_range(state_.get(), 0, frames[fitting - 1], out.data(),
                                                  length(out.size()));
    if (size <= 0) continue;
    if (fitting == packets.size()) return out.first(static_cast<std::size_t>(size));
    return std::unexpected(fitting);
  }
  return std::unexpected(0);
}

}  // namespace fanout
