#include "fanout/engine/event.hpp"

namespace fanout {

std::string_view name(EventKind kind) noexcept {
  switch (kind) {
    case EventKind::speaker_joined:
      return "speaker_joined";
    case EventKind::speaker_left:
      return "speaker_left";
    case EventKind::listener_joined:
      return "listener_joined";
    case EventKind::listener_left:
      return "listener_left";
    case EventKind::active_speakers:
      return "active_speakers";
    case EventKind::dominant_speaker:
      return "dominant_speaker";
    case EventKind::recording_failed:
      return "recording_failed";
    case EventKind::recording_resumed:
      return "recording_resumed";
  }
  return "unknown";
}

}  // namespace fanout
