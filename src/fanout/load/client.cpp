#include "fanout/load/client.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "fanout/base/audio.hpp"
#include "fanout/media/opus.hpp"

namespace fanout {
namespace {

/// RFC 3550 section 6.5.1; which name it is does not matter, that there is one does.
constexpr std::string_view kCname = "virtual-client";

/// RFC 6347 section 4.2.4 sets no bound; a peer that has missed it so often is gone.
constexpr int kMaxLastFlights = 5;

/// Takes the texts along: a hundred thousand clients keep each of them once.
ConnectivityChecks::Config checks_of(ClientConfig& config) {
  return {.username =
              std::exchange(config.server_ufrag, {}) + ":" + std::exchange(config.client_ufrag, {}),
          .password = std::exchange(config.server_password, {}),
          .own_password = std::exchange(config.client_password, {}),
          .server = config.server,
          .controlling = config.controlling,
          .consent_interval = config.consent_interval,
          .nominates_always = config.nominates_always};
}

/// As Chrome does: twice the round trip, from 50 ms on (WebRTC's dtls_transport), for 25 s at
/// least. A full agent often misses the first hello, for it comes before its DTLS is set up.
DtlsOptions options(Duration round_trip) {
  return {.timeout = std::clamp(round_trip * 2, milliseconds(50), seconds(3)),
          .retransmissions = 8};
}

constexpr std::uint8_t kHandshakeRecord = 22;  // RFC 5246 section 6.2.1

constexpr bool is_stun(std::uint8_t first) { return first < 4; }  // RFC 7983
constexpr bool is_dtls(std::uint8_t first) { return first >= 20 && first < 64; }
constexpr bool is_rtp_or_rtcp(std::uint8_t first) { return first >= 128 && first < 192; }

}  // namespace

VirtualClient::VirtualClient(DtlsContext& context, SrtpEngine& engine, ClientConfig config)
    : context_(&context),
      engine_(&engine),
      config_(std::move(config)),
      checks_(checks_of(config_)),
      index_(config_.first_sequence),
      timestamp_(config_.first_timestamp),
      reception_(config_.playout_delay) {}

void VirtualClient::handle_datagram(Instant now, MutableBytes datagram) {
  audio_.reset();
  if (over()) return;
  if (const auto verdict = dispatch(now, datagram); !verdict) drops_.add(verdict.error());
}

VirtualClient::Verdict VirtualClient::dispatch(Instant now, MutableBytes datagram) {
  if (datagram.empty()) return std::unexpected(Drop::empty);
  if (is_stun(datagram[0])) return check(now, datagram);
  if (is_dtls(datagram[0])) return handshake(now, datagram);
  if (!is_rtp_or_rtcp(datagram[0])) return std::unexpected(Drop::unknown_protocol);
  if (!keys_) return std::unexpected(Drop::unexpected_media);
  return is_rtcp(datagram) ? control(now, datagram) : media(now, datagram);
}

VirtualClient::Verdict VirtualClient::check(Instant now, Bytes datagram) {
  const auto verdict = checks_.handle_datagram(now, datagram, outbox_);
  if (checks_.answered() && !times_.answered) times_.answered = now;
  // Its own check may arrive before its answer, and a hello right after it.
  const bool reached = checks_.answered() || (config_.passive && checks_.checked());
  if (state_ == State::checking && reached && checks_.nominated()) shake_hands(now);
  return verdict;
}

void VirtualClient::shake_hands(Instant now) {
  state_ = State::handshaking;
  const auto role = config_.passive ? DtlsRole::server : DtlsRole::client;
  const bool asks = config_.server_fingerprint.has_value();
  dtls_.emplace(*context_, role, config_.passive ? asks : config_.shows_certificate, now,
                options(checks_.round_trip()));
  pump(now);
}

VirtualClient::Verdict VirtualClient::handshake(Instant now, Bytes datagram) {
  if (!dtls_) {  // the peer's flight again, after we were done, or an alert: consent will tell
    if (datagram[0] == kHandshakeRecord) resend_last_flight();
    return {};
  }
  dtls_->handle_datagram(now, datagram);
  pump(now);
  return {};
}

void VirtualClient::pump(Instant now) {
  for (Bytes out = dtls_->poll_transmit(); !out.empty(); out = dtls_->poll_transmit())
    outbox_.add(out);
  if (dtls_->state() == DtlsSession::State::failed)
    finish(State::failed, Failure::handshake);
  else if (dtls_->state() == DtlsSession::State::connected)
    connect(now);
}

void VirtualClient::connect(Instant now) {
  const auto& expected = config_.server_fingerprint;
  if (expected && dtls_->peer_fingerprint() != expected)
    return finish(State::failed, Failure::certificate);
  const auto masters = dtls_->keys();
  keys_ = std::make_unique<Keys>(Keys{.remote = {*engine_, masters.remote},
                                      .local = masters.local,
                                      .rtcp = engine_->rtcp_key(masters.local)});
  last_flight_ = dtls_->last_flight();
  dtls_->close();
  const auto goodbye = dtls_->poll_transmit();
  goodbye_.assign(goodbye.begin(), goodbye.end());
  dtls_.reset();
  times_.connected = now;
  report_due_ = now + config_.report_interval;
  state_ = State::connected;
}

void VirtualClient::resend_last_flight() {
  if (last_flight_.size() == 0 || last_flights_ == kMaxLastFlights) return;
  ++last_flights_;
  std::array<std::uint8_t, LastFlight::kMost> buffer;
  outbox_.add(last_flight_.write(buffer));
}

const SrtpKey& VirtualClient::rtp_key() {
  if (!keys_->rtp) keys_->rtp = std::make_unique<SrtpKey>(engine_->rtp_key(keys_->local));
  return *keys_->rtp;
}

void VirtualClient::finish(State state, Failure failure) {
  state_ = state;
  failure_ = failure;
  dtls_.reset();
}

VirtualClient::Verdict VirtualClient::media(Instant now, MutableBytes datagram) {
  auto rtp = parse_rtp(datagram);
  if (!rtp) return std::unexpected(rtp.error());
  if (rtp->payload_type != config_.payload_type) return std::unexpected(Drop::wrong_payload_type);
  const auto opened = keys_->remote.open_rtp(datagram, rtp->header_size, rtp->ssrc, rtp->sequence);
  if (!opened) return std::unexpected(opened.error());
  rtp->payload = opened->payload;
  const auto payload = strip_padding(*rtp);
  if (!payload) return std::unexpected(payload.error());
  reception_.add(now, {.ssrc = rtp->ssrc,
                       .index = opened->index,
                       .timestamp = rtp->timestamp,
                       .marker = rtp->marker,
                       .samples = static_cast<std::uint32_t>(opus_samples(*payload).value_or(0))});
  stats_.bytes_received += payload->size();
  if (!times_.first_audio) times_.first_audio = now;
  audio_ = {.index = opened->index,
            .timestamp = rtp->timestamp,
            .marker = rtp->marker,
            .ssrc = rtp->ssrc,
            .csrc = rtp->csrc,
            .payload = *payload};
  return {};
}

VirtualClient::Verdict VirtualClient::control(Instant now, MutableBytes datagram) {
  const auto opened = keys_->remote.open_rtcp(datagram);
  if (!opened) return std::unexpected(opened.error());
  auto compound = RtcpView::parse(*opened);
  if (!compound) return std::unexpected(compound.error());
  while (const auto packet = compound->next()) note(now, *packet);
  return {};
}

void VirtualClient::note(Instant now, const RtcpPacket& packet) noexcept {
  if (packet.type == kRtcpBye) return finish(State::closed);
  if (packet.type != kRtcpSr && packet.type != kRtcpRr) return;
  ++stats_.reports_received;
  if (packet.info) reception_.note_sender_report(now, packet.info->ntp);
  for (std::size_t i = 0; i < packet.report_count(); ++i)
    if (const auto block = packet.report(i); block.ssrc == config_.ssrc) stats_.remote = block;
}

void VirtualClient::handle_timeout(Instant now) {
  if (over()) return;
  checks_.handle_timeout(now, outbox_);
  if (!times_.first_check) times_.first_check = now;
  if (checks_.expired(now)) return finish(State::failed, Failure::silence);
  if (dtls_) {
    dtls_->handle_timeout(now);
    pump(now);
  }
  if (now >= report_due_) send_report(now);
}

Instant VirtualClient::next_timeout() const noexcept {
  if (over()) return Instant::never();
  const auto dtls = dtls_ ? dtls_->next_timeout() : Instant::never();
  return std::min({checks_.next_timeout(), dtls, report_due_});
}

bool VirtualClient::send_audio(Instant now, Bytes opus, std::uint32_t samples, bool marker) {
  if (opus.size() > kMaxSentOpus) throw std::invalid_argument("more Opus than a datagram takes");
  if (state_ != State::connected) return false;
  const auto buffer = outbox_.next();
  Writer header(buffer);
  write_rtp_header(header, {.marker = marker,
                            .payload_type = config_.payload_type,
                            .sequence = static_cast<std::uint16_t>(index_),
                            .timestamp = timestamp_,
                            .ssrc = config_.ssrc,
                            .csrc = {}});
  const SrtpKey& key = rtp_key();
  const SealJob job{.key = &key,
                    .packet = buffer.data(),
                    .payload = opus.data(),
                    .header_size = static_cast<std::uint16_t>(header.size()),
                    .payload_size = static_cast<std::uint16_t>(opus.size()),
                    .ssrc = config_.ssrc,
                    .index = index_++};
  engine_->seal_rtp({&job, 1});
  outbox_.commit(header.size() + opus.size() + tag_size(key.profile));
  sent_at_ = now;
  sent_timestamp_ = std::exchange(timestamp_, timestamp_ + samples);
  ++stats_.packets_sent;
  stats_.bytes_sent += opus.size();
  return true;
}

void VirtualClient::close() {
  if (over()) return;
  outbox_.add(goodbye_);
  finish(State::closed);
}

void VirtualClient::send_report(Instant now) {
  report_due_ = now + config_.report_interval;
  if (stats_.packets_sent == 0 && reception_.packets_received() == 0) return;
  const auto buffer = outbox_.next();
  Writer out(buffer);
  write_report(now, out);
  write_sdes_cname(out, config_.ssrc, kCname);
  outbox_.commit(engine_->seal_rtcp(keys_->rtcp, buffer, out.size(), rtcp_index_++));
  ++stats_.reports_sent;
}

void VirtualClient::write_report(Instant now, Writer& out) noexcept {
  const auto block = reception_.report(now);
  const auto blocks = std::span(&block, reception_.packets_received() > 0 ? 1 : 0);
  if (stats_.packets_sent == 0) return write_receiver_report(out, config_.ssrc, blocks);
  const auto elapsed = (now - sent_at_).us * (kClockRate / 1'000) / 1'000;
  // Without a wall clock the uptime will do (RFC 3550 section 6.4.1).
  const SenderInfo info{.ntp = ntp_time({now.us}),
                        .rtp_timestamp = sent_timestamp_ + static_cast<std::uint32_t>(elapsed),
                        .packets = static_cast<std::uint32_t>(stats_.packets_sent),
                        .octets = static_cast<std::uint32_t>(stats_.bytes_sent)};
  write_sender_report(out, config_.ssrc, info, blocks);
}

ClientStats VirtualClient::stats() const noexcept {
  auto stats = stats_;
  stats.packets_received = reception_.packets_received();
  stats.packets_lost = reception_.packets_lost();
  stats.packets_late = reception_.packets_late();
  stats.packets_reordered = reception_.packets_reordered();
  stats.frames_skipped = reception_.frames_skipped();
  stats.packets_duplicated = drops_[Drop::replayed_rtp];
  stats.jitter = reception_.jitter();
  stats.checks_sent = checks_.sent();
  stats.checks_answered = checks_.answers();
  stats.round_trip = checks_.round_trip();
  return stats;
}

}  // namespace fanout
