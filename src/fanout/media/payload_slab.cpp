#include "fanout/media/payload_slab.hpp"

#include <new>

namespace fanout {
namespace {

constexpr std::size_t kPlaces = 16;  // of a board

}  // namespace

bool PayloadSlab::grow(std::size_t shelf) noexcept try {
  const auto each = kSizes[shelf];
  boards_.push_back(std::make_unique_for_overwrite<std::uint8_t[]>(kPlaces * each));
  bytes_ += kPlaces * each;
  for (auto place = kPlaces; place-- > 0;) give_back(&boards_.back()[place * each], each);
  return true;
} catch (const std::bad_alloc&) {
  return false;
}

}  // namespace fanout
