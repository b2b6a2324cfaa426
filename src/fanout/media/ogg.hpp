/// Ogg Opus (RFC 3533, RFC 7845), written as it comes: bytes in order, each page complete, so
/// that a file cut at any byte plays up to its last whole page.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fanout/base/bytes.hpp"

namespace fanout {

class OggOpusWriter {
 public:
  /// `serial` tells streams apart; `title` goes into OpusTags.
  OggOpusWriter(std::uint32_t serial, int channels, std::string_view title);

  /// One Opus packet that starts at `position` (48 kHz samples since the start of the stream,
  /// never decreasing). Gaps are filled with silent packets, so time in the file is time in
  /// the room. A page is closed once it holds a second.
  void write(std::uint64_t position, Bytes packet, std::uint32_t samples);
  /// Closes the open page early (a flush before fsync).
  void flush();
  /// Closes the stream (end-of-stream page).
  void finish();

  /// Bytes made since the last call.
  std::vector<std::uint8_t> take();
  // The implementer completes the private part.
};

}  // namespace fanout
