#include "fanout/audience/table.hpp"

#include <memory>
#include <new>

namespace fanout {

AudienceTable::AudienceTable(std::uint32_t capacity) : capacity_(capacity) {
  chunks_.reserve((capacity + kChunk - 1) / kChunk);
}

/// Untouched: a row is made when it is first given out.
AudienceTable::OwnedChunk AudienceTable::make_chunk() const {
  void* memory = chunks_.size() < kSmallTable ? std::aligned_alloc(alignof(Chunk), sizeof(Chunk))
                                              : allocate_huge(sizeof(Chunk));
  if (!memory) throw std::bad_alloc();
  return OwnedChunk(static_cast<Chunk*>(memory));
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
  (*this)[fresh_] = ListenerRow{};
  to_seal(fresh_) = SealRow{};
  return fresh_++;
}

void AudienceTable::remove(RowId id) noexcept {
  (*this)[id] = ListenerRow{};
  to_seal(id) = SealRow{};  // keys do not outlive their listener
  free_.push_back(id);
  --size_;
}

}  // namespace fanout
