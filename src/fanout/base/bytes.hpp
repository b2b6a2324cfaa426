/// Big-endian reading and writing over spans, with the bounds checked once per access. A
/// reader that ran over its end stays failed, so a parser tests `ok()` once at its end.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace fanout {

using Bytes = std::span<const std::uint8_t>;
using MutableBytes = std::span<std::uint8_t>;

template <typename T>
constexpr T load_be(const std::uint8_t* at) noexcept {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) value = static_cast<T>(value << 8 | at[i]);
  return value;
}

template <typename T>
constexpr void store_be(std::uint8_t* at, T value) noexcept {
  if consteval {
    for (std::size_t i = 0; i < sizeof(T); ++i)
      at[i] = static_cast<std::uint8_t>(value >> (8 * (sizeof(T) - 1 - i)));
  } else {  // said outright: GCC does not always see one store in the loop
    if constexpr (std::endian::native == std::endian::little) value = std::byteswap(value);
    std::memcpy(at, &value, sizeof(T));
  }
}

class Reader {
 public:
  explicit constexpr Reader(Bytes bytes) noexcept : bytes_(bytes) {}

  constexpr bool ok() const noexcept { return ok_; }
  constexpr std::size_t position() const noexcept { return position_; }
  constexpr std::size_t remaining() const noexcept { return bytes_.size() - position_; }

  constexpr std::uint8_t u8() noexcept { return integer<std::uint8_t>(); }
  constexpr std::uint16_t u16() noexcept { return integer<std::uint16_t>(); }
  constexpr std::uint32_t u32() noexcept { return integer<std::uint32_t>(); }
  constexpr std::uint64_t u64() noexcept { return integer<std::uint64_t>(); }

  /// The next `size` bytes, or an empty span and a failed reader.
  constexpr Bytes take(std::size_t size) noexcept {
    if (!ok_ || size > remaining()) {
      ok_ = false;
      return {};
    }
    position_ += size;
    return bytes_.subspan(position_ - size, size);
  }
  constexpr void skip(std::size_t size) noexcept { take(size); }

 private:
  template <typename T>
  constexpr T integer() noexcept {
    const auto part = take(sizeof(T));
    return part.empty() ? T{0} : load_be<T>(part.data());
  }

  Bytes bytes_;
  std::size_t position_ = 0;
  bool ok_ = true;
};

class Writer {
 public:
  explicit constexpr Writer(MutableBytes bytes) noexcept : bytes_(bytes) {}

  constexpr bool ok() const noexcept { return ok_; }
  constexpr std::size_t size() const noexcept { return position_; }
  constexpr Bytes written() const noexcept { return bytes_.first(position_); }

  constexpr void u8(std::uint8_t value) noexcept { integer(value); }
  constexpr void u16(std::uint16_t value) noexcept { integer(value); }
  constexpr void u32(std::uint32_t value) noexcept { integer(value); }
  constexpr void u64(std::uint64_t value) noexcept { integer(value); }
  constexpr void bytes(Bytes source) noexcept {
    const auto room = reserve(source.size());
    std::copy_n(source.begin(), room.size(), room.begin());
  }
  constexpr void zeros(std::size_t count) noexcept { std::ranges::fill(reserve(count), 0); }

  /// Room for `size` bytes to be filled in by the caller; empty when there is none.
  constexpr MutableBytes reserve(std::size_t size) noexcept {
    if (!ok_ || size > bytes_.size() - position_) {
      ok_ = false;
      return {};
    }
    position_ += size;
    return bytes_.subspan(position_ - size, size);
  }

 private:
  template <typename T>
  constexpr void integer(T value) noexcept {
    if (const auto room = reserve(sizeof(T)); !room.empty()) store_be(room.data(), value);
  }

  MutableBytes bytes_;
  std::size_t position_ = 0;
  bool ok_ = true;
};

}  // namespace fanout
