/// Base64 (RFC 4648 section 4) without padding, which ICE's alphabet lacks, and strict: every
/// byte string has one spelling, so a changed character is a changed value or an error.
#pragma once

#include <array>
#include <string_view>

#include "fanout/base/bytes.hpp"

namespace fanout {

constexpr std::string_view kBase64Alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::size_t base64_size(std::size_t bytes) noexcept { return (bytes * 4 + 2) / 3; }
static_assert(base64_size(0) == 0 && base64_size(1) == 2 && base64_size(2) == 3 &&
              base64_size(3) == 4);

constexpr std::uint8_t kNoBase64Digit = 0xFF;

constexpr auto kBase64Values = [] {
  std::array<std::uint8_t, 256> values{};
  values.fill(kNoBase64Digit);
  for (std::size_t i = 0; i < kBase64Alphabet.size(); ++i)
    values[static_cast<std::uint8_t>(kBase64Alphabet[i])] = static_cast<std::uint8_t>(i);
  return values;
}();

constexpr std::uint8_t base64_value(char digit) noexcept {
  return kBase64Values[static_cast<std::uint8_t>(digit)];
}

/// Writes base64_size(bytes.size()) characters.
constexpr void base64_encode(Bytes bytes, char* out) noexcept {
  std::uint32_t bits = 0;
  int count = 0;
  for (const std::uint8_t byte : bytes) {
    bits = bits << 8 | byte;
    for (count += 8; count >= 6; count -= 6) *out++ = kBase64Alphabet[bits >> (count - 6) & 63];
  }
  if (count > 0) *out = kBase64Alphabet[bits << (6 - count) & 63];
}

/// Fills `out` exactly; false on a foreign character, another length, or spare bits not zero.
constexpr bool base64_decode(std::string_view text, MutableBytes out) noexcept {
  if (text.size() != base64_size(out.size())) return false;
  std::uint32_t bits = 0;
  int count = 0;
  std::uint8_t foreign = 0;
  auto* to = out.data();
  for (const char digit : text) {
    const auto value = base64_value(digit);
    foreign |= value;
    bits = bits << 6 | (value & 63u);
    if ((count += 6) < 8) continue;
    count -= 8;
    *to++ = static_cast<std::uint8_t>(bits >> count);
  }
  const auto spare = bits & ((1u << count) - 1);
  return foreign < 64 && spare == 0;
}

}  // namespace fanout
