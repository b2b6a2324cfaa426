/// The audience: flat rows of plain data, all that is kept of a listener between packets: no
/// queue, no object, no pointer. What sealing touches lies apart from the rest, so that memory
/// streams it. Rows live in chunks that never move: a row's number is valid from `add` to
/// `remove`, and adding a listener never copies the others. Budget: 1.5 KiB per listener.
#pragma once

#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <type_traits>
#include <vector>

#include "fanout/audience/loss_watch.hpp"
#include "fanout/audience/transport.hpp"
#include "fanout/base/huge_pages.hpp"

namespace fanout {

using RowId = std::uint32_t;

/// The stream to a listener: the key and the one cache line that sealing a packet touches. An
/// audience of 100,000 is 100 MB of it to walk for every frame.
struct SealRow {
  SrtpKey key;
  std::uint64_t next_index = 0;  ///< ROC · 65536 + sequence number of the next packet
  std::uint32_t packets_sent = 0;
  std::uint32_t octets_sent = 0;
  Address to;  ///< as in the listener's transport
  std::uint8_t payload_type = 0;
  std::uint8_t red_payload_type = 0;  ///< zero: takes no redundancy
  LossWatch loss{};
  std::uint32_t next_timestamp = 0;  ///< what the listener has not been sent yet

  // Not for sealing, but the line has room.
  std::uint8_t fraction_lost = 0;  ///< these three as the last receiver report said
  std::uint8_t section = 0;        ///< which of its hall's the listener is in,
  std::uint16_t reported = 0;      ///< when one was opened, by the report sampler's clock
  std::int32_t packets_lost = 0;
  std::uint32_t jitter = 0;
  std::uint32_t srtcp_index = 0;
  std::uint32_t member = 0;  ///< and their place in it
};
static_assert(sizeof(SealRow) == sizeof(SrtpKey) + 64);

/// Who the listener is, and whether they are still there.
struct ListenerRow {
  Transport transport;
  ReplayWindow rtcp_seen;
};
constexpr std::size_t kListenerBytes = sizeof(SealRow) + sizeof(ListenerRow);
static_assert(std::is_trivially_copyable_v<SealRow> && std::is_trivially_copyable_v<ListenerRow>,
              "rows are mapped and replicated");
static_assert(kListenerBytes <= 1360, "1.5 KiB a listener, with its index entries");

class AudienceTable {
 public:
  explicit AudienceTable(std::uint32_t capacity);

  /// A fresh row, or nothing when the table holds its capacity already.
  std::optional<RowId> add();
  void remove(RowId id) noexcept;

  ListenerRow& operator[](RowId id) noexcept { return chunks_[id / kChunk]->rows[id % kChunk]; }
  SealRow& to_seal(RowId id) noexcept { return chunks_[id / kChunk]->to_seal[id % kChunk]; }
  std::uint32_t size() const noexcept { return size_; }
  /// Rows that were ever used are below this; those free again have no session.
  RowId end() const noexcept { return fresh_; }
  std::uint32_t capacity() const noexcept { return capacity_; }

 private:
  /// A chunk is one huge page, which the kernel takes a fraction of a millisecond to zero, once in
  /// 1,542 joins.
  static constexpr RowId kChunk = kHugePage / kListenerBytes;
  /// Of a table that has fewer chunks, the last one's rows that nobody has would weigh: a small
  /// table's walk stays in the TLB's second level, or near it, and takes small pages.
  static constexpr std::size_t kSmallTable = 16;
  struct alignas(64) Chunk {
    std::array<SealRow, kChunk> to_seal;
    std::array<ListenerRow, kChunk> rows;
  };
  static_assert(sizeof(Chunk) <= kHugePage);
  struct Free {
    void operator()(Chunk* chunk) const noexcept { std::free(chunk); }
  };
  using OwnedChunk = std::unique_ptr<Chunk, Free>;
  OwnedChunk make_chunk() const;

  std::uint32_t capacity_;
  std::uint32_t size_ = 0;
  RowId fresh_ = 0;  // rows from here on were never used
  std::vector<OwnedChunk> chunks_;
  std::vector<RowId> free_;
};

}  // namespace fanout
