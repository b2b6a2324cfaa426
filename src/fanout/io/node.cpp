#include "fanout/io/node.hpp"

#include <algorithm>
#include <functional>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace fanout {

namespace {

const NodeConfig& checked(const NodeConfig& config) {
  if (config.workers == 0 || config.workers > kMaxWorkers)
    throw std::invalid_argument("workers must be 1 to " + std::to_string(kMaxWorkers));
  return config;
}

}  // namespace

Node::Node(const NodeConfig& config)
    : mesh_(std::make_shared<Mesh>(checked(config).workers, config.engine.max_listeners)) {
  std::optional<Interface> interface;
  if (!config.packet_interface.empty()) interface = packet_interface(config.packet_interface);
  std::vector<UdpSocket> sockets;
  sockets.reserve(config.workers);
  sockets.emplace_back(config.host, config.port);
  while (sockets.size() < config.workers) sockets.push_back(sockets[0].another());
  port_ = sockets[0].port();
  const auto share = share_of(config.engine, config.workers);
  for (auto& socket : sockets)
    workers_.push_back(std::make_unique<Worker>(
        share, mesh_, static_cast<WorkerId>(workers_.size()), std::move(socket), events_));
  if (interface)
    for (auto& worker : workers_) worker->open_ring(*interface);
  try {
    for (auto& worker : workers_) worker->start(workers_);
    if (interface)
      watch_ = std::make_unique<NextHopWatch>(
          *interface, [this](const NextHops& hops) { tell_next_hops(hops); });
  } catch (...) {  // those that run may still wake those that do not
    close();
    throw;
  }
}

Node::~Node() { close(); }

void Node::tell_next_hops(const NextHops& hops) {
  for (auto& worker : workers_)
    worker->submit([hops, to = worker.get()](Engine&, Instant) { to->use(hops); });
}

/// Runs `command(worker, engine, now)` on each worker's thread, all at a time; what they return.
template <typename Command>
auto Node::on_all(Command command) {
  const auto on = [&command](Worker& worker) {
    return worker.submit(
        [command, &worker](Engine& engine, Instant now) { return command(worker, engine, now); });
  };
  std::vector<decltype(on(*workers_[0]))> futures;
  for (auto& worker : workers_) futures.push_back(on(*worker));
  using Result = decltype(futures[0].get());
  if constexpr (std::is_void_v<Result>) {
    for (auto& future : futures) future.get();
  } else {
    std::vector<Result> results;
    for (auto& future : futures) results.push_back(future.get());
    return results;
  }
}

/// The same, and whether any of them said yes.
template <typename Command>
bool Node::on_any(Command command) {
  const auto said = on_all(std::move(command));
  return std::ranges::find(said, true) != said.end();
}

void Node::add_ticket_key(std::uint8_t key_id, const TicketKey& key) {
  on_all([=](Worker&, Engine& engine, Instant) { engine.tickets().add(key_id, key); });
}

void Node::refuse_newcomers() {
  on_all([](Worker&, Engine& engine, Instant) { engine.refuse_newcomers(); });
}

void Node::create_space(SpaceId space, const std::string& title, const std::string& record_path,
                        SoundMode mode) {
  if (on_any([space](Worker&, Engine& engine, Instant) { return engine.has_space(space); }))
    throw std::invalid_argument("the space exists already");
  const bool recorded = !record_path.empty();
  if (recorded)
    home(space).recorder().open(space, record_path, title, mode == SoundMode::music ? 2 : 1);
  on_all([=](Worker&, Engine& engine, Instant now) {
    engine.create_space(now, space, recorded, mode);
  });
}

bool Node::close_space(SpaceId space) {
  return on_any([space](Worker& worker, Engine&, Instant) { return worker.close_space(space); });
}

bool Node::end_session(const SessionId& session) {
  return on_any(
      [session](Worker&, Engine& engine, Instant now) { return engine.end_session(now, session); });
}

bool Node::remove_peer(SpaceId space, PeerId peer) {
  return home(space)
      .submit([=](Engine& engine, Instant) { return engine.remove_peer(space, peer); })
      .get();
}

bool Node::set_muted(SpaceId space, PeerId peer, bool muted) {
  return home(space)
      .submit([=](Engine& engine, Instant) { return engine.set_muted(space, peer, muted); })
      .get();
}

bool Node::set_tier(SpaceId space, std::optional<Tier> tier) {
  return on_any([=](Worker&, Engine& engine, Instant) { return engine.set_tier(space, tier); });
}

bool Node::set_admitted(SpaceId space, std::uint16_t cohorts) {
  return on_any(
      [=](Worker&, Engine& engine, Instant) { return engine.set_admitted(space, cohorts); });
}

bool Node::set_invited_only(SpaceId space, bool only) {
  return on_any(
      [=](Worker&, Engine& engine, Instant) { return engine.set_invited_only(space, only); });
}

bool Node::set_listener_tier(const SessionId& session, std::optional<Tier> tier) {
  return on_any(
      [=](Worker&, Engine& engine, Instant) { return engine.set_listener_tier(session, tier); });
}

std::optional<SpaceStats> Node::space_stats(SpaceId space) {
  auto parts =
      on_all([space](Worker&, Engine& engine, Instant) { return engine.space_stats(space); });
  auto whole = parts[mesh_->home(space)];
  if (!whole) return whole;
  whole->listeners = 0;
  whole->tiers = {};
  for (const auto& part : parts)
    if (part) {
      whole->listeners += part->listeners;
      std::ranges::transform(whole->tiers, part->tiers, whole->tiers.begin(), std::plus{});
    }
  return whole;
}

std::vector<NodeCounters> Node::counters() {
  return on_all([](Worker& worker, Engine& engine, Instant) {
    return NodeCounters{engine.counters(), worker.io_counters(), engine.listeners(),
                        engine.speakers(), engine.handshakes(),  engine.tiers(),
                        engine.relief()};
  });
}

void Node::close() {
  watch_.reset();
  for (auto& worker : workers_) worker->stop();
  for (auto& worker : workers_) worker->join();
}

}  // namespace fanout
