#include "fanout/secure/ticket.hpp"

#include <stdexcept>
#include <vector>

#include "fanout/secure/base64.hpp"
#include "fanout/secure/hmac.hpp"
#include "fanout/secure/openssl.hpp"

namespace fanout {
namespace {

constexpr char kVersion = '1';
constexpr std::size_t kAeadNonce = 12;
constexpr std::size_t kPlainSize = 8 + 4 + 4 + 2 + 1 + 1;
constexpr std::size_t kTagSize = 16;
constexpr std::size_t kRawSize = 1 + kAeadNonce + kPlainSize + kTagSize;
constexpr std::size_t kPayloadTypeChars = 2;
constexpr std::size_t kShortUfrag = 1 + kTicketChars + kNonceChars + kPayloadTypeChars;
constexpr std::size_t kLongestUfrag = kShortUfrag + kPayloadTypeChars + kFingerprintChars;
static_assert(base64_size(kRawSize) == kTicketChars && kLongestUfrag <= 255);
static_assert(base64_size(sizeof(SessionId)) == kNonceChars);
static_assert(base64_size(kFingerprintPrefix) == kFingerprintChars);

constexpr std::uint8_t kPersonalFlag = 1;
constexpr std::uint8_t kCertificateFlag = 2;
constexpr std::uint8_t kSendsOnlyFlag = 4;
constexpr std::uint8_t kKnownFlags = kPersonalFlag | kCertificateFlag | kSendsOnlyFlag;

using RawTicket = std::array<std::uint8_t, kRawSize>;
using PlainTicket = std::array<std::uint8_t, kPlainSize>;
using FingerprintPrefix = std::array<std::uint8_t, kFingerprintPrefix>;

/// Payload types an offer may assign (RFC 3551 section 6, RFC 5761 section 4).
constexpr bool is_dynamic(unsigned payload_type) noexcept {
  return (payload_type >= 35 && payload_type <= 63) || (payload_type >= 96 && payload_type <= 127);
}

constexpr unsigned kTypeBits = 7;
constexpr unsigned kMaxPayloadType = 127;
constexpr unsigned kMaxExtension = 14;  // RFC 8285 section 4.2: one-byte headers

Bytes as_bytes(std::string_view text) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

PlainTicket write_plain(const Ticket& ticket) noexcept {
  PlainTicket plain;
  Writer out(plain);
  out.u64(static_cast<std::uint64_t>(ticket.space));
  out.u32(ticket.expiry);
  out.u32(static_cast<std::uint32_t>(ticket.peer));
  out.u16(ticket.cohort);
  out.u8(static_cast<std::uint8_t>(ticket.role));
  out.u8(static_cast<std::uint8_t>((ticket.personal ? kPersonalFlag : 0) |
                                   (ticket.requires_certificate ? kCertificateFlag : 0) |
                                   (ticket.sends_only ? kSendsOnlyFlag : 0)));
  return plain;
}

/// Nothing for a role or flag of a later version: what it restricts is not known here.
std::optional<Ticket> read_plain(const PlainTicket& plain) noexcept {
  Reader in(plain);
  Ticket ticket;
  ticket.space = SpaceId{in.u64()};
  ticket.expiry = in.u32();
  ticket.peer = PeerId{in.u32()};
  ticket.cohort = in.u16();
  const auto role = in.u8();
  const auto flags = in.u8();
  if (role > static_cast<std::uint8_t>(Role::host)) return std::nullopt;
  if ((flags & ~kKnownFlags) != 0) return std::nullopt;
  ticket.role = static_cast<Role>(role);
  ticket.personal = (flags & kPersonalFlag) != 0;
  ticket.requires_certificate = (flags & kCertificateFlag) != 0;
  ticket.sends_only = (flags & kSendsOnlyFlag) != 0;
  return ticket;
}

/// A ufrag's fields, decoded but not believed.
struct UfragParts {
  char version = 0;
  RawTicket raw;
  SessionId session;
  std::uint8_t payload_type = 0;
  std::uint8_t red_payload_type = 0;
  std::uint8_t level_extension = 0;
  std::optional<FingerprintPrefix> fingerprint;
};

/// What may follow the first payload type, told apart by how much it is.
constexpr bool is_length(std::size_t size) noexcept {
  const auto more = size - kShortUfrag;
  return more == 0 || more == kPayloadTypeChars || more == kFingerprintChars ||
         more == kPayloadTypeChars + kFingerprintChars;
}

/// Two digits: a payload type, and above it the id of a header extension.
struct TypeAndExtension {
  std::uint8_t payload_type = 0;  // zero: there is none
  std::uint8_t extension = 0;
};

TypeAndExtension read_type(std::string_view text) noexcept {
  const unsigned high = base64_value(text[0]), low = base64_value(text[1]);
  if ((high | low) >= 64) return {};  // a foreign character
  const unsigned value = high * 64 + low;
  const unsigned type = value & kMaxPayloadType, extension = value >> kTypeBits;
  if (!is_dynamic(type) || extension > kMaxExtension) return {};
  return {static_cast<std::uint8_t>(type), static_cast<std::uint8_t>(extension)};
}

char* write_type(char* at, unsigned payload_type, unsigned extension = 0) noexcept {
  const unsigned value = payload_type | extension << kTypeBits;
  *at++ = kBase64Alphabet[value / 64];
  *at++ = kBase64Alphabet[value % 64];
  return at;
}

std::optional<UfragParts> take_apart(std::string_view ufrag) noexcept {
  if (!is_length(ufrag.size())) return std::nullopt;
  UfragParts parts;
  parts.version = ufrag[0];
  ufrag.remove_prefix(1);
  const bool ticket_ok = base64_decode(ufrag.substr(0, kTicketChars), parts.raw);
  ufrag.remove_prefix(kTicketChars);
  const bool nonce_ok = base64_decode(ufrag.substr(0, kNonceChars), parts.session.bytes);
  ufrag.remove_prefix(kNonceChars);
  const auto opus = read_type(ufrag);
  parts.payload_type = opus.payload_type;
  parts.level_extension = opus.extension;
  ufrag.remove_prefix(kPayloadTypeChars);
  const bool redundant = ufrag.size() % kFingerprintChars != 0;
  if (redundant) {
    const auto red = read_type(ufrag);
    parts.red_payload_type = red.extension == 0 ? red.payload_type : std::uint8_t{0};
    ufrag.remove_prefix(kPayloadTypeChars);
  }
  const bool typed = parts.payload_type > 0 && (parts.red_payload_type > 0) == redundant;
  const bool named = ufrag.empty() || base64_decode(ufrag, parts.fingerprint.emplace());
  if (!ticket_ok || !nonce_ok || !named || !typed) return std::nullopt;
  return parts;
}

Password password_of(const TicketKey& secret, std::string_view ticket) noexcept {
  constexpr std::size_t kBytes = kPasswordChars * 3 / 4;
  const auto digest = hmac_sha256(secret, as_bytes(ticket));
  Password password;
  base64_encode(Bytes(digest).first(kBytes), password.data());
  return password;
}

}  // namespace

std::string_view name(Role role) noexcept {
  constexpr std::array<std::string_view, 3> kNames{"listener", "speaker", "host"};
  return kNames[static_cast<std::size_t>(role)];
}

std::optional<Role> role_named(std::string_view text) noexcept {
  for (const Role role : {Role::listener, Role::speaker, Role::host})
    if (name(role) == text) return role;
  return std::nullopt;
}

struct TicketKeys::Impl {
  struct Key {
    TicketKey password_secret;
    OwnedCipherContext sealer;
    OwnedCipherContext opener;
  };

  /// A public ticket is everybody's: whoever brings one that was opened lately costs a comparison
  /// instead of a cipher and a hash. Several spaces' fit in, and the oldest makes room.
  struct Opened {
    std::array<char, kTicketChars> text{};  // all zeros: none
    Ticket ticket;
    Password password{};
  };

  OwnedLibrary library = make_library();
  OwnedCipher gcm{require(EVP_CIPHER_fetch(library.get(), "AES-128-GCM", nullptr))};
  std::array<std::unique_ptr<Key>, 256> by_id;
  std::vector<std::uint8_t> ids;  // oldest first
  std::array<Opened, 8> lately{};
  std::size_t next = 0;

  const Opened* recall(std::string_view text, const RawTicket& raw) noexcept;
  std::unique_ptr<Key> derive(const TicketKey& secret) const;
  RawTicket seal(std::uint8_t key_id, const PlainTicket& plain) const;
  std::optional<PlainTicket> open(const RawTicket& raw) const noexcept;
};

std::unique_ptr<TicketKeys::Impl::Key> TicketKeys::Impl::derive(const TicketKey& secret) const {
  const auto aead_key = hmac_sha256(secret, as_bytes("spacescore ticket encryption"));
  auto key = std::make_unique<Key>();
  key->password_secret = hmac_sha256(secret, as_bytes("spacescore ticket password"));
  key->sealer.reset(require(EVP_CIPHER_CTX_new()));
  key->opener.reset(require(EVP_CIPHER_CTX_new()));
  const bool ok =
      EVP_EncryptInit_ex2(key->sealer.get(), gcm.get(), aead_key.data(), nullptr, nullptr) == 1 &&
      EVP_DecryptInit_ex2(key->opener.get(), gcm.get(), aead_key.data(), nullptr, nullptr) == 1;
  if (!ok) throw std::runtime_error("OpenSSL refused an AES-128-GCM key");
  return key;
}

RawTicket TicketKeys::Impl::seal(std::uint8_t key_id, const PlainTicket& plain) const {
  RawTicket raw;
  raw[0] = key_id;
  const auto nonce = MutableBytes(raw).subspan(1, kAeadNonce);
  fill_random(nonce);
  const auto sealed = nonce.data() + kAeadNonce;
  EVP_CIPHER_CTX* context = by_id[key_id]->sealer.get();
  int size = 0;
  const bool ok =
      EVP_EncryptInit_ex2(context, nullptr, nullptr, nonce.data(), nullptr) == 1 &&
      EVP_EncryptUpdate(context, nullptr, &size, raw.data(), 1) == 1 &&
      EVP_EncryptUpdate(context, sealed, &size, plain.data(), kPlainSize) == 1 &&
      EVP_EncryptFinal_ex(context, sealed + kPlainSize, &size) == 1 &&
      EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, kTagSize, sealed + kPlainSize) == 1;
  if (!ok) throw std::runtime_error("OpenSSL failed to seal a ticket");
  return raw;
}

std::optional<PlainTicket> TicketKeys::Impl::open(const RawTicket& raw) const noexcept {
  const auto& key = by_id[raw[0]];
  if (!key) return std::nullopt;
  const auto* nonce = raw.data() + 1;
  const auto* sealed = nonce + kAeadNonce;
  std::array<std::uint8_t, kTagSize> tag;
  std::copy_n(sealed + kPlainSize, kTagSize, tag.begin());
  EVP_CIPHER_CTX* context = key->opener.get();
  PlainTicket plain;
  int size = 0;
  const bool ok = EVP_DecryptInit_ex2(context, nullptr, nullptr, nonce, nullptr) == 1 &&
                  EVP_DecryptUpdate(context, nullptr, &size, raw.data(), 1) == 1 &&
                  EVP_DecryptUpdate(context, plain.data(), &size, sealed, kPlainSize) == 1 &&
                  EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, kTagSize, tag.data()) == 1 &&
                  EVP_DecryptFinal_ex(context, plain.data() + kPlainSize, &size) == 1;
  if (!ok) return std::nullopt;
  return plain;
}

/// The ticket if it is genuine, from memory where it can be.
auto TicketKeys::Impl::recall(std::string_view text, const RawTicket& raw) noexcept
    -> const Opened* {
  for (const Opened& known : lately)
    if (std::ranges::equal(known.text, text)) return &known;
  const auto plain = open(raw);
  const auto ticket = plain ? read_plain(*plain) : std::nullopt;
  if (!ticket) return nullptr;
  Opened& fresh = lately[next++ % lately.size()];
  std::ranges::copy(text, fresh.text.begin());
  fresh.ticket = *ticket;
  fresh.password = password_of(by_id[raw[0]]->password_secret, text);
  return &fresh;
}

TicketKeys::TicketKeys() : impl_(std::make_unique<Impl>()) {}
TicketKeys::~TicketKeys() = default;

void TicketKeys::add(std::uint8_t key_id, const TicketKey& key) {
  auto derived = impl_->derive(key);
  remove(key_id);
  impl_->ids.push_back(key_id);
  impl_->by_id[key_id] = std::move(derived);
}

void TicketKeys::remove(std::uint8_t key_id) noexcept {
  std::erase(impl_->ids, key_id);
  impl_->lately.fill({});
  impl_->by_id[key_id].reset();
}

std::string TicketKeys::mint(const Ticket& ticket) const {
  if (impl_->ids.empty()) throw std::invalid_argument("no ticket key has been added");
  if (ticket.cohort >= kCohorts) throw std::invalid_argument("a cohort is 0..999");
  const auto raw = impl_->seal(impl_->ids.back(), write_plain(ticket));
  std::string text(kTicketChars, '\0');
  base64_encode(raw, text.data());
  return text;
}

std::string TicketKeys::password(std::string_view ticket) const {
  RawTicket raw;
  if (!base64_decode(ticket, raw)) throw std::invalid_argument("malformed ticket");
  const auto& key = impl_->by_id[raw[0]];
  if (!key) throw std::invalid_argument("the ticket's key is not known here");
  const auto password = password_of(key->password_secret, ticket);
  return {password.begin(), password.end()};
}

std::expected<OpenedUfrag, Drop> TicketKeys::open(std::string_view ufrag,
                                                  UnixTime now) const noexcept {
  const auto parts = take_apart(ufrag);
  if (!parts || parts->version != kVersion) return std::unexpected(Drop::bad_ticket);
  const auto* known = impl_->recall(ufrag.substr(1, kTicketChars), parts->raw);
  if (!known) return std::unexpected(Drop::bad_ticket);
  if (now.seconds() >= known->ticket.expiry) return std::unexpected(Drop::expired_ticket);
  if (known->ticket.requires_certificate && !parts->fingerprint)
    return std::unexpected(Drop::certificate_mismatch);
  return OpenedUfrag{.ticket = known->ticket,
                     .session = parts->session,
                     .payload_type = parts->payload_type,
                     .red_payload_type = parts->red_payload_type,
                     .level_extension = parts->level_extension,
                     .fingerprint = parts->fingerprint,
                     .password = known->password};
}

std::optional<SessionId> ufrag_session(std::string_view ufrag) noexcept {
  if (!is_length(ufrag.size())) return std::nullopt;
  SessionId session;
  if (!base64_decode(ufrag.substr(1 + kTicketChars, kNonceChars), session.bytes))
    return std::nullopt;
  return session;
}

std::string make_ufrag(std::string_view ticket, const SessionId& session, std::uint8_t payload_type,
                       std::uint8_t red_payload_type, std::optional<FingerprintPrefix> fingerprint,
                       std::uint8_t level_extension) {
  RawTicket raw;
  if (!base64_decode(ticket, raw)) throw std::invalid_argument("malformed ticket");
  if (!is_dynamic(payload_type) || (red_payload_type != 0 && !is_dynamic(red_payload_type)))
    throw std::invalid_argument("a dynamic payload type is 35..63 or 96..127");
  if (level_extension > kMaxExtension)
    throw std::invalid_argument("the id of a header extension is 1..14");
  const auto size = kShortUfrag + (red_payload_type != 0 ? kPayloadTypeChars : 0) +
                    (fingerprint ? kFingerprintChars : 0);
  std::string ufrag(size, kVersion);
  char* at = std::ranges::copy(ticket, ufrag.data() + 1).out;
  base64_encode(session.bytes, at);
  at = write_type(at + kNonceChars, payload_type, level_extension);
  if (red_payload_type != 0) at = write_type(at, red_payload_type);
  if (fingerprint) base64_encode(*fingerprint, at);
  return ufrag;
}

}  // namespace fanout
