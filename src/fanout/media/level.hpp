/// Who speaks: the K loudest with hysteresis (who is decoded and mixed) and the dominant
/// speaker (Volfin & Cohen, "Dominant speaker identification for multipoint videoconferencing",
/// Computer Speech & Language 27(4), 2013).
///
/// The loudest: levels are smoothed; whoever is heard takes a free place at once, and a taken
/// one from the quietest only when clearly louder or when that one has paused. So two equal
/// voices do not chase each other out at every syllable. Who pauses keeps a free place for half a
/// second; silence that is claimed to be sound (RFC 6464) counts double.
///
/// The dominant: speech is judged on three time scales. A frame is active by its level in units
/// of 10 dB (immediate, 0..12); a tenth of a second by how many of its 5 frames are loud
/// (medium, 0..5); a second by how many of its 10 tenths are loud throughout (long, 0..10). Each
/// count becomes a log-likelihood ratio of speech over noise, and a challenger must beat the
/// present speaker on all three scales: a cough wins the first, a door slam the second, only
/// speech the third. The whole second is one word of bits per speaker, one bit per loud frame,
/// and the ratios are looked up in tables, so a report costs the same however many speak; all
/// are compared once in 300 ms.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "fanout/base/audio.hpp"
#include "fanout/base/ids.hpp"
#include "fanout/base/time.hpp"

namespace fanout {

class SpeakerRanking {
 public:
  /// `audible`: how many are mixed at once. Throws std::invalid_argument for none.
  explicit SpeakerRanking(std::size_t audible = 3);

  /// Adding somebody twice changes nothing.
  void add(PeerId peer);
  void remove(PeerId peer) noexcept;
  /// One level per 20 ms frame; -dBov, 127 for silence. `claimed`: what the peer says it is, 127
  /// where it says nothing. Unknown peers are ignored.
  void report(PeerId peer, std::uint8_t level, Instant now,
              std::uint8_t claimed = kSilentLevel) noexcept;

  /// The loudest first, smoothed, at most `audible`; those silent for 500 ms are not in it, nor
  /// those for 250 ms who claim not to be. Valid until the next call that is not const.
  std::span<const PeerId> audible(Instant now) noexcept;
  /// Nobody until somebody has spoken; then somebody until they are removed.
  std::optional<PeerId> dominant() const noexcept { return dominant_; }

 private:
  struct Activity {
    float immediate, medium, long_term;
  };
  struct Speaker {
    float loudness = 0;  // 0..127, smoothed
    Instant heard{-1'000'000'000'000};
    Instant reported{-1'000'000'000'000};
    std::uint64_t loud = 0;  // bit i: the frame i x 20 ms ago
    std::uint8_t unit = 0;   // of the last frame, 0..12
    std::uint8_t floor = 0;  // lowest level of late: background noise; 0: not known
    std::uint8_t next_floor = 0;
    std::uint16_t next_floor_frames = 0;

    void hear(std::uint8_t loudness, std::uint8_t claimed, Instant now) noexcept;
    void raise_floor(std::uint8_t loudness) noexcept;
    void fall_silent(Instant now) noexcept;
    Activity activity() const noexcept;
  };
  struct Place {
    PeerId peer;
    const Speaker* speaker;
  };

  void take_place(PeerId peer, const Speaker& speaker, Instant now) noexcept;
  void decide(Instant now) noexcept;
  std::optional<PeerId> first_to_speak() const noexcept;

  std::size_t places_;
  std::unordered_map<PeerId, Speaker> speakers_;
  std::vector<Place> mixed_;
  std::vector<PeerId> names_;
  std::optional<PeerId> dominant_;
  Instant next_decision_{};
};

}  // namespace fanout
