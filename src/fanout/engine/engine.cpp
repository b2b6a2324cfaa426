#include "fanout/engine/engine.hpp"

#include <algorithm>
#include <functional>
#include <stdexcept>
#include <utility>

#include "fanout/secure/hmac.hpp"

namespace fanout {

namespace {

constexpr std::uint32_t kMostListeners = 1 << 29;  // what an index has room for

/// Tickets of the doors that can end a session live shorter than this.
constexpr Duration kRevoked = seconds(120);
constexpr std::size_t kMaxRevoked = 4'096;  // the oldest is forgotten first

EngineConfig checked(EngineConfig config) {
  if (config.max_listeners == 0 || config.max_listeners >= kMostListeners)
    throw std::invalid_argument("max_listeners must be positive and below 2^29");
  if (config.max_handshakes == 0) throw std::invalid_argument("max_handshakes must be positive");
  if (config.max_waiting == 0) throw std::invalid_argument("max_waiting must be positive");
  if (config.audible == 0 || config.audible > kMaxCsrc)
    throw std::invalid_argument("audible must be 1 to 15");
  return config;
}

std::size_t handshakes_at_most(const EngineConfig& config) {
  return 2 * (std::size_t{config.max_handshakes} + config.max_waiting);
}

std::size_t sessions_at_most(const EngineConfig& config) {
  return std::size_t{config.max_listeners} + handshakes_at_most(config) + config.max_speakers;
}

/// As many handshakes again, for an address can belong to a session that left it a moment ago;
/// and an eighth more listeners, for addresses whose sessions other workers have.
std::size_t addresses_at_most(const EngineConfig& config) {
  return sessions_at_most(config) + handshakes_at_most(config) + config.max_listeners / 8;
}

}  // namespace

Engine::Engine(const EngineConfig& config, Instant now, UnixTime wall, std::shared_ptr<Mesh> mesh,
               WorkerId self)
    : config_(checked(config)),
      mesh_(mesh ? std::move(mesh) : std::make_shared<Mesh>(1, config.max_listeners)),
      self_(self),
      srtp_(SrtpEngine::make(config.backend)),
      dtls_(config.certificate),
      wall_offset_(wall.us - now.us),
      table_(config.max_listeners),
      handshakes_(config.max_handshakes, config.max_waiting, random_value<std::uint64_t>()),
      hellos_(std::size_t{config.max_waiting} * kMaxHellos),
      flights_(std::size_t{config.max_handshakes} * kMaxFlights),
      speakers_(config.max_speakers),
      by_address_(addresses_at_most(config), random_value<std::uint64_t>(), {this}),
      by_session_(sessions_at_most(config), random_value<std::uint64_t>(), {this}),
      next_patrol_(now + kTick) {}

Engine::~Engine() = default;

void Engine::create_space(Instant now, SpaceId space, bool recorded, SoundMode mode) {
  if (has_space(space)) throw std::invalid_argument("the space exists already");
  // Rooms tick at different moments, so that their work does not fall together.
  const auto phase = milliseconds(
      static_cast<std::int64_t>(static_cast<std::uint64_t>(space) % (kTick.us / 1'000)));
  auto made = std::make_unique<Space>();
  made->id = space;
  made->hall.set_relief(relief());
  if (is_home(space)) {
    const auto& encoder = mode == SoundMode::music ? config_.music : config_.encoder;
    made->room = std::make_unique<Room>(space, encoder, config_.audible, now + phase);
    made->recorded = recorded;
  }
  turns_.push_back(made.get());
  spaces_[space] = std::move(made);
}

bool Engine::close_space(SpaceId space) {
  auto node = spaces_.extract(space);
  if (node.empty()) return false;
  auto& closed = node.mapped();
  std::erase(turns_, closed.get());
  turn_ = 0;
  for (const auto seat : seats_of(space)) {
    Speaker& speaker = *speakers_[seat];
    speaker.send_bye(ssrc_of(space), outbox_);
    closed->room->remove_speaker(speaker);
    emit(EventKind::speaker_left, speaker.transport(), "closed");
    forget({Kind::speaker, seat});
    speakers_[seat].reset();
  }
  closing_.push_back(std::move(closed));
  return true;
}

void Engine::close_all() {
  while (!spaces_.empty()) close_space(spaces_.begin()->first);
}

bool Engine::end_session(Instant now, const SessionId& session) {
  if (!is_revoked(now, session)) revoked_.emplace_back(session, now + kRevoked);
  if (revoked_.size() > kMaxRevoked) revoked_.pop_front();
  const auto* peer = by_session_.find(session);
  if (!peer) return false;
  remove(*peer, "ended");
  return true;
}

bool Engine::is_revoked(Instant now, const SessionId& session) noexcept {
  while (!revoked_.empty() && revoked_.front().second < now) revoked_.pop_front();
  return std::ranges::find(revoked_, session, &std::pair<SessionId, Instant>::first) !=
         revoked_.end();
}

std::vector<std::uint32_t> Engine::seats_of(SpaceId space, std::optional<PeerId> peer) const {
  std::vector<std::uint32_t> seats;
  for (std::uint32_t i = 0; i < speakers_.size(); ++i)
    if (speakers_[i] && speakers_[i]->transport().space == space &&
        (!peer || speakers_[i]->peer() == peer))
      seats.push_back(i);
  return seats;
}

bool Engine::remove_peer(SpaceId space, PeerId peer) {
  const auto seats = seats_of(space, peer);
  for (const auto seat : seats) remove({Kind::speaker, seat}, "removed");
  return !seats.empty();
}

bool Engine::set_muted(SpaceId space, PeerId peer, bool muted) {
  const auto seats = seats_of(space, peer);
  for (const auto seat : seats) speakers_[seat]->set_muted(muted);
  return !seats.empty();
}

bool Engine::set_tier(SpaceId space, std::optional<Tier> tier) {
  Space* known = find_space(space);
  if (known) known->hall.set_tier(tier);
  return known != nullptr;
}

bool Engine::set_admitted(SpaceId space, std::uint16_t cohorts) {
  Space* known = find_space(space);
  if (known) known->admitted = cohorts;
  return known != nullptr;
}

/// They are told goodbye as if a space of theirs had closed: many of them take a while.
bool Engine::set_invited_only(SpaceId space, bool only) {
  Space* known = find_space(space);
  if (!known) return false;
  known->invited_only = only;
  auto left = std::make_unique<Space>();
  left->id = space;
  for (const RowId id : known->hall.members()) {
    if (known->may_listen(table_[id].transport.peer)) continue;
    known->hall.remove(id, table_);
    left->hall.add(id, table_);
  }
  if (left->hall.size() > 0) closing_.push_back(std::move(left));
  return true;
}

bool Engine::set_listener_tier(const SessionId& session, std::optional<Tier> tier) {
  const auto* peer = by_session_.find(session);
  if (!peer || peer->kind != Kind::listener) return false;
  Space* space = find_space(table_[peer->index].transport.space);
  // Of a space made anew, the old one's listeners are no part.
  if (!space || !space->hall.contains(peer->index, table_)) return false;
  space->hall.pin(peer->index, tier, table_);
  return true;
}

std::optional<SpaceStats> Engine::space_stats(SpaceId space) const {
  const auto at = spaces_.find(space);
  if (at == spaces_.end()) return std::nullopt;
  const Space& known = *at->second;
  auto stats = known.room ? known.room->stats() : SpaceStats{};
  stats.listeners = known.hall.size();
  stats.tiers = known.hall.tiers();
  return stats;
}

std::uint32_t Engine::speakers() const noexcept {
  return static_cast<std::uint32_t>(
      std::ranges::count_if(speakers_, [](const auto& speaker) { return speaker != nullptr; }));
}

TierCounts Engine::tiers() const noexcept {
  TierCounts all{};
  for (const Space* space : turns_)
    std::ranges::transform(all, space->hall.tiers(), all.begin(), std::plus{});
  return all;
}

void Engine::handle_clock(Instant now, UnixTime wall) noexcept { wall_offset_ = wall.us - now.us; }

void Engine::handle_datagram(Instant now, const Address& from, MutableBytes datagram) noexcept {
  ++counters_.packets_received;
  counters_.bytes_received += datagram.size();
  if (const auto drop = dispatch(now, from, datagram)) counters_.drops.add(*drop);
}

/// RFC 7983: the first byte tells the protocols apart.
Engine::Verdict Engine::dispatch(Instant now, const Address& from, MutableBytes datagram) {
  if (datagram.empty()) return Drop::empty;
  if (datagram.size() > kMaxDatagram) return Drop::oversized;
  const auto first = datagram[0];
  if (first <= 3) return check(now, from, datagram);
  if (first >= 20 && first <= 63) return dtls(from, datagram);
  if (first >= 128 && first <= 191) return media(now, from, datagram);
  return Drop::unknown_protocol;
}

void Engine::handle_timeout(Instant now) {
  for (Space* space : turns_)
    while (space->room && space->room->next_tick() <= now) tick(now, *space);
  if (now < next_patrol_) return;
  ease(now);
  patrol(now);
  next_patrol_ = now + kTick;
}

void Engine::tick(Instant now, Space& space) {
  Room& room = *space.room;
  const std::vector<PeerId> before(room.audible().begin(), room.audible().end());
  const auto dominant = room.dominant();
  room.tick(now, outbox_, counters_);
  if (const auto* shared = room.shared()) {
    space.hall.publish(now, room.last_tick(), *shared, table_, counters_);
    share({space.id, room.last_tick(), *shared});
  }
  if (space.recorded && room.recorded()) recorded_.push_back(*room.recorded());
  if (!std::ranges::equal(before, room.audible()))
    events_.push_back({.kind = EventKind::active_speakers,
                       .space = room.space(),
                       .peers = {room.audible().begin(), room.audible().end()}});
  if (room.dominant() && room.dominant() != dominant)
    events_.push_back(
        {.kind = EventKind::dominant_speaker, .space = room.space(), .peer = *room.dominant()});
}

Instant Engine::next_tick() const noexcept {
  Instant next = next_patrol_;
  for (const Space* space : turns_)
    if (space->room) next = std::min(next, space->room->next_tick());
  return next;
}

Instant Engine::next_timeout(Instant now) const noexcept {
  const bool shakes = !flights_.empty() || may_begin();
  const bool idle = outbox_.empty() && closing_.empty() && !shakes && !is_patrolling();
  return idle ? next_media(now) : now;
}

Instant Engine::next_media(Instant now) const noexcept {
  Instant next = next_tick();
  for (const Space* space : turns_) next = std::min(next, space->hall.next_send());
  return std::max(next, now);
}

bool Engine::poll_transmits(Instant now, SendBatch& batch) noexcept {
  const auto before = batch.size();
  outbox_.drain(batch);
  say_goodbye(batch);
  patrol_listeners(now, batch);
  fan_out(now, batch);
  for (auto i = before; i < batch.size(); ++i) counters_.bytes_sent += batch.bytes(i).size();
  counters_.packets_sent += batch.size() - before;
  counters_.outbox_overflows = outbox_.overflows();
  return batch.room() == 0;
}

/// The halls take turns to go first: where the socket is slower than all of them together,
/// each loses its share.
void Engine::fan_out(Instant now, SendBatch& batch) noexcept {
  for (std::size_t i = 0; i < turns_.size() && batch.room() > 0; ++i) {
    turn_ = (turn_ + 1) % turns_.size();
    turns_[turn_]->hall.fan_out(now, *srtp_, table_, batch, counters_);
  }
}

/// Late is who waits longer than a tick for what a tick brought, and the worker itself.
void Engine::ease(Instant now) noexcept {
  auto lateness = now - next_patrol_;
  for (const Space* space : turns_) lateness = std::max(lateness, space->hall.lateness(now));
  const Relief before = relief();
  if (auto_tier_.update(now, lateness) == before) return;
  for (Space* space : turns_) space->hall.set_relief(relief());
}

std::vector<Event> Engine::poll_events() noexcept { return std::exchange(events_, {}); }

std::vector<RecordedFrame> Engine::poll_recorded() noexcept { return std::exchange(recorded_, {}); }

Engine::Space* Engine::find_space(SpaceId space) noexcept {
  const auto at = spaces_.find(space);
  return at == spaces_.end() ? nullptr : at->second.get();
}

Transport& Engine::transport(Peer peer) noexcept {
  switch (peer.kind) {
    case Kind::handshake:
      return handshakes_[peer.index].transport;
    case Kind::listener:
      return table_[peer.index].transport;
    case Kind::speaker:
    case Kind::elsewhere:  // has none here: whoever asks has looked at the kind
      break;
  }
  return speakers_[peer.index]->transport();
}

bool Engine::IsKnownBy::operator()(Peer peer, const Address& address) const noexcept {
  if (peer.kind == Kind::elsewhere) return true;
  if (peer.kind == Kind::listener) return engine->table_.to_seal(peer.index).to == address;
  return engine->transport(peer).address == address;
}

bool Engine::IsKnownBy::operator()(Peer peer, const SessionId& session) const noexcept {
  return engine->transport(peer).session == session;
}

void Engine::emit(EventKind kind, const Transport& transport, std::string_view detail) {
  events_.push_back({.kind = kind,
                     .space = transport.space,
                     .peer = transport.peer,
                     .session = transport.session,
                     .detail = std::string(detail)});
}

}  // namespace fanout
