#include "fanout/engine/engine.hpp"

#include <limits>

#include "fanout/bindings/address.hpp"
#include "fanout/bindings/engine_types.hpp"
#include "fanout/bindings/jitter_stats.hpp"
#include "fanout/engine/feedback.hpp"

namespace fanout {

py::dict to_dict(const EngineCounters& counters) {
  py::dict out;
  for (const auto& [name, counter] : counter_names()) out[name] = counters.*counter;
  for (std::size_t i = 0; i < kDropKinds; ++i) {
    const auto drop = static_cast<Drop>(i);
    out[py::str("dropped_" + std::string(name(drop)))] = counters.drops[drop];
  }
  return out;
}

Certificate to_certificate(std::string certificate_pem, std::string private_key_pem) {
  if (certificate_pem.empty() && private_key_pem.empty()) return Certificate::generate();
  return {std::move(certificate_pem), std::move(private_key_pem)};
}

SrtpBackend to_backend(std::string_view name) {
  if (name == "best") return SrtpBackend::best;
  if (name == "ipsec_mb") return SrtpBackend::ipsec_mb;
  if (name == "openssl") return SrtpBackend::openssl;
  throw std::invalid_argument("a backend is best, ipsec_mb or openssl");
}

std::optional<Tier> to_tier(std::optional<int> milliseconds) {
  return milliseconds.transform(tier_of);
}

Role to_role(std::string_view name) {
  const auto role = role_named(name);
  if (!role) throw std::invalid_argument("a role is listener, speaker or host");
  return *role;
}

namespace {

/// The engine as tests drive it: a virtual clock in microseconds, datagrams as bytes.
class PyEngine {
 public:
  PyEngine(const EngineConfig& config, std::int64_t now_us, std::int64_t unix_us,
           std::shared_ptr<Mesh> mesh, WorkerId worker)
      : engine_(config, {now_us}, {unix_us}, std::move(mesh), worker),
        batch_(std::make_unique<SendBatch>()) {}

  Engine& engine() noexcept { return engine_; }

  void handle_datagram(std::int64_t now_us, const HostAndPort& from, const py::bytes& datagram) {
    const auto bytes = view(datagram);
    std::vector<std::uint8_t> copy(bytes.begin(), bytes.end());  // decrypted in place
    engine_.handle_datagram({now_us}, to_address(from), copy);
    shake({now_us});
  }

  void handle_timeout(std::int64_t now_us) {
    engine_.handle_timeout({now_us});
    shake({now_us});
  }

  std::uint64_t handle_mesh(std::int64_t now_us) {
    engine_.handle_mesh({now_us});
    shake({now_us});
    return engine_.poll_wakes();
  }

  Instant next_timeout(Instant now) const noexcept {
    return holds_handshakes_ ? engine_.next_media(now) : engine_.next_timeout(now);
  }

  /// Leaves handshakes in their line until `handle_backlog`.
  void hold_handshakes() noexcept { holds_handshakes_ = true; }

  py::list poll_transmits(std::int64_t now_us) {
    py::list out;
    do {
      batch_->clear();
      engine_.poll_transmits({now_us}, *batch_);
      for (std::size_t i = 0; i < batch_->size(); ++i)
        out.append(py::make_tuple(to_host_and_port(batch_->to(i)), to_bytes(batch_->bytes(i))));
    } while (batch_->size() > 0);
    return out;
  }

  /// The same without a look at them; how many there were. With the batch that reaches `enough`,
  /// the rest is left, as by a socket that takes no more.
  std::uint64_t drop_transmits(std::int64_t now_us, std::uint64_t enough) {
    std::uint64_t count = 0;
    do {
      batch_->clear();
      engine_.poll_transmits({now_us}, *batch_);
      count += batch_->size();
    } while (batch_->size() > 0 && count < enough);
    return count;
  }

  py::list poll_recorded() {
    py::list out;
    for (const auto& frame : engine_.poll_recorded())
      out.append(py::make_tuple(static_cast<std::uint64_t>(frame.space), frame.position,
                                to_bytes(frame.bytes())));
    return out;
  }

 private:
  void shake(Instant now) {
    while (!holds_handshakes_ && engine_.handle_backlog(now)) {
    }
  }

  Engine engine_;
  std::unique_ptr<SendBatch> batch_;
  bool holds_handshakes_ = false;
};

/// W3C getStats: jitterBufferDelay is a sum over jitterBufferEmittedCount samples.
double mean_delay_ms(const SpeakerStats& stats) {
  const auto emitted = stats.voice.jitter_buffer_emitted_count;
  return emitted ? stats.voice.jitter_buffer_delay * 1'000 / static_cast<double>(emitted) : 0;
}

void bind_snapshots(py::module_& module) {
  py::class_<Event>(module, "Event")
      .def_property_readonly("kind", [](const Event& e) { return name(e.kind); })
      .def_property_readonly("space", [](const Event& e) { return std::uint64_t(e.space); })
      .def_property_readonly("peer", [](const Event& e) { return std::uint32_t(e.peer); })
      .def_property_readonly("session", [](const Event& e) { return to_bytes(e.session.bytes); })
      .def_property_readonly("peers",
                             [](const Event& e) {
                               std::vector<std::uint32_t> peers;
                               for (const PeerId peer : e.peers)
                                 peers.push_back(static_cast<std::uint32_t>(peer));
                               return peers;
                             })
      .def_readonly("detail", &Event::detail);

  py::class_<SpeakerStats> speaker(module, "SpeakerStats");
  bind_jitter_stats(speaker, [](const SpeakerStats& s) -> const JitterStats& { return s.voice; });
  speaker.def_property_readonly("peer", [](const SpeakerStats& s) { return std::uint32_t(s.peer); })
      .def_readonly("muted", &SpeakerStats::muted)
      .def_readonly("audible", &SpeakerStats::audible)
      .def_readonly("level", &SpeakerStats::level)
      .def_property_readonly("frames_decoded",
                             [](const SpeakerStats& s) { return s.voice.frames_decoded; })
      .def_property_readonly("decode_errors",
                             [](const SpeakerStats& s) { return s.voice.decode_errors; })
      .def_property_readonly("jitter_buffer_delay_ms", &mean_delay_ms)
      .def_property_readonly("target_delay_ms",
                             [](const SpeakerStats& s) { return s.voice.target_delay * 1'000; });

  py::class_<SpaceStats>(module, "SpaceStats")
      .def_readonly("listeners", &SpaceStats::listeners)
      .def_readonly("speakers", &SpaceStats::speakers)
      .def_readonly("frames_mixed", &SpaceStats::frames_mixed)
      .def_readonly("recorded_samples", &SpaceStats::recorded_samples)
      .def_readonly("tiers", &SpaceStats::tiers);
}

void bind_mesh(py::module_& module) {
  py::class_<Mesh, std::shared_ptr<Mesh>>(module, "Mesh")
      .def(py::init<std::uint32_t, std::uint32_t>(), py::arg("workers"), py::arg("seats"))
      .def(
          "home", [](const Mesh& self, std::uint64_t space) { return self.home(SpaceId{space}); },
          py::arg("space"));
  module.def(
      "worker_share",
      [](std::uint32_t max_listeners, std::uint32_t workers) {
        const auto share = share_of({.certificate = {}, .max_listeners = max_listeners}, workers);
        using namespace py::literals;
        return py::dict("max_listeners"_a = share.max_listeners,
                        "max_handshakes"_a = share.max_handshakes,
                        "max_waiting"_a = share.max_waiting);
      },
      py::arg("max_listeners"), py::arg("workers"));
}

/// A crowd's consent checks and receiver reports, for benches, and which of them are opened.
void bind_feedback(py::module_& module) {
  py::class_<ReportSampler>(module, "ReportSampler")
      .def(py::init<>())
      .def(
          "takes",
          [](ReportSampler& self, std::int64_t now_us, std::int64_t last_us, bool lossy) {
            return self.takes({now_us}, ReportSampler::stamp({last_us}), lossy);
          },
          py::arg("now_us"), py::arg("last_us"), py::arg("lossy") = false);
  py::class_<Feedback>(module, "Feedback")
      .def(py::init([](PyEngine& engine, std::uint64_t space, std::uint32_t listeners,
                       std::uint64_t seed) {
             return std::make_unique<Feedback>(engine.engine(), SpaceId{space}, listeners, seed);
           }),
           py::arg("engine"), py::arg("space"), py::arg("listeners"), py::arg("seed") = 1)
      .def("prepare", &Feedback::prepare, py::arg("checks"), py::arg("reports"),
           py::arg("fraction_lost") = 0)
      .def(
          "feed",
          [](Feedback& self, PyEngine& engine, std::int64_t now_us) {
            return self.feed(engine.engine(), {now_us});
          },
          py::arg("engine"), py::arg("now_us"))
      .def_property_readonly("check_size", &Feedback::check_size)
      .def_property_readonly("report_size", &Feedback::report_size);
}

void bind_commands(py::class_<PyEngine>& bound) {
  bound
      .def_property_readonly("fingerprint",
                             [](PyEngine& self) { return to_bytes(self.engine().fingerprint()); })
      .def(
          "add_ticket_key",
          [](PyEngine& self, std::uint8_t key_id, const py::bytes& key) {
            self.engine().tickets().add(key_id, to_ticket_key(key));
          },
          py::arg("key_id"), py::arg("key"))
      .def(
          "create_space",
          [](PyEngine& self, std::int64_t now_us, std::uint64_t space, bool recorded, bool music) {
            self.engine().create_space({now_us}, SpaceId{space}, recorded, to_mode(music));
          },
          py::arg("now_us"), py::arg("space"), py::arg("recorded") = false,
          py::arg("music") = false)
      .def(
          "close_space",
          [](PyEngine& self, std::uint64_t space) {
            return self.engine().close_space(SpaceId{space});
          },
          py::arg("space"))
      .def(
          "end_session",
          [](PyEngine& self, std::int64_t now_us, const py::bytes& session) {
            return self.engine().end_session({now_us}, to_session(session));
          },
          py::arg("now_us"), py::arg("session"))
      .def(
          "remove_peer",
          [](PyEngine& self, std::uint64_t space, std::uint32_t peer) {
            return self.engine().remove_peer(SpaceId{space}, PeerId{peer});
          },
          py::arg("space"), py::arg("peer"))
      .def(
          "set_muted",
          [](PyEngine& self, std::uint64_t space, std::uint32_t peer, bool muted) {
            return self.engine().set_muted(SpaceId{space}, PeerId{peer}, muted);
          },
          py::arg("space"), py::arg("peer"), py::arg("muted"))
      .def("refuse_newcomers", [](PyEngine& self) { self.engine().refuse_newcomers(); })
      .def(
          "space_stats",
          [](PyEngine& self, std::uint64_t space) {
            return known_space(self.engine().space_stats(SpaceId{space}));
          },
          py::arg("space"))
      .def(
          "set_admitted",
          [](PyEngine& self, std::uint64_t space, std::uint16_t cohorts) {
            return self.engine().set_admitted(SpaceId{space}, cohorts);
          },
          py::arg("space"), py::arg("cohorts"))
      .def(
          "set_invited_only",
          [](PyEngine& self, std::uint64_t space, bool only) {
            return self.engine().set_invited_only(SpaceId{space}, only);
          },
          py::arg("space"), py::arg("only"));
}

void bind_tiers(py::class_<PyEngine>& bound) {
  bound
      .def(
          "set_tier",
          [](PyEngine& self, std::uint64_t space, std::optional<int> milliseconds) {
            return self.engine().set_tier(SpaceId{space}, to_tier(milliseconds));
          },
          py::arg("space"), py::arg("milliseconds"))
      .def(
          "set_listener_tier",
          [](PyEngine& self, const py::bytes& session, std::optional<int> milliseconds) {
            return self.engine().set_listener_tier(to_session(session), to_tier(milliseconds));
          },
          py::arg("session"), py::arg("milliseconds"))
      .def_property_readonly(
          "relief", [](PyEngine& self) { return static_cast<int>(self.engine().relief()); });
}

void bind_counts(py::class_<PyEngine>& bound) {
  bound.def("counters", [](PyEngine& self) { return to_dict(self.engine().counters()); })
      .def_property_readonly("listeners", [](PyEngine& self) { return self.engine().listeners(); })
      .def_property_readonly("speakers", [](PyEngine& self) { return self.engine().speakers(); })
      .def_property_readonly("handshakes",
                             [](PyEngine& self) { return self.engine().handshakes(); });
}

void bind_time_and_datagrams(py::class_<PyEngine>& bound) {
  bound.def("hold_handshakes", &PyEngine::hold_handshakes)
      .def(
          "handle_backlog",
          [](PyEngine& self, std::int64_t now_us) {
            return self.engine().handle_backlog({now_us});
          },
          py::arg("now_us"))
      .def("handle_mesh", &PyEngine::handle_mesh, py::arg("now_us"))
      .def(
          "handle_clock",
          [](PyEngine& self, std::int64_t now_us, std::int64_t unix_us) {
            self.engine().handle_clock({now_us}, {unix_us});
          },
          py::arg("now_us"), py::arg("unix_us"))
      .def("handle_datagram", &PyEngine::handle_datagram, py::arg("now_us"), py::arg("source"),
           py::arg("datagram"))
      .def("handle_timeout", &PyEngine::handle_timeout, py::arg("now_us"))
      .def(
          "next_timeout",
          [](PyEngine& self, std::int64_t now_us) { return self.next_timeout({now_us}).us; },
          py::arg("now_us"))
      .def("poll_transmits", &PyEngine::poll_transmits, py::arg("now_us"))
      .def("drop_transmits", &PyEngine::drop_transmits, py::arg("now_us"),
           py::arg("enough") = std::numeric_limits<std::uint64_t>::max())
      .def("poll_events", [](PyEngine& self) { return self.engine().poll_events(); })
      .def("poll_recorded", &PyEngine::poll_recorded);
}

}  // namespace

void bind_engine(py::module_& module) {
  bind_snapshots(module);
  bind_mesh(module);
  py::class_<PyEngine> bound(module, "Engine");
  bound.def(
      py::init([](std::int64_t now_us, std::int64_t unix_us, const std::string& backend,
                  std::uint32_t max_listeners, std::uint32_t max_handshakes,
                  std::uint32_t max_waiting, std::uint32_t audible,
                  const std::optional<std::shared_ptr<Mesh>>& mesh, WorkerId worker,
                  std::string certificate_pem, std::string private_key_pem) {
        return std::make_unique<PyEngine>(
            EngineConfig{.certificate =
                             to_certificate(std::move(certificate_pem), std::move(private_key_pem)),
                         .backend = to_backend(backend),
                         .max_listeners = max_listeners,
                         .max_handshakes = max_handshakes,
                         .max_waiting = max_waiting,
                         .audible = audible},
            now_us, unix_us, mesh.value_or(nullptr), worker);
      }),
      py::kw_only(), py::arg("now_us") = 0, py::arg("unix_us") = 1'700'000'000'000'000,
      py::arg("backend") = "best", py::arg("max_listeners") = 1'000, py::arg("max_handshakes") = 64,
      py::arg("max_waiting") = 1'024, py::arg("audible") = 3, py::arg("mesh") = py::none(),
      py::arg("worker") = 0, py::arg("certificate_pem") = "", py::arg("private_key_pem") = "");
  bind_commands(bound);
  bind_tiers(bound);
  bind_counts(bound);
  bind_time_and_datagrams(bound);
  bind_feedback(module);
}

}  // namespace fanout
