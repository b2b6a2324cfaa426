/// Redundant audio (RFC 2198): a payload that carries copies of earlier ones before its own, so
/// that a lost packet comes again with a later one. Parse and write, no state.
#pragma once

#include <expected>
#include <optional>

#include "fanout/base/bytes.hpp"
#include "fanout/base/drop.hpp"

namespace fanout {

/// One payload among those of a packet; `timestamp_offset` is how far it lies before the packet's
/// own timestamp: zero for the primary, which stands last.
struct RedBlock {
  std::uint8_t payload_type = 0;
  std::uint16_t timestamp_offset = 0;
  Bytes payload;
};

constexpr std::size_t kRedHeader = 4;         // of a copy
constexpr std::size_t kRedPrimaryHeader = 1;  // of the last block
constexpr std::size_t kMaxRedOffset = (1 << 14) - 1;
constexpr std::size_t kMaxRedCopy = (1 << 10) - 1;

/// Walks the blocks in their order: validated whole in `parse`, then cheap. Borrows the payload.
class RedView {
 public:
  static std::expected<RedView, Drop> parse(Bytes payload) noexcept;
  std::optional<RedBlock> next() noexcept;

 private:
  RedView(Bytes headers, Bytes payloads) noexcept : headers_(headers), payloads_(payloads) {}
  Bytes headers_;
  Bytes payloads_;
};

/// Copies that their header cannot describe (14 bits of offset, 10 of length) are left out.
void write_red(Writer& out, std::span<const RedBlock> copies, std::uint8_t payload_type,
               Bytes primary) noexcept;

/// Every block of a payload that `write_red` wrote becomes one of this type: what differs
/// between receivers who else get the same.
void set_red_payload_type(MutableBytes payload, std::uint8_t payload_type) noexcept;

}  // namespace fanout
