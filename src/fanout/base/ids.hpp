/// Identifiers as distinct types: a function that takes a space and a peer cannot be called
/// the wrong way round.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "fanout/base/hash.hpp"

namespace fanout {

/// A space (a room), as tickets carry it.
enum class SpaceId : std::uint64_t {};

/// A person in a space: the CSRC that tells pages who speaks. Zero is nobody.
enum class PeerId : std::uint32_t {};

/// RFC 3550 synchronization source.
enum class Ssrc : std::uint32_t {};

/// 96 random bits that name one session whatever address it comes from.
struct SessionId {
  std::array<std::uint8_t, 12> bytes{};

  bool operator==(const SessionId&) const = default;
};

inline std::uint64_t hash_value(const SessionId& id, std::uint64_t secret) noexcept {
  std::uint64_t head;
  std::uint32_t tail;
  std::memcpy(&head, id.bytes.data(), sizeof head);
  std::memcpy(&tail, id.bytes.data() + sizeof head, sizeof tail);
  return keyed_hash(secret, head, std::uint64_t{tail});
}

}  // namespace fanout
