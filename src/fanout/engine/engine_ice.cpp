/// ICE-lite (RFC 8445 section 2.5): every check is answered or dropped on the spot; whoever
/// passes the first one gets a handshake slot, whoever checks from a new address takes the
/// stream along.
#include "fanout/engine/engine.hpp"
#include "fanout/secure/stun_auth.hpp"

namespace fanout {

namespace {

/// Before an agent has settled on a pair, a check without USE-CANDIDATE may be of one it only
/// tries: the stream's path is then taken for dead after this long without a check, for no browser
/// is silent for longer on a living path.
constexpr Duration kSilentPath = seconds(7);

std::string_view text(const Password& password) noexcept {
  return {password.data(), password.size()};
}

/// Of one whose first check passed.
Transport transport_of(const OpenedUfrag& opened, const StunView& check, const Address& from,
                       Instant now) noexcept {
  Transport transport{.address = from,
                      .payload_type = opened.payload_type,
                      .red_payload_type = opened.red_payload_type,
                      .level_extension = opened.level_extension,
                      .role = opened.ticket.role,
                      .sends_only = opened.ticket.sends_only,
                      .nominated = check.use_candidate,
                      .peer = opened.ticket.peer,
                      .space = opened.ticket.space,
                      .last_check = now,
                      .session = opened.session,
                      .password = opened.password};
  transport.remember(check.transaction);
  return transport;
}

}  // namespace

Engine::Verdict Engine::check(Instant now, const Address& from, Bytes datagram) {
  const auto view = parse_stun(datagram);
  if (!view) return view.error();
  const auto colon = view->username.find(':');
  if (view->type != StunClass::request || !view->controlling || view->integrity.empty() ||
      colon == std::string_view::npos)
    return Drop::unexpected_stun;
  const auto ufrag = view->username.substr(0, colon);
  const auto session = ufrag_session(ufrag);
  if (!session) return Drop::bad_ticket;
  if (const auto* peer = by_session_.find(*session))
    return recheck(now, from, datagram, *view, *peer);
  if (const auto owner = owner_elsewhere(from, *session)) return relay(*owner, from, datagram);
  return enter(now, from, datagram, *view, ufrag);
}

Engine::Verdict Engine::recheck(Instant now, const Address& from, Bytes datagram,
                                const StunView& view, Peer peer) {
  Transport& known = transport(peer);
  const IntegrityKey key(text(known.password));
  if (!verify_integrity(datagram, view, key)) return Drop::bad_integrity;
  const bool fresh = known.remember(view.transaction);
  if (from != known.address) {
    if (!fresh) return Drop::replayed_check;
    if (is_taken(now, from)) return Drop::address_taken;
    if (view.use_candidate || known.settled || now - known.last_check > kSilentPath) {
      move(peer, known, from);
      known.last_check = now;
    }
  } else if (fresh) {
    known.note_check(now, view.use_candidate);
    known.closing = known.moved = false;  // whoever sent that alert, the peer lives
    if (relayed_by_) settle(known);       // the route may not have got through
  }
  answer(from, view, key);
  return {};
}

/// What costs nothing is asked before the hash of the whole datagram, and nothing is touched before
/// that fits: most of a flood with everybody's ticket ends at a place that is taken.
Engine::Verdict Engine::enter(Instant now, const Address& from, Bytes datagram,
                              const StunView& view, std::string_view ufrag) {
  const auto opened = tickets_.open(ufrag, wall(now));
  if (!opened) return opened.error();
  const Space* space = find_space(opened->ticket.space);
  if (!space) return Drop::foreign_space;
  const bool listens = opened->ticket.role == Role::listener;
  if (listens && !space->may_listen(opened->ticket.peer)) return Drop::not_invited;
  if (listens && opened->cohort() >= space->admitted) return Drop::not_admitted;
  const auto home = mesh_->home(opened->ticket.space);
  const bool stays = listens || home == self_ || relayed_by_;
  if (stays) {
    if (const auto refusal = no_place(now, from, listens)) return refusal;
  }
  const IntegrityKey key(text(opened->password));
  if (!verify_integrity(datagram, view, key)) return Drop::bad_integrity;
  if (is_revoked(now, opened->session)) return Drop::expired_ticket;
  if (draining_) return Drop::node_draining;
  if (!stays) return relay(home, from, datagram);
  if (!listens && opened->ticket.peer == PeerId{}) return Drop::bad_ticket;  // nobody speaks
  make_room(now);
  begin_handshake(now, transport_of(*opened, view, from, now), *opened);
  answer(from, view, key);
  return {};
}

/// Gives a newcomer a slot, and a listener a seat as well.
void Engine::begin_handshake(Instant now, Transport transport, const OpenedUfrag& opened) {
  settle(transport);
  const Slot slot =
      handshakes_.add({.transport = transport,
                       .fingerprint = opened.fingerprint,
                       .asks_certificate = opened.fingerprint || opened.ticket.requires_certificate,
                       .started = now});
  if (transport.role == Role::listener) mesh_->take_seat();
  by_address_.set(transport.address, {Kind::handshake, slot});
  by_session_.set(transport.session, {Kind::handshake, slot});
  if (mesh_->workers() > 1) mesh_->directory().set(transport.session, self_);
}

void Engine::answer(const Address& to, const StunView& view, const IntegrityKey& key) noexcept {
  const auto buffer = outbox_.next();
  Writer out{buffer};
  write_binding_success(out, view.transaction, to);
  seal_stun(out, buffer, key);
  outbox_.commit(to, out.size());
  ++counters_.checks_answered;
}

/// A living path belongs to its session: a source address is easily forged, and a public ticket
/// is everybody's. Nor does an alert give the path away, for that is forged as easily.
bool Engine::is_taken(Instant now, const Address& address) noexcept {
  const auto* owner = by_address_.find(address);
  if (!owner) return false;
  return owner->kind == Kind::elsewhere || now - transport(*owner).last_check <= kSilentPath;
}

/// A seat is taken on entering and kept, so that nobody shakes hands in vain. Two workers may
/// give the last one away at once: a seat too many is better than one too few.
bool Engine::is_full() const noexcept {
  return mesh_->full() || table_.size() + handshakes_.size() >= table_.capacity();
}

/// Why nobody new can start from this address now. Who passed a check and sends no ClientHello
/// does not keep others out, nor does one source that sends many.
Engine::Verdict Engine::no_place(Instant now, const Address& from, bool listens) noexcept {
  if (listens && is_full()) return Drop::node_full;
  if (is_taken(now, from)) return Drop::address_taken;
  if (handshakes_.crowded_by(from)) return Drop::handshake_limit;
  if (handshakes_.full() && !handshakes_.find_idle(now)) return Drop::handshake_limit;
  return {};
}

/// For one whom `no_place` did not refuse.
void Engine::make_room(Instant now) {
  if (!handshakes_.full()) return;
  if (const auto idle = handshakes_.find_idle(now)) remove({Kind::handshake, *idle}, "idle");
}

void Engine::move(Peer peer, Transport& transport, const Address& to) noexcept {
  const auto* owner = by_address_.find(transport.address);
  if (owner && *owner == peer) by_address_.erase(transport.address);
  if (transport.relay > 0) route(transport.relay - 1, transport.address, true);
  transport.address = to;
  transport.moved = true;
  settle(transport);
  if (peer.kind == Kind::listener) table_.to_seal(peer.index).to = to;
  if (peer.kind == Kind::handshake) handshakes_.rest(peer.index);  // nobody's hellos now
  by_address_.set(to, peer);
  ++counters_.addresses_moved;
}

/// Where datagrams from the transport's address come in: here, or at the worker that handed
/// over the one in hand.
void Engine::settle(Transport& transport) noexcept {
  transport.relay = relayed_by_ ? static_cast<std::uint8_t>(*relayed_by_ + 1) : 0;
  if (relayed_by_) route(*relayed_by_, transport.address, false);
}

}  // namespace fanout
