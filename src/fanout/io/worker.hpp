/// A worker: one thread, one UDP socket, one engine. The only clock and the only threads are
/// here. Whoever owns it, Python say, talks to the thread by commands it runs between batches,
/// and hears from it by an eventfd and a list to drain; the thread never calls out.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "fanout/engine/engine.hpp"
#include "fanout/io/recorder.hpp"
#include "fanout/io/udp.hpp"

namespace fanout {

struct WorkerConfig {
  std::string host = "::";
  std::uint16_t port = 7881;  // 0: any free port
  EngineConfig engine;
};

struct IoCounters {
  std::uint64_t send_errors = 0;
  std::uint64_t kernel_drops = 0;
  std::uint64_t recorder_lost = 0;
};

class Worker {
 public:
  /// Throws what `Engine` and `UdpSocket` throw; the thread runs when it returns.
  explicit Worker(const WorkerConfig& config);
  ~Worker();

  std::uint16_t port() const noexcept { return socket_.port(); }
  /// What stays the same for the engine's life.
  const Sha256Digest& fingerprint() const noexcept { return fingerprint_; }
  Recorder& recorder() noexcept { return recorder_; }

  /// Ends a space and its recording; false when there is no such space.
  bool close_space(SpaceId space);
  IoCounters io_counters();

  /// Runs `command(engine, now)` on the worker's thread and returns what it returns; exceptions
  /// come back too. Throws std::runtime_error when the worker is closed.
  template <typename Command>
  auto call(Command command) {
    using Result = std::invoke_result_t<Command, Engine&, Instant>;
    std::packaged_task<Result(Engine&, Instant)> task(std::move(command));
    auto result = task.get_future();
    post([&task](Engine& engine, Instant now) { task(engine, now); });
    return result.get();
  }

  /// Readable while events wait.
  int event_fd() const noexcept { return event_fd_.get(); }
  std::vector<Event> drain();

  /// Says goodbye in every space, finishes the recordings, ends the thread, frees the
  /// port. Idempotent.
  void close();

 private:
  using Command = std::function<void(Engine&, Instant)>;

  void post(Command command);
  void run();
  void wait(Instant now) noexcept;
  void run_commands();
  void receive();
  void send();
  void shake();
  void hand_over();
  void say_goodbye();
  void publish(std::vector<Event> events);

  FileDescriptor wake_fd_;
  FileDescriptor event_fd_;
  UdpSocket socket_;
  Recorder recorder_;
  std::unique_ptr<Engine> engine_;
  Sha256Digest fingerprint_;

  std::unique_ptr<ReceiveBatch> received_;
  std::unique_ptr<SendBatch> batch_;
  std::size_t sent_ = 0;  // how much of the batch the socket has taken
  bool blocked_ = false;  // the socket's buffer was full
  Instant next_clock_;

  std::mutex mutex_;  // guards commands_, closed_ and events_
  std::vector<Command> commands_;
  std::vector<Event> events_;
  bool closed_ = false;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace fanout
