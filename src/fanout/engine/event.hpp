/// What an engine tells its owner: rare things only, never one per packet or per anonymous
/// listener.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fanout/base/ids.hpp"

namespace fanout {

enum class EventKind : std::uint8_t {
  speaker_joined,
  speaker_left,
  listener_joined,  ///< with a personal ticket
  listener_left,
  active_speakers,    ///< who is heard changed; `peers` has them
  dominant_speaker,   ///< somebody else has the word: `peer`
  recording_failed,   ///< it cannot be written, as `detail` says, and is tried again
  recording_resumed,  ///< it can be again
};

std::string_view name(EventKind kind) noexcept;

struct Event {
  EventKind kind{};
  SpaceId space{};
  PeerId peer{};
  SessionId session{};
  std::vector<PeerId> peers{};
  std::string detail{};  ///< why somebody left, what failed
};

}  // namespace fanout
