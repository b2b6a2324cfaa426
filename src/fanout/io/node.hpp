/// A node: one UDP port and its workers. The kernel spreads the audience over their sockets;
/// every worker has every space, and one of them, the space's home, its room.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fanout/engine/engine.hpp"
#include "fanout/io/event_queue.hpp"
#include "fanout/io/next_hop_watch.hpp"
#include "fanout/io/worker.hpp"

namespace fanout {

struct NodeConfig {
  std::string host = "::";
  std::uint16_t port = 7881;  ///< 0: any free port
  std::uint32_t workers = 1;
  /// Listeners behind this interface are sent to around the socket layer (`PacketSender`); empty:
  /// everybody by the sockets.
  std::string packet_interface;
  EngineConfig engine;  ///< its bounds are the node's, shared out among the workers
};

struct NodeCounters {
  EngineCounters engine;
  IoCounters io;
  std::uint32_t listeners = 0;
  std::uint32_t speakers = 0;
  std::uint32_t handshakes = 0;
  TierCounts tiers{};  ///< of the listeners
  Relief relief = Relief::none;
};

class Node {
 public:
  /// Throws std::invalid_argument naming a bad value, std::system_error (address in use, no such
  /// address, no permission, no file descriptor left), std::runtime_error for a bad certificate.
  /// The threads run when it returns.
  explicit Node(const NodeConfig& config);
  ~Node();

  std::uint16_t port() const noexcept { return port_; }
  const Sha256Digest& fingerprint() const noexcept { return workers_[0]->fingerprint(); }
  std::uint32_t workers() const noexcept { return mesh_->workers(); }

  // These wait for the workers. All of them throw std::runtime_error when the node is closed.
  void add_ticket_key(std::uint8_t key_id, const TicketKey& key);
  /// Nobody is let in any more, while those who are there stay.
  void refuse_newcomers();
  /// Throws std::invalid_argument when the space is there already, std::system_error when
  /// `record_path` (empty: not recorded) cannot be written.
  void create_space(SpaceId space, const std::string& title, const std::string& record_path,
                    SoundMode mode = SoundMode::voice);
  bool close_space(SpaceId space);
  bool end_session(const SessionId& session);
  bool remove_peer(SpaceId space, PeerId peer);
  bool set_muted(SpaceId space, PeerId peer, bool muted);
  /// As in `Engine`.
  bool set_tier(SpaceId space, std::optional<Tier> tier);
  bool set_admitted(SpaceId space, std::uint16_t cohorts);
  bool set_invited_only(SpaceId space, bool only);
  bool set_listener_tier(const SessionId& session, std::optional<Tier> tier);
  std::optional<SpaceStats> space_stats(SpaceId space);
  /// Of every worker.
  std::vector<NodeCounters> counters();

  EventQueue& events() noexcept { return events_; }

  /// Says goodbye in every space, finishes the recordings, ends the threads, frees the port.
  /// Idempotent.
  void close();

 private:
  Worker& home(SpaceId space) noexcept { return *workers_[mesh_->home(space)]; }
  void tell_next_hops(const NextHops& hops);
  template <typename Command>
  auto on_all(Command command);
  template <typename Command>
  bool on_any(Command command);

  EventQueue events_;
  std::shared_ptr<Mesh> mesh_;
  std::uint16_t port_ = 0;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<NextHopWatch> watch_;
};

}  // namespace fanout
