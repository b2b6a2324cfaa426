/// What an engine is made with; checked once, by `Engine`'s constructor.
#pragma once

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

}  // namespace fanout
