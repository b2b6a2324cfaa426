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
                                 .controlling = config_.controlling,
                                 .use_candidate = nominates()});
  seal_stun(writer, buffer, config_.password);
  out.commit(writer.size());
  next_ = now + (answered() ? config_.consent_interval : kCheckInterval);
}

std::expected<void, Drop> ConnectivityChecks::handle_datagram(Instant now, Bytes datagram,
                                                              DatagramQueue& out) {
  const auto view = parse_stun(datagram);
  if (!view) return std::unexpected(view.error());
  const bool expects_checks = !config_.own_password.empty();
  if (view->type == StunClass::request && expects_checks) return answer(datagram, *view, out);
  return handle_answer(now, datagram, *view);
}

std::expected<void, Drop> ConnectivityChecks::answer(Bytes datagram, const StunView& view,
                                                     DatagramQueue& out) {
  if (!verify_integrity(datagram, view, config_.own_password))
    return std::unexpected(Drop::bad_integrity);
  const auto buffer = out.next();
  Writer writer(buffer);
  write_binding_success(writer, view.transaction, config_.server);
  seal_stun(writer, buffer, config_.own_password);
  out.commit(writer.size());
  checked_ = true;
  nominated_ = nominated_ || view.use_candidate;
  return {};
}

std::expected<void, Drop> ConnectivityChecks::handle_answer(Instant now, Bytes datagram,
                                                            const StunView& view) noexcept {
  auto* pending = view.type == StunClass::success ? find(view.transaction) : nullptr;
  if (pending == nullptr) return std::unexpected(Drop::unexpected_stun);
  if (!verify_integrity(datagram, view, config_.password))
    return std::unexpected(Drop::bad_integrity);
  if (!answered()) next_ = now + config_.consent_interval;
  round_trip_ = now - pending->sent;
  *pending = {};
  heard_ = now;
  mapped_ = view.mapped;
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
