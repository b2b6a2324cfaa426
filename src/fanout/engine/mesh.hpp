/// What the workers of one port share, and all of it: a ring from each to each other, the
/// directory of sessions, and the count of seats. The kernel spreads addresses over the
/// workers' sockets; whoever's datagrams reach a worker that has no part in them is handed on:
///
///   a speaker        to the room's home, which mixes
///   a listener who moved, to the worker that has their row
///   a frame          from the home to every other worker's hall
///
/// Rows never move between workers, and the audience that stays where it is meets no other
/// thread. A ring that is full drops, and counts, as the network would.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <variant>
#include <vector>

#include "fanout/audience/seal.hpp"
#include "fanout/base/address.hpp"
#include "fanout/base/ids.hpp"
#include "fanout/base/send_batch.hpp"
#include "fanout/base/spsc_ring.hpp"
#include "fanout/engine/directory.hpp"
#include "fanout/secure/hmac.hpp"

namespace fanout {

/// A frame of a room, for the halls.
struct FrameMessage {
  SpaceId space{};
  Instant due;
  SharedPacket packet;
};

/// A datagram that reached another worker than the one that has its sender.
struct RelayedDatagram {
  Address from;
  std::uint16_t size = 0;
  std::array<std::uint8_t, kMaxDatagram> bytes;

  MutableBytes datagram() noexcept { return MutableBytes(bytes).first(size); }
};

/// "What comes from this address is for me", or no longer.
struct RouteMessage {
  Address address;
  bool gone = false;
};

using Message = std::variant<RouteMessage, FrameMessage, RelayedDatagram>;

class Mesh {
 public:
  /// `seats`: how many listeners all workers together may have.
  Mesh(std::uint32_t workers, std::uint32_t seats)
      : workers_(workers),
        seats_(seats),
        directory_(workers > 1 ? std::size_t{seats} : 0, random_value<std::uint64_t>()) {
    for (std::uint32_t i = 0; i < workers * workers; ++i)
      rings_.push_back(i / workers == i % workers ? nullptr
                                                  : std::make_unique<Ring>(slots(workers)));
  }

  std::uint32_t workers() const noexcept { return workers_; }
  /// Whose room a space is: the same answer everywhere, and no table of it.
  WorkerId home(SpaceId space) const noexcept {
    return static_cast<WorkerId>(scramble(static_cast<std::uint64_t>(space)) % workers_);
  }

  using Ring = SpscRing<Message>;
  Ring& ring(WorkerId from, WorkerId to) noexcept { return *rings_[from * workers_ + to]; }
  SessionDirectory& directory() noexcept { return directory_; }

  bool full() const noexcept { return taken_.load(std::memory_order_relaxed) >= seats_; }
  void take_seat() noexcept { taken_.fetch_add(1, std::memory_order_relaxed); }
  void leave_seat() noexcept { taken_.fetch_sub(1, std::memory_order_relaxed); }

 private:
  /// Half a second of a few rooms' frames for two workers; no more memory for many of them.
  static constexpr std::size_t slots(std::uint32_t workers) noexcept {
    return std::max<std::size_t>(32, 1'024 / workers);
  }

  std::uint32_t workers_;
  std::uint32_t seats_;
  std::atomic<std::uint32_t> taken_{0};
  SessionDirectory directory_;
  std::vector<std::unique_ptr<Ring>> rings_;
};

}  // namespace fanout
