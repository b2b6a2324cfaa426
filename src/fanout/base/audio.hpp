/// What every part agrees on about sound: Opus at its fixed RTP clock (RFC 7587 section 4.1), in
/// frames of 20 ms, with levels as RFC 6464 has them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fanout {

constexpr std::uint32_t kClockRate = 48'000;
constexpr std::size_t kFrameSamples = 960;  // of a frame, per channel
constexpr std::uint8_t kSilentLevel = 127;  // -dBov; 0 is the loudest

}  // namespace fanout
