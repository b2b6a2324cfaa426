/// The floor under a join: the server's half of DTLS handshakes on OpenSSL and its own memory
/// BIOs, with nothing around them. Same certificate, ciphers and flights as `DtlsSession`, so
/// a bench that feeds both the same clients measures what ours adds.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "fanout/base/bytes.hpp"
#include "fanout/secure/certificate.hpp"

namespace fanout {

class FloorHandshakes {
 public:
  FloorHandshakes(const Certificate& certificate, std::size_t count);
  ~FloorHandshakes();

  /// Gives the i-th datagram to the i-th handshake and returns its i-th answer, whole flights
  /// of less than one MTU. A handshake begins with its first datagram; a finished one is freed.
  /// Throws std::runtime_error when one fails, std::invalid_argument on another count.
  std::vector<std::string> answer(std::span<const Bytes> datagrams);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fanout
