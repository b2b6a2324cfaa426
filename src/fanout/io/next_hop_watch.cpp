#include "fanout/io/next_hop_watch.hpp"

#include <poll.h>

#include "fanout/io/eventfd.hpp"
#include "fanout/io/thread.hpp"

namespace fanout {

namespace {

/// How long a neighbour's new MAC address, or a route, may go unnoticed once the kernel has it.
constexpr int kPeriodMilliseconds = 1'000;

}  // namespace

NextHopWatch::NextHopWatch(const Interface& interface, Publish publish)
    : reader_(interface), publish_(std::move(publish)), stop_(make_eventfd()) {
  publish_(reader_.read());
  thread_ = start_thread([this] { run(); });
}

NextHopWatch::~NextHopWatch() {
  signal(stop_);
  thread_.join();
}

void NextHopWatch::run() {
  pollfd stop{stop_.get(), POLLIN, 0};
  while (poll(&stop, 1, kPeriodMilliseconds) == 0) publish_(reader_.read());
}

}  // namespace fanout
