/// The RTP headers of a capture, as rows.
#pragma once

#include <cstddef>
#include <cstdint>

#include "fanout/base/bytes.hpp"
#include "fanout/batch/row.hpp"

namespace fanout {

/// Where a datagram lies in a buffer.
struct Extent {
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

/// One row per datagram; RTCP and garbage give a row that is not `valid` and otherwise empty.
/// `level_id`: the RFC 8285 id under which RFC 6464 levels come, 0 for none. Extents lie within
/// the buffer.
void parse_rows(Bytes buffer, const Extent* datagrams, std::size_t count, std::uint8_t level_id,
                PacketRow* rows) noexcept;

}  // namespace fanout
