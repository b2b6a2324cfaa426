/// Hashing under a secret: peers choose their addresses and session ids, and must not choose
/// with them where in a table they fall.
#pragma once

#include <concepts>
#include <cstdint>

namespace fanout {

/// splitmix64's finalizer: every bit of the input moves half the bits of the output.
constexpr std::uint64_t scramble(std::uint64_t x) noexcept {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

template <std::same_as<std::uint64_t>... Words>
constexpr std::uint64_t keyed_hash(std::uint64_t secret, Words... words) noexcept {
  ((secret = scramble(secret ^ words)), ...);
  return secret;
}

}  // namespace fanout
