#include "fanout/io/event_queue.hpp"

#include <utility>

#include "fanout/io/eventfd.hpp"

namespace fanout {

EventQueue::EventQueue() : fd_(make_eventfd()) {}

std::vector<Event> EventQueue::drain() {
  const std::scoped_lock lock(mutex_);
  clear(fd_);
  return std::exchange(events_, {});
}

void EventQueue::publish(std::vector<Event> events) {
  if (events.empty()) return;
  const std::scoped_lock lock(mutex_);
  if (events_.empty()) signal(fd_);
  for (auto& event : events) {
    // Who is heard now: of an owner who does not read, only the last word is kept.
    if (event.kind == EventKind::active_speakers)
      std::erase_if(events_, [&event](const Event& earlier) {
        return earlier.kind == event.kind && earlier.space == event.space;
      });
    events_.push_back(std::move(event));
  }
}

}  // namespace fanout
