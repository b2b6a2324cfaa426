#include "fanout/bindings/bind.hpp"
#include "fanout/secure/hmac.hpp"

namespace fanout {
namespace {

void bind_hmac(py::module_& module) {
  module.def(
      "hmac_sha1",
      [](const py::bytes& key, const py::bytes& message) {
        return to_bytes(hmac_sha1(view(key), view(message)));
      },
      py::arg("key"), py::arg("message"));
  module.def(
      "hmac_sha256",
      [](const py::bytes& key, const py::bytes& message) {
        return to_bytes(hmac_sha256(view(key), view(message)));
      },
      py::arg("key"), py::arg("message"));
  module.def(
      "sha256", [](const py::bytes& message) { return to_bytes(sha256(view(message))); },
      py::arg("message"));
  module.def(
      "equal_in_constant_time",
      [](const py::bytes& a, const py::bytes& b) {
        return equal_in_constant_time(view(a), view(b));
      },
      py::arg("a"), py::arg("b"));
  module.def(
      "random_bytes",
      [](std::size_t size) {
        std::string bytes(size, '\0');
        fill_random({reinterpret_cast<std::uint8_t*>(bytes.data()), size});
        return py::bytes(bytes);
      },
      py::arg("size"));
}

}  // namespace

void bind_srtp(py::module_& module) { bind_hmac(module); }

}  // namespace fanout
