#include "fanout/secure/floor_handshake.hpp"

#include <openssl/bio.h>

#include "fanout/secure/ssl_context.hpp"

namespace fanout {

struct FloorHandshakes::Impl {
  OwnedLibrary library = make_library();
  OwnedSslContext context;
  std::vector<OwnedSsl> sessions;

  OwnedSsl begin() const {
    OwnedSsl ssl(require(SSL_new(context.get())));
    BIO* in = require(BIO_new(BIO_s_mem()));
    BIO* out = require(BIO_new(BIO_s_mem()));
    BIO_set_mem_eof_return(in, -1);
    SSL_set_bio(ssl.get(), in, out);
    SSL_set_mtu(ssl.get(), kDtlsMtu);
    SSL_set_accept_state(ssl.get());
    return ssl;
  }

  std::string answer(OwnedSsl& ssl, Bytes datagram) const {
    if (!ssl) ssl = begin();
    BIO_write(SSL_get_rbio(ssl.get()), datagram.data(), static_cast<int>(datagram.size()));
    const int result = SSL_do_handshake(ssl.get());
    if (result != 1 && SSL_get_error(ssl.get(), result) != SSL_ERROR_WANT_READ)
      throw std::runtime_error("a bare handshake failed");
    std::string flight(kDtlsMtu, '\0');
    const int size = BIO_read(SSL_get_wbio(ssl.get()), flight.data(), kDtlsMtu);
    flight.resize(static_cast<std::size_t>(std::max(size, 0)));
    if (result == 1) ssl.reset();
    return flight;
  }
};

FloorHandshakes::FloorHandshakes(const Certificate& certificate, std::size_t count)
    : impl_(std::make_unique<Impl>()) {
  impl_->context = make_ssl_context(impl_->library.get(), certificate, std::nullopt);
  impl_->sessions.resize(count);
}

FloorHandshakes::~FloorHandshakes() = default;

std::vector<std::string> FloorHandshakes::answer(std::span<const Bytes> datagrams) {
  if (datagrams.size() != impl_->sessions.size())
    throw std::invalid_argument("one datagram for each handshake");
  std::vector<std::string> answers;
  answers.reserve(datagrams.size());
  for (std::size_t i = 0; i < datagrams.size(); ++i)
    answers.push_back(impl_->answer(impl_->sessions[i], datagrams[i]));
  return answers;
}

}  // namespace fanout
