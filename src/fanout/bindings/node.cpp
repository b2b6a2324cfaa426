#include "fanout/io/node.hpp"

#include <cerrno>
#include <system_error>

#include "fanout/bindings/engine_types.hpp"

namespace fanout {

namespace {

/// A node and, beside it, the keys that mint: tickets are made without asking its threads.
class PyNode {
 public:
  explicit PyNode(const NodeConfig& config) : node_(config) {}

  Node& node() noexcept { return node_; }
  const TicketKeys& tickets() const noexcept { return tickets_; }

  void add_ticket_key(std::uint8_t key_id, const py::bytes& key) {
    const auto secret = to_ticket_key(key);
    tickets_.add(key_id, secret);
    py::gil_scoped_release release;
    node_.add_ticket_key(key_id, secret);
  }

 private:
  TicketKeys tickets_;
  Node node_;
};

py::dict to_dict(const NodeCounters& counters) {
  auto out = to_dict(counters.engine);
  out["listeners"] = counters.listeners;
  out["speakers"] = counters.speakers;
  out["handshakes"] = counters.handshakes;
  for (std::size_t i = 0; i < kTiers; ++i) {
    const auto milliseconds = milliseconds_of(static_cast<Tier>(i));
    out[py::str("listeners_" + std::to_string(milliseconds) + "ms")] = counters.tiers[i];
  }
  out["relief"] = static_cast<int>(counters.relief);
  out["send_errors"] = counters.io.send_errors;
  out["kernel_drops"] = counters.io.kernel_drops;
  out["recorder_lost"] = counters.io.recorder_lost;
  out["recorder_failures"] = counters.io.recorder_failures;
  out["cpu_us"] = counters.io.cpu_us;
  out["ring_packets"] = counters.io.packet.ring_packets;
  out["ring_fallbacks"] = counters.io.packet.ring_fallbacks;
  out["ring_full"] = counters.io.packet.ring_full;
  out["ring_lost"] = counters.io.packet.ring_lost;
  return out;
}

/// Calls a method of the node without the GIL: it waits for the workers.
template <auto Method, typename... Args>
auto waiting(PyNode& self, Args... args) {
  py::gil_scoped_release release;
  return (self.node().*Method)(args...);
}

void bind_spaces(py::class_<PyNode>& bound) {
  bound
      .def(
          "create_space",
          [](PyNode& self, std::uint64_t space, const std::string& title,
             const std::string& record_path, bool music) {
            py::gil_scoped_release release;
            self.node().create_space(SpaceId{space}, title, record_path, to_mode(music));
          },
          py::arg("space"), py::kw_only(), py::arg("title") = "", py::arg("record_path") = "",
          py::arg("music") = false)
      .def(
          "close_space",
          [](PyNode& self, std::uint64_t space) {
            return waiting<&Node::close_space>(self, SpaceId{space});
          },
          py::arg("space"))
      .def(
          "set_admitted",
          [](PyNode& self, std::uint64_t space, std::uint16_t cohorts) {
            return waiting<&Node::set_admitted>(self, SpaceId{space}, cohorts);
          },
          py::arg("space"), py::arg("cohorts"))
      .def(
          "set_invited_only",
          [](PyNode& self, std::uint64_t space, bool only) {
            return waiting<&Node::set_invited_only>(self, SpaceId{space}, only);
          },
          py::arg("space"), py::arg("only"))
      .def(
          "set_tier",
          [](PyNode& self, std::uint64_t space, std::optional<int> milliseconds) {
            return waiting<&Node::set_tier>(self, SpaceId{space}, to_tier(milliseconds));
          },
          py::arg("space"), py::arg("milliseconds"))
      .def(
          "space_stats",
          [](PyNode& self, std::uint64_t space) {
            return known_space(waiting<&Node::space_stats>(self, SpaceId{space}));
          },
          py::arg("space"));
}

void bind_people(py::class_<PyNode>& bound) {
  bound
      .def(
          "set_listener_tier",
          [](PyNode& self, const py::bytes& session, std::optional<int> milliseconds) {
            return waiting<&Node::set_listener_tier>(self, to_session(session),
                                                     to_tier(milliseconds));
          },
          py::arg("session"), py::arg("milliseconds"))
      .def(
          "end_session",
          [](PyNode& self, const py::bytes& session) {
            return waiting<&Node::end_session>(self, to_session(session));
          },
          py::arg("session"))
      .def(
          "remove_peer",
          [](PyNode& self, std::uint64_t space, std::uint32_t peer) {
            return waiting<&Node::remove_peer>(self, SpaceId{space}, PeerId{peer});
          },
          py::arg("space"), py::arg("peer"))
      .def(
          "set_muted",
          [](PyNode& self, std::uint64_t space, std::uint32_t peer, bool muted) {
            return waiting<&Node::set_muted>(self, SpaceId{space}, PeerId{peer}, muted);
          },
          py::arg("space"), py::arg("peer"), py::arg("muted"))
      .def("refuse_newcomers", &waiting<&Node::refuse_newcomers>);
}

void bind_tickets(py::class_<PyNode>& bound) {
  bind_mint(bound, [](const PyNode& self) -> const TicketKeys& { return self.tickets(); });
  bound.def("add_ticket_key", &PyNode::add_ticket_key, py::arg("key_id"), py::arg("key"))
      .def(
          "password",
          [](const PyNode& self, std::string_view ticket) {
            return self.tickets().password(ticket);
          },
          py::arg("ticket"));
}

void translate_system_errors() {
  py::register_local_exception_translator([](std::exception_ptr error) {
    try {
      if (error) std::rethrow_exception(error);
    } catch (const std::system_error& failure) {
      errno = failure.code().value();
      PyErr_SetFromErrnoWithFilename(PyExc_OSError, failure.what());
    }
  });
}

std::unique_ptr<PyNode> make_node(const std::string& host, std::uint16_t port,
                                  std::uint32_t workers, const std::string& backend,
                                  std::string certificate_pem, std::string private_key_pem,
                                  std::uint32_t max_listeners, std::uint32_t max_handshakes,
                                  const std::string& packet_interface) {
  return std::make_unique<PyNode>(NodeConfig{
      .host = host,
      .port = port,
      .workers = workers,
      .packet_interface = packet_interface,
      .engine = {
          .certificate = to_certificate(std::move(certificate_pem), std::move(private_key_pem)),
          .backend = to_backend(backend),
          .max_listeners = max_listeners,
          .max_handshakes = max_handshakes}});
}

}  // namespace

void bind_node(py::module_& module) {
  translate_system_errors();
  py::class_<PyNode> bound(module, "Node");
  bound
      .def(py::init(&make_node), py::kw_only(), py::arg("host") = "::", py::arg("port") = 7881,
           py::arg("workers") = 1, py::arg("backend") = "best", py::arg("certificate_pem") = "",
           py::arg("private_key_pem") = "", py::arg("max_listeners") = 100'000,
           py::arg("max_handshakes") = 1'024, py::arg("packet_interface") = "")
      .def_property_readonly("port", [](PyNode& self) { return self.node().port(); })
      .def_property_readonly("workers", [](PyNode& self) { return self.node().workers(); })
      .def_property_readonly(
          "fingerprint", [](PyNode& self) { return fingerprint_text(self.node().fingerprint()); })
      .def("counters",
           [](PyNode& self) {
             std::vector<py::dict> workers;
             for (const auto& each : waiting<&Node::counters>(self))
               workers.push_back(to_dict(each));
             return workers;
           })
      .def("fileno", [](PyNode& self) { return self.node().events().fd(); })
      .def("drain", [](PyNode& self) { return self.node().events().drain(); })
      .def("close", [](PyNode& self) { waiting<&Node::close>(self); });
  bind_tickets(bound);
  bind_spaces(bound);
  bind_people(bound);
}

}  // namespace fanout
