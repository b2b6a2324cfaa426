/// Reads the next hops anew every second, on a thread of its own: whoever sends is told, and
/// never waits for the kernel's tables.
#pragma once

#include <functional>
#include <thread>

#include "fanout/io/file_descriptor.hpp"
#include "fanout/io/next_hops.hpp"

namespace fanout {

class NextHopWatch {
 public:
  using Publish = std::function<void(const NextHops&)>;

  /// Publishes once before it returns, then on its thread. Throws std::system_error.
  NextHopWatch(const Interface& interface, Publish publish);
  ~NextHopWatch();

 private:
  void run();

  NextHopReader reader_;
  Publish publish_;
  FileDescriptor stop_;
  std::thread thread_;
};

}  // namespace fanout
