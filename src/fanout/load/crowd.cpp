#include "fanout/load/crowd.hpp"

#include <algorithm>
#include <bit>

namespace fanout {
namespace {

/// Of first packets after silence, 64 MB: an hour of a thousand listeners, one every second.
constexpr std::size_t kMaxSpurts = 4'000'000;
/// A speaker who is further behind than this goes on from now: nobody wants to hear it all at once.
constexpr Duration kForgiven = seconds(1);
/// Of a bucket's number.
constexpr int kMantissaBits = 3;

}  // namespace

/// A bucket's number is a float's: an exponent, and the three bits after the leading one.
void DurationCounts::add(Duration duration) noexcept {
  const auto us = static_cast<std::uint64_t>(std::max<std::int64_t>(duration.us, 0));
  const int width = static_cast<int>(std::bit_width(us));
  const auto exponent = static_cast<std::size_t>(std::max(width - kMantissaBits - 1, 0));
  const auto bucket = (exponent << kMantissaBits) + (us >> exponent);
  ++counts_[std::min<std::size_t>(bucket, kBuckets - 1)];
  largest_ = std::max(largest_, duration);
}

Duration DurationCounts::end(std::size_t bucket) noexcept {
  constexpr std::size_t kSteps = std::size_t{1} << kMantissaBits;
  const auto exponent = bucket < 2 * kSteps ? 0 : bucket / kSteps - 1;
  return microseconds(static_cast<std::int64_t>((bucket - exponent * kSteps + 1) << exponent));
}

Crowd::Crowd(const CrowdConfig& config, DtlsContext& context, SrtpEngine& engine)
    : config_(config), context_(&context), engine_(&engine) {}

MemberId Crowd::add(Member member) {
  const MemberId id{static_cast<std::uint32_t>(people_.size())};
  auto& person = people_.emplace_back();
  person.speaks = member.playlist != nullptr;
  if (member.playlist) person.voice.emplace(std::move(member.playlist));
  person.start = member.start;
  person.asked = member.asked;
  person.config = std::make_unique<ClientConfig>(std::move(member.client));
  starts_.push({member.start, id});
  ++totals_.fates[static_cast<std::size_t>(Fate::waiting)];
  return id;
}

void Crowd::start(Instant now, std::size_t most) {
  const auto joining = totals_.fates[static_cast<std::size_t>(Fate::joining)];
  most =
      std::min(most, config_.most_joining - std::min<std::size_t>(joining, config_.most_joining));
  for (; most > 0 && !starts_.empty() && starts_.top().due <= now; --most) {
    lateness_.add(now - starts_.top().due);
    begin(now, starts_.top().member);
    starts_.pop();
  }
}

void Crowd::begin(Instant now, MemberId member) {
  Person& person = at(member);
  person.client.emplace(*context_, *engine_, std::move(*person.config));
  person.config.reset();
  change(person, Fate::joining);
  serve(now, member);
}

void Crowd::handle_datagram(Instant now, MemberId member, MutableBytes datagram) {
  if (left_) return;
  if (static_cast<std::size_t>(member) >= people_.size() || !at(member).client) {
    ++totals_.strays;
    return;
  }
  VirtualClient& client = *at(member).client;
  count(client.reception(), -1);
  client.handle_datagram(now, datagram);
  count(client.reception(), 1);
  hear(now, member);
  settle(now, member);
}

/// What one listener knows is taken out of the sum before a datagram, and added after it.
void Crowd::count(const Reception& reception, int sign) noexcept {
  totals_.received += sign * static_cast<std::int64_t>(reception.packets_received());
  totals_.lost += sign * reception.packets_lost();
  totals_.late += sign * static_cast<std::int64_t>(reception.packets_late());
  totals_.skipped += sign * static_cast<std::int64_t>(reception.frames_skipped());
}

void Crowd::hear(Instant now, MemberId member) {
  auto& client = *at(member).client;
  const auto audio = client.poll_audio();
  if (!audio) return;
  const Reception& reception = client.reception();
  if (reception.packets_received() == 1) ++totals_.audible;
  delays_.add(reception.delay());
  if (audio->marker) note(heard_, {member, audio->timestamp, now});
}

void Crowd::handle_timeout(Instant now) {
  while (!timers_.empty() && timers_.top().due <= now) {
    const Timer timer = timers_.top();
    timers_.pop();
    Person& person = at(timer.member);
    if (timer.due != person.armed) continue;  // an earlier one has been set since
    person.armed = Instant::never();
    if (const auto due = this->due(person); due <= now) {
      lateness_.add(now - due);
      serve(now, timer.member);
    } else {
      arm(timer.member);
    }
  }
}

void Crowd::serve(Instant now, MemberId member) {
  Person& person = at(member);
  if (person.client->next_timeout() <= now) person.client->handle_timeout(now);
  if (person.voice) speak(now, member);
  settle(now, member);
}

void Crowd::speak(Instant now, MemberId member) {
  Person& person = at(member);
  Reciter& voice = *person.voice;
  if (voice.due() < now - kForgiven) voice.start(now);
  while (voice.due() <= now) {
    const Word& word = voice.next();
    if (word.opus.empty()) {
      person.client->skip_audio(word.samples);
      person.quiet = true;
      continue;
    }
    const auto timestamp = person.client->next_timestamp();
    if (!person.client->send_audio(now, word.opus, word.samples, person.quiet)) continue;
    ++totals_.sent;
    if (std::exchange(person.quiet, false)) note(said_, {member, timestamp, now});
  }
}

void Crowd::settle(Instant now, MemberId member) {
  Person& person = at(member);
  if (const Fate fate = judge(person, now); fate != person.fate) {
    change(person, fate);
    if (fate == Fate::joined && person.voice) person.voice->start(now);
    if (fate != Fate::joined) person.voice.reset();
    if (fate == Fate::no_answer || fate == Fate::handshake_timeout) person.client->close();
  }
  if (person.client->has_transmit() && !std::exchange(person.waits_to_send, true))
    senders_.push_back(member);
  arm(member);
}

Fate Crowd::judge(const Person& person, Instant now) const noexcept {
  using State = VirtualClient::State;
  const auto& client = *person.client;
  if (person.fate != Fate::joining && person.fate != Fate::joined) return person.fate;
  if (client.state() == State::connected) return Fate::joined;
  if (client.state() == State::closed) return Fate::sent_away;
  if (client.state() == State::failed) {
    if (person.fate == Fate::joined) return Fate::lost;
    if (client.failure() == VirtualClient::Failure::certificate) return Fate::wrong_certificate;
    return Fate::handshake_failed;
  }
  const auto& times = client.times();
  if (!times.first_check || now - *times.first_check < config_.join_timeout) return person.fate;
  return times.answered ? Fate::handshake_timeout : Fate::no_answer;
}

void Crowd::change(Person& person, Fate fate) noexcept {
  --totals_.fates[static_cast<std::size_t>(person.fate)];
  ++totals_.fates[static_cast<std::size_t>(fate)];
  person.fate = fate;
}

/// Never once the join has failed: a client that was given up is not asked any more.
Instant Crowd::due(const Person& person) const noexcept {
  if (person.fate != Fate::joining && person.fate != Fate::joined) return Instant::never();
  auto due = person.client->next_timeout();
  if (person.voice) due = std::min(due, person.voice->due());
  const auto& started = person.client->times().first_check;
  if (person.fate == Fate::joining && started) due = std::min(due, *started + config_.join_timeout);
  return due;
}

void Crowd::arm(MemberId member) {
  Person& person = at(member);
  const auto due = this->due(person);
  if (due >= person.armed) return;
  person.armed = due;
  timers_.push({due, member});
}

Instant Crowd::next_timeout() const noexcept {
  const auto joining = totals_.fates[static_cast<std::size_t>(Fate::joining)];
  const bool open = !starts_.empty() && joining < config_.most_joining;
  return std::min(open ? starts_.top().due : Instant::never(),
                  timers_.empty() ? Instant::never() : timers_.top().due);
}

auto Crowd::poll_transmit() noexcept -> Outgoing {
  while (!senders_.empty()) {
    const MemberId member = senders_.back();
    if (const auto bytes = at(member).client->poll_transmit(); !bytes.empty())
      return {member, bytes};
    at(member).waits_to_send = false;
    senders_.pop_back();
  }
  return {};
}

void Crowd::leave() {
  left_ = true;
  starts_ = {};
  timers_ = {};
  for (std::size_t i = 0; i < people_.size(); ++i) {
    Person& person = people_[i];
    person.armed = Instant::never();
    person.voice.reset();
    if (!person.client) continue;
    person.client->close();
    if (person.client->has_transmit() && !std::exchange(person.waits_to_send, true))
      senders_.push_back(MemberId{static_cast<std::uint32_t>(i)});
  }
}

void Crowd::note(std::vector<Spurt>& log, const Spurt& spurt) {
  if (log.size() < kMaxSpurts) log.push_back(spurt);
}

}  // namespace fanout
