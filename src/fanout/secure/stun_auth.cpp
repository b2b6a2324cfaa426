#include "fanout/secure/stun_auth.hpp"

namespace fanout {
namespace {

constexpr std::size_t kHeader = 20;
constexpr std::uint16_t kMessageIntegrity = 0x0008;
constexpr std::size_t kIntegritySize = 24;  // attribute header and value
constexpr std::size_t kMaxMessage = 1500;   // what a datagram that was not fragmented can carry

/// The hash covers the length field as if the message ended with MESSAGE-INTEGRITY.
void set_covered_length(MutableBytes message, std::size_t size) noexcept {
  store_be(&message[2], static_cast<std::uint16_t>(size + kIntegritySize - kHeader));
}

}  // namespace

bool verify_integrity(Bytes datagram, const StunView& view, const IntegrityKey& key) noexcept {
  const auto size = view.integrity_offset;
  if (view.integrity.empty() || size < kHeader || size > kMaxMessage) return false;
  std::array<std::uint8_t, kMaxMessage> buffer;
  const auto covered = MutableBytes(buffer).first(size);
  std::ranges::copy(datagram.first(size), covered.begin());
  set_covered_length(covered, size);
  return equal_in_constant_time(key(covered), view.integrity);
}

void seal_stun(Writer& out, MutableBytes buffer, const IntegrityKey& key) noexcept {
  const auto size = out.size();
  if (!out.ok() || size < kHeader) return;
  set_covered_length(buffer, size);
  const auto digest = key(buffer.first(size));
  out.u16(kMessageIntegrity);
  out.u16(sizeof(Sha1Digest));
  out.bytes(digest);
  append_fingerprint(out, buffer);
}

}  // namespace fanout
