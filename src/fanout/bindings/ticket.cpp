#include "fanout/secure/ticket.hpp"

#include "fanout/bindings/engine_types.hpp"

namespace fanout {
namespace {

std::string ufrag_of(const std::string& ticket, const py::bytes& session, std::uint8_t payload_type,
                     const std::optional<py::bytes>& fingerprint, std::uint8_t red_payload_type,
                     std::uint8_t level_extension) {
  std::optional<std::array<std::uint8_t, kFingerprintPrefix>> prefix;
  if (fingerprint) {
    const auto digest = exactly<32>(*fingerprint, "a fingerprint is 32 bytes");
    std::copy_n(digest.begin(), kFingerprintPrefix, prefix.emplace().begin());
  }
  return make_ufrag(ticket, to_session(session), payload_type, red_payload_type, prefix,
                    level_extension);
}

}  // namespace

void bind_ticket(py::module_& module) {
  py::class_<OpenedUfrag>(module, "OpenedUfrag")
      .def_property_readonly("space",
                             [](const OpenedUfrag& o) { return std::uint64_t(o.ticket.space); })
      .def_property_readonly("expiry", [](const OpenedUfrag& o) { return o.ticket.expiry; })
      .def_property_readonly("peer",
                             [](const OpenedUfrag& o) { return std::uint32_t(o.ticket.peer); })
      .def_property_readonly("cohort", [](const OpenedUfrag& o) { return o.ticket.cohort; })
      .def_property_readonly("role", [](const OpenedUfrag& o) { return name(o.ticket.role); })
      .def_property_readonly("personal", [](const OpenedUfrag& o) { return o.ticket.personal; })
      .def_property_readonly("requires_certificate",
                             [](const OpenedUfrag& o) { return o.ticket.requires_certificate; })
      .def_property_readonly("sends_only", [](const OpenedUfrag& o) { return o.ticket.sends_only; })
      .def_property_readonly("session",
                             [](const OpenedUfrag& o) { return to_bytes(o.session.bytes); })
      .def_readonly("payload_type", &OpenedUfrag::payload_type)
      .def_readonly("red_payload_type", &OpenedUfrag::red_payload_type)
      .def_readonly("level_extension", &OpenedUfrag::level_extension)
      .def_property_readonly("fingerprint",
                             [](const OpenedUfrag& o) -> std::optional<py::bytes> {
                               if (!o.fingerprint) return std::nullopt;
                               return to_bytes(*o.fingerprint);
                             })
      .def_property_readonly("password", [](const OpenedUfrag& o) {
        return std::string(o.password.begin(), o.password.end());
      });

  py::class_<TicketKeys> keys(module, "TicketKeys");
  bind_mint(keys, [](const TicketKeys& self) -> const TicketKeys& { return self; });
  keys.def(py::init<>())
      .def(
          "add",
          [](TicketKeys& keys, std::uint8_t key_id, const py::bytes& key) {
            keys.add(key_id, to_ticket_key(key));
          },
          py::arg("key_id"), py::arg("key"))
      .def("remove", &TicketKeys::remove, py::arg("key_id"))
      .def("password", &TicketKeys::password, py::arg("ticket"))
      .def(
          "open",
          [](const TicketKeys& keys, std::string_view ufrag, std::int64_t unix_us) {
            return value_or_raise(keys.open(ufrag, {unix_us}));
          },
          py::arg("ufrag"), py::arg("unix_us"));

  module.def("make_ufrag", &ufrag_of, py::arg("ticket"), py::arg("session"),
             py::arg("payload_type"), py::arg("fingerprint") = py::none(),
             py::arg("red_payload_type") = 0, py::arg("level_extension") = 0);
}

}  // namespace fanout
