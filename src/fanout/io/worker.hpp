/// A worker: one thread, one UDP socket, one engine, which it tells the time. Whoever owns it talks
/// to the thread by commands it runs between batches, and hears from it by an event queue; the
/// thread never calls out.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "fanout/engine/engine.hpp"
#include "fanout/io/command_queue.hpp"
#include "fanout/io/event_queue.hpp"
#include "fanout/io/packet_sender.hpp"
#include "fanout/io/recorder.hpp"
#include "fanout/io/udp.hpp"

namespace fanout {

struct IoCounters {
  std::uint64_t send_errors = 0;
  std::uint64_t kernel_drops = 0;
  std::uint64_t recorder_lost = 0;
  std::uint64_t recorder_failures = 0;
  std::uint64_t cpu_us = 0;  ///< of the worker's thread; its recorder has another
  PacketCounters packet;
};

class Worker {
 public:
  /// Throws what `Engine` throws. `events` outlives the worker.
  Worker(const EngineConfig& config, std::shared_ptr<Mesh> mesh, WorkerId self, UdpSocket socket,
         EventQueue& events);
  ~Worker();

  /// Before `start`: sends by a ring of its own what `use` shows the way of. Throws
  /// std::system_error.
  void open_ring(const Interface& interface) { packet_.emplace(interface); }

  /// Starts the thread. `workers`: all of the mesh by their ids; they outlive it.
  void start(std::span<const std::unique_ptr<Worker>> workers);
  /// The thread says goodbye in every space and ends; `join` waits for it, finishes the
  /// recordings and frees the port. Both idempotent.
  void stop() noexcept;
  void join();

  Recorder& recorder() noexcept { return recorder_; }
  const Sha256Digest& fingerprint() const noexcept { return fingerprint_; }

  // On the worker's thread, in a command:

  /// Ends a space and its recording; false when there is no such space.
  bool close_space(SpaceId space);
  IoCounters io_counters() const noexcept;
  void use(const NextHops& hops) { packet_->use(hops); }

  /// Has `command(engine, now)` run on the worker's thread; the future brings what it returns
  /// or throws. Throws std::runtime_error when the worker is closed.
  template <typename Command>
  auto submit(Command command) {
    return commands_.submit(std::move(command));
  }

 private:
  void run();
  void wait(Instant now) noexcept;
  void run_commands();
  void receive();
  void send();
  void shake();
  void wake_others() noexcept;
  void hand_over();
  void say_goodbye();

  CommandQueue<Engine&, Instant> commands_{"the worker"};
  EventQueue* events_;
  UdpSocket socket_;
  std::optional<PacketSender> packet_;
  Recorder recorder_;
  std::unique_ptr<Engine> engine_;
  Sha256Digest fingerprint_;
  std::span<const std::unique_ptr<Worker>> workers_;

  std::unique_ptr<ReceiveBatch> received_;
  std::unique_ptr<SendBatch> batch_;
  std::size_t sent_ = 0;  // how much of the batch the socket has taken
  bool blocked_ = false;  // the socket's buffer was full
  bool resting_ = false;  // the socket has just been read
  Instant next_clock_;

  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace fanout
