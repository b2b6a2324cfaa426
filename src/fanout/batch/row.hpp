/// One packet of a recorded stream: what `parse_rtp` writes and `replay` reads. NumPy sees the
/// same bytes as the structured type `_batch.PACKET`.
#pragma once

#include <cstdint>

#include "fanout/base/audio.hpp"

namespace fanout {

struct PacketRow {
  std::int64_t arrival_us = 0;
  std::uint32_t ssrc = 0;
  std::uint32_t timestamp = 0;       ///< as sent by `parse_rtp`'s stream; 48 kHz for `replay`
  std::uint32_t payload_offset = 0;  ///< of the first byte behind the header, in the buffer
  std::uint16_t sequence = 0;
  std::uint16_t size = 0;     ///< of the payload, padding taken off
  std::uint16_t samples = 0;  ///< how long it lasts at 48 kHz; RTP does not say, so 0 from a parse
  std::uint8_t payload_type = 0;
  std::uint8_t marker = 0;
  std::uint8_t level = kSilentLevel;  ///< -dBov (RFC 6464), silence when unknown
  std::uint8_t valid = 0;             ///< it is RTP
};
static_assert(sizeof(PacketRow) == 32);

}  // namespace fanout
