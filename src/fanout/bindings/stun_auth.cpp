#include "fanout/secure/stun_auth.hpp"

#include <stdexcept>

#include "fanout/bindings/bind.hpp"

namespace fanout {
namespace {

bool verifies(const py::bytes& datagram, const std::string& password) {
  const auto message = value_or_raise(parse_stun(view(datagram)));
  return verify_integrity(view(datagram), message, password);
}

py::bytes sealed(const py::bytes& message, const std::string& password) {
  std::array<std::uint8_t, 2048> buffer;
  Writer out(buffer);
  out.bytes(view(message));
  seal_stun(out, buffer, password);
  if (!out.ok() || view(message).size() < 20)
    throw std::invalid_argument("a STUN message has 20 bytes or more, and fewer than 2,000");
  return to_bytes(out.written());
}

}  // namespace

void bind_stun_auth(py::module_& module) {
  module.def("verify_integrity", &verifies, py::arg("datagram"), py::arg("password"));
  module.def("seal_stun", &sealed, py::arg("message"), py::arg("password"));
}

}  // namespace fanout
