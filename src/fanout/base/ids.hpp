/// Identifiers as distinct types: a function that takes a space and a peer cannot be called
/// the wrong way round.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace fanout {

/// A space (a room), as tickets carry it.
enum class SpaceId : std::uint64_t {};

/// A person in a space: the CSRC that tells pages who speaks. Zero is nobody.
enum class PeerId : std::uint32_t {};

/// RFC 3550 synchronization source.
enum class Ssrc : std::uint32_t {};

/// 96 random bits that name one session whatever address it comes from.
struct SessionId {
  std::array<std::uint8_t, 12> bytes{};

  bool operator==(const SessionId&) const = default;
};

/// One frame of Opus at its fixed RTP clock (RFC 7587 section 4.1): 20 ms at 48 kHz.
constexpr std::uint32_t kClockRate = 48'000;
constexpr std::size_t kFrameSamples = 960;

}  // namespace fanout

template <>
struct std::hash<fanout::SessionId> {
  std::size_t operator()(const fanout::SessionId& id) const noexcept {
    std::size_t value = 0;  // the bytes are random already: any eight of them are a hash
    for (int i = 0; i < 8; ++i) value = value << 8 | id.bytes[static_cast<std::size_t>(i)];
    return value;
  }
};
