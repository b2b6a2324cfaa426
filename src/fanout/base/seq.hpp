/// Serial number arithmetic (RFC 1982) on RTP's 16-bit sequence numbers and 32-bit timestamps.
#pragma once

#include <cstdint>

namespace fanout {

/// The 64-bit value nearest to `reference` whose low 16 bits are `seq` (never below zero).
constexpr std::uint64_t unwrap(std::uint16_t seq, std::uint64_t reference) noexcept {
  const auto step = static_cast<std::int16_t>(seq - static_cast<std::uint16_t>(reference));
  const auto value = static_cast<std::int64_t>(reference) + step;
  return static_cast<std::uint64_t>(value < 0 ? value + 65536 : value);
}
static_assert(unwrap(0, 65535) == 65536 && unwrap(65535, 65536) == 65535 &&
              unwrap(65535, 0) == 65535);

/// The same for 32-bit RTP timestamps.
constexpr std::uint64_t unwrap_timestamp(std::uint32_t ts, std::uint64_t reference) noexcept {
  const auto step = static_cast<std::int32_t>(ts - static_cast<std::uint32_t>(reference));
  const auto value = static_cast<std::int64_t>(reference) + step;
  return static_cast<std::uint64_t>(value < 0 ? value + (std::int64_t{1} << 32) : value);
}
static_assert(unwrap_timestamp(0, 0xFFFF'FFFFu) == 0x1'0000'0000u);

}  // namespace fanout
