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
#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>
#include <vector>

#include "fanout/base/ids.hpp"
#include "fanout/base/spsc_bytes.hpp"
#include "fanout/engine/directory.hpp"
#include "fanout/engine/message.hpp"
#include "fanout/secure/hmac.hpp"

namespace fanout {

class Mesh {
 public:
  /// `seats`: how many listeners all workers together may have.
  Mesh(std::uint32_t workers, std::uint32_t seats)
      : workers_(workers),
        seats_(seats),
        directory_(workers > 1 ? std::size_t{seats} : 0, random_value<std::uint64_t>()) {
    for (std::uint32_t i = 0; i < workers * workers; ++i)
      rings_.push_back(i / workers == i % workers ? nullptr
                                                  : std::make_unique<SpscBytes>(bytes(workers)));
  }

  std::uint32_t workers() const noexcept { return workers_; }
  /// Whose room a space is: the same answer everywhere, and no table of it.
  WorkerId home(SpaceId space) const noexcept {
    return static_cast<WorkerId>(scramble(static_cast<std::uint64_t>(space)) % workers_);
  }

  SpscBytes& ring(WorkerId from, WorkerId to) noexcept { return *rings_[from * workers_ + to]; }
  SessionDirectory& directory() noexcept { return directory_; }

  bool full() const noexcept { return taken_.load(std::memory_order_relaxed) >= seats_; }
  void take_seat() noexcept { taken_.fetch_add(1, std::memory_order_relaxed); }
  void leave_seat() noexcept { taken_.fetch_sub(1, std::memory_order_relaxed); }

 private:
  /// A second of twenty rooms' frames from one of two workers to the other, and of as many fewer as
  /// there are more to share the rooms; in any case a few of the longest datagrams.
  static constexpr std::size_t bytes(std::uint32_t workers) noexcept {
    return std::bit_floor(std::max<std::size_t>(1 << 14, (1 << 18) / workers));
  }

  std::uint32_t workers_;
  std::uint32_t seats_;
  std::atomic<std::uint32_t> taken_{0};
  SessionDirectory directory_;
  std::vector<std::unique_ptr<SpscBytes>> rings_;
};

}  // namespace fanout
