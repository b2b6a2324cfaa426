/// Tickets: the right to join, carried in the server's ICE ufrag, so that joining needs no
/// signalling and a node keeps no state for those who have not arrived.
///
///   ufrag  = version(1) · ticket(66) · nonce(16) · payload type(2) [· RED's(2)]
///            [· fingerprint(22)]
///   ticket = base64(key id(1) · AEAD nonce(12) · AES-128-GCM{ space(8) expiry(4) peer(4)
///            cohort(2) role(1) flags(1) } · tag(16))
///
/// Numbers are big-endian. A payload type is two base64 digits, high before low (111 = "Bv"), and
/// the first has above its seven bits the id under which a speaker sends levels (RFC 6464). The
/// second is named by who takes or sends redundant audio. A key id is authenticated too, so one
/// secret under two ids makes two kinds of tickets.
///
/// The ufrag is seen on the wire (every STUN check repeats it), hence AEAD and not a mere
/// signature. The ICE password = base64(HMAC-SHA256(key, ticket))[:32] never crosses the UDP
/// path: it, not the ticket, is the bearer secret. Alphabet A-Z a-z 0-9 + /, no padding
/// (RFC 8839 section 5.4); 255 characters is what every browser takes.
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "fanout/base/bytes.hpp"
#include "fanout/base/drop.hpp"
#include "fanout/base/ids.hpp"
#include "fanout/base/time.hpp"

namespace fanout {

enum class Role : std::uint8_t { listener = 0, speaker = 1, host = 2 };

/// "listener", "speaker", "host".
std::string_view name(Role role) noexcept;
std::optional<Role> role_named(std::string_view name) noexcept;

struct Ticket {
  SpaceId space{};
  std::uint32_t expiry = 0;  ///< Unix seconds; only entering is refused later, not staying
  PeerId peer{};             ///< zero in public tickets
  std::uint16_t cohort = 0;  ///< 0..999, paced admission
  Role role = Role::listener;
  bool personal = false;              ///< false: everybody may hold the same ticket
  bool requires_certificate = false;  ///< the ufrag must name the client certificate
  bool sends_only = false;            ///< a speaker who asked for nothing in return

  bool operator==(const Ticket&) const = default;
};

constexpr std::size_t kTicketChars = 66;
constexpr std::size_t kNonceChars = 16;
constexpr std::size_t kPasswordChars = 32;
constexpr std::size_t kFingerprintPrefix = 16;  // bytes of SHA-256 that the ufrag can carry
constexpr std::size_t kFingerprintChars = 22;
constexpr std::uint16_t kCohorts = 1000;

using Password = std::array<char, kPasswordChars>;
using TicketKey = std::array<std::uint8_t, 32>;  // node secret; AEAD and HMAC keys derive from it

/// A server ufrag taken apart. `ticket` has been decrypted and authenticated.
struct OpenedUfrag {
  Ticket ticket;
  SessionId session;                  ///< the page's nonce
  std::uint8_t payload_type = 0;      ///< Opus, 96..127 (and 35..63)
  std::uint8_t red_payload_type = 0;  ///< red/48000/2 (RFC 2198), or zero
  std::uint8_t level_extension = 0;   ///< id of the audio level (RFC 6464), or zero
  std::optional<std::array<std::uint8_t, kFingerprintPrefix>> fingerprint;
  Password password{};

  /// Whose turn it is when: signed in a personal ticket; with a public one it follows from the
  /// front of the page's nonce, so that a page knows its place without asking.
  std::uint16_t cohort() const noexcept {
    const std::uint64_t place = load_be<std::uint32_t>(session.bytes.data());
    return ticket.personal ? ticket.cohort : static_cast<std::uint16_t>(place * kCohorts >> 32);
  }
};

/// Mints and opens tickets under up to 256 keys, by key id. The newest key mints; older ones
/// still open, so keys rotate with overlap. Belongs to one thread: its ciphers are reused.
class TicketKeys {
 public:
  TicketKeys();
  ~TicketKeys();

  /// Adds a key, in place of one with the same id, and makes it the one that mints.
  void add(std::uint8_t key_id, const TicketKey& key);
  void remove(std::uint8_t key_id) noexcept;

  /// Throws std::invalid_argument without a key, or on a cohort over 999.
  std::string mint(const Ticket& ticket) const;
  /// Throws std::invalid_argument when `ticket` is malformed or its key is not here.
  std::string password(std::string_view ticket) const;

  /// `ufrag`: the part of USERNAME before the colon. Checks, in order: length, alphabet,
  /// version, key id, AEAD (each Drop::bad_ticket), expiry (refused from that second on),
  /// presence of a required fingerprint (Drop::certificate_mismatch). About a microsecond for a
  /// ticket that was not opened lately.
  std::expected<OpenedUfrag, Drop> open(std::string_view ufrag, UnixTime now) const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The session a ufrag names, read without believing the rest of it: a lookup that costs no
/// cryptography. Nothing when the ufrag has the wrong length or alphabet.
std::optional<SessionId> ufrag_session(std::string_view ufrag) noexcept;

/// The ufrag a page (or the service, for WHIP and WHEP) builds around a ticket. Throws
/// std::invalid_argument on a malformed ticket or a payload type that is not dynamic.
/// `red_payload_type`: zero without redundancy; `level_extension`: 1..14, or zero without levels.
std::string make_ufrag(std::string_view ticket, const SessionId& session, std::uint8_t payload_type,
                       std::uint8_t red_payload_type,
                       std::optional<std::array<std::uint8_t, kFingerprintPrefix>> fingerprint,
                       std::uint8_t level_extension = 0);

}  // namespace fanout
