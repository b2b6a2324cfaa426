/// Consecutive Opus packets merged into one longer packet (RFC 6716 section 3.2), without loss:
/// the frames stay as they are, only the framing around them changes. A decoder hears the same.
///
/// What one packet cannot hold is refused: frames of another mode, bandwidth, duration or
/// channel count (the upper six bits of the TOC byte), more than 120 ms, more than the room
/// given. Discontinuous transmission's packets of one or two bytes merge like any other.
#pragma once

#include <cstddef>
#include <expected>
#include <memory>
#include <span>

#include "fanout/base/bytes.hpp"

struct OpusRepacketizer;  // libopus' own

namespace fanout {

class Repacketizer {
 public:
  Repacketizer();

  /// All of `packets` as one, written to `out`; or, when one cannot hold them, how many of the
  /// first it can: zero when the first is no Opus or does not fit. Nothing is allocated.
  std::expected<Bytes, std::size_t> merge(std::span<const Bytes> packets,
                                          MutableBytes out) noexcept;

 private:
  struct Free {
    void operator()(OpusRepacketizer* state) const noexcept;
  };

  std::unique_ptr<OpusRepacketizer, Free> state_;
};

}  // namespace fanout
