#include "fanout/io/worker.hpp"

#include <poll.h>

#include <algorithm>
#include <bit>
#include <ctime>
#include <tuple>

#include "fanout/io/clock.hpp"
#include "fanout/io/thread.hpp"

namespace fanout {

namespace {

/// Batches taken in before media gets its turn, and sent before the socket is looked at again:
/// neither a flood nor a large audience may starve the other.
constexpr int kReceiveBatches = 8;
constexpr int kSendBatches = 8;
/// Whoever has just read the socket leaves it alone for this long: what trickles in, a flood
/// say, is then read in batches, and none of it is late by more than anybody could hear.
constexpr Duration kRest = microseconds(250);
/// Handshakes go on for this long at most before the socket is looked at again.
constexpr Duration kShaking = milliseconds(5);
/// The wall clock is read this often; in between it follows the monotonic one.
constexpr Duration kClockPeriod = seconds(1);
/// How long a closing worker goes on saying goodbye.
constexpr Duration kFarewell = seconds(1);

}  // namespace

Worker::Worker(const EngineConfig& config, std::shared_ptr<Mesh> mesh, WorkerId self,
               UdpSocket socket, EventQueue& events)
    : events_(&events),
      socket_(std::move(socket)),
      recorder_([&events](Event event) { events.publish({std::move(event)}); }),
      engine_(std::make_unique<Engine>(config, monotonic(), wall_clock(), std::move(mesh), self)),
      fingerprint_(engine_->fingerprint()),
      received_(std::make_unique<ReceiveBatch>()),
      batch_(std::make_unique<SendBatch>()) {}

Worker::~Worker() { join(); }

void Worker::start(std::span<const std::unique_ptr<Worker>> workers) {
  workers_ = workers;
  thread_ = start_thread([this] { run(); });
}

void Worker::stop() noexcept {
  stopping_.store(true);
  commands_.wake();
}

void Worker::join() {
  stop();
  if (thread_.joinable()) thread_.join();
  socket_.close();
  recorder_.close();
}

bool Worker::close_space(SpaceId space) {
  const bool known = engine_->close_space(space);
  hand_over();
  recorder_.finish(space);
  return known;
}

IoCounters Worker::io_counters() const noexcept {
  const auto cpu_us = microseconds_of(CLOCK_THREAD_CPUTIME_ID);
  return {socket_.send_errors(),
          socket_.kernel_drops(),
          recorder_.lost(),
          recorder_.failures(),
          static_cast<std::uint64_t>(cpu_us),
          packet_ ? packet_->counters() : PacketCounters{}};
}

void Worker::run() {
  while (!stopping_.load(std::memory_order_relaxed)) {
    wait(monotonic());
    run_commands();
    engine_->handle_mesh(monotonic());
    receive();
    engine_->handle_timeout(monotonic());
    wake_others();
    send();
    shake();
    hand_over();
  }
  say_goodbye();
}

void Worker::wait(Instant now) noexcept {
  if (now >= next_clock_) {
    engine_->handle_clock(now, wall_clock());
    next_clock_ = now + kClockPeriod;
  }
  const auto due = blocked_ ? engine_->next_tick() : engine_->next_timeout(now);
  const auto until = std::min({due, next_clock_, resting_ ? now + kRest : Instant::never()});
  const auto us = std::max<std::int64_t>((until - now).us, 0);
  const timespec timeout{us / 1'000'000, us % 1'000'000 * 1'000};
  const short events = (resting_ ? 0 : POLLIN) | (blocked_ ? POLLOUT : 0);
  std::array<pollfd, 2> fds{{{commands_.fd(), POLLIN, 0}, {socket_.fd(), events, 0}}};
  ppoll(fds.data(), events == 0 ? 1 : 2, &timeout, nullptr);
  if (fds[0].revents != 0) commands_.clear();
}

void Worker::run_commands() {
  commands_.run([this] { return std::tuple<Engine&, Instant>(*engine_, monotonic()); });
}

void Worker::receive() {
  resting_ = false;
  for (int i = 0; i < kReceiveBatches; ++i) {
    socket_.receive(*received_);
    resting_ |= received_->size() > 0;
    const auto now = monotonic();
    for (std::size_t n = 0; n < received_->size(); ++n)
      engine_->handle_datagram(now, received_->from(n), received_->bytes(n));
    if (received_->size() < ReceiveBatch::kCapacity) break;
    send();  // answers leave as they come: the engine's outbox holds a few batches
  }
}

void Worker::send() {
  for (int i = 0; i < kSendBatches; ++i) {
    if (sent_ == batch_->size()) {
      batch_->clear();
      sent_ = 0;
      engine_->poll_transmits(monotonic(), *batch_);
      if (packet_) packet_->send(*batch_, socket_);
    }
    if (batch_->size() == 0) break;
    sent_ += socket_.send(*batch_, sent_);
    blocked_ = sent_ < batch_->size();
    if (blocked_) break;
  }
}

/// Joins get the time that media leaves, and one handshake's worth where it leaves none: they
/// go on even through an overload, and nobody who listens notices them.
void Worker::shake() {
  const auto start = monotonic();
  const auto until = std::min(engine_->next_media(start), start + kShaking);
  for (auto now = start; engine_->handle_backlog(now) && !blocked_ && now < until;)
    now = monotonic();
}

void Worker::wake_others() noexcept {
  auto wakes = engine_->poll_wakes();
  for (; wakes != 0; wakes &= wakes - 1) workers_[std::countr_zero(wakes)]->commands_.wake();
}

void Worker::hand_over() {
  for (const auto& frame : engine_->poll_recorded()) recorder_.write(frame);
  events_->publish(engine_->poll_events());
}

void Worker::say_goodbye() {
  commands_.close();
  run_commands();
  engine_->close_all();
  const auto deadline = monotonic() + kFarewell;
  for (auto now = monotonic(); now < deadline && engine_->closing(); now = monotonic()) {
    if (blocked_) wait(now);
    send();
  }
  send();
  hand_over();
}

}  // namespace fanout
