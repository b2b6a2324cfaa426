#include "fanout/media/ogg.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

#include "fanout/base/audio.hpp"
#include "fanout/media/opus.hpp"

namespace fanout {
namespace {

constexpr std::uint16_t kPreSkip = 312;
constexpr std::uint64_t kPageSamples = kClockRate;            // at most a second is lost in a crash
constexpr std::uint64_t kFillPerCall = 3600ULL * kClockRate;  // an hour: 450 kB
constexpr std::size_t kMaxTitle = 1024;
constexpr std::size_t kMaxSegments = 255;                   // RFC 3533 section 6
constexpr std::size_t kMaxPacket = kMaxSegments * 255 - 1;  // fits a page of its own
constexpr std::size_t kCrcAt = 22;

enum PageType : std::uint8_t { kInner = 0, kFirst = 2, kLast = 4 };

/// RFC 3533 section 6: polynomial 0x04c11db7, neither reflected nor inverted.
constexpr auto kCrcTable = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t crc = i << 24;
    for (int bit = 0; bit < 8; ++bit) crc = crc << 1 ^ (crc >> 31 ? 0x04C1'1DB7u : 0);
    table[i] = crc;
  }
  return table;
}();

std::uint32_t crc_of(Bytes bytes) noexcept {
  std::uint32_t crc = 0;
  for (const auto byte : bytes) crc = crc << 8 ^ kCrcTable[crc >> 24 ^ byte];
  return crc;
}

/// Ogg is little-endian.
template <typename T>
void store_le(std::uint8_t* at, T value) noexcept {
  for (std::size_t i = 0; i < sizeof(T); ++i) at[i] = static_cast<std::uint8_t>(value >> 8 * i);
}

template <typename T>
void append_le(std::vector<std::uint8_t>& out, T value) {
  out.resize(out.size() + sizeof(T));
  store_le(&out[out.size() - sizeof(T)], value);
}

void append_text(std::vector<std::uint8_t>& out, std::string_view text) {
  out.insert(out.end(), text.begin(), text.end());
}

/// Lacing values of a packet: 255 as often as it goes, then the rest, which may be zero.
constexpr std::size_t segments_of(std::size_t size) noexcept { return size / 255 + 1; }

/// RFC 7845 section 5.1.
std::vector<std::uint8_t> opus_head(int channels) {
  std::vector<std::uint8_t> head;
  append_text(head, "OpusHead");
  append_le<std::uint8_t>(head, 1);  // version
  append_le(head, static_cast<std::uint8_t>(channels));
  append_le(head, kPreSkip);
  append_le(head, kClockRate);        // of the input; informative
  append_le<std::uint16_t>(head, 0);  // gain
  append_le<std::uint8_t>(head, 0);   // mapping family: mono or stereo
  return head;
}

std::string_view cut(std::string_view title) noexcept {
  if (title.size() <= kMaxTitle) return title;
  auto size = kMaxTitle;
  while (size > 0 && (title[size] & 0xC0) == 0x80) --size;  // between characters of UTF-8
  return title.substr(0, size);
}

/// RFC 7845 section 5.2.
std::vector<std::uint8_t> opus_tags(std::string_view title) {
  constexpr std::string_view vendor = "spacescore";
  const auto comment = "TITLE=" + std::string(cut(title));
  std::vector<std::uint8_t> tags;
  append_text(tags, "OpusTags");
  append_le(tags, static_cast<std::uint32_t>(vendor.size()));
  append_text(tags, vendor);
  append_le<std::uint32_t>(tags, title.empty() ? 0 : 1);
  if (title.empty()) return tags;
  append_le(tags, static_cast<std::uint32_t>(comment.size()));
  append_text(tags, comment);
  return tags;
}

/// `frames` frames of silence (RFC 6716 section 3.2.5): full-band CELT of 20 or 2.5 ms, each
/// of two bytes that raise CELT's silence flag and nothing else.
class Silence {
 public:
  Silence(bool stereo, bool short_frames, std::size_t frames) noexcept : size_(2 + 2 * frames) {
    const unsigned config = short_frames ? 28 : 31;
    bytes_[0] = static_cast<std::uint8_t>(config << 3 | (stereo ? 4u : 0u) | 3u);
    bytes_[1] = static_cast<std::uint8_t>(frames);  // equal sizes, no padding
    for (std::size_t i = 2; i < size_; i += 2) bytes_[i] = 0xFF, bytes_[i + 1] = 0xFE;
  }

  Bytes bytes() const noexcept { return Bytes(bytes_).first(size_); }

 private:
  std::array<std::uint8_t, 16> bytes_{};
  std::size_t size_;
};

}  // namespace

OggOpusWriter::OggOpusWriter(std::uint32_t serial, int channels, std::string_view title)
    : serial_(serial), stereo_(channels == 2) {
  if (channels != 1 && channels != 2)
    throw std::invalid_argument("channels neither 1 nor 2: " + std::to_string(channels));
  write_header_page(kFirst, opus_head(channels));
  write_header_page(kInner, opus_tags(title));
}

void OggOpusWriter::write(std::uint64_t position, Bytes packet, std::uint32_t samples) {
  if (!accepts(position, packet, samples) || !fill_to(position)) {
    ++skipped_;
    return;
  }
  append(packet, samples);
  if (end_ - page_start_ >= kPageSamples) flush();
}

void OggOpusWriter::flush() {
  if (segments_ > 0) close_page(kInner, end_);
}

void OggOpusWriter::finish() {
  if (finished_) return;
  flush();
  const auto end = end_ + kPreSkip;  // RFC 7845 section 4.4: the packet's rest is not played
  append(Silence(stereo_, false, 1).bytes(), kFrameSamples);
  close_page(kLast, end);
  finished_ = true;
}

std::vector<std::uint8_t> OggOpusWriter::take() { return std::exchange(out_, {}); }

bool OggOpusWriter::accepts(std::uint64_t position, Bytes packet,
                            std::uint32_t samples) const noexcept {
  return !finished_ && position + kMinOpusSamples > end_ && packet.size() <= kMaxPacket &&
         opus_samples(packet) == samples;
}

/// Silence up to `position`, as near as 2.5 ms come; false when that is too far for one call.
bool OggOpusWriter::fill_to(std::uint64_t position) {
  const auto limit = end_ + kFillPerCall;
  const auto goal = std::min(position, limit);
  if (end_ + kMinOpusSamples <= goal) flush();
  while (end_ + kFrameSamples <= goal) {
    const auto frames = std::min<std::uint64_t>((goal - end_) / kFrameSamples, 6);
    append(Silence(stereo_, false, frames).bytes(), frames * kFrameSamples);
  }
  while (end_ + kMinOpusSamples <= goal) append(Silence(stereo_, true, 1).bytes(), kMinOpusSamples);
  return position <= limit;
}

void OggOpusWriter::append(Bytes packet, std::uint64_t samples) {
  if (segments_ + segments_of(packet.size()) > kMaxSegments) flush();
  if (segments_ == 0) page_start_ = end_;
  for (auto rest = packet.size(); rest >= 255; rest -= 255) lacing_[segments_++] = 255;
  lacing_[segments_++] = static_cast<std::uint8_t>(packet.size() % 255);
  body_.insert(body_.end(), packet.begin(), packet.end());
  end_ += samples;
}

void OggOpusWriter::close_page(std::uint8_t type, std::uint64_t granule) {
  const auto start = out_.size();
  append_text(out_, std::string_view("OggS\0", 5));
  append_le(out_, type);
  append_le(out_, granule);
  append_le(out_, serial_);
  append_le(out_, pages_++);
  append_le<std::uint32_t>(out_, 0);  // the checksum is made over zeros
  append_le(out_, static_cast<std::uint8_t>(segments_));
  out_.insert(out_.end(), lacing_.begin(),
              lacing_.begin() + static_cast<std::ptrdiff_t>(segments_));
  out_.insert(out_.end(), body_.begin(), body_.end());
  store_le(&out_[start + kCrcAt], crc_of(Bytes(out_).subspan(start)));
  segments_ = 0;
  body_.clear();
}

void OggOpusWriter::write_header_page(std::uint8_t type, Bytes packet) {
  append(packet, 0);
  close_page(type, 0);
}

}  // namespace fanout
