/// Everybody who joins, without sockets and clocks: who starts when, whose timer is next, who
/// got in and who did not and why, and what arrived.
///
/// A crowd that is slow itself must not blame the server. So nobody starts before the caller
/// says that what has arrived is worked off (`start`), and how late timers and starts were is
/// measured, as is everything else.
#pragma once

#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <queue>
#include <vector>

#include "fanout/load/client.hpp"
#include "fanout/load/playlist.hpp"

namespace fanout {

/// A member of the crowd, by number.
enum class MemberId : std::uint32_t {};

struct Member {
  ClientConfig client;  ///< with the address of the server
  Instant start{};      ///< when the first check is due
  /// When the join began, where a request came before the first check.
  std::optional<Instant> asked{};
  std::shared_ptr<const Playlist> playlist{};  ///< what a speaker says
  bool shares_socket = true;                   ///< see Paths
};

enum class Fate : std::uint8_t {
  waiting,            ///< the start is not due
  joining,            ///< the first check was sent, and there are no keys yet
  joined,             ///< keys are there
  no_answer,          ///< of all checks, none was answered in time
  handshake_timeout,  ///< checks were answered, DTLS came to no end
  handshake_failed,   ///< DTLS was refused
  wrong_certificate,
  lost,       ///< joined, then consent was not answered any more
  sent_away,  ///< joined, then the server said goodbye
  count_,
};
constexpr std::size_t kFates = static_cast<std::size_t>(Fate::count_);

struct CrowdConfig {
  Duration join_timeout = seconds(10);  ///< from the first check to the keys
  /// A handshake under way takes 70 KiB.
  std::size_t most_joining = 4'096;
};

/// Counts by duration: eight buckets to each power of two, so a quantile is known within 12 %.
class DurationCounts {
 public:
  static constexpr std::size_t kBuckets = 256;  // up to an hour
  void add(Duration duration) noexcept;
  std::span<const std::uint64_t> counts() const noexcept { return counts_; }
  /// What is in a bucket is shorter than this.
  static Duration end(std::size_t bucket) noexcept;
  Duration largest() const noexcept { return largest_; }

 private:
  std::array<std::uint64_t, kBuckets> counts_{};
  Duration largest_{};
};

/// What is known at any moment without looking at each member.
struct Totals {
  std::array<std::uint64_t, kFates> fates{};
  std::uint64_t audible = 0;  ///< who have heard anything
  std::int64_t received = 0, lost = 0, late = 0, skipped = 0;
  std::uint64_t sent = 0;    ///< audio, by speakers
  std::uint64_t strays = 0;  ///< datagrams for nobody
};

/// The first packet after silence, as somebody said or heard it.
struct Spurt {
  MemberId member{};
  std::uint32_t timestamp = 0;  ///< RTP's
  Instant at;
};

class Crowd {
 public:
  /// Context and engine outlive the crowd.
  Crowd(const CrowdConfig& config, DtlsContext& context, SrtpEngine& engine);

  MemberId add(Member member);
  std::size_t size() const noexcept { return people_.size(); }

  void handle_datagram(Instant now, MemberId member, MutableBytes datagram);
  void handle_timeout(Instant now);
  /// The caller's clock is ahead by this of the time that is passed on here.
  void note_lag(Duration lag) noexcept { lateness_.add(lag); }
  /// Starts at most `most` of those who are due.
  void start(Instant now, std::size_t most);
  /// Of timers and of starts that would not be refused.
  Instant next_timeout() const noexcept;

  struct Outgoing {
    MemberId member{};
    Bytes bytes;  ///< empty: there is none
  };
  /// The next datagram to send; valid until the next call.
  Outgoing poll_transmit() noexcept;

  /// Everybody says goodbye; nothing is counted any more.
  void leave();

  const Totals& totals() const noexcept { return totals_; }
  /// How late timers and starts were handled, and by how much audio came later than the
  /// fastest packet of its listener.
  const DurationCounts& lateness() const noexcept { return lateness_; }
  const DurationCounts& delays() const noexcept { return delays_; }
  std::span<const Spurt> heard() const noexcept { return heard_; }
  std::span<const Spurt> said() const noexcept { return said_; }

  struct Person {
    Instant start{};
    std::optional<Instant> asked{};
    Fate fate = Fate::waiting;
    bool speaks = false;
    Instant armed = Instant::never();  ///< the earliest timer that is set
    bool waits_to_send = false;
    bool quiet = true;                       ///< a speaker, before the next word
    std::unique_ptr<ClientConfig> config{};  ///< until it starts, then there is
    std::optional<VirtualClient> client{};
    std::optional<Reciter> voice{};
  };
  const Person& operator[](MemberId member) const noexcept {
    return people_[static_cast<std::size_t>(member)];
  }

 private:
  struct Timer {
    Instant due;
    MemberId member{};
    bool operator>(const Timer& other) const noexcept { return due > other.due; }
  };
  using Timers = std::priority_queue<Timer, std::vector<Timer>, std::greater<>>;

  Person& at(MemberId member) noexcept { return people_[static_cast<std::size_t>(member)]; }
  void begin(Instant now, MemberId member);
  void serve(Instant now, MemberId member);
  void hear(Instant now, MemberId member);
  void count(const Reception& reception, int sign) noexcept;
  void speak(Instant now, MemberId member);
  void settle(Instant now, MemberId member);
  void change(Person& person, Fate fate) noexcept;
  Fate judge(const Person& person, Instant now) const noexcept;
  Instant due(const Person& person) const noexcept;
  void arm(MemberId member);
  static void note(std::vector<Spurt>& log, const Spurt& spurt);

  CrowdConfig config_;
  DtlsContext* context_;
  SrtpEngine* engine_;
  std::deque<Person> people_;  // of a hundred thousand, none moves
  Timers starts_;
  Timers timers_;
  std::vector<MemberId> senders_;  // who have something to send
  Totals totals_;
  DurationCounts lateness_;
  DurationCounts delays_;
  std::vector<Spurt> heard_;
  std::vector<Spurt> said_;
  bool left_ = false;
};

}  // namespace fanout
