/// Events on their way from the workers to whoever owns them: a list, and an eventfd that is
/// readable while there is something in it.
#pragma once

#include <mutex>
#include <vector>

#include "fanout/engine/event.hpp"
#include "fanout/io/file_descriptor.hpp"

namespace fanout {

class EventQueue {
 public:
  /// Throws std::system_error without a file descriptor left.
  EventQueue();

  void publish(std::vector<Event> events);
  std::vector<Event> drain();
  int fd() const noexcept { return fd_.get(); }

 private:
  FileDescriptor fd_;
  std::mutex mutex_;
  std::vector<Event> events_;
};

}  // namespace fanout
