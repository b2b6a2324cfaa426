/// Which worker has which session, for those whose datagrams begin to arrive elsewhere: a
/// network address changed, and the kernel's hash with it. Read and written by all workers
/// without locks: each entry is one atomic word, a fingerprint of the session and its worker.
///
/// A session lies in one of two buckets of a cache line each, in the emptier of them (power of
/// two choices), so that a table full by two thirds practically never lacks a place. One that does
/// is not found after a move, and joins anew. One session in a million has another's fingerprint
/// in its buckets: it joins by way of that one's worker.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <vector>

#include "fanout/base/ids.hpp"

namespace fanout {

using WorkerId = std::uint8_t;

constexpr std::uint32_t kMaxWorkers = 64;

class SessionDirectory {
 public:
  SessionDirectory(std::size_t sessions, std::uint64_t secret)
      : secret_(secret), buckets_(sessions / kFilled + 1) {}

  std::optional<WorkerId> find(const SessionId& session) const noexcept {
    const auto hash = hash_value(session, secret_);
    for (const auto* bucket : {&first(hash), &second(hash)})
      for (const auto& entry : *bucket) {
        const auto word = entry.load(std::memory_order_acquire);
        if (word / kMaxWorkers == tag(hash)) return static_cast<WorkerId>(word % kMaxWorkers);
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
      std::uint32_t vacant = 0;
      if (entry.compare_exchange_strong(vacant, entry_of(hash, worker))) return;
    }
  }

  /// No longer with this worker; with another it may be.
  void erase(const SessionId& session, WorkerId worker) noexcept {
    const auto hash = hash_value(session, secret_);
    for (auto* bucket : {&first(hash), &second(hash)})
      for (auto& entry : *bucket) {
        auto word = entry.load(std::memory_order_acquire);
        if (word == entry_of(hash, worker)) entry.compare_exchange_strong(word, 0);
      }
  }

 private:
  static constexpr std::size_t kWays = 16;  // a cache line
  static constexpr std::size_t kFilled = 10;
  struct alignas(64) Bucket : std::array<std::atomic<std::uint32_t>, kWays> {};

  /// Never zero: zero is a vacant entry.
  static std::uint32_t tag(std::uint64_t hash) noexcept {
    return static_cast<std::uint32_t>(hash) / kMaxWorkers | 1;
  }
  static std::uint32_t entry_of(std::uint64_t hash, WorkerId worker) noexcept {
    return tag(hash) * kMaxWorkers + worker;
  }
  static std::size_t used(const Bucket& bucket) noexcept {
    std::size_t count = 0;
    for (const auto& entry : bucket) count += entry.load(std::memory_order_relaxed) != 0;
    return count;
  }

  /// The upper half of the hash, scaled to the number of buckets; the tag is of the lower.
  std::size_t at(std::uint64_t hash) const noexcept { return (hash >> 32) * buckets_.size() >> 32; }
  Bucket& first(std::uint64_t hash) noexcept { return buckets_[at(hash)]; }
  Bucket& second(std::uint64_t hash) noexcept { return buckets_[at(scramble(hash))]; }
  const Bucket& first(std::uint64_t hash) const noexcept { return buckets_[at(hash)]; }
  const Bucket& second(std::uint64_t hash) const noexcept { return buckets_[at(scramble(hash))]; }

  std::uint64_t secret_;
  std::vector<Bucket> buckets_;
};

}  // namespace fanout
