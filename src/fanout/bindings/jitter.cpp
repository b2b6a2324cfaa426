#include "fanout/media/jitter.hpp"
#include "fanout/base/audio.hpp"
#include "fanout/bindings/jitter_policy.hpp"
#include "fanout/bindings/jitter_stats.hpp"
#include "fanout/media/level.hpp"

namespace fanout {
namespace {

Push push_to_buffer(JitterBuffer& buffer, std::int64_t arrival_us, std::uint16_t sequence,
                    std::uint32_t timestamp, const py::bytes& payload, std::uint32_t ssrc,
                    std::uint32_t samples, std::uint8_t level, bool copy) {
  const JitterPacket packet{.sequence = sequence,
                            .timestamp = timestamp,
                            .ssrc = Ssrc{ssrc},
                            .payload = view(payload),
                            .samples = samples,
                            .level = level};
  return copy ? buffer.push_copy({arrival_us}, packet) : buffer.push({arrival_us}, packet);
}

/// What was popped, its payload copied before another thread may push.
struct Popped : Pop {
  explicit Popped(const Pop& pop) : Pop(pop), copy(to_bytes(pop.payload)) {}

  py::bytes copy;
};

void bind_buffer(py::module_& module) {
  py::enum_<Push>(module, "Push")
      .value("stored", Push::stored)
      .value("duplicate", Push::duplicate)
      .value("late", Push::late)
      .value("restarted", Push::restarted)
      .value("held", Push::held)
      .value("overflow", Push::overflow);
  py::enum_<Playout>(module, "Playout")
      .value("frame", Playout::frame)
      .value("fec", Playout::fec)
      .value("conceal", Playout::conceal)
      .value("dtx", Playout::dtx)
      .value("silence", Playout::silence)
      .value("hold", Playout::hold)
      .value("accelerate", Playout::accelerate)
      .value("skip", Playout::skip);
  py::class_<Popped>(module, "Pop")
      .def_readonly("what", &Popped::what)
      .def_readonly("payload", &Popped::copy)
      .def_readonly("samples", &Popped::samples)
      .def_readonly("timestamp", &Popped::timestamp)
      .def_readonly("level", &Popped::level);
  py::class_<PayloadSlab, std::shared_ptr<PayloadSlab>>(
      module, "PayloadSlab", "Where payloads wait; jitter buffers of one thread may share it.")
      .def(py::init<>())
      .def_property_readonly("bytes", &PayloadSlab::bytes);
  py::class_<JitterBuffer>(module, "JitterBuffer",
                           "The jitter buffer of one decoded stream; times in microseconds.")
      .def(py::init([](float late_cost, std::int64_t least_us, std::int64_t most_us,
                       std::optional<std::shared_ptr<PayloadSlab>> slab) {
             return JitterBuffer(to_policy(late_cost, least_us, most_us), slab.value_or(nullptr));
           }),
           py::kw_only(), py::arg("late_cost") = kPolicy.late_cost,
           py::arg("least_us") = kPolicy.least.us, py::arg("most_us") = kPolicy.most.us,
           py::arg("slab") = py::none())
      .def("push", &push_to_buffer, py::arg("arrival_us"), py::arg("sequence"),
           py::arg("timestamp"), py::arg("payload"), py::arg("ssrc") = 0,
           py::arg("samples") = kFrameSamples, py::arg("level") = kUnknownLevel,
           py::arg("copy") = false)
      .def(
          "pop",
          [](JitterBuffer& buffer, std::int64_t now_us) { return Popped(buffer.pop({now_us})); },
          py::arg("now_us"), "The next entry due.")
      .def("reset", &JitterBuffer::reset)
      .def("stats", &JitterBuffer::stats);
}

void bind_stats(py::module_& module) {
  py::class_<JitterStats> bound(module, "JitterStats",
                                "Counters; names as in W3C getStats where they are there.");
  bind_jitter_stats(bound, [](const JitterStats& self) -> const JitterStats& { return self; });
}

std::vector<std::uint32_t> audible(SpeakerRanking& ranking, std::int64_t now_us) {
  std::vector<std::uint32_t> peers;
  for (const auto peer : ranking.audible({now_us}))
    peers.push_back(static_cast<std::uint32_t>(peer));
  return peers;
}

std::optional<std::uint32_t> dominant(const SpeakerRanking& ranking) {
  const auto peer = ranking.dominant();
  return peer ? std::optional(static_cast<std::uint32_t>(*peer)) : std::nullopt;
}

void bind_ranking(py::module_& module) {
  py::class_<SpeakerRanking>(module, "SpeakerRanking",
                             "The loudest speakers and the dominant one, by RFC 6464 levels.")
      .def(py::init<std::size_t>(), py::arg("audible") = 3)
      .def(
          "add", [](SpeakerRanking& self, std::uint32_t peer) { self.add(PeerId{peer}); },
          py::arg("peer"))
      .def(
          "remove", [](SpeakerRanking& self, std::uint32_t peer) { self.remove(PeerId{peer}); },
          py::arg("peer"))
      .def(
          "report",
          [](SpeakerRanking& self, std::uint32_t peer, std::uint8_t level, std::int64_t now_us,
             std::uint8_t claimed) { self.report(PeerId{peer}, level, {now_us}, claimed); },
          py::arg("peer"), py::arg("level"), py::arg("now_us"), py::arg("claimed") = kSilentLevel)
      .def("audible", &audible, py::arg("now_us"))
      .def_property_readonly("dominant", &dominant);
}

}  // namespace

void bind_jitter(py::module_& module) {
  bind_stats(module);
  bind_buffer(module);
  bind_ranking(module);
}

}  // namespace fanout
