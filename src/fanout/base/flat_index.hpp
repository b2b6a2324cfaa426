/// A hash map in one flat array: open addressing, linear probing, deletion by shifting back,
/// so a lookup touches one or two cache lines and churn leaves no tombstones. Sized once for
/// the most it will ever hold; a full map refuses instead of growing in the middle of a tick.
/// Keys come from the network, so they are hashed (`hash_value`) under the map's own secret.
/// A value is never `Value{}`: that is how a vacant slot looks, so that four sessions share a line.
///
/// The array comes zeroed from the kernel, which gives pages as they are touched: a map made for
/// a million costs what those inside it need.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <stdexcept>
#include <type_traits>

namespace fanout {

template <typename Key, typename Value>
class FlatMap {
 public:
  FlatMap(std::size_t capacity, std::uint64_t secret)
      : capacity_(capacity), secret_(secret), count_(slots_for(capacity)) {
    slots_.reset(static_cast<Slot*>(std::calloc(count_, sizeof(Slot))));
    if (!slots_) throw std::bad_alloc();
  }

  std::size_t size() const noexcept { return size_; }

  Value* find(const Key& key) noexcept {
    for (std::size_t at = home(key); is_used(at); at = next(at))
      if (slots_[at].key == key) return &slots_[at].value;
    return nullptr;
  }

  /// False when the map is full and `key` is not in it.
  bool set(const Key& key, const Value& value) noexcept {
    std::size_t at = home(key);
    while (is_used(at) && !(slots_[at].key == key)) at = next(at);
    if (!is_used(at)) {
      if (size_ == capacity_) return false;
      ++size_;
    }
    slots_[at] = {key, value};
    return true;
  }

  bool erase(const Key& key) noexcept {
    std::size_t hole = home(key);
    while (is_used(hole) && !(slots_[hole].key == key)) hole = next(hole);
    if (!is_used(hole)) return false;
    for (std::size_t at = next(hole); is_used(at); at = next(at)) {
      if (distance(home(slots_[at].key), at) < distance(hole, at)) continue;
      slots_[hole] = slots_[at];
      hole = at;
    }
    slots_[hole].value = Value{};
    --size_;
    return true;
  }

 private:
  struct Slot {
    Key key;
    Value value;
  };
  static_assert(std::is_trivially_copyable_v<Slot>, "zeroed memory is a vacant slot");

  struct Free {
    void operator()(Slot* slots) const noexcept { std::free(slots); }
  };

  /// Half full at most: a search for who is not there looks at two slots then, at five when it
  /// is two thirds. A vacant slot ends every search.
  static std::size_t slots_for(std::size_t capacity) {
    const auto slots = 2 * capacity + 2;
    if (slots > UINT32_MAX) throw std::length_error("a map has at most 2^32 slots");
    return slots;
  }

  /// The upper half of the hash, scaled to the number of slots: no power of two is needed.
  std::size_t home(const Key& key) const noexcept {
    return (hash_value(key, secret_) >> 32) * count_ >> 32;
  }
  bool is_used(std::size_t at) const noexcept { return !(slots_[at].value == Value{}); }
  std::size_t next(std::size_t at) const noexcept { return at + 1 == count_ ? 0 : at + 1; }
  std::size_t distance(std::size_t from, std::size_t to) const noexcept {
    return to >= from ? to - from : to + count_ - from;
  }

  std::size_t capacity_;
  std::uint64_t secret_;
  std::size_t count_;
  std::size_t size_ = 0;
  std::unique_ptr<Slot[], Free> slots_;
};

}  // namespace fanout
