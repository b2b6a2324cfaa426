#include "fanout/engine/feedback.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "fanout/secure/stun_auth.hpp"
#include "fanout/wire/rtcp.hpp"

namespace fanout {
namespace {

constexpr std::size_t kReceiveBatch = 64;  // between two looks at what is to be sent

template <typename Bytes>
void fill_from(std::uint64_t& state, Bytes& bytes) noexcept {
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(state = scramble(state + 1));
}

}  // namespace

Feedback::Feedback(Engine& engine, SpaceId space, std::uint32_t listeners, std::uint64_t seed)
    : space_(space), listeners_(listeners), seed_(seed) {
  for (std::uint32_t i = 0; i < listeners; ++i)
    if (!engine.add_listener(listener(i)))
      throw std::length_error("the engine has no such space, or no seats for so many");
}

Transport Feedback::listener(std::uint32_t number) const noexcept {
  std::uint64_t state = keyed_hash(seed_, std::uint64_t{number});
  const auto octet = [number](int shift) { return static_cast<std::uint8_t>(number >> shift); };
  Transport transport{.address = Address::v4({10, octet(16), octet(8), octet(0)}, 9),
                      .payload_type = 111,
                      .space = space_,
                      .session = {}};
  fill_from(state, transport.session.bytes);
  for (auto* master : {&transport.local, &transport.remote}) {
    fill_from(state, master->key);
    fill_from(state, master->salt);
  }
  for (auto& character : transport.password) {
    state = scramble(state + 1);
    character = static_cast<char>('A' + state % 26);
  }
  return transport;
}

void Feedback::prepare(std::uint32_t checks, std::uint32_t reports, std::uint8_t fraction_lost) {
  if (!srtp_) srtp_ = SrtpEngine::make();
  if (!batch_) batch_ = std::make_unique<SendBatch>();
  line_.assign(checks + reports, {});
  for (auto& datagram : line_) {
    const bool is_check = checks > 0 && (reports == 0 || checks >= reports);
    --(is_check ? checks : reports);
    const auto number = static_cast<std::uint32_t>(keyed_hash(seed_, ++sent_) % listeners_);
    const Transport from = listener(number);
    datagram.from = from.address;
    const auto size = is_check ? write_check(from, datagram.bytes)
                               : write_report(from, datagram.bytes, fraction_lost);
    (is_check ? check_size_ : report_size_) = size;
    datagram.size = static_cast<std::uint16_t>(size);
  }
}

std::size_t Feedback::write_check(const Transport& from, MutableBytes out) {
  const std::string ticket(kTicketChars, 'A');  // whoever is inside needs none
  const auto name = make_ufrag(ticket, from.session, from.payload_type, 0, std::nullopt) + ":abcd";
  BindingRequest request{.username = name, .priority = 1, .tie_breaker = sent_};
  store_be(request.transaction.data(), static_cast<std::uint32_t>(scramble(sent_)));
  Writer writer{out};
  write_binding_request(writer, request);
  seal_stun(writer, out, IntegrityKey({from.password.data(), from.password.size()}));
  return writer.size();
}

std::size_t Feedback::write_report(const Transport& from, MutableBytes out,
                                   std::uint8_t fraction_lost) {
  const ReportBlock block{.ssrc = ssrc_of(space_), .fraction_lost = fraction_lost};
  Writer writer{out};
  write_receiver_report(writer, Ssrc{1}, {&block, 1});
  write_sdes_cname(writer, Ssrc{1}, "0123456789abcdef");  // as long as browsers' are
  return srtp_->seal_rtcp(srtp_->rtcp_key(from.remote), out, writer.size(),
                          static_cast<std::uint32_t>(sent_));
}

std::uint64_t Feedback::feed(Engine& engine, Instant now) noexcept {
  std::array<std::uint8_t, sizeof(Datagram::bytes)> copy;  // decrypted in place
  for (std::size_t i = 0; i < line_.size(); ++i) {
    const Datagram& datagram = line_[i];
    if (i + 8 < line_.size())  // a network card leaves what it received in the cache
      for (std::size_t at = 0; at < sizeof(Datagram); at += 64)
        __builtin_prefetch(reinterpret_cast<const std::uint8_t*>(&line_[i + 8]) + at);
    const Instant at{now.us + static_cast<std::int64_t>(i) * 1'000'000 / kRate};
    std::copy_n(datagram.bytes.begin(), datagram.size, copy.begin());
    engine.handle_datagram(at, datagram.from, MutableBytes(copy).first(datagram.size));
    if (i % kReceiveBatch != kReceiveBatch - 1 && i + 1 != line_.size()) continue;
    do batch_->clear();
    while (engine.poll_transmits(at, *batch_));
  }
  return line_.size();
}

}  // namespace fanout
