/// What an engine is made with; checked once, by `Engine`'s constructor.
#pragma once

#include <algorithm>
#include <cstdint>

#include "fanout/media/opus.hpp"
#include "fanout/secure/dtls.hpp"
#include "fanout/secure/srtp.hpp"

namespace fanout {

/// What a space carries: words, or music in stereo.
enum class SoundMode : std::uint8_t { voice, music };

struct EngineConfig {
  Certificate certificate;
  SrtpBackend backend = SrtpBackend::best;
  std::uint32_t max_listeners = 100'000;
  /// Those who passed a check and have not said hello (and as many more as wait), and again those
  /// whose DTLS handshake is under way. Beyond the first a check is not answered, and the browser
  /// repeats it.
  std::uint32_t max_handshakes = 1'024;
  /// Those whose hello waits until a handshake may begin: a crowd waits here, in the order it came.
  std::uint32_t max_waiting = 16'384;
  std::uint32_t max_speakers = 256;
  OpusEncoderConfig encoder{};
  OpusEncoderConfig music{.bitrate = 128'000, .channels = 2, .application = OpusApplication::audio};
  /// How many voices are heard at once: more than three at a time nobody understands.
  std::uint32_t audible = 3;
};

/// What one of a node's workers is made with. The kernel's hash is even but not exact, so each has
/// room for an eighth more than its share of listeners; the mesh counts the seats of all.
inline EngineConfig share_of(EngineConfig node, std::uint32_t workers) {
  if (workers == 1) return node;
  node.max_listeners = std::min(node.max_listeners / workers * 9 / 8 + 64, node.max_listeners);
  node.max_handshakes = (node.max_handshakes + workers - 1) / workers;
  node.max_waiting = (node.max_waiting + workers - 1) / workers;
  return node;
}

}  // namespace fanout
