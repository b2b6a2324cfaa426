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
  /// Those who passed a check and have no keys yet. Beyond it a check is not answered: the
  /// browser repeats it, so a joiner waits rather than fails.
  std::uint32_t max_handshakes = 1'024;
  std::uint32_t max_speakers = 256;
  OpusEncoderConfig encoder{};
  OpusEncoderConfig music{.bitrate = 128'000, .channels = 2, .application = OpusApplication::audio};
  /// How many voices are heard at once: more than three at a time nobody understands.
  std::uint32_t audible = 3;
};

}  // namespace fanout
