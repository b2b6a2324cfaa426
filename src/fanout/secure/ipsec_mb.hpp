/// intel-ipsec-mb: its manager, and its keys as they lie in `SrtpKey::expanded`. Included only
/// where FANOUT_HAS_IPSEC_MB is defined.
#pragma once

#include <intel-ipsec-mb.h>

#include "fanout/secure/hmac.hpp"
#include "fanout/secure/openssl.hpp"
#include "fanout/secure/srtp.hpp"

namespace fanout {

using OwnedManager = Owned<IMB_MGR, free_mb_mgr>;

/// The fastest code this CPU runs, or nothing when it lacks AES-NI.
inline OwnedManager make_manager() {
  OwnedManager manager(alloc_mb_mgr(0));
  if (!manager) return nullptr;
  IMB_ARCH architecture = IMB_ARCH_NONE;
  init_mb_mgr_auto(manager.get(), &architecture);
  const bool usable = imb_get_errno(manager.get()) == 0 && architecture >= IMB_ARCH_SSE;
  return usable ? std::move(manager) : nullptr;
}

struct alignas(16) RoundKeys : std::array<std::uint8_t, 11 * 16> {};

/// AES round keys, and SHA-1 states after the inner and outer padded key (RFC 2104 section 4).
struct CounterKey {
  RoundKeys rounds;
  alignas(16) Sha1Digest inner;
  alignas(16) Sha1Digest outer;
};
static_assert(sizeof(CounterKey) <= sizeof(SrtpKey::expanded));
static_assert(offsetof(gcm_key_data, ghash_keys) + sizeof(gcm_key_data::ghash_keys) ==
              sizeof(SrtpKey::expanded));

inline const gcm_key_data* gcm_tables(const SrtpKey& key) noexcept {
  return reinterpret_cast<const gcm_key_data*>(key.expanded.data());
}

inline gcm_key_data* gcm_tables(SrtpKey& key) noexcept {
  return reinterpret_cast<gcm_key_data*>(key.expanded.data());
}

inline const CounterKey& counter_key(const SrtpKey& key) noexcept {
  return *reinterpret_cast<const CounterKey*>(key.expanded.data());
}

}  // namespace fanout
