/// The sans-IO facade: datagrams, time and commands go in by `handle_*` and plain calls;
/// datagrams, events and recorded frames come out by `poll_*`. It owns everything below and
/// decides nothing that a part of it can decide: tickets say who may enter, handshakes make
/// keys, rooms mix, the audience table remembers.
///
/// Whoever is unauthenticated is dropped in silence and counted. The order of work for a
/// datagram is from cheap to dear: first byte, known session, ticket, integrity, state.
///
/// Handshakes cost thousands of times what a packet does, so their datagrams only join a line;
/// `handle_backlog` takes them one by one, when media leaves time.
///
/// Several engines on one port are joined by a `Mesh`, each with its own part of the audience.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "fanout/audience/table.hpp"
#include "fanout/audience/tier.hpp"
#include "fanout/base/flat_index.hpp"
#include "fanout/base/send_batch.hpp"
#include "fanout/engine/auto_tier.hpp"
#include "fanout/engine/backlog.hpp"
#include "fanout/engine/config.hpp"
#include "fanout/engine/event.hpp"
#include "fanout/engine/hall.hpp"
#include "fanout/engine/handshakes.hpp"
#include "fanout/engine/mesh.hpp"
#include "fanout/engine/outbox.hpp"
#include "fanout/engine/report_sampler.hpp"
#include "fanout/engine/room.hpp"
#include "fanout/engine/stats.hpp"
#include "fanout/secure/stun_auth.hpp"
#include "fanout/secure/ticket.hpp"

namespace fanout {

class Engine {
 public:
  /// Throws std::invalid_argument naming a bad value, std::runtime_error for a bad certificate.
  /// `mesh`, and which of its workers this is; an engine alone needs none.
  Engine(const EngineConfig& config, Instant now, UnixTime wall,
         std::shared_ptr<Mesh> mesh = nullptr, WorkerId self = 0);
  ~Engine();

  // Commands.
  TicketKeys& tickets() noexcept { return tickets_; }
  /// Nobody is let in any more, while those who are there stay.
  void refuse_newcomers() noexcept { draining_ = true; }
  const Sha256Digest& fingerprint() const noexcept { return dtls_.fingerprint(); }
  /// Throws std::invalid_argument when the space is there already.
  /// Every worker has every space; it is recorded at its home.
  void create_space(Instant now, SpaceId space, bool recorded, SoundMode mode = SoundMode::voice);
  bool is_home(SpaceId space) const noexcept { return mesh_->home(space) == self_; }
  bool has_space(SpaceId space) const noexcept { return spaces_.contains(space); }
  /// Says goodbye to everybody in it (RTCP BYE) as the socket allows.
  bool close_space(SpaceId space);
  void close_all();
  /// Whether goodbyes are still under way.
  bool closing() const noexcept { return !closing_.empty() || !outbox_.empty(); }
  /// Ends a session for good: its page may go on checking, and is not let in again.
  bool end_session(Instant now, const SessionId& session);
  bool remove_peer(SpaceId space, PeerId peer);
  bool set_muted(SpaceId space, PeerId peer, bool muted);
  /// How long the packets of a space's listeners are; nothing: as short as the worker's load
  /// lets them be. False when there is no such space.
  bool set_tier(SpaceId space, std::optional<Tier> tier);
  /// Listeners of cohorts from there on are met with silence; who is inside stays. False when
  /// there is no such space.
  bool set_admitted(SpaceId space, std::uint16_t cohorts);
  /// Listeners need a ticket of their own from now on, or no longer: who came with everybody's is
  /// sent away. False when there is no such space.
  bool set_invited_only(SpaceId space, bool only);
  /// A listener's own tier, whatever the space's is; nothing: follows the space again. False when
  /// there is no such listener.
  bool set_listener_tier(const SessionId& session, std::optional<Tier> tier);
  /// What the audience gives up, because media runs late.
  Relief relief() const noexcept { return auto_tier_.relief(); }
  /// A listener whose keys were agreed on elsewhere; false when there is no such space or no seat.
  bool add_listener(const Transport& transport);
  /// Nothing when there is no such space.
  std::optional<SpaceStats> space_stats(SpaceId space) const;
  const EngineCounters& counters() const noexcept { return counters_; }
  std::uint32_t listeners() const noexcept { return table_.size(); }
  std::uint32_t speakers() const noexcept;
  std::uint32_t handshakes() const noexcept { return handshakes_.size(); }
  /// The listeners of all spaces by the tier that they have.
  TierCounts tiers() const noexcept;

  // Time and datagrams in. `datagram` is decrypted in place.
  void handle_clock(Instant now, UnixTime wall) noexcept;
  void handle_datagram(Instant now, const Address& from, MutableBytes datagram) noexcept;
  void handle_timeout(Instant now);
  /// The next datagram of the handshakes' line, a fraction of a millisecond of work; false when
  /// there is none.
  bool handle_backlog(Instant now);
  /// What the other workers have handed over.
  void handle_mesh(Instant now);
  /// The workers that were handed something since the last call: bit by bit.
  std::uint64_t poll_wakes() noexcept { return std::exchange(wakes_, 0); }
  Instant next_timeout(Instant now) const noexcept;
  /// The same, leaving aside what waits for the socket or the handshakes' turn.
  Instant next_media(Instant now) const noexcept;
  /// The same, leaving aside fan-out as well.
  Instant next_tick() const noexcept;

  // Out. Appends to the batch what may be sent now; true when there is more. Events and frames
  // pile up until they are polled.
  bool poll_transmits(Instant now, SendBatch& batch) noexcept;
  std::vector<Event> poll_events() noexcept;
  std::vector<RecordedFrame> poll_recorded() noexcept;

 private:
  struct Space {
    SpaceId id{};
    std::unique_ptr<Room> room;  // at its home only
    Hall hall;
    bool recorded = false;
    std::uint16_t admitted = kCohorts;  // cohorts below may enter
    bool invited_only = false;

    bool may_listen(PeerId peer) const noexcept { return !invited_only || peer != PeerId{}; }
  };
  /// `elsewhere`: with the worker of that index. Zero is no kind: so a vacant slot looks.
  enum class Kind : std::uint8_t { handshake = 1, listener, speaker, elsewhere };
  struct Peer {  // one word: two indices hold one for every listener
    Peer() = default;
    Peer(Kind kind, std::uint32_t index) noexcept : kind(kind), index(index) {}

    Kind kind : 3 {};
    std::uint32_t index : 29 {};
    bool operator==(const Peer&) const = default;
  };
  /// Of a session that another worker has, nothing is here to compare: half a hash must do.
  struct IsKnownBy {
    Engine* engine;
    bool operator()(Peer peer, const Address& address) const noexcept;
    bool operator()(Peer peer, const SessionId& session) const noexcept;
  };
  using Verdict = std::optional<Drop>;  // nothing: the datagram did what it came for

  Verdict dispatch(Instant now, const Address& from, MutableBytes datagram);

  // ICE (engine_ice.cpp).
  Verdict check(Instant now, const Address& from, Bytes datagram);
  Verdict recheck(Instant now, const Address& from, Bytes datagram, const StunView& view,
                  Peer peer);
  Verdict enter(Instant now, const Address& from, Bytes datagram, const StunView& view,
                std::string_view ufrag);
  void begin_handshake(Instant now, Transport transport, const OpenedUfrag& opened);
  void answer(const Address& to, const StunView& view, const IntegrityKey& key) noexcept;
  void move(Peer peer, Transport& transport, const Address& to) noexcept;
  bool is_taken(Instant now, const Address& address) noexcept;
  bool is_full() const noexcept;
  void drop_handshake(Slot slot) noexcept;
  Verdict no_place(Instant now, const Address& from, bool listens) noexcept;
  void make_room(Instant now);
  void settle(Transport& transport) noexcept;

  // What is for other workers, and from them (engine_mesh.cpp).
  Verdict relay(WorkerId to, const Address& from, Bytes datagram) noexcept;
  std::optional<WorkerId> owner_elsewhere(const Address& from, const SessionId& session) noexcept;
  void route(WorkerId to, const Address& address, bool gone) noexcept;
  void share(const FrameMessage& frame) noexcept;
  template <typename M>
  bool post(WorkerId to, const M& message) noexcept;
  void take(Instant now, WorkerId from, const RouteMessage& message);
  void take(Instant now, WorkerId from, const FrameMessage& message);
  void take(Instant now, WorkerId from, const RelayedDatagram& message);

  // DTLS and admission (engine_join.cpp).
  Verdict dtls(const Address& from, Bytes datagram);
  Verdict line_up(Slot slot, const Address& from, Bytes datagram) noexcept;
  bool may_begin() const noexcept { return !hellos_.empty() && handshakes_.may_begin(); }
  Verdict shake(Instant now, Slot slot, Bytes datagram);
  Verdict late_record(Transport& transport, Bytes datagram) noexcept;
  Verdict admit(Slot slot);
  bool admit_listener(const Transport& transport, Space& space);
  bool admit_speaker(Slot slot, Space& space);
  void forget(Peer peer) noexcept;
  void remove(Peer peer, std::string_view reason);
  bool is_revoked(Instant now, const SessionId& session) noexcept;

  // RTP and RTCP (engine_media.cpp).
  Verdict media(Instant now, const Address& from, MutableBytes datagram);
  Verdict listener_report(Instant now, RowId id, MutableBytes datagram);
  void patrol(Instant now);
  void patrol_speakers(Instant now);
  bool is_patrolling() const noexcept;
  void patrol_listeners(Instant now, SendBatch& batch);
  void report_to(Instant now, const Space& space, RowId id, SendBatch& batch) noexcept;
  void fan_out(Instant now, SendBatch& batch) noexcept;
  void ease(Instant now) noexcept;
  void say_goodbye(SendBatch& batch) noexcept;

  /// Where the speakers of a space sit, or all who are one person there.
  std::vector<std::uint32_t> seats_of(SpaceId space, std::optional<PeerId> peer = {}) const;
  Transport& transport(Peer peer) noexcept;
  Space* find_space(SpaceId space) noexcept;
  void emit(EventKind kind, const Transport& transport, std::string_view detail = {});
  void tick(Instant now, Space& space);
  UnixTime wall(Instant now) const noexcept { return {now.us + wall_offset_}; }

  EngineConfig config_;
  std::shared_ptr<Mesh> mesh_;
  WorkerId self_;
  std::unique_ptr<SrtpEngine> srtp_;
  DtlsContext dtls_;
  TicketKeys tickets_;
  std::int64_t wall_offset_;

  bool draining_ = false;
  AudienceTable table_;
  Handshakes handshakes_;
  Backlog hellos_;   // of those who wait until they may begin
  Backlog flights_;  // of those who have begun
  bool flight_next_ = false;
  std::shared_ptr<PayloadSlab> payloads_ = std::make_shared<PayloadSlab>();
  std::vector<std::unique_ptr<Speaker>> speakers_;
  FlatIndex<Address, Peer, IsKnownBy> by_address_;
  FlatIndex<SessionId, Peer, IsKnownBy> by_session_;
  std::unordered_map<SpaceId, std::unique_ptr<Space>> spaces_;
  std::vector<Space*> turns_;  // the same spaces, in the order in which they may send
  std::size_t turn_ = 0;
  std::vector<std::unique_ptr<Space>> closing_;
  std::deque<std::pair<SessionId, Instant>> revoked_;  // ended, and until when to remember it

  Outbox outbox_;
  std::vector<Event> events_;
  std::vector<RecordedFrame> recorded_;
  EngineCounters counters_;
  AutoTier auto_tier_;
  ReportSampler report_sampler_;
  Instant next_patrol_;
  std::uint64_t patrols_ = 0;
  RowId patrol_row_ = 0;                // whose consent and report come next
  std::uint64_t patrol_credit_ = 0;     // rows to look at, times the rounds of a lap
  std::optional<WorkerId> relayed_by_;  // who handed over the datagram in hand
  std::uint64_t wakes_ = 0;
};

}  // namespace fanout
