#include "fanout/secure/dtls.hpp"

#include <stdexcept>
#include <vector>

#include "fanout/bindings/bind.hpp"
#include "fanout/secure/floor_handshake.hpp"

namespace fanout {
namespace {

std::optional<SrtpProfile> to_profile(const std::optional<std::uint16_t>& number) {
  if (!number) return std::nullopt;
  const auto profile = static_cast<SrtpProfile>(*number);
  if (profile != SrtpProfile::aes128_cm_sha1_80 && profile != SrtpProfile::aead_aes_128_gcm)
    throw std::invalid_argument("an SRTP profile is 1 (AES128_CM_SHA1_80) or 7 (AES_128_GCM)");
  return profile;
}

DtlsSession make_session(DtlsContext& context, const std::string& role, bool client_certificate,
                         std::int64_t now_us, bool asks_cookie) {
  if (role != "server" && role != "client")
    throw std::invalid_argument("a role is server or client");
  return {context, role == "server" ? DtlsRole::server : DtlsRole::client, client_certificate,
          Instant{now_us}, DtlsOptions{.asks_cookie = asks_cookie}};
}

/// As libraries take it: the master key, then the salt.
py::bytes key_and_salt(const SrtpMaster& master) {
  std::string joined(master.key.begin(), master.key.end());
  joined.append(master.salt.begin(), master.salt.begin() + salt_size(master.profile));
  return py::bytes(joined);
}

const char* state_name(const DtlsSession& session) {
  switch (session.state()) {
    case DtlsSession::State::handshaking:
      return "handshaking";
    case DtlsSession::State::connected:
      return "connected";
    case DtlsSession::State::failed:
      return "failed";
  }
  return "";
}

std::optional<py::bytes> next_datagram(DtlsSession& session) {
  const auto datagram = session.poll_transmit();
  return datagram.empty() ? std::nullopt : std::optional(to_bytes(datagram));
}

void session_datagram(DtlsSession& session, std::int64_t now_us, const py::bytes& datagram) {
  const auto bytes = view(datagram);
  const py::gil_scoped_release released;
  session.handle_datagram({now_us}, bytes);
}

std::optional<std::int64_t> next_timeout(const DtlsSession& session) {
  const auto when = session.next_timeout();
  return when == Instant::never() ? std::nullopt : std::optional(when.us);
}

DtlsKeys keys_or_raise(const DtlsSession& session) {
  if (session.state() != DtlsSession::State::connected)
    throw std::logic_error("keys exist only when connected");
  return session.keys();
}

std::optional<py::bytes> peer_fingerprint(const DtlsSession& session) {
  const auto digest = session.peer_fingerprint();
  return digest ? std::optional(to_bytes(*digest)) : std::nullopt;
}

void bind_session(py::module_& module) {
  py::class_<DtlsKeys>(module, "DtlsKeys")
      .def_property_readonly("profile",
                             [](const DtlsKeys& keys) { return std::uint16_t(keys.local.profile); })
      .def_property_readonly("local", [](const DtlsKeys& keys) { return key_and_salt(keys.local); })
      .def_property_readonly("remote",
                             [](const DtlsKeys& keys) { return key_and_salt(keys.remote); });
  py::class_<DtlsSession>(module, "DtlsSession")
      .def(py::init(&make_session), py::arg("context"), py::kw_only(), py::arg("role"),
           py::arg("client_certificate") = false, py::arg("now_us") = 0,
           py::arg("asks_cookie") = false, py::keep_alive<1, 2>())
      .def("handle_datagram", &session_datagram, py::arg("now_us"), py::arg("datagram"))
      .def(
          "handle_timeout",
          [](DtlsSession& session, std::int64_t now_us) { session.handle_timeout({now_us}); },
          py::arg("now_us"))
      .def("poll_transmit", &next_datagram)
      .def("keys", &keys_or_raise)
      .def_property_readonly("next_timeout", &next_timeout)
      .def_property_readonly("state", &state_name)
      .def_property_readonly("peer_closed", &DtlsSession::peer_closed)
      .def_property_readonly("peer_fingerprint", &peer_fingerprint)
      .def_property_readonly("last_flight", [](const DtlsSession& session) {
        std::array<std::uint8_t, LastFlight::kMost> buffer;
        return to_bytes(session.last_flight().write(buffer));
      });
}

std::vector<py::bytes> floor_answer(FloorHandshakes& floor,
                                    const std::vector<py::bytes>& datagrams) {
  std::vector<Bytes> views;
  for (const auto& datagram : datagrams) views.push_back(view(datagram));
  const auto answers = floor.answer(views);
  return {answers.begin(), answers.end()};
}

void bind_handshake_floor(py::module_& module) {
  py::class_<FloorHandshakes>(module, "FloorHandshakes")
      .def(py::init<const Certificate&, std::size_t>(), py::arg("certificate"), py::arg("count"))
      .def("answer", &floor_answer, py::arg("datagrams"));
}

}  // namespace

void bind_dtls(py::module_& module) {
  py::class_<Certificate>(module, "Certificate")
      .def(py::init([](std::string certificate_pem, std::string private_key_pem) {
             return Certificate{std::move(certificate_pem), std::move(private_key_pem)};
           }),
           py::arg("certificate_pem"), py::arg("private_key_pem"))
      .def_static("generate", &Certificate::generate, py::arg("days") = 30)
      .def_readonly("certificate_pem", &Certificate::certificate_pem)
      .def_readonly("private_key_pem", &Certificate::private_key_pem);
  py::class_<DtlsContext>(module, "DtlsContext")
      .def(py::init([](const Certificate& certificate, const std::optional<std::uint16_t>& only) {
             return DtlsContext(certificate, to_profile(only));
           }),
           py::arg("certificate"), py::arg("only") = py::none())
      .def_property_readonly(
          "fingerprint", [](const DtlsContext& context) { return to_bytes(context.fingerprint()); })
      .def_property_readonly("fingerprint_text", [](const DtlsContext& context) {
        return fingerprint_text(context.fingerprint());
      });
  bind_session(module);
  bind_handshake_floor(module);
}

}  // namespace fanout
