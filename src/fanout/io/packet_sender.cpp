#include "fanout/io/packet_sender.hpp"

#include <algorithm>

#include "fanout/io/frame.hpp"

namespace fanout {

namespace {

/// Every path of IPv6 carries so much (RFC 8200 section 5), and IPv4's do. What is larger may need
/// the path's own MTU, which the kernel learns and heeds for its sockets.
constexpr std::size_t kEveryPathCarries = 1280;
static_assert(kEthernetHeader + kEveryPathCarries <= TransmitRing::kMaxFrame);

}  // namespace

void PacketSender::use(NextHops hops) noexcept {
  hops_ = std::move(hops);
  if (hops_.link.mtu == 0) counters_.ring_lost += ring_.give_up();
}

void PacketSender::send(SendBatch& batch, const UdpSocket& socket) noexcept {
  bool is_any = ring_.is_waiting();
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (!write(batch.to(i), batch.bytes(i), socket)) {
      ++counters_.ring_fallbacks;
      continue;
    }
    batch.take(i);
    ++counters_.ring_packets;
    is_any = true;
  }
  if (is_any) ring_.kick();
}

bool PacketSender::write(const Address& to, Bytes datagram, const UdpSocket& socket) noexcept {
  const auto most = std::min<std::size_t>(hops_.link.mtu, kEveryPathCarries);
  if (ip_size(to.is_v4(), datagram.size()) > most) return false;
  Neighbour* const hop = hops_.find(to);
  if (!hop) return false;
  if (hop->to_confirm) {  // this one makes the kernel ask
    hop->to_confirm = false;
    return false;
  }
  const auto from = socket.source_for(to);
  if (!from) return false;
  std::uint8_t* const frame = ring_.next();
  if (!frame) {
    ++counters_.ring_full;
    return false;
  }
  ring_.add(write_frame(frame, {hops_.link.mac, hop->mac, *from, to}, datagram));
  return true;
}

}  // namespace fanout
