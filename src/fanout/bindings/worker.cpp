#include "fanout/io/worker.hpp"
#include <cerrno>
#include <system_error>

#include "fanout/bindings/engine_types.hpp"

namespace fanout {

namespace {

/// A worker and, beside it, the keys that mint: tickets are made without asking the thread.
class PyWorker {
 public:
  explicit PyWorker(const WorkerConfig& config) : worker_(config) {}

  Worker& worker() noexcept { return worker_; }
  const TicketKeys& tickets() const noexcept { return tickets_; }

  template <typename Command>
  auto call(Command command) {
    py::gil_scoped_release release;
    return worker_.call(std::move(command));
  }

  void add_ticket_key(std::uint8_t key_id, const py::bytes& key) {
    const auto secret = to_ticket_key(key);
    tickets_.add(key_id, secret);
    call([&](Engine& engine, Instant) { engine.tickets().add(key_id, secret); });
  }

  void create_space(std::uint64_t space, const std::string& title, const std::string& record_path) {
    const SpaceId id{space};
    if (call([&](Engine& engine, Instant) { return engine.has_space(id); }))
      throw std::invalid_argument("the space exists already");
    if (!record_path.empty()) {
      py::gil_scoped_release release;  // the recorder may be waiting for the disk
      worker_.recorder().open(id, record_path, title);
    }
    call([&](Engine& engine, Instant now) { engine.create_space(now, id, !record_path.empty()); });
  }

  py::dict counters() {
    EngineCounters counters;
    std::uint64_t listeners = 0, speakers = 0, handshakes = 0;
    call([&](Engine& engine, Instant) {
      counters = engine.counters();
      listeners = engine.listeners();
      speakers = engine.speakers();
      handshakes = engine.handshakes();
    });
    IoCounters io;
    {
      py::gil_scoped_release release;
      io = worker_.io_counters();
    }
    auto out = to_dict(counters);
    out["listeners"] = listeners;
    out["speakers"] = speakers;
    out["handshakes"] = handshakes;
    out["send_errors"] = io.send_errors;
    out["kernel_drops"] = io.kernel_drops;
    out["recorder_lost"] = io.recorder_lost;
    return out;
  }

 private:
  TicketKeys tickets_;
  Worker worker_;
};

}  // namespace

void bind_worker(py::module_& module) {
  py::register_local_exception_translator([](std::exception_ptr error) {
    try {
      if (error) std::rethrow_exception(error);
    } catch (const std::system_error& failure) {
      errno = failure.code().value();
      PyErr_SetFromErrnoWithFilename(PyExc_OSError, failure.what());
    }
  });
  py::class_<PyWorker> bound(module, "Worker");
  bind_mint(bound, [](const PyWorker& self) -> const TicketKeys& { return self.tickets(); });
  bound
      .def(py::init([](const std::string& host, std::uint16_t port, const std::string& backend,
                       std::string certificate_pem, std::string private_key_pem,
                       std::uint32_t max_listeners, std::uint32_t max_handshakes) {
             return std::make_unique<PyWorker>(
                 WorkerConfig{.host = host,
                              .port = port,
                              .engine = {.certificate = to_certificate(std::move(certificate_pem),
                                                                       std::move(private_key_pem)),
                                         .backend = to_backend(backend),
                                         .max_listeners = max_listeners,
                                         .max_handshakes = max_handshakes}});
           }),
           py::kw_only(), py::arg("host") = "::", py::arg("port") = 7881,
           py::arg("backend") = "best", py::arg("certificate_pem") = "",
           py::arg("private_key_pem") = "", py::arg("max_listeners") = 100'000,
           py::arg("max_handshakes") = 1'024)
      .def_property_readonly("port", [](PyWorker& self) { return self.worker().port(); })
      .def_property_readonly(
          "fingerprint",
          [](PyWorker& self) { return fingerprint_text(self.worker().fingerprint()); })
      .def("add_ticket_key", &PyWorker::add_ticket_key, py::arg("key_id"), py::arg("key"))
      .def(
          "password",
          [](const PyWorker& self, std::string_view ticket) {
            return self.tickets().password(ticket);
          },
          py::arg("ticket"))
      .def("create_space", &PyWorker::create_space, py::arg("space"), py::kw_only(),
           py::arg("title") = "", py::arg("record_path") = "")
      .def(
          "close_space",
          [](PyWorker& self, std::uint64_t space) {
            py::gil_scoped_release release;
            return self.worker().close_space(SpaceId{space});
          },
          py::arg("space"))
      .def(
          "end_session",
          [](PyWorker& self, const py::bytes& session) {
            const auto id = to_session(session);
            return self.call(
                [id](Engine& engine, Instant now) { return engine.end_session(now, id); });
          },
          py::arg("session"))
      .def(
          "remove_peer",
          [](PyWorker& self, std::uint64_t space, std::uint32_t peer) {
            return self.call([=](Engine& engine, Instant) {
              return engine.remove_peer(SpaceId{space}, PeerId{peer});
            });
          },
          py::arg("space"), py::arg("peer"))
      .def(
          "set_muted",
          [](PyWorker& self, std::uint64_t space, std::uint32_t peer, bool muted) {
            return self.call([=](Engine& engine, Instant) {
              return engine.set_muted(SpaceId{space}, PeerId{peer}, muted);
            });
          },
          py::arg("space"), py::arg("peer"), py::arg("muted"))
      .def(
          "space_stats",
          [](PyWorker& self, std::uint64_t space) {
            return known_space(self.call(
                [=](Engine& engine, Instant) { return engine.space_stats(SpaceId{space}); }));
          },
          py::arg("space"))
      .def("counters", &PyWorker::counters)
      .def("fileno", [](PyWorker& self) { return self.worker().event_fd(); })
      .def("drain", [](PyWorker& self) { return self.worker().drain(); })
      .def("close", [](PyWorker& self) {
        py::gil_scoped_release release;
        self.worker().close();
      });
}

}  // namespace fanout
