/// The datagrams of one DTLS flight (RFC 6347 section 4.2.4), kept until the next flight.
///
/// OpenSSL retransmits by the wall clock and by nothing else, so its timer is put to sleep and
/// the flight is repeated from here. A repeated record wants a new number, or the peer's replay
/// check drops it: records of epoch 0 are not authenticated and are numbered here throughout;
/// those of epoch 1 (Finished) are repeated as they are, which a peer that lost them accepts.
#pragma once

#include <vector>

#include "fanout/base/bytes.hpp"

namespace fanout {

class DtlsFlight {
 public:
  /// What is added next belongs to a new flight.
  void end() noexcept { ended_ = true; }
  bool ended() const noexcept { return ended_; }
  void add(Bytes datagram);
  void clear() noexcept;

  /// The next datagram not yet sent, or empty.
  Bytes next() const noexcept;
  void mark_sent() noexcept { ++sent_; }
  /// Nothing counts as sent any more.
  void repeat() noexcept;
  /// All datagrams, end to end.
  Bytes bytes() const noexcept { return bytes_; }

 private:
  void renumber(MutableBytes datagram) noexcept;

  std::vector<std::uint8_t> bytes_;
  std::vector<std::size_t> ends_;
  std::size_t sent_ = 0;
  std::uint64_t sequence_ = 0;  // of the next record of epoch 0
  bool ended_ = true;
};

}  // namespace fanout
