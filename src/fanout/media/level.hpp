/// Who speaks: the K loudest with hysteresis (who is decoded and mixed) and the dominant
/// speaker (Volfin & Cohen, "Dominant speaker identification for multipoint videoconferencing",
/// Computer Speech & Language 27(4), 2013).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "fanout/base/ids.hpp"
#include "fanout/base/time.hpp"

namespace fanout {

class SpeakerRanking {
 public:
  /// `audible`: how many are mixed at once.
  explicit SpeakerRanking(std::size_t audible = 3);

  void add(PeerId peer);
  void remove(PeerId peer) noexcept;
  /// One level per 20 ms frame; -dBov, 127 for silence.
  void report(PeerId peer, std::uint8_t level, Instant now) noexcept;

  /// The loudest, smoothed, at most `audible`; those silent for 500 ms are not in it. Valid
  /// until the next call that is not const.
  std::span<const PeerId> audible(Instant now) noexcept;
  std::optional<PeerId> dominant() const noexcept;
  // The implementer completes the private part.
};

}  // namespace fanout
