/// A browser's side of a session without the browser: ICE checks, DTLS, SRTP, RTCP, driven by
/// datagrams and time like everything else. Tests, the load generator and rehearsals join by it.
///
///   handle_timeout (starts it) → checks → answered → DTLS → connected → audio, reports, consent
///
/// Drive it as any endpoint here: after each `handle_*`, `send_audio` or `close`, drain
/// `poll_transmit`, then ask `next_timeout`. The DTLS object goes as soon as the keys are out,
/// but for the goodbye, which is made then and kept: 40 bytes in place of 70 KiB.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fanout/base/bytes.hpp"
#include "fanout/base/drop.hpp"
#include "fanout/base/ids.hpp"
#include "fanout/base/time.hpp"
#include "fanout/load/checks.hpp"
#include "fanout/load/datagram_queue.hpp"
#include "fanout/load/reception.hpp"
#include "fanout/secure/dtls.hpp"
#include "fanout/secure/srtp.hpp"
#include "fanout/wire/rtp.hpp"

namespace fanout {

/// In bytes: 20 ms of Opus is far below it; what is above would be fragmented by IP.
constexpr std::size_t kMaxSentOpus = 1'200;

struct ClientConfig {
  std::string server_ufrag;
  std::string server_password;
  std::string client_ufrag = "load";
  std::string client_password{};  ///< for a full agent, which sends checks too
  Address server{};               ///< where it sends them from
  bool controlling = true;        ///< false where the server has offered
  bool passive = false;           ///< a=setup:passive: the server says hello first
  /// Nothing: whatever certificate the server shows is taken.
  std::optional<Sha256Digest> server_fingerprint{};
  bool shows_certificate = false;  ///< when asked; speakers and private spaces are
  Ssrc ssrc{1};                    ///< of our stream and of our reports; a listening Chrome says 1
  std::uint8_t payload_type = 111;
  std::uint16_t first_sequence = 0;
  std::uint32_t first_timestamp = 0;
  Duration consent_interval = milliseconds(2'500);  ///< Chrome's; Firefox takes 5 s
  bool nominates_always = true;                     ///< false: Firefox's habit
  Duration report_interval = seconds(5);
  Duration playout_delay = milliseconds(200);
};

/// A packet as a decoder wants it. Borrows the datagram it came in.
struct ReceivedAudio {
  std::uint64_t index = 0;  ///< extended sequence number
  std::uint32_t timestamp = 0;
  bool marker = false;
  Ssrc ssrc{};
  Bytes csrc;  ///< 4 bytes each
  Bytes payload;
};

/// When the steps of the join were done.
struct JoinTimes {
  std::optional<Instant> first_check{}, answered{}, connected{}, first_audio{};
};

struct ClientStats {  // in the names of W3C getStats where it has one
  std::uint64_t packets_sent = 0, bytes_sent = 0;
  std::uint64_t packets_received = 0, bytes_received = 0;  ///< bytes of payload
  std::int64_t packets_lost = 0;
  std::uint64_t packets_late = 0, packets_reordered = 0, packets_duplicated = 0;
  std::uint64_t frames_skipped = 0;  ///< by the sender, see Reception
  Duration jitter{};
  std::uint64_t checks_sent = 0, checks_answered = 0;
  Duration round_trip{};  ///< of the last check answered
  std::uint64_t reports_sent = 0, reports_received = 0;
  /// Of what we send, as the server last reported it.
  std::optional<ReportBlock> remote{};
};

class VirtualClient {
 public:
  enum class State : std::uint8_t { checking, handshaking, connected, failed, closed };
  /// Why `failed`: DTLS gave up or was refused, the certificate was another one than
  /// announced, nobody answered any more.
  enum class Failure : std::uint8_t { none, handshake, certificate, silence };

  /// Context and engine outlive the client, and belong to its thread.
  VirtualClient(DtlsContext& context, SrtpEngine& engine, ClientConfig config);

  void handle_datagram(Instant now, MutableBytes datagram);
  void handle_timeout(Instant now);
  /// Due at once before the first call of `handle_timeout`; never once failed or closed.
  Instant next_timeout() const noexcept;
  /// The next datagram to send, or empty; valid until the next call on this client.
  Bytes poll_transmit() noexcept { return outbox_.poll(); }
  bool has_transmit() const noexcept { return !outbox_.empty(); }

  /// The audio in the datagram handled last, once.
  std::optional<ReceivedAudio> poll_audio() noexcept { return std::exchange(audio_, {}); }
  /// Sends one packet of `samples`; the next one's timestamp follows on. False, and nothing
  /// sent, while not connected. Throws std::invalid_argument when it fits no datagram.
  bool send_audio(Instant now, Bytes opus, std::uint32_t samples, bool marker = false);
  /// Time passes in silence (DTX): the next packet's timestamp is that much further on.
  void skip_audio(std::uint32_t samples) noexcept { timestamp_ += samples; }
  /// Of the next packet.
  std::uint32_t next_timestamp() const noexcept { return timestamp_; }
  /// The DTLS alert a browser sends on its way out.
  void close();

  State state() const noexcept { return state_; }
  Failure failure() const noexcept { return failure_; }
  const JoinTimes& times() const noexcept { return times_; }
  ClientStats stats() const noexcept;
  const Reception& reception() const noexcept { return reception_; }
  /// When the server last answered a check.
  std::optional<Instant> last_answer() const noexcept { return checks_.last_answer(); }
  const DropCounts& drops() const noexcept { return drops_; }
  std::optional<Address> mapped() const noexcept { return checks_.mapped(); }

 private:
  /// Exists from the end of the handshake on. A listener never expands the key it would speak
  /// with: it is a kilobyte.
  struct Keys {
    SrtpReceiver remote;
    SrtpMaster local;
    SrtpKey rtcp;
    std::unique_ptr<SrtpKey> rtp{};
  };
  using Verdict = std::expected<void, Drop>;

  Verdict dispatch(Instant now, MutableBytes datagram);
  Verdict check(Instant now, Bytes datagram);
  Verdict handshake(Instant now, Bytes datagram);
  Verdict media(Instant now, MutableBytes datagram);
  Verdict control(Instant now, MutableBytes datagram);
  void pump(Instant now);
  void shake_hands(Instant now);
  void connect(Instant now);
  void resend_last_flight();
  const SrtpKey& rtp_key();
  void finish(State state, Failure failure = Failure::none);
  void note(Instant now, const RtcpPacket& packet) noexcept;
  void send_report(Instant now);
  void write_report(Instant now, Writer& out) noexcept;
  bool over() const noexcept { return state_ == State::failed || state_ == State::closed; }

  DtlsContext* context_;
  SrtpEngine* engine_;
  ClientConfig config_;
  State state_ = State::checking;
  Failure failure_ = Failure::none;
  ConnectivityChecks checks_;
  std::optional<DtlsSession> dtls_;
  std::unique_ptr<Keys> keys_;
  std::vector<std::uint8_t> goodbye_;
  LastFlight last_flight_;  // of a passive end, for a peer that has missed it
  int last_flights_ = 0;
  DatagramQueue outbox_;
  std::optional<ReceivedAudio> audio_;

  std::uint64_t index_;  // of the next packet we send
  std::uint32_t timestamp_;
  std::uint32_t sent_timestamp_ = 0;
  Instant sent_at_;
  std::uint32_t rtcp_index_ = 0;
  Instant report_due_ = Instant::never();

  Reception reception_;
  JoinTimes times_;
  ClientStats stats_;
  DropCounts drops_;
};

}  // namespace fanout
