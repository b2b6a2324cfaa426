/// A server's last flight, ChangeCipherSpec and Finished: it is sent again to a client that repeats
/// its own, for as long as it does (RFC 6347 section 4.2.4). No session is left by then, so the
/// flight is kept with each listener, as plain data, and of its 75 bytes only those that are not
/// the same in every handshake.
#pragma once

#include <array>
#include <cstdint>

#include "fanout/base/bytes.hpp"

namespace fanout {

class LastFlight {
 public:
  /// Two record headers and the byte that ChangeCipherSpec is,
  static constexpr std::size_t kForm = 13 + 1 + 13;
  /// and with AES-GCM an encrypted Finished of nonce, header, digest and tag. ChaCha20 has no
  /// nonce.
  static constexpr std::size_t kMostFinished = 8 + 12 + 12 + 16;
  static constexpr std::size_t kMost = kForm + kMostFinished;

  constexpr LastFlight() noexcept = default;
  /// Empty when `flight` is anything else.
  explicit LastFlight(Bytes flight) noexcept;

  std::size_t size() const noexcept { return finished_size_ == 0 ? 0 : kForm + finished_size_; }
  /// Into at least `size()` bytes; returns that part of them.
  Bytes write(MutableBytes out) const noexcept;

 private:
  std::uint8_t number_ = 0;  // of the record with ChangeCipherSpec; a handshake takes a few dozen
  std::uint8_t finished_size_ = 0;
  std::array<std::uint8_t, kMostFinished> finished_{};
};

}  // namespace fanout
