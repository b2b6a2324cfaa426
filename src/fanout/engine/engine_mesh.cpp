/// Several workers on one port: what reached the wrong one is handed to the right one.
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

void Engine::post(WorkerId to) noexcept {
  mesh_->ring(self_, to).publish();
  wakes_ |= std::uint64_t{1} << to;
}

Engine::Verdict Engine::relay(WorkerId to, const Address& from, Bytes datagram) noexcept {
  if (relayed_by_) return Drop::unknown_address;  // handed on once, and no further
  auto& ring = mesh_->ring(self_, to);
  // Strangers can make datagrams to hand on, and must not keep frames out: half is for those.
  auto* slot = ring.size() < ring.capacity() / 2 ? ring.reserve() : nullptr;
  if (!slot) return Drop::relay_full;
  auto& relayed = slot->emplace<RelayedDatagram>();
  relayed.from = from;
  relayed.size = static_cast<std::uint16_t>(datagram.size());
  std::ranges::copy(datagram, relayed.bytes.begin());
  post(to);
  ++counters_.relayed;
  return {};
}

void Engine::route(WorkerId to, const Address& address, bool gone) noexcept {
  auto* slot = mesh_->ring(self_, to).reserve();
  if (!slot) return counters_.drops.add(Drop::relay_full);
  slot->emplace<RouteMessage>(address, gone);
  post(to);
}

void Engine::share(const FrameMessage& frame) noexcept {
  for (WorkerId to = 0; to < mesh_->workers(); ++to) {
    if (to == self_) continue;
    auto* slot = mesh_->ring(self_, to).reserve();
    if (slot) {
      slot->emplace<FrameMessage>(frame);
      post(to);
    } else {
      ++counters_.frames_abandoned;
    }
  }
}

void Engine::handle_mesh(Instant now) {
  for (WorkerId from = 0; from < mesh_->workers(); ++from) {
    if (from == self_) continue;
    auto& ring = mesh_->ring(from, self_);
    for (auto* message = ring.peek(); message; message = ring.peek()) {
      std::visit([&](auto& what) { take(now, from, what); }, *message);
      ring.release();
    }
  }
}

void Engine::take(Instant now, WorkerId from, RouteMessage& message) {
  const Peer there{Kind::elsewhere, from};
  const auto* known = by_address_.find(message.address);
  if (message.gone) {
    if (known && *known == there) by_address_.erase(message.address);
  } else if (!known || known->kind == Kind::elsewhere || !is_taken(now, message.address)) {
    by_address_.set(message.address, there);
  }
}

void Engine::take(Instant now, WorkerId, FrameMessage& message) {
  if (Space* space = find_space(message.space))
    space->hall.publish(now, message.due, message.packet, table_, counters_);
}

void Engine::take(Instant now, WorkerId from, RelayedDatagram& message) {
  relayed_by_ = from;
  const auto drop = dispatch(now, message.from, message.datagram());
  relayed_by_.reset();
  if (!drop) return;
  counters_.drops.add(*drop);
  // Its route was not taken back, the ring being full: once more.
  if (*drop == Drop::unknown_address) route(from, message.from, true);
}

}  // namespace fanout
