/// Several workers on one port: what reached the wrong one is handed to the right one.
#include <algorithm>
#include <array>

#include "fanout/engine/engine.hpp"

namespace fanout {

/// Who has this session, when it is another worker and the address is not somebody else's.
std::optional<WorkerId> Engine::owner_elsewhere(const Address& from,
                                                const SessionId& session) noexcept {
  if (mesh_->workers() == 1 || relayed_by_) return std::nullopt;
  const auto owner = mesh_->directory().find(session);
  if (!owner || *owner == self_) return std::nullopt;
  const auto* here = by_address_.find(from);
  const bool free = !here || *here == Peer{Kind::elsewhere, *owner};
  return free ? owner : std::nullopt;
}

/// False when the ring is full.
template <typename M>
bool Engine::post(WorkerId to, const M& message) noexcept {
  auto& ring = mesh_->ring(self_, to);
  const auto room = ring.reserve(message_size(message));
  if (room.empty()) return false;
  write_message(message, room);
  ring.publish();
  wakes_ |= std::uint64_t{1} << to;
  return true;
}

Engine::Verdict Engine::relay(WorkerId to, const Address& from, Bytes datagram) noexcept {
  if (relayed_by_) return Drop::unknown_address;  // handed on once, and no further
  const auto& ring = mesh_->ring(self_, to);
  // Strangers can make datagrams to hand on, and must not keep frames out: half is for those.
  const bool may = ring.size() < ring.capacity() / 2;
  if (!may || !post(to, RelayedDatagram{from, datagram})) return Drop::relay_full;
  ++counters_.relayed;
  return {};
}

void Engine::route(WorkerId to, const Address& address, bool gone) noexcept {
  if (!post(to, RouteMessage{address, gone})) counters_.drops.add(Drop::relay_full);
}

void Engine::share(const FrameMessage& frame) noexcept {
  for (WorkerId to = 0; to < mesh_->workers(); ++to)
    if (to != self_ && !post(to, frame)) ++counters_.frames_abandoned;
}

void Engine::handle_mesh(Instant now) {
  for (WorkerId from = 0; from < mesh_->workers(); ++from) {
    if (from == self_) continue;
    auto& ring = mesh_->ring(from, self_);
    for (auto bytes = ring.peek(); !bytes.empty(); bytes = ring.peek()) {
      std::visit([&](const auto& what) { take(now, from, what); }, read_message(bytes));
      ring.release();
    }
  }
}

void Engine::take(Instant now, WorkerId from, const RouteMessage& message) {
  const Peer there{Kind::elsewhere, from};
  const auto* known = by_address_.find(message.address);
  if (message.gone) {
    if (known && *known == there) by_address_.erase(message.address);
  } else if (!known || known->kind == Kind::elsewhere || !is_taken(now, message.address)) {
    by_address_.set(message.address, there);
  }
}

void Engine::take(Instant now, WorkerId, const FrameMessage& message) {
  if (Space* space = find_space(message.space))
    space->hall.publish(now, message.due, message.packet, table_, counters_);
}

void Engine::take(Instant now, WorkerId from, const RelayedDatagram& message) {
  std::array<std::uint8_t, kMaxDatagram> copy;  // decrypted in place
  std::ranges::copy(message.datagram, copy.begin());
  relayed_by_ = from;
  const auto drop = dispatch(now, message.from, MutableBytes(copy).first(message.datagram.size()));
  relayed_by_.reset();
  if (!drop) return;
  counters_.drops.add(*drop);
  // Its route was not taken back, the ring being full: once more.
  if (*drop == Drop::unknown_address) route(from, message.from, true);
}

}  // namespace fanout
