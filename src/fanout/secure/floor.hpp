/// What sealing cannot be cheaper than: bare library calls on the sizes, and over as many
/// distinct keys, as `SrtpEngine::seal_rtp` gets. No header, no nonce per packet. Benches
/// measure them beside the thing itself, in the same run, and gate on the ratio.
#pragma once

#include <cstddef>
#include <vector>

#include "fanout/base/huge_pages.hpp"
#include "fanout/secure/srtp.hpp"

namespace fanout {

/// `count` different session keys, expanded as a backend has them in an audience.
class FloorKeys {
 public:
  /// Throws std::runtime_error when the backend is missing.
  FloorKeys(SrtpBackend backend, SrtpProfile profile, std::size_t count);

  std::span<const SrtpKey> keys() const noexcept { return keys_; }
  SrtpProfile profile() const noexcept { return profile_; }
  bool is_ipsec_mb() const noexcept { return is_ipsec_mb_; }

 private:
  SrtpProfile profile_;
  bool is_ipsec_mb_;
  std::vector<SrtpKey, HugePageAllocator<SrtpKey>> keys_;  // as an audience has them
};

/// Seals a payload of `payload_size` bytes, at most 1,200, once per key and round; returns the
/// bytes written, tags included. Throws std::invalid_argument for a larger payload.
std::uint64_t floor_seal(const FloorKeys& keys, std::size_t payload_size, std::size_t rounds);

/// The hashing that `checks` STUN checks and their answers cannot do without: a key of their own
/// for each, and the two HMAC-SHA1 of what they cover. Returns bytes hashed.
std::uint64_t floor_checks(std::size_t checks, std::size_t request_size, std::size_t answer_size);

}  // namespace fanout
