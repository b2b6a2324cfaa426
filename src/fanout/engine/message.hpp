/// What one worker tells another, as bytes in the ring between them.
#pragma once

#include <cstddef>
#include <variant>

#include "fanout/audience/seal.hpp"
#include "fanout/base/address.hpp"
#include "fanout/base/bytes.hpp"
#include "fanout/base/ids.hpp"
#include "fanout/base/time.hpp"

namespace fanout {

/// "What comes from this address is for me", or no longer.
struct RouteMessage {
  Address address;
  bool gone = false;
};

/// A frame of a room, for the halls.
struct FrameMessage {
  SpaceId space{};
  Instant due;
  SharedPacket packet;
};

/// A datagram that reached another worker than the one that has its sender.
struct RelayedDatagram {
  Address from;
  Bytes datagram;
};

using Message = std::variant<RouteMessage, FrameMessage, RelayedDatagram>;

std::size_t message_size(const RouteMessage& message) noexcept;
std::size_t message_size(const FrameMessage& message) noexcept;
std::size_t message_size(const RelayedDatagram& message) noexcept;

/// `out`: of just that size.
void write_message(const RouteMessage& message, MutableBytes out) noexcept;
void write_message(const FrameMessage& message, MutableBytes out) noexcept;
void write_message(const RelayedDatagram& message, MutableBytes out) noexcept;

/// What was written; a datagram stays where it is.
Message read_message(Bytes bytes);

}  // namespace fanout
