/// Ogg Opus (RFC 3533, RFC 7845), written as it comes: bytes in order, each page complete, so
/// that a file cut at any byte plays up to its last whole page.
///
/// Time in the file is time in the room. A page's granule position counts the samples that a
/// decoder has made by its end; the first 312 of them are not played (pre-skip: the lookahead
/// of libopus' encoder at 48 kHz, OPUS_GET_LOOKAHEAD), so what was said at `position` is heard
/// at `position`. Gaps are filled with packets that decode to silence in every decoder. Those
/// with nothing but a TOC would be shorter, but they ask for concealment, which drones on.
///
/// The same calls make the same bytes: no clock, no random numbers.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "fanout/base/bytes.hpp"
#include "fanout/base/ids.hpp"

namespace fanout {

class OggOpusWriter {
 public:
  /// `serial` tells streams apart; `title` (UTF-8, cut at 1,024 bytes) goes into OpusTags.
  /// Throws std::invalid_argument when `channels` is neither 1 nor 2.
  OggOpusWriter(std::uint32_t serial, int channels, std::string_view title);

  /// One Opus packet that starts at `position` (48 kHz samples since the start of the stream,
  /// never decreasing) and lasts `samples`. A page is closed once it holds a second.
  ///
  /// A packet more than 2.5 ms behind what is written already, one that does not last
  /// `samples`, and one after finish() are skipped and counted. A gap takes 125 bytes a second
  /// and is filled an hour per call: after a longer one packets are skipped until the file has
  /// caught up, so that no call takes long.
  void write(std::uint64_t position, Bytes packet, std::uint32_t samples);
  /// Closes the open page early (a flush before fsync).
  void flush();
  /// Closes the stream (end-of-stream page): it ends where its last packet did, to the sample.
  void finish();

  /// Bytes made since the last call.
  std::vector<std::uint8_t> take();

  /// Packets that write() did not take.
  std::uint64_t skipped() const noexcept { return skipped_; }

 private:
  bool accepts(std::uint64_t position, Bytes packet, std::uint32_t samples) const noexcept;
  bool fill_to(std::uint64_t position);
  void append(Bytes packet, std::uint64_t samples);
  void close_page(std::uint8_t type, std::uint64_t granule);
  void write_header_page(std::uint8_t type, Bytes packet);

  std::uint32_t serial_;
  bool stereo_;
  bool finished_ = false;
  std::uint32_t pages_ = 0;
  std::uint64_t end_ = 0;         // samples written
  std::uint64_t page_start_ = 0;  // samples before the open page
  std::uint64_t skipped_ = 0;
  std::size_t segments_ = 0;
  std::array<std::uint8_t, 255> lacing_;
  std::vector<std::uint8_t> body_;
  std::vector<std::uint8_t> out_;
};

}  // namespace fanout
