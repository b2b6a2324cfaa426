#include "fanout/batch/parse.hpp"

#include "fanout/base/audio.hpp"
#include "fanout/wire/rtp.hpp"

namespace fanout {
namespace {

PacketRow parse_row(Bytes datagram, std::uint8_t level_id) noexcept {
  if (is_rtcp(datagram)) return {};
  const auto rtp = parse_rtp(datagram);
  if (!rtp) return {};
  const auto payload = strip_padding(*rtp);
  if (!payload) return {};
  const auto level = level_id > 0 ? audio_level(*rtp, level_id) : std::nullopt;
  return {.ssrc = static_cast<std::uint32_t>(rtp->ssrc),
          .timestamp = rtp->timestamp,
          .payload_offset = static_cast<std::uint32_t>(rtp->header_size),
          .sequence = rtp->sequence,
          .size = static_cast<std::uint16_t>(payload->size()),
          .payload_type = rtp->payload_type,
          .marker = rtp->marker,
          .level = level ? level->level : kSilentLevel,
          .valid = 1};
}

}  // namespace

void parse_rows(Bytes buffer, const Extent* datagrams, std::size_t count, std::uint8_t level_id,
                PacketRow* rows) noexcept {
  for (std::size_t i = 0; i < count; ++i) {
    const auto begin = static_cast<std::size_t>(datagrams[i].begin);
    const auto end = static_cast<std::size_t>(datagrams[i].end);
    rows[i] = parse_row(buffer.subspan(begin, end - begin), level_id);
    if (rows[i].valid) rows[i].payload_offset += static_cast<std::uint32_t>(begin);
  }
}

}  // namespace fanout
