#include "fanout/wire/stun.hpp"

namespace fanout {
namespace {

constexpr std::uint32_t kMagicCookie = 0x2112A442;
constexpr std::uint32_t kFingerprintXor = 0x5354554E;  // "STUN": tells it from other CRCs
constexpr std::size_t kHeader = 20;
constexpr std::size_t kFingerprint = 8;    // header and value
constexpr std::size_t kMaxUsername = 508;  // RFC 8489 section 14.3
constexpr std::uint16_t kBinding = 0x0001;
constexpr std::uint16_t kSuccessBits = 0x0100;
constexpr std::uint8_t kFamilyV4 = 1, kFamilyV6 = 2;

enum Attribute : std::uint16_t {  // RFC 8489 section 18.3, RFC 8445 section 20.2
  kUsername = 0x0006,
  kMessageIntegrity = 0x0008,
  kXorMappedAddress = 0x0020,
  kPriority = 0x0024,
  kUseCandidate = 0x0025,
  kComprehensionOptional = 0x8000,  // from here on
  kFingerprintType = 0x8028,
  kIceControlled = 0x8029,
  kIceControlling = 0x802A,
};

constexpr std::size_t padded(std::size_t size) noexcept { return (size + 3) & ~std::size_t{3}; }

/// RFC 8489 section 14.7 means ITU V.42: the reflected polynomial, ones in, ones out. Eight bytes
/// a step (Kounavis and Berry 2005), for every check repeats a long USERNAME: table k advances a
/// byte by k more zero bytes.
constexpr std::size_t kCrcStep = 8;
constexpr auto kCrcTables = [] {
  std::array<std::array<std::uint32_t, 256>, kCrcStep> tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    auto crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xEDB8'8320u : 0u);
    tables[0][byte] = crc;
  }
  for (std::size_t k = 1; k < kCrcStep; ++k)
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const auto before = tables[k - 1][byte];
      tables[k][byte] = before >> 8 ^ tables[0][before & 0xFF];
    }
  return tables;
}();

constexpr std::uint32_t crc32(Bytes bytes) noexcept {
  std::uint32_t crc = 0xFFFF'FFFF;
  for (; bytes.size() >= kCrcStep; bytes = bytes.subspan(kCrcStep)) {
    std::uint32_t next = 0;
    for (std::size_t i = 0; i < kCrcStep; ++i) {
      const auto mixed = bytes[i] ^ (i < 4 ? crc >> 8 * i : 0);
      next ^= kCrcTables[kCrcStep - 1 - i][mixed & 0xFF];
    }
    crc = next;
  }
  for (const auto byte : bytes) crc = crc >> 8 ^ kCrcTables[0][(crc ^ byte) & 0xFF];
  return ~crc;
}

constexpr auto kCheck = std::to_array<std::uint8_t>({'1', '2', '3', '4', '5', '6', '7', '8', '9'});
static_assert(crc32(kCheck) == 0xCBF4'3926);  // the check value of every CRC catalogue

/// RFC 8489 section 5: the class is two bits strewn into the method.
constexpr StunClass class_of(std::uint16_t type) noexcept {
  return static_cast<StunClass>((type >> 7 & 2) | (type >> 4 & 1));
}
static_assert(class_of(0x0001) == StunClass::request && class_of(0x0011) == StunClass::indication);
static_assert(class_of(0x0101) == StunClass::success && class_of(0x0111) == StunClass::error);

/// What addresses are XORed with (section 14.2): the cookie, then the transaction id.
std::array<std::uint8_t, 16> address_mask(const TransactionId& transaction) noexcept {
  std::array<std::uint8_t, 16> mask;
  store_be(mask.data(), kMagicCookie);
  std::ranges::copy(transaction, mask.begin() + 4);
  return mask;
}

std::optional<Address> read_mapped(Bytes value, const TransactionId& transaction) noexcept {
  Reader in(value);
  in.skip(1);
  const auto family = in.u8();
  const auto port = static_cast<std::uint16_t>(in.u16() ^ kMagicCookie >> 16);
  const std::size_t size = family == kFamilyV4 ? 4 : 16;
  const bool known = family == kFamilyV4 || family == kFamilyV6;
  if (!in.ok() || !known || in.remaining() != size) return std::nullopt;
  auto address = Address::v4({}, port);
  if (family == kFamilyV6) address.ip = {};
  const auto ip = in.take(size);
  const auto mask = address_mask(transaction);
  for (std::size_t i = 0; i < size; ++i) address.ip[16 - size + i] = ip[i] ^ mask[i];
  return address;
}

/// One pass over the attributes of a message.
class Walk {
 public:
  Walk(Bytes datagram, StunView& view) noexcept : datagram_(datagram), in_(datagram), view_(view) {
    in_.skip(kHeader);
  }

  std::optional<Drop> run() noexcept {
    while (in_.remaining() > 0)
      if (const auto drop = step()) return drop;
    return std::nullopt;
  }

 private:
  std::optional<Drop> step() noexcept {
    const auto start = in_.position();
    const auto type = in_.u16();
    const auto size = in_.u16();
    const auto value = in_.take(size);
    in_.skip(padded(size) - size);
    if (!in_.ok()) return Drop::malformed_stun;
    if (type == kFingerprintType) return check_fingerprint(start, value);
    if (!view_.integrity.empty()) return std::nullopt;  // section 14.5: not covered, so not heard
    if (type == kMessageIntegrity) return read_integrity(start, value);
    return read(type, value);
  }

  std::optional<Drop> check_fingerprint(std::size_t start, Bytes value) const noexcept {
    if (value.size() != 4 || in_.remaining() > 0) return Drop::malformed_stun;
    const auto expected = crc32(datagram_.first(start)) ^ kFingerprintXor;
    return drop_unless(load_be<std::uint32_t>(value.data()) == expected);
  }

  std::optional<Drop> read_integrity(std::size_t start, Bytes value) noexcept {
    view_.integrity = value;
    view_.integrity_offset = start;
    return drop_unless(value.size() == 20);
  }

  /// A repeated attribute counts once, the first time (section 14).
  std::optional<Drop> read(std::uint16_t type, Bytes value) noexcept {
    switch (type) {
      case kUsername:
        return read_username(value);
      case kPriority:
        return read_priority(value);
      case kXorMappedAddress:
        if (!view_.mapped) view_.mapped = read_mapped(value, view_.transaction);
        return drop_unless(view_.mapped.has_value());
      case kUseCandidate:
        view_.use_candidate = true;
        return drop_unless(value.empty());
      case kIceControlling:
        view_.controlling = true;
        return drop_unless(value.size() == 8);
      case kIceControlled:
        view_.controlled = true;
        return drop_unless(value.size() == 8);
      default:
        return judge_unknown(type);
    }
  }

  std::optional<Drop> read_username(Bytes value) noexcept {
    if (view_.username.empty())
      view_.username = {reinterpret_cast<const char*>(value.data()), value.size()};
    return drop_unless(value.size() <= kMaxUsername);
  }

  std::optional<Drop> read_priority(Bytes value) noexcept {
    if (value.size() != 4) return Drop::malformed_stun;
    if (!view_.priority) view_.priority = load_be<std::uint32_t>(value.data());
    return std::nullopt;
  }

  /// Section 6.3.1 answers 420 to what must be understood and is not; we answer nobody.
  std::optional<Drop> judge_unknown(std::uint16_t type) const noexcept {
    if (view_.type != StunClass::request || type >= kComprehensionOptional) return std::nullopt;
    return Drop::unexpected_stun;
  }

  static std::optional<Drop> drop_unless(bool good) noexcept {
    return good ? std::nullopt : std::optional(Drop::malformed_stun);
  }

  Bytes datagram_;
  Reader in_;
  StunView& view_;
};

/// Writes the header; returns where the length goes once it is known.
MutableBytes write_header(Writer& out, std::uint16_t type, const TransactionId& id) noexcept {
  out.u16(type);
  const auto length = out.reserve(2);
  out.u32(kMagicCookie);
  out.bytes(id);
  return length;
}

void write_attribute(Writer& out, Attribute type, Bytes value) noexcept {
  out.u16(type);
  out.u16(static_cast<std::uint16_t>(value.size()));
  out.bytes(value);
  out.zeros(padded(value.size()) - value.size());
}

void set_length(const Writer& out, MutableBytes length) noexcept {
  if (out.ok()) store_be(length.data(), static_cast<std::uint16_t>(out.size() - kHeader));
}

}  // namespace

std::expected<StunView, Drop> parse_stun(Bytes datagram) noexcept {
  Reader in(datagram);
  const auto type = in.u16();
  const auto length = in.u16();
  const auto cookie = in.u32();
  const auto id = in.take(12);
  const bool whole = in.ok() && type < 0x4000 && length == in.remaining();
  if (!whole || cookie != kMagicCookie) return std::unexpected(Drop::malformed_stun);
  if ((type & ~0x0110) != kBinding) return std::unexpected(Drop::unexpected_stun);
  StunView view;
  view.type = class_of(type);
  std::ranges::copy(id, view.transaction.begin());
  if (const auto drop = Walk(datagram, view).run()) return std::unexpected(*drop);
  return view;
}

void write_binding_success(Writer& out, const TransactionId& transaction,
                           const Address& mapped) noexcept {
  const auto length = write_header(out, kBinding | kSuccessBits, transaction);
  const auto mask = address_mask(transaction);
  const auto ip = Bytes(mapped.ip).last(mapped.is_v4() ? 4 : 16);
  std::array<std::uint8_t, 20> value{0, mapped.is_v4() ? kFamilyV4 : kFamilyV6};
  store_be(&value[2], static_cast<std::uint16_t>(mapped.port ^ kMagicCookie >> 16));
  for (std::size_t i = 0; i < ip.size(); ++i) value[4 + i] = ip[i] ^ mask[i];
  write_attribute(out, kXorMappedAddress, Bytes(value).first(4 + ip.size()));
  set_length(out, length);
}

void write_binding_request(Writer& out, const BindingRequest& request) noexcept {
  const auto length = write_header(out, kBinding, request.transaction);
  std::array<std::uint8_t, 4> priority;
  std::array<std::uint8_t, 8> tie_breaker;
  store_be(priority.data(), request.priority);
  store_be(tie_breaker.data(), request.tie_breaker);
  write_attribute(
      out, kUsername,
      {reinterpret_cast<const std::uint8_t*>(request.username.data()), request.username.size()});
  write_attribute(out, kPriority, priority);
  write_attribute(out, request.controlling ? kIceControlling : kIceControlled, tie_breaker);
  if (request.use_candidate) write_attribute(out, kUseCandidate, {});
  set_length(out, length);
}

void append_fingerprint(Writer& out, MutableBytes buffer) noexcept {
  const auto size = out.size();
  if (!out.ok() || size < kHeader) return;
  store_be(&buffer[2], static_cast<std::uint16_t>(size + kFingerprint - kHeader));
  std::array<std::uint8_t, 4> value;
  store_be(value.data(), crc32(buffer.first(size)) ^ kFingerprintXor);
  write_attribute(out, kFingerprintType, value);
}

}  // namespace fanout
