/// Whatever arrives, the blocks of a redundant payload lie inside it, one after the other, up to
/// its end; and what is written of them reads back as it was.
#include <array>

#include "fanout/wire/red.hpp"
#include "inside.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fanout::Bytes payload(data, size);
  auto red = fanout::RedView::parse(payload);
  if (!red) return 0;
  std::array<fanout::RedBlock, 512> blocks;  // -max_len=1500 holds no more
  std::size_t count = 0;
  std::size_t total = 0;
  while (const auto block = red->next()) {
    require_inside(block->payload, payload);
    total += block->payload.size();
    blocks.at(count++) = *block;
  }
  if (count == 0 || total + fanout::kRedHeader * (count - 1) + 1 != size) std::abort();
  std::array<std::uint8_t, 2048> again;
  fanout::Writer out(again);
  const auto& primary = blocks[count - 1];
  fanout::write_red(out, std::span(blocks).first(count - 1), primary.payload_type, primary.payload);
  if (!std::ranges::equal(out.written(), payload)) std::abort();
  fanout::set_red_payload_type(std::span(again).first(out.size()), 111);
  auto typed = fanout::RedView::parse(out.written());
  while (const auto block = typed->next())
    if (block->payload_type != 111) std::abort();
  return 0;
}
