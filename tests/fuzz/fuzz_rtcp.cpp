/// Whatever arrives, packets of a compound lie inside the datagram and can be read to the end.
#include "fanout/wire/rtcp.hpp"
#include "inside.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fanout::Bytes datagram(data, size);
  auto compound = fanout::RtcpView::parse(datagram);
  if (!compound) return 0;
  while (const auto packet = compound->next()) {
    require_inside(packet->body, datagram);
    for (std::size_t i = 0; i <= packet->report_count(); ++i) packet->report(i);
  }
  return 0;
}
