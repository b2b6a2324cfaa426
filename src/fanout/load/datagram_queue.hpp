/// Datagrams waiting to be polled, end to end in one buffer: a client sends few at a time, and
/// a hundred thousand clients cannot each keep a pool. An empty queue owns no memory at all.
#pragma once

#include <algorithm>
#include <vector>

#include "fanout/base/bytes.hpp"

namespace fanout {

class DatagramQueue {
 public:
  static constexpr std::size_t kMaxDatagram = 1'500;

  /// Room for the next datagram; it is in line once `commit` says how long it became.
  MutableBytes next() {
    bytes_.resize(written_ + kPrefix + kMaxDatagram);
    return MutableBytes(bytes_).subspan(written_ + kPrefix);
  }
  void commit(std::size_t size) noexcept {
    if (size == 0) return;
    store_be(&bytes_[written_], static_cast<std::uint16_t>(size));
    written_ += kPrefix + size;
  }
  void add(Bytes datagram) {
    std::ranges::copy(datagram, next().begin());
    commit(datagram.size());
  }

  bool empty() const noexcept { return read_ == written_; }
  /// The oldest datagram, or empty; valid until the next call of `next` or `poll`.
  Bytes poll() noexcept {
    if (empty()) {
      *this = {};
      return {};
    }
    const std::size_t size = load_be<std::uint16_t>(&bytes_[read_]);
    read_ += kPrefix + size;
    return Bytes(bytes_).subspan(read_ - size, size);
  }

 private:
  static constexpr std::size_t kPrefix = 2;

  std::vector<std::uint8_t> bytes_;
  std::size_t read_ = 0;
  std::size_t written_ = 0;
};

}  // namespace fanout
