/// The way around the socket layer: datagrams leave as whole frames by a ring shared with the
/// kernel, for a fraction of what a socket costs. It takes those whose next hop is certain and
/// leaves the rest of the batch to the socket, so nobody hears the difference.
#pragma once

#include <cstdint>

#include "fanout/base/send_batch.hpp"
#include "fanout/io/next_hops.hpp"
#include "fanout/io/transmit_ring.hpp"
#include "fanout/io/udp.hpp"

namespace fanout {

struct PacketCounters {
  std::uint64_t ring_packets = 0;    ///< written to the ring
  std::uint64_t ring_fallbacks = 0;  ///< left to the socket, for whatever reason
  std::uint64_t ring_full = 0;       ///< of these because the ring was full
  std::uint64_t ring_lost = 0;       ///< written to the ring before its link was seen to be down
};

class PacketSender {
 public:
  /// Sends nothing before `use`. Throws std::system_error.
  explicit PacketSender(const Interface& interface) : ring_(interface) {}

  /// What waits for a link that is down is given up: it would be old when that is up again.
  void use(NextHops hops) noexcept;
  /// Takes out of the batch what can go by the ring, from the socket's address and port, and
  /// sends it with one system call; nothing blocks.
  void send(SendBatch& batch, const UdpSocket& socket) noexcept;

  const PacketCounters& counters() const noexcept { return counters_; }

 private:
  bool write(const Address& to, Bytes datagram, const UdpSocket& socket) noexcept;

  TransmitRing ring_;
  NextHops hops_;
  PacketCounters counters_;
};

}  // namespace fanout
