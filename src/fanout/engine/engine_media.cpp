/// RTP and RTCP: speakers' packets go to their jitter buffers, listeners' reports into their
/// rows; the patrol walks the whole audience once in five seconds with a sender report for each
/// (RFC 3550 section 6.2's minimum interval) and an eye on consent (RFC 7675).
#include <algorithm>

#include "fanout/engine/engine.hpp"

namespace fanout {

namespace {

constexpr std::uint64_t kPatrolRounds = 250;        // of 20 ms: five seconds
constexpr std::uint64_t kDeadlineRounds = 16;       // a third of a second, of fifteen
constexpr std::uint64_t kSpeakerReportRounds = 50;  // a second: their loss is everybody's
/// Of a batch, so that a large audience's reports do not delay its media.
constexpr std::size_t kMaxReports = SendBatch::kCapacity / 4;
/// Rows looked at for it, most of which may have nothing to report.
constexpr int kMaxLooks = 256;

std::size_t write_bye_compound(MutableBytes out, Ssrc ssrc) noexcept {
  Writer writer{out};
  write_receiver_report(writer, ssrc, {});  // a compound starts with a report (section 6.1)
  write_bye(writer, ssrc);
  return writer.size();
}

}  // namespace

Engine::Verdict Engine::media(Instant now, const Address& from, MutableBytes datagram) {
  const auto* peer = by_address_.find(from);
  if (!peer || peer->kind == Kind::handshake) return Drop::unknown_address;
  if (peer->kind == Kind::elsewhere)
    return relay(static_cast<WorkerId>(peer->index), from, datagram);
  if (peer->kind == Kind::listener)
    return is_rtcp(datagram) ? listener_report(now, peer->index, datagram) : Drop::unexpected_media;
  Speaker& speaker = *speakers_[peer->index];
  if (!is_rtcp(datagram)) {
    const auto heard = speaker.handle_rtp(now, datagram);
    return heard ? Verdict{} : heard.error();
  }
  const auto goodbye = speaker.handle_rtcp(now, datagram);
  if (!goodbye) return goodbye.error();
  ++counters_.reports_received;
  if (*goodbye) speaker.transport().closing = true;  // a BYE ends a stream, maybe not the session
  return {};
}

Engine::Verdict Engine::listener_report(Instant now, RowId id, MutableBytes datagram) {
  SealRow& stream = table_.to_seal(id);
  if (!report_sampler_.takes(now, stream.reported, stream.fraction_lost > 0)) {
    ++counters_.reports_skipped;
    return {};
  }
  ListenerRow& row = table_[id];
  std::uint32_t index = 0;
  const auto plain = srtp_->open_rtcp(srtp_->rtcp_key(row.transport.remote), datagram, index);
  if (!plain) return Drop::forged_rtcp;
  if (!row.rtcp_seen.accepts(index)) return Drop::replayed_rtcp;
  row.rtcp_seen.mark(index);
  auto compound = RtcpView::parse(*plain);
  if (!compound) return compound.error();
  ++counters_.reports_received;
  stream.reported = ReportSampler::stamp(now);
  while (const auto packet = compound->next()) {
    if (packet->type == kRtcpBye) row.transport.closing = true;
    if (packet->report_count() == 0) continue;
    const auto report = packet->report(0);
    stream.fraction_lost = report.fraction_lost;
    stream.loss.report(report.fraction_lost);
    stream.packets_lost = report.packets_lost;
    stream.jitter = report.jitter;
  }
  return {};
}

void Engine::patrol(Instant now) {
  const bool crowded = !hellos_.empty() && !handshakes_.may_begin();
  const auto visit = [&](Slot slot) {
    Handshake& handshake = handshakes_[slot];
    const bool yields = crowded && handshake.stage == Stage::shaking && handshake.waiting == 0;
    const auto patience = yields ? kUnprovenHandshake : kJoinDeadline;
    const bool alive = handshake.handle_timeout(now, outbox_) && now - handshake.started < patience;
    if (alive) return;
    if (handshake.dtls) ++counters_.handshakes_failed;
    remove({Kind::handshake, slot}, "handshake timed out");
  };
  if (++patrols_ % kDeadlineRounds == 0)  // a crowd that waits is a walk through memory
    handshakes_.for_each(visit);
  else
    handshakes_.for_each_shaking(visit);
  patrol_speakers(now);
  // A lap's worth of rows at most: where sending is too slow, laps take longer.
  patrol_credit_ = std::min<std::uint64_t>(patrol_credit_ + table_.end(),
                                           kPatrolRounds * std::uint64_t{table_.end()});
}

bool Engine::is_patrolling() const noexcept { return patrol_credit_ >= kPatrolRounds; }

/// The listeners' reports go out as the socket takes them, rows in their order in memory.
void Engine::patrol_listeners(Instant now, SendBatch& batch) {
  const auto before = batch.size();
  for (int looks = 0; looks < kMaxLooks && is_patrolling() && batch.room() > 0 &&
                      batch.size() - before < kMaxReports;
       ++looks) {
    patrol_credit_ -= kPatrolRounds;
    const RowId id = patrol_row_++ % table_.end();
    const Transport& known = table_[id].transport;
    const Space* space = find_space(known.space);
    if (!space || !space->hall.contains(id, table_)) continue;
    if (known.consent_expired(now)) {
      ++counters_.consents_expired;
      remove({Kind::listener, id}, "silent");
    } else {
      report_to(now, *space, id, batch);
    }
  }
}

void Engine::report_to(Instant now, const Space& space, RowId id, SendBatch& batch) noexcept {
  SealRow& stream = table_.to_seal(id);
  const Transport& to = table_[id].transport;
  if (stream.packets_sent == 0) return;
  const auto buffer = batch.next();
  Writer out{buffer};
  write_sender_report(
      out, ssrc_of(space.id),
      {ntp_time(wall(now)), space.hall.timestamp(now), stream.packets_sent, stream.octets_sent},
      {});
  write_sdes_cname(out, ssrc_of(space.id), kCname);
  const auto key = srtp_->rtcp_key(to.local);
  batch.add(to.address, srtp_->seal_rtcp(key, buffer, out.size(), stream.srtcp_index++));
}

void Engine::patrol_speakers(Instant now) {
  for (std::uint32_t i = 0; i < speakers_.size(); ++i) {
    if (!speakers_[i]) continue;
    Speaker& speaker = *speakers_[i];
    if (speaker.transport().consent_expired(now)) {
      ++counters_.consents_expired;
      remove({Kind::speaker, i}, "silent");
    } else if ((patrols_ + i) % kSpeakerReportRounds == 0) {
      if (const Space* space = find_space(speaker.transport().space))
        speaker.send_report(now, wall(now), space->room->ssrc(), space->room->timestamp(), outbox_);
    }
  }
}

/// A closed space leaves listener by listener, as fast as the socket takes it; where others go on,
/// with a part of each batch.
void Engine::say_goodbye(SendBatch& batch) noexcept {
  const auto end =
      batch.size() + (turns_.empty() ? batch.room() : std::min(batch.room(), kMaxReports));
  while (!closing_.empty() && batch.size() < end) {
    Space& space = *closing_.back();
    for (auto id = space.hall.last(); id && batch.size() < end; id = space.hall.last()) {
      const Transport& to = table_[*id].transport;
      const auto size = write_bye_compound(batch.next(), ssrc_of(space.id));
      const auto key = srtp_->rtcp_key(to.local);
      auto& index = table_.to_seal(*id).srtcp_index;
      batch.add(to.address, srtp_->seal_rtcp(key, batch.next(), size, index++));
      forget({Kind::listener, *id});
      space.hall.remove(*id, table_);
      table_.remove(*id);
      mesh_->leave_seat();
    }
    if (space.hall.size() == 0) closing_.pop_back();
  }
}

}  // namespace fanout
