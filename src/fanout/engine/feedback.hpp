/// What an audience says back, without the audience: listeners admitted with keys of their own and
/// no handshake, and the consent checks and receiver reports that they would send, made beforehand.
/// For benches of an engine alone.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "fanout/base/send_batch.hpp"
#include "fanout/engine/engine.hpp"

namespace fanout {

class Feedback {
 public:
  /// Admits the listeners. Throws std::length_error when the engine has no seats for them.
  Feedback(Engine& engine, SpaceId space, std::uint32_t listeners, std::uint64_t seed);

  /// Puts in line so many of each, by turns, from listeners all over the audience.
  void prepare(std::uint32_t checks, std::uint32_t reports, std::uint8_t fraction_lost);
  /// Gives the line to the engine, `kRate` a second from `now` on; answers are taken and dropped.
  /// Returns how many there were. May be repeated: the engine sees the same datagrams again.
  std::uint64_t feed(Engine& engine, Instant now) noexcept;

  /// Of 1,000,000 listeners, each of whom says two things in five seconds.
  static constexpr std::int64_t kRate = 400'000;

  std::size_t check_size() const noexcept { return check_size_; }
  std::size_t report_size() const noexcept { return report_size_; }

 private:
  struct Datagram {
    Address from;
    std::uint16_t size = 0;
    std::array<std::uint8_t, 256> bytes;
  };

  /// Follows from the seed, so that nothing needs to be kept.
  Transport listener(std::uint32_t number) const noexcept;
  std::size_t write_check(const Transport& from, MutableBytes out);
  std::size_t write_report(const Transport& from, MutableBytes out, std::uint8_t fraction_lost);

  SpaceId space_;
  std::uint32_t listeners_;
  std::uint64_t seed_;
  std::uint64_t sent_ = 0;
  std::unique_ptr<SrtpEngine> srtp_;  // this and the batch from the first line on
  std::vector<Datagram> line_;
  std::unique_ptr<SendBatch> batch_;
  std::size_t check_size_ = 0;
  std::size_t report_size_ = 0;
};

}  // namespace fanout
