/// A crowd on real sockets: one thread, which owns both. Whoever made it talks to the thread by
/// commands it runs between batches.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "fanout/io/command_queue.hpp"
#include "fanout/load/crowd.hpp"
#include "fanout/load/paths.hpp"
#include "fanout/secure/certificate.hpp"

namespace fanout {

struct SwarmConfig {
  std::size_t members = 1;  ///< how many will come, for the shared socket's buffer
  CrowdConfig crowd;
  /// First checks leave when they are due, even while what has arrived is not worked off: so many
  /// come when they said, and what this end is late by counts as the server's.
  bool punctual = false;
};

/// How the generator itself is doing.
struct SwarmHealth {
  Duration cpu{};  ///< of the thread
  std::uint64_t kernel_drops = 0;
  std::uint64_t send_errors = 0;
};

class Swarm {
 public:
  /// Throws std::system_error when the sockets are refused; the thread runs when it returns.
  explicit Swarm(const SwarmConfig& config);
  ~Swarm();

  /// Of the certificate that speakers show.
  const Sha256Digest& fingerprint() const noexcept { return fingerprint_; }

  /// Adds members in order; returns the first one's number. Throws std::system_error when there
  /// is no path to a server; those before it stay.
  MemberId add(std::vector<Member> members);
  SwarmHealth health();
  /// Everybody says goodbye; counting ends.
  void leave();
  /// Ends the thread and the sockets. Idempotent.
  void close();

  /// Runs `command(crowd)` on the swarm's thread and returns what it returns; exceptions come
  /// back too. Throws std::runtime_error once closed.
  template <typename Command>
  auto call(Command command) {
    return commands_.submit(std::move(command)).get();
  }

 private:
  void run();
  void wait() noexcept;
  void run_commands();
  Instant receive(Paths& paths, Instant now);
  void send();
  void start();

  CommandQueue<Crowd&> commands_{"the swarm"};
  std::array<std::unique_ptr<Paths>, 2> paths_;  // shared, one each
  std::vector<Paths*> path_of_;                  // a member's
  DtlsContext context_;
  Sha256Digest fingerprint_;
  std::unique_ptr<SrtpEngine> engine_;
  Crowd crowd_;
  bool punctual_;

  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace fanout
