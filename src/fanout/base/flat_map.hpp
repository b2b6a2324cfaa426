/// A hash map in one flat array: open addressing, linear probing, deletion by shifting back,
/// so a lookup touches one or two cache lines and churn leaves no tombstones. Sized once for
/// the most it will ever hold; a full map refuses instead of growing in the middle of a tick.
/// Keys come from the network, so they are hashed (`hash_value`) under the map's own secret.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace fanout {

template <typename Key, typename Value>
class FlatMap {
 public:
  FlatMap(std::size_t capacity, std::uint64_t secret)
      : capacity_(capacity), secret_(secret), slots_(std::bit_ceil(capacity + capacity / 2 + 2)) {}

  std::size_t size() const noexcept { return size_; }

  Value* find(const Key& key) noexcept {
    for (std::size_t at = home(key); slots_[at].used; at = next(at))
      if (slots_[at].key == key) return &slots_[at].value;
    return nullptr;
  }

  /// False when the map is full and `key` is not in it.
  bool set(const Key& key, const Value& value) noexcept {
    std::size_t at = home(key);
    while (slots_[at].used && !(slots_[at].key == key)) at = next(at);
    if (!slots_[at].used) {
      if (size_ == capacity_) return false;
      ++size_;
    }
    slots_[at] = {key, value, true};
    return true;
  }

  bool erase(const Key& key) noexcept {
    std::size_t hole = home(key);
    while (slots_[hole].used && !(slots_[hole].key == key)) hole = next(hole);
    if (!slots_[hole].used) return false;
    for (std::size_t at = next(hole); slots_[at].used; at = next(at)) {
      if (distance(home(slots_[at].key), at) < distance(hole, at)) continue;
      slots_[hole] = slots_[at];
      hole = at;
    }
    slots_[hole].used = false;
    --size_;
    return true;
  }

 private:
  struct Slot {
    Key key{};
    Value value{};
    bool used = false;
  };

  std::size_t home(const Key& key) const noexcept {
    return hash_value(key, secret_) & (slots_.size() - 1);
  }
  std::size_t next(std::size_t at) const noexcept { return (at + 1) & (slots_.size() - 1); }
  std::size_t distance(std::size_t from, std::size_t to) const noexcept {
    return (to - from) & (slots_.size() - 1);
  }

  std::size_t capacity_;
  std::uint64_t secret_;
  std::size_t size_ = 0;
  std::vector<Slot> slots_;
};

}  // namespace fanout
