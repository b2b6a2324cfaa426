#include "fanout/load/checks.hpp"

#include <algorithm>

#include "fanout/secure/hmac.hpp"
#include "fanout/secure/stun_auth.hpp"

namespace fanout {
namespace {

/// RFC 8445 section 5.1.2.1: a peer-reflexive candidate of the first component.
constexpr std::uint32_t kPriority = 110u << 24 | 0xFFFFu << 8 | 255u;

}  // namespace

ConnectivityChecks::ConnectivityChecks(Config config)
    : config_(std::move(config)), tie_breaker_(random_value<std::uint64_t>()) {}

void ConnectivityChecks::handle_timeout(Instant now, DatagramQueue& out) {
  if (now < next_) return;
  if (!started_) started_ = heard_ = now;
  auto& pending = pending_[sent_++ % kPending];
  pending = {random_value<TransactionId>(), now};
  const auto buffer = out.next();
  Writer writer(buffer);
  write_binding_request(writer, {.transaction = pending.id,
                                 .username = config_.username,
                                 .priority = kPriority,
                                 .tie_breaker = tie_breaker_,
                                 .use_candidate = !answered() || config_.nominates_always});
  seal_stun(writer, buffer, config_.password);
  out.commit(writer.size());
  next_ = now + (answered() ? config_.consent_interval : kCheckInterval);
}

std::expected<void, Drop> ConnectivityChecks::handle_answer(Instant now, Bytes datagram) noexcept {
  const auto view = parse_stun(datagram);
  if (!view) return std::unexpected(view.error());
  auto* pending = view->type == StunClass::success ? find(view->transaction) : nullptr;
  if (pending == nullptr) return std::unexpected(Drop::unexpected_stun);
  if (!verify_integrity(datagram, *view, config_.password))
    return std::unexpected(Drop::bad_integrity);
  if (!answered()) next_ = now + config_.consent_interval;
  round_trip_ = now - pending->sent;
  *pending = {};
  heard_ = now;
  mapped_ = view->mapped;
  ++answers_;
  return {};
}

ConnectivityChecks::Pending* ConnectivityChecks::find(const TransactionId& id) noexcept {
  const auto known = std::min<std::uint64_t>(sent_, kPending);
  const auto last = pending_.begin() + static_cast<std::ptrdiff_t>(known);
  const auto found = std::find_if(pending_.begin(), last,
                                  [&](const Pending& pending) { return pending.id == id; });
  return found == last ? nullptr : &*found;
}

}  // namespace fanout
