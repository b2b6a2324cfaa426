/// Which worker has which session, for those whose datagrams begin to arrive elsewhere: a
/// network address changed, and the kernel's hash with it. Read and written by all workers
/// without locks: each entry is one atomic word, a fingerprint of the session and its worker.
///
/// A session lies in one of two buckets of a cache line each, in the emptier of them (power of
/// two choices), so that half-full tables practically never lack a place. One that does is not
/// found after a move, and joins anew.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <optional>
#include <vector>

#include "fanout/base/ids.hpp"

namespace fanout {

using WorkerId = std::uint8_t;

class SessionDirectory {
 public:
  SessionDirectory(std::size_t sessions, std::uint64_t secret)
      : secret_(secret), buckets_(std::bit_ceil(sessions / (kWays / 2) + 1)) {}

  std::optional<WorkerId> find(const SessionId& session) const noexcept {
    const auto hash = hash_value(session, secret_);
    for (const auto* bucket : {&first(hash), &second(hash)})
      for (const auto& entry : *bucket) {
        const auto word = entry.load(std::memory_order_acquire);
        if (word >> kWorkerBits == tag(hash)) return static_cast<WorkerId>(word);
      }
    return std::nullopt;
  }

  void set(const SessionId& session, WorkerId worker) noexcept {
    const auto hash = hash_value(session, secret_);
    if (const auto known = find(session)) erase(session, *known);
    Bucket& a = first(hash);
    Bucket& b = second(hash);
    Bucket& emptier = used(b) < used(a) ? b : a;
    for (auto& entry : emptier) {
      std::uint64_t vacant = 0;
      if (entry.compare_exchange_strong(vacant, tag(hash) << kWorkerBits | worker)) return;
    }
  }

  /// No longer with this worker; with another it may be.
  void erase(const SessionId& session, WorkerId worker) noexcept {
    const auto hash = hash_value(session, secret_);
    for (auto* bucket : {&first(hash), &second(hash)})
      for (auto& entry : *bucket) {
        auto word = entry.load(std::memory_order_acquire);
        if (word == (tag(hash) << kWorkerBits | worker)) entry.compare_exchange_strong(word, 0);
      }
  }

 private:
  static constexpr std::size_t kWays = 8;  // a cache line
  static constexpr int kWorkerBits = 8;
  using Bucket = std::array<std::atomic<std::uint64_t>, kWays>;

  /// 56 bits, never zero: zero is a vacant entry.
  static std::uint64_t tag(std::uint64_t hash) noexcept { return hash >> kWorkerBits | 1; }
  static std::size_t used(const Bucket& bucket) noexcept {
    std::size_t count = 0;
    for (const auto& entry : bucket) count += entry.load(std::memory_order_relaxed) != 0;
    return count;
  }

  Bucket& first(std::uint64_t hash) noexcept { return buckets_[hash & (buckets_.size() - 1)]; }
  Bucket& second(std::uint64_t hash) noexcept {
    return buckets_[scramble(hash) & (buckets_.size() - 1)];
  }
  const Bucket& first(std::uint64_t hash) const noexcept {
    return buckets_[hash & (buckets_.size() - 1)];
  }
  const Bucket& second(std::uint64_t hash) const noexcept {
    return buckets_[scramble(hash) & (buckets_.size() - 1)];
  }

  std::uint64_t secret_;
  std::vector<Bucket> buckets_;
};

}  // namespace fanout
