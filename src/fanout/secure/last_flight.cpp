#include "fanout/secure/last_flight.hpp"

#include <algorithm>

namespace fanout {
namespace {

/// Content type, version, epoch, 48 bits of number, length; what is left out is zero.
constexpr std::array<std::uint8_t, LastFlight::kForm> kFormBytes{
    20, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1,  // ChangeCipherSpec
    22, 0xFE, 0xFD, 0, 1};                            // the first record that is encrypted
constexpr std::size_t kNumber = 10, kLength = LastFlight::kForm - 1;

}  // namespace

LastFlight::LastFlight(Bytes flight) noexcept {
  if (flight.size() <= kForm || flight.size() > kMost) return;
  number_ = flight[kNumber];
  finished_size_ = static_cast<std::uint8_t>(flight.size() - kForm);
  std::ranges::copy(flight.subspan(kForm), finished_.begin());
  std::array<std::uint8_t, kMost> again;
  if (!std::ranges::equal(write(again), flight)) *this = {};
}

Bytes LastFlight::write(MutableBytes out) const noexcept {
  if (size() == 0) return {};
  const auto finished = std::ranges::copy(kFormBytes, out.begin()).out;
  out[kNumber] = number_;
  out[kLength] = finished_size_;
  std::copy_n(finished_.begin(), finished_size_, finished);
  return out.first(size());
}

}  // namespace fanout
