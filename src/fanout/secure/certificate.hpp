/// The certificate of a WebRTC endpoint: nobody signs it, its fingerprint travels in the SDP.
#pragma once

#include <string>

#include "fanout/secure/hmac.hpp"

namespace fanout {

/// A self-signed ECDSA P-256 certificate and its key.
struct Certificate {
  std::string certificate_pem;
  std::string private_key_pem;

  /// Valid from a day ago for `days`: clocks of listeners may be late.
  static Certificate generate(int days = 30);
};

/// "AB:CD:…" of the SHA-256 over the DER, as a=fingerprint has it (RFC 8122 section 5).
std::string fingerprint_text(const Sha256Digest& digest);

}  // namespace fanout
