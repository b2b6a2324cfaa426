#include "fanout/audience/seal.hpp"

#include <algorithm>
#include <stdexcept>

#include "fanout/secure/hmac.hpp"

namespace fanout {

SharedPacket::SharedPacket(const RtpHeader& header, Bytes payload) {
  if (payload.size() > kMaxPayload) throw std::length_error("payload does not fit one datagram");
  Writer out{header_};
  write_rtp_header(out, header);
  header_size_ = static_cast<std::uint16_t>(out.size());
  payload_size_ = static_cast<std::uint16_t>(payload.size());
  std::ranges::copy(payload, payload_.begin());
}

SealJob prepare(const SharedPacket& packet, const SrtpKey& key, std::uint8_t payload_type,
                std::uint64_t index, MutableBytes datagram) noexcept {
  const auto header = packet.header();
  std::ranges::copy(header, datagram.begin());
  datagram[1] = static_cast<std::uint8_t>((header[1] & 0x80) | payload_type);
  store_be(datagram.data() + 2, static_cast<std::uint16_t>(index));
  return {.key = &key,
          .packet = datagram.data(),
          .payload = packet.payload().data(),
          .header_size = static_cast<std::uint16_t>(header.size()),
          .payload_size = static_cast<std::uint16_t>(packet.payload().size()),
          .ssrc = packet.ssrc(),
          .index = index};
}

std::uint64_t random_first_index() noexcept { return random_value<std::uint16_t>() & 0x7FFF; }

namespace {

/// A row is reached by its number, which no hardware prefetcher guesses: fetch the counters
/// and the address of a listener that comes a DRAM access later.
constexpr std::size_t kAhead = 16;

// Inlined by force: GCC 12 drops calls to a function that only prefetches.
[[gnu::always_inline]] inline void prefetch(const SealRow& row) noexcept {
  __builtin_prefetch(&row.next_index, 1);
  __builtin_prefetch(&row.key.salt, 0);
}

}  // namespace

std::size_t seal(SrtpEngine& engine, AudienceTable& table, std::span<const RowId> listeners,
                 const SharedPacket& packet, SendBatch& batch) noexcept {
  std::array<SealJob, SendBatch::kCapacity> jobs;
  std::size_t count = 0;
  std::size_t taken = 0;
  for (; taken < listeners.size() && batch.room() > 0; ++taken) {
    if (taken + kAhead < listeners.size()) prefetch(table.to_seal(listeners[taken + kAhead]));
    SealRow& row = table.to_seal(listeners[taken]);
    // Those that the engine cannot see coming, while the rest of the batch is prepared.
    if (count < SrtpEngine::kKeysAhead) engine.fetch(row.key, packet.payload().size());
    SealJob& job = jobs[count++];
    job = prepare(packet, row.key, row.payload_type, row.next_index++, batch.next());
    ++row.packets_sent;
    row.octets_sent += job.payload_size;
    batch.add(row.to, sealed_size(job));
  }
  engine.seal_rtp(std::span(jobs).first(count));
  return taken;
}

}  // namespace fanout
