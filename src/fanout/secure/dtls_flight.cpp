#include "fanout/secure/dtls_flight.hpp"

namespace fanout {
namespace {

constexpr std::size_t kRecordHeader = 13;  // type, version, epoch, 48-bit number, length
constexpr std::size_t kEpoch = 3, kNumber = 5, kLength = 11;

}  // namespace

void DtlsFlight::add(Bytes datagram) {
  if (ended_) clear();
  ended_ = false;
  const auto start = bytes_.size();
  bytes_.insert(bytes_.end(), datagram.begin(), datagram.end());
  ends_.push_back(bytes_.size());
  renumber(MutableBytes(bytes_).subspan(start));
}

void DtlsFlight::clear() noexcept {
  bytes_.clear();
  ends_.clear();
  sent_ = 0;
}

Bytes DtlsFlight::next() const noexcept {
  if (sent_ == ends_.size()) return {};
  const auto start = sent_ == 0 ? 0 : ends_[sent_ - 1];
  return bytes().subspan(start, ends_[sent_] - start);
}

void DtlsFlight::repeat() noexcept {
  renumber(bytes_);
  sent_ = 0;
}

void DtlsFlight::renumber(MutableBytes datagram) noexcept {
  while (datagram.size() >= kRecordHeader) {
    const auto size = kRecordHeader + load_be<std::uint16_t>(&datagram[kLength]);
    if (load_be<std::uint16_t>(&datagram[kEpoch]) == 0) {
      store_be(&datagram[kNumber], static_cast<std::uint16_t>(sequence_ >> 32));
      store_be(&datagram[kNumber + 2], static_cast<std::uint32_t>(sequence_));
      ++sequence_;
    }
    datagram = datagram.subspan(std::min(size, datagram.size()));
  }
}

}  // namespace fanout
