/// Whom to listen to: of all who might speak, those few who are worth decoding.
///
/// What speakers say of their loudness (RFC 6464) chooses who is decoded; what is heard then
/// chooses who is mixed. So a client that claims to shout, and is silent, is listened to for three
/// frames and never heard. After that its claims count less by what they were wrong, and each
/// second wins back 50 dB: the next time may be true.
///
/// Who sends no levels claims the most and keeps its place until another needs it; where there are
/// many, they are listened to by turns. Once the true loudness is known that stands for it, and
/// the doubt wears off within a third of a second.
///
/// Besides those who are mixed there are two places to try others. So the work of a tick is bounded
/// whatever is claimed: `audible + 2` frames, twice as many while their delay shortens, and the
/// past of at most two who begin.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "fanout/base/ids.hpp"

namespace fanout {

class DecodeGate {
 public:
  /// `audible`: how many are mixed at once.
  explicit DecodeGate(std::size_t audible);

  void add(PeerId peer);
  void remove(PeerId peer) noexcept;

  /// What a peer says of this tick, -dBov; 127 is silence. `leveled`: by a level of its own, not
  /// for want of one.
  void claim(PeerId peer, std::uint8_t level, bool leveled) noexcept;
  /// Who is to be decoded in this tick, those `mixed` in the last one among them. Valid until the
  /// next call.
  std::span<const PeerId> choose(std::span<const PeerId> mixed) noexcept;
  /// How loud one of them was.
  void measure(PeerId peer, std::uint8_t level) noexcept;

 private:
  struct Peer {
    float trusted() const noexcept { return claimed - doubt; }

    PeerId id{};
    bool leveled = false;
    bool open = false;
    bool mixed = false;
    std::uint8_t tried = 0;  // ticks since it was opened, up to a full trial
    float claimed = 0;       // loudness: 127 - level
    float doubt = 0;
    float said = 0;  // smoothed, while open
    float heard = 0;
  };

  Peer* find(PeerId id) noexcept;
  void judge(Peer& peer, float weakest) noexcept;
  bool open_next(float weakest) noexcept;
  Peer* most_promising() noexcept;
  Peer* least_promising() noexcept;

  std::size_t audible_;
  std::vector<Peer> peers_;
  std::vector<PeerId> chosen_;
};

}  // namespace fanout
