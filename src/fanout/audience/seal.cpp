#include "fanout/audience/seal.hpp"

#include <algorithm>
#include <stdexcept>

#include "fanout/secure/hmac.hpp"
#include "fanout/wire/red.hpp"

namespace fanout {

SharedPacket::SharedPacket(const RtpHeader& header, Bytes payload, bool redundant)
    : redundant_(redundant) {
  if (payload.size() > kMaxPayload) throw std::length_error("payload does not fit one datagram");
  Writer out{header_};
  write_rtp_header(out, header);
  header_size_ = static_cast<std::uint16_t>(out.size());
  payload_size_ = static_cast<std::uint16_t>(payload.size());
  std::ranges::copy(payload, payload_.begin());
}

SealJob prepare(const SharedPacket& packet, const SrtpKey& key, std::uint8_t payload_type,
                std::uint64_t index, MutableBytes datagram) noexcept {
  const auto header = packet.header();
  std::ranges::copy(header, datagram.begin());
  datagram[1] = static_cast<std::uint8_t>((header[1] & 0x80) | payload_type);
  store_be(datagram.data() + 2, static_cast<std::uint16_t>(index));
  return {.key = &key,
          .packet = datagram.data(),
          .payload = packet.payload().data(),
          .header_size = static_cast<std::uint16_t>(header.size()),
          .payload_size = static_cast<std::uint16_t>(packet.payload().size()),
          .ssrc = packet.ssrc(),
          .index = index};
}

std::uint64_t random_first_index() noexcept { return random_value<std::uint16_t>() & 0x7FFF; }

void write_blocks(SealJob& job, std::uint8_t payload_type) noexcept {
  const MutableBytes blocks(job.packet + job.header_size, job.payload_size);
  std::ranges::copy(Bytes(job.payload, job.payload_size), blocks.begin());
  set_red_payload_type(blocks, payload_type);
  job.payload = blocks.data();
}

}  // namespace fanout
