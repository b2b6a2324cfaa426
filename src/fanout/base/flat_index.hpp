/// A hash table of values whose keys their owners have: it keeps no copy of a key, but half of its
/// hash, and asks when that fits. Eight such slots share a cache line, and whoever is found is
/// looked at next anyway.
///
/// One flat array: open addressing, linear probing, deletion by shifting back, so a lookup touches
/// one or two cache lines and churn leaves no tombstones. Sized once for the most it will ever
/// hold; a full index refuses instead of growing in the middle of a tick. Keys come from the
/// network, so they are hashed (`hash_value`) under the index' own secret. A value is never
/// `Value{}`: that is how a vacant slot looks.
///
/// The array comes zeroed from the kernel, which gives pages as they are touched: an index made
/// for a million costs what those inside it need.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <stdexcept>
#include <type_traits>

namespace fanout {

/// `Has`: whether the owner of a value in the index has a key.
template <typename Key, typename Value, std::predicate<const Value&, const Key&> Has>
class FlatIndex {
 public:
  FlatIndex(std::size_t capacity, std::uint64_t secret, Has has)
      : capacity_(capacity), secret_(secret), has_(has), count_(slots_for(capacity)) {
    slots_.reset(static_cast<Slot*>(std::calloc(count_, sizeof(Slot))));
    if (!slots_) throw std::bad_alloc();
  }

  std::size_t size() const noexcept { return size_; }

  Value* find(const Key& key) noexcept {
    const std::size_t at = look_up(key, hash(key));
    return is_used(at) ? &slots_[at].value : nullptr;
  }

  /// False when the index is full and `key` is not in it.
  bool set(const Key& key, const Value& value) noexcept {
    const auto half = hash(key);
    const std::size_t at = look_up(key, half);
    if (!is_used(at)) {
      if (size_ == capacity_) return false;
      ++size_;
    }
    slots_[at] = {half, value};
    return true;
  }

  bool erase(const Key& key) noexcept {
    std::size_t hole = look_up(key, hash(key));
    if (!is_used(hole)) return false;
    for (std::size_t at = next(hole); is_used(at); at = next(at)) {
      if (distance(home(slots_[at].hash), at) < distance(hole, at)) continue;
      slots_[hole] = slots_[at];
      hole = at;
    }
    slots_[hole].value = Value{};
    --size_;
    return true;
  }

 private:
  struct Slot {
    std::uint32_t hash;
    Value value;
  };
  static_assert(std::is_trivially_copyable_v<Slot>, "zeroed memory is a vacant slot");

  struct Free {
    void operator()(Slot* slots) const noexcept { std::free(slots); }
  };

  /// Four fifths full at most: a search for who is not there looks at thirteen slots then, two
  /// cache lines, and at four where handshakes leave their part empty. A vacant slot ends every
  /// search.
  static std::size_t slots_for(std::size_t capacity) {
    const auto slots = capacity + capacity / 4 + 2;
    if (slots > UINT32_MAX) throw std::length_error("an index has at most 2^32 slots");
    return slots;
  }

  /// Where the key is, or the vacant slot where it would be.
  std::size_t look_up(const Key& key, std::uint32_t hash) const noexcept {
    std::size_t at = home(hash);
    while (is_used(at) && !(slots_[at].hash == hash && has_(slots_[at].value, key))) at = next(at);
    return at;
  }
  std::uint32_t hash(const Key& key) const noexcept {
    return static_cast<std::uint32_t>(hash_value(key, secret_) >> 32);
  }
  /// The hash scaled to the number of slots: no power of two is needed.
  std::size_t home(std::uint32_t hash) const noexcept { return hash * count_ >> 32; }
  bool is_used(std::size_t at) const noexcept { return !(slots_[at].value == Value{}); }
  std::size_t next(std::size_t at) const noexcept { return at + 1 == count_ ? 0 : at + 1; }
  std::size_t distance(std::size_t from, std::size_t to) const noexcept {
    return to >= from ? to - from : to + count_ - from;
  }

  std::size_t capacity_;
  std::uint64_t secret_;
  Has has_;
  std::size_t count_;
  std::size_t size_ = 0;
  std::unique_ptr<Slot[], Free> slots_;
};

}  // namespace fanout
