#include "fanout/wire/red.hpp"

namespace fanout {
namespace {

constexpr std::uint8_t kMore = 0x80;  // another header follows
constexpr std::uint8_t kType = 0x7F;

/// Section 3: a copy's header after its first byte, 14 bits of offset and 10 of length.
constexpr std::uint32_t word(Bytes header) noexcept {
  return load_be<std::uint32_t>(header.data());
}
constexpr std::size_t length(std::uint32_t word) noexcept { return word & kMaxRedCopy; }
constexpr std::uint16_t offset(std::uint32_t word) noexcept {
  return static_cast<std::uint16_t>(word >> 10 & kMaxRedOffset);
}

constexpr bool fits_header(const RedBlock& copy) noexcept {
  return copy.timestamp_offset <= kMaxRedOffset && copy.payload.size() <= kMaxRedCopy;
}

}  // namespace

std::expected<RedView, Drop> RedView::parse(Bytes payload) noexcept {
  Reader in(payload);
  std::size_t copied = 0;
  while (in.remaining() >= kRedHeader && (payload[in.position()] & kMore) != 0)
    copied += length(in.u32());
  const auto last = in.u8();
  if (!in.ok() || (last & kMore) != 0 || copied > in.remaining())
    return std::unexpected(Drop::malformed_red);
  return RedView(payload.first(in.position()), payload.subspan(in.position()));
}

std::optional<RedBlock> RedView::next() noexcept {
  if (headers_.empty()) return std::nullopt;
  RedBlock block{.payload_type = static_cast<std::uint8_t>(headers_.front() & kType),
                 .payload = payloads_};
  const bool copy = headers_.size() > kRedPrimaryHeader;
  if (copy) {
    block.timestamp_offset = offset(word(headers_));
    block.payload = payloads_.first(length(word(headers_)));
  }
  headers_ = headers_.subspan(copy ? kRedHeader : kRedPrimaryHeader);
  payloads_ = payloads_.subspan(block.payload.size());
  return block;
}

void write_red(Writer& out, std::span<const RedBlock> copies, std::uint8_t payload_type,
               Bytes primary) noexcept {
  for (const auto& copy : copies)
    if (fits_header(copy))
      out.u32(static_cast<std::uint32_t>(kMore | (copy.payload_type & kType)) << 24 |
              static_cast<std::uint32_t>(copy.timestamp_offset) << 10 |
              static_cast<std::uint32_t>(copy.payload.size()));
  out.u8(payload_type & kType);
  for (const auto& copy : copies)
    if (fits_header(copy)) out.bytes(copy.payload);
  out.bytes(primary);
}

void set_red_payload_type(MutableBytes payload, std::uint8_t payload_type) noexcept {
  std::size_t at = 0;
  for (; (payload[at] & kMore) != 0; at += kRedHeader) payload[at] = kMore | payload_type;
  payload[at] = payload_type;
}

}  // namespace fanout
