/// From a passed check to a place in the room: the DTLS handshake, the certificate the ticket
/// asks for, a row in the audience table or a speaker's seat.
#include <algorithm>
#include <exception>

#include "fanout/engine/engine.hpp"

namespace fanout {

namespace {

// DTLS content types (RFC 6347 section 4.1).
constexpr std::uint8_t kChangeCipherSpec = 20;
constexpr std::uint8_t kAlert = 21;
constexpr std::uint8_t kHandshake = 22;
constexpr std::size_t kRecordHeader = 13;
constexpr std::size_t kMessageHeader = 12;  // of a handshake message (section 4.2.2)
constexpr std::uint8_t kClientHello = 1;

/// Whether it may begin a handshake, or be a further part of a hello that came in several.
bool is_hello(Bytes datagram) noexcept {
  return datagram.size() >= kRecordHeader + kMessageHeader && datagram[0] == kHandshake &&
         datagram[kRecordHeader] == kClientHello;
}

}  // namespace

Engine::Verdict Engine::dtls(const Address& from, Bytes datagram) {
  const auto* peer = by_address_.find(from);
  if (!peer) return Drop::unknown_address;
  if (peer->kind == Kind::elsewhere)
    return relay(static_cast<WorkerId>(peer->index), from, datagram);
  if (peer->kind == Kind::handshake) return line_up(peer->index, from, datagram);
  return late_record(transport(*peer), datagram);
}

Engine::Verdict Engine::line_up(Slot slot, const Address& from, Bytes datagram) noexcept {
  Handshake& handshake = handshakes_[slot];
  const bool begun = handshake.stage == Stage::shaking;
  if (!begun && !is_hello(datagram)) return Drop::malformed_dtls;
  if (handshake.waiting >= (begun ? kMaxFlights : kMaxHellos) || !handshakes_.hear(slot))
    return Drop::handshake_backlog;
  ++handshake.waiting;
  if ((begun ? flights_ : hellos_).push(from, datagram)) return {};
  if (--handshake.waiting == 0) handshakes_.rest(slot);
  return Drop::handshake_backlog;
}

/// Who has begun and who waits to begin take turns.
bool Engine::handle_backlog(Instant now) {
  flight_next_ = !flights_.empty() && (!flight_next_ || !may_begin());
  if (!flight_next_ && !may_begin()) return false;
  Backlog& line = flight_next_ ? flights_ : hellos_;
  Verdict verdict;
  // Since it came, the handshake may have ended, well or not.
  if (const auto* peer = by_address_.find(line.from())) {
    if (peer->kind == Kind::handshake) {
      auto& waiting = handshakes_[peer->index].waiting;
      waiting -= waiting > 0;
      verdict = shake(now, peer->index, line.datagram());
    } else if (peer->kind != Kind::elsewhere) {
      verdict = late_record(transport(*peer), line.datagram());
    }
  }
  if (verdict) counters_.drops.add(*verdict);
  line.pop();
  return true;
}

Engine::Verdict Engine::shake(Instant now, Slot slot, Bytes datagram) {
  Handshake& handshake = handshakes_[slot];
  if (!handshake.dtls) {
    if (!is_hello(datagram)) {  // meant for whoever had the address
      if (handshake.waiting == 0) handshakes_.rest(slot);
      return Drop::malformed_dtls;
    }
    if (!handshakes_.begin(slot, now)) return Drop::handshake_limit;
    ++counters_.handshakes_started;
    counters_.cookies_asked += !handshake.trusted;
  }
  if (!handshake.handle_datagram(now, dtls_, datagram, outbox_)) {
    ++counters_.handshakes_failed;
    remove({Kind::handshake, slot}, "handshake failed");
    return Drop::handshake_failed;
  }
  if (!handshake.connected()) return {};
  handshakes_.proved(slot);
  const auto verdict = admit(slot);
  ++(verdict ? counters_.handshakes_failed : counters_.handshakes_completed);
  return verdict;
}

/// Records that come after the session was freed: the peer lacks our last flight, or leaves.
/// Nothing in them can be authenticated any more, so neither costs much to believe.
Engine::Verdict Engine::late_record(Transport& transport, Bytes datagram) noexcept {
  if (datagram.size() < kRecordHeader) return Drop::malformed_dtls;
  if (datagram[0] == kAlert) {
    transport.closing = true;
    return {};
  }
  const bool asks = datagram[0] == kHandshake || datagram[0] == kChangeCipherSpec;
  if (!asks || transport.last_flight.size() > kAmplification * datagram.size())
    return Drop::malformed_dtls;
  if (transport.last_flights_sent == kMaxLastFlightsSent) return Drop::rate_limited;
  ++transport.last_flights_sent;
  std::array<std::uint8_t, LastFlight::kMost> buffer;
  outbox_.add(transport.address, transport.last_flight.write(buffer));
  return {};
}

Engine::Verdict Engine::admit(Slot slot) {
  Handshake& handshake = handshakes_[slot];
  Verdict verdict;
  Space* space = find_space(handshake.transport.space);
  if (!handshake.certificate_matches()) {
    verdict = Drop::certificate_mismatch;
  } else if (!space) {
    verdict = Drop::foreign_space;
  } else if (handshake.transport.role == Role::listener &&
             !space->may_listen(handshake.transport.peer)) {
    verdict = Drop::not_invited;
  } else {
    handshake.take_keys();
    const bool seated = handshake.transport.role == Role::listener
                            ? admit_listener(handshake.transport, *space)
                            : admit_speaker(slot, *space);
    if (!seated) verdict = Drop::node_full;
  }
  if (verdict) {
    forget({Kind::handshake, slot});
    drop_handshake(slot);
  } else {
    handshakes_.remove(slot);
  }
  return verdict;
}

bool Engine::add_listener(const Transport& transport) {
  Space* space = find_space(transport.space);
  if (!space || mesh_->full()) return false;
  mesh_->take_seat();
  const bool seated = admit_listener(transport, *space);
  if (!seated) mesh_->leave_seat();
  if (seated && mesh_->workers() > 1) mesh_->directory().set(transport.session, self_);
  return seated;
}

bool Engine::admit_listener(const Transport& transport, Space& space) {
  const auto id = table_.add();
  if (!id) return false;
  ListenerRow& row = table_[*id];
  row.transport = transport;
  table_.to_seal(*id) = {.key = srtp_->rtp_key(row.transport.local),
                         .next_index = random_first_index(),
                         .to = row.transport.address,
                         .payload_type = row.transport.payload_type,
                         .red_payload_type = row.transport.red_payload_type};
  by_address_.set(row.transport.address, {Kind::listener, *id});
  by_session_.set(row.transport.session, {Kind::listener, *id});
  space.hall.add(*id, table_);
  if (row.transport.peer != PeerId{}) emit(EventKind::listener_joined, row.transport);
  return true;
}

bool Engine::admit_speaker(Slot slot, Space& space) {
  if (!space.room) return false;
  const Transport transport = handshakes_[slot].transport;
  bool muted = false;
  for (const auto seat : seats_of(transport.space, transport.peer)) {  // the same person, come back
    muted = speakers_[seat]->muted();
    remove({Kind::speaker, seat}, "replaced");
  }
  const auto seat = std::ranges::find_if(speakers_, [](const auto& seat) { return !seat; });
  if (seat == speakers_.end()) return false;
  *seat = std::make_unique<Speaker>(transport, *srtp_, space.room->channels(), payloads_);
  (*seat)->set_muted(muted);
  const auto index = static_cast<std::uint32_t>(seat - speakers_.begin());
  by_address_.set(transport.address, {Kind::speaker, index});
  by_session_.set(transport.session, {Kind::speaker, index});
  space.room->add_speaker(**seat);
  emit(EventKind::speaker_joined, transport);
  return true;
}

/// Ends a handshake that came to nothing.
void Engine::drop_handshake(Slot slot) noexcept {
  if (handshakes_[slot].transport.role == Role::listener) mesh_->leave_seat();
  handshakes_.remove(slot);
}

/// Takes a peer out of the maps, where they still name it.
void Engine::forget(Peer peer) noexcept {
  const Transport& known = transport(peer);
  if (const auto* owner = by_address_.find(known.address); owner && *owner == peer)
    by_address_.erase(known.address);
  if (known.relay > 0) route(known.relay - 1, known.address, true);
  if (const auto* owner = by_session_.find(known.session); owner && *owner == peer) {
    by_session_.erase(known.session);
    if (mesh_->workers() > 1) mesh_->directory().erase(known.session, self_);
  }
}

void Engine::remove(Peer peer, std::string_view reason) {
  forget(peer);
  const Transport& known = transport(peer);
  Space* space = find_space(known.space);
  switch (peer.kind) {
    case Kind::handshake:
      drop_handshake(peer.index);
      break;
    case Kind::listener:
      // A listener of a room that closes keeps the row until the goodbye is out.
      if (!space || !space->hall.contains(peer.index, table_)) break;
      if (known.peer != PeerId{}) emit(EventKind::listener_left, known, reason);
      space->hall.remove(peer.index, table_);
      table_.remove(peer.index);
      mesh_->leave_seat();
      break;
    case Kind::speaker:
      emit(EventKind::speaker_left, known, reason);
      if (space) {
        speakers_[peer.index]->send_bye(space->room->ssrc(), outbox_);
        space->room->remove_speaker(*speakers_[peer.index]);
      }
      speakers_[peer.index].reset();
      break;
    case Kind::elsewhere:
      break;
  }
}

}  // namespace fanout
