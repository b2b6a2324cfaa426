/// Whatever arrives, parts of an RTP packet lie inside the datagram.
#include "fanout/wire/rtp.hpp"
#include "inside.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fanout::Bytes datagram(data, size);
  const auto rtp = fanout::parse_rtp(datagram);
  if (!rtp) return 0;
  require_inside(rtp->csrc, datagram);
  require_inside(rtp->payload, datagram);
  if (const auto stripped = fanout::strip_padding(*rtp)) require_inside(*stripped, rtp->payload);
  for (int id = 0; id < 256; ++id)
    if (const auto found = fanout::find_extension(*rtp, static_cast<std::uint8_t>(id)))
      require_inside(*found, rtp->extension);
  return 0;
}
