#include "fanout/audience/seal.hpp"

#include <algorithm>
#include <stdexcept>

#include "fanout/secure/hmac.hpp"
#include "fanout/wire/red.hpp"

namespace fanout {

SharedPacket::SharedPacket(const RtpHeader& header, Bytes payload, bool redundant)
    : redundant_(redundant) {
  Writer out{header_};
  write_rtp_header(out, header);
  header_size_ = static_cast<std::uint16_t>(out.size());
  set_payload(payload);
}

SharedPacket::SharedPacket(Bytes header, Bytes payload) {
  if (header.size() > kMaxRtpHeader) throw std::length_error("that is no RTP header");
  header_size_ = static_cast<std::uint16_t>(header.size());
  std::ranges::copy(header, header_.begin());
  set_payload(payload);
}

void SharedPacket::set_payload(Bytes payload) {
  if (payload.size() > kMaxPayload) throw std::length_error("payload does not fit one datagram");
  payload_size_ = static_cast<std::uint16_t>(payload.size());
  std::ranges::copy(payload, payload_.begin());
}

std::uint64_t random_first_index() noexcept { return random_value<std::uint16_t>() & 0x7FFF; }

void write_blocks(SealJob& job, std::uint8_t payload_type) noexcept {
  const MutableBytes blocks(job.packet + job.header_size, job.payload_size);
  std::ranges::copy(Bytes(job.payload, job.payload_size), blocks.begin());
  set_red_payload_type(blocks, payload_type);
  job.payload = blocks.data();
}

}  // namespace fanout
