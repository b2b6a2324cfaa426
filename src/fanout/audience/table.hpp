/// The audience: one flat row of plain data per listener. A row is all that is kept of a
/// listener between packets: no queue, no object, no pointer. Rows live in chunks that never
/// move, so a row's number is valid from `add` to `remove`, and adding a listener never copies
/// the others. Budget: 1.5 KiB per listener, everything included.
#pragma once

#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <type_traits>
#include <vector>

#include "fanout/audience/transport.hpp"

namespace fanout {

using RowId = std::uint32_t;

struct ListenerRow {
  SrtpKey rtp_key;

  // What the seal loop reads and writes besides the key: one cache line with the address.
  std::uint64_t next_index = 0;  ///< ROC · 65536 + sequence number of the next packet
  std::uint32_t packets_sent = 0;
  std::uint32_t octets_sent = 0;
  Transport transport;

  std::uint32_t member = 0;  ///< the row's place in its space's member list
  std::uint32_t srtcp_index = 0;
  ReplayWindow rtcp_seen;

  // What the last receiver report said.
  std::uint8_t fraction_lost = 0;
  std::int32_t packets_lost = 0;
  std::uint32_t jitter = 0;
};
static_assert(std::is_trivially_copyable_v<ListenerRow>, "rows are mapped and replicated");
static_assert(sizeof(ListenerRow) <= 1408, "1.5 KiB a listener, with its index entries");

class AudienceTable {
 public:
  explicit AudienceTable(std::uint32_t capacity);

  /// A fresh row, or nothing when the table holds its capacity already.
  std::optional<RowId> add();
  void remove(RowId id) noexcept;

  ListenerRow& operator[](RowId id) noexcept { return chunks_[id / kChunk].get()[id % kChunk]; }
  std::uint32_t size() const noexcept { return size_; }
  std::uint32_t capacity() const noexcept { return capacity_; }

 private:
  /// A chunk is one huge page: walking an audience of 100,000 would else miss the TLB at every
  /// row. Zeroing one costs a fraction of a millisecond, once in 1,489 joins.
  static constexpr std::size_t kHugePage = 2 << 20;
  static constexpr RowId kChunk = kHugePage / sizeof(ListenerRow);
  struct Free {
    void operator()(ListenerRow* rows) const noexcept { std::free(rows); }
  };
  using Chunk = std::unique_ptr<ListenerRow, Free>;  // kChunk rows
  static Chunk make_chunk();

  std::uint32_t capacity_;
  std::uint32_t size_ = 0;
  RowId fresh_ = 0;  // rows from here on were never used
  std::vector<Chunk> chunks_;
  std::vector<RowId> free_;
};

}  // namespace fanout
