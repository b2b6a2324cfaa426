#include "fanout/audience/table.hpp"

#include <memory>
#include <new>

namespace fanout {

AudienceTable::AudienceTable(std::uint32_t capacity) : capacity_(capacity) {
  chunks_.reserve((capacity + kChunk - 1) / kChunk);
}

AudienceTable::OwnedChunk AudienceTable::make_chunk() {
  return OwnedChunk(new (allocate_huge(sizeof(Chunk))) Chunk{});
}

std::optional<RowId> AudienceTable::add() {
  if (size_ == capacity_) return std::nullopt;
  ++size_;
  if (!free_.empty()) {
    const RowId id = free_.back();
    free_.pop_back();
    return id;
  }
  if (fresh_ % kChunk == 0) chunks_.push_back(make_chunk());
  return fresh_++;
}

void AudienceTable::remove(RowId id) noexcept {
  (*this)[id] = ListenerRow{};
  to_seal(id) = SealRow{};  // keys do not outlive their listener
  free_.push_back(id);
  --size_;
}

}  // namespace fanout
