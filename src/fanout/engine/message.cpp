#include "fanout/engine/message.hpp"

#include <algorithm>

namespace fanout {

namespace {

enum class Kind : std::uint8_t { route, frame, datagram };

constexpr std::size_t kAddress = 16 + 2 + 1;

void write_address(Writer& out, const Address& address) noexcept {
  out.bytes(address.ip);
  out.u16(address.port);
  out.u8(address.via);
}

Address read_address(Reader& in) noexcept {
  Address address;
  std::ranges::copy(in.take(address.ip.size()), address.ip.begin());
  address.port = in.u16();
  address.via = in.u8();
  return address;
}

Writer begin(MutableBytes out, Kind kind) noexcept {
  Writer writer{out};
  writer.u8(static_cast<std::uint8_t>(kind));
  return writer;
}

FrameMessage read_frame(Reader in) {
  const SpaceId space{in.u64()};
  const Instant due{static_cast<std::int64_t>(in.u64())};
  const auto header = in.take(in.u8());
  return {space, due, SharedPacket(header, in.take(in.remaining()))};
}

}  // namespace

std::size_t message_size(const RouteMessage&) noexcept { return 1 + kAddress + 1; }

std::size_t message_size(const FrameMessage& message) noexcept {
  return 1 + 8 + 8 + 1 + message.packet.header().size() + message.packet.payload().size();
}

std::size_t message_size(const RelayedDatagram& message) noexcept {
  return 1 + kAddress + message.datagram.size();
}

void write_message(const RouteMessage& message, MutableBytes out) noexcept {
  auto writer = begin(out, Kind::route);
  write_address(writer, message.address);
  writer.u8(message.gone);
}

void write_message(const FrameMessage& message, MutableBytes out) noexcept {
  auto writer = begin(out, Kind::frame);
  writer.u64(static_cast<std::uint64_t>(message.space));
  writer.u64(static_cast<std::uint64_t>(message.due.us));
  writer.u8(static_cast<std::uint8_t>(message.packet.header().size()));
  writer.bytes(message.packet.header());
  writer.bytes(message.packet.payload());
}

void write_message(const RelayedDatagram& message, MutableBytes out) noexcept {
  auto writer = begin(out, Kind::datagram);
  write_address(writer, message.from);
  writer.bytes(message.datagram);
}

Message read_message(Bytes bytes) {
  Reader in{bytes};
  const Kind kind{in.u8()};
  if (kind == Kind::frame) return read_frame(in);
  const Address address = read_address(in);
  if (kind == Kind::route) return RouteMessage{address, in.u8() != 0};
  return RelayedDatagram{address, in.take(in.remaining())};
}

}  // namespace fanout
