#include "fanout/load/swarm.hpp"

#include <poll.h>

#include <algorithm>
#include <array>
#include <tuple>

#include "fanout/io/clock.hpp"
#include "fanout/io/thread.hpp"

namespace fanout {
namespace {

/// Batches taken in before timers have their turn.
constexpr int kReceiveBatches = 16;
/// Joins begun before the sockets are looked at again; each costs a handshake, 250 µs, soon.
constexpr std::size_t kStartsAtOnce = 16;
/// The same for a punctual crowd: a first check alone costs 10 µs.
constexpr std::size_t kPunctualStartsAtOnce = 256;

Duration thread_cpu() noexcept { return microseconds(microseconds_of(CLOCK_THREAD_CPUTIME_ID)); }

}  // namespace

Swarm::Swarm(const SwarmConfig& config)
    : paths_{Paths::shared(config.members), Paths::one_each()},
      context_(Certificate::generate()),
      fingerprint_(context_.fingerprint()),
      engine_(SrtpEngine::make()),
      crowd_(config.crowd, context_, *engine_),
      punctual_(config.punctual),
      thread_(start_thread([this] { run(); })) {}

Swarm::~Swarm() { close(); }

MemberId Swarm::add(std::vector<Member> members) {
  return call([this, &members](Crowd& crowd) {
    const MemberId first{static_cast<std::uint32_t>(crowd.size())};
    for (Member& member : members) {
      Paths* const path = paths_[member.shares_socket ? 0 : 1].get();
      path->open(static_cast<std::uint32_t>(crowd.size()), member.client.server);
      path_of_.push_back(path);
      crowd.add(std::move(member));
    }
    return first;
  });
}

SwarmHealth Swarm::health() {
  return call([this](Crowd&) {
    SwarmHealth health{.cpu = thread_cpu()};
    for (const auto& paths : paths_) {
      health.kernel_drops += paths->kernel_drops();
      health.send_errors += paths->send_errors();
    }
    return health;
  });
}

void Swarm::leave() {
  call([](Crowd& crowd) { crowd.leave(); });
}

void Swarm::close() {
  commands_.close();
  stopping_.store(true);
  commands_.wake();
  if (thread_.joinable()) thread_.join();
}

/// Who is late starts nobody, unless that is wanted: a join that waits in our own queue would count
/// as the server's. Nor does time pass faster than what has been read: an answer may wait behind
/// it.
void Swarm::run() {
  while (!stopping_.load(std::memory_order_relaxed)) {
    wait();
    run_commands();
    const Instant began = monotonic();
    const Instant seen = std::min(receive(*paths_[0], began), receive(*paths_[1], began));
    crowd_.handle_timeout(seen);
    send();
    if (seen == began || punctual_) start();
    if (seen != began) crowd_.note_lag(monotonic() - seen);
    send();
  }
  run_commands();
}

void Swarm::wait() noexcept {
  const auto due = crowd_.next_timeout();
  const auto us = due == Instant::never() ? 1'000'000 : (due - monotonic()).us;
  const auto left = std::clamp<std::int64_t>(us, 0, 1'000'000);
  const timespec timeout{left / 1'000'000, left % 1'000'000 * 1'000};
  std::array<pollfd, 3> fds{
      {{commands_.fd(), POLLIN, 0}, {paths_[0]->fd(), POLLIN, 0}, {paths_[1]->fd(), POLLIN, 0}}};
  ppoll(fds.data(), fds.size(), &timeout, nullptr);
  if (fds[0].revents != 0) commands_.clear();
}

void Swarm::run_commands() {
  commands_.run([this] { return std::tuple<Crowd&>(crowd_); });
}

/// Up to when everything has been read: `now`, unless more waits.
Instant Swarm::receive(Paths& paths, Instant now) {
  Instant seen = now;
  for (int i = 0; i < kReceiveBatches; ++i) {
    const auto batch = paths.receive();
    if (batch.empty()) return now;
    seen = std::min(now, batch.back().at);
    for (const auto& inbound : batch)
      crowd_.handle_datagram(inbound.at, MemberId{inbound.member}, inbound.bytes);
    if (punctual_) start();
    send();
  }
  return seen;
}

void Swarm::start() {
  crowd_.start(monotonic(), punctual_ ? kPunctualStartsAtOnce : kStartsAtOnce);
}

void Swarm::send() {
  for (auto out = crowd_.poll_transmit(); !out.bytes.empty(); out = crowd_.poll_transmit()) {
    const auto member = static_cast<std::uint32_t>(out.member);
    path_of_[member]->send(member, out.bytes);
  }
  for (const auto& paths : paths_) paths->flush();
}

}  // namespace fanout
