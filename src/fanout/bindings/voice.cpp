#include "fanout/media/voice.hpp"
#include "fanout/base/audio.hpp"

#include <vector>

#include "fanout/bindings/jitter_policy.hpp"
#include "fanout/bindings/jitter_stats.hpp"
#include "fanout/bindings/sound.hpp"
#include "fanout/media/decode_gate.hpp"

namespace fanout {
namespace {

Push push_to_voice(Voice& voice, std::int64_t arrival_us, std::uint16_t sequence,
                   std::uint32_t timestamp, const py::bytes& payload, std::uint8_t level,
                   bool copy) {
  const auto bytes = view(payload);
  const auto samples = static_cast<std::uint32_t>(opus_samples(bytes).value_or(kFrameSamples));
  const JitterPacket packet{.sequence = sequence,
                            .timestamp = timestamp,
                            .payload = bytes,
                            .samples = samples,
                            .level = level};
  return copy ? voice.push_copy({arrival_us}, packet) : voice.push({arrival_us}, packet);
}

py::array_t<float> frame(Voice& voice) {
  const auto sound = voice.frame();
  std::vector<py::ssize_t> shape{kFrameSamples};
  if (sound.size() > kFrameSamples) shape.push_back(kMaxChannels);
  return py::array_t<float>(shape, sound.data());
}

void bind_one_voice(py::module_& module) {
  py::class_<VoiceStats, JitterStats>(module, "VoiceStats")
      .def_readonly("frames_decoded", &VoiceStats::frames_decoded)
      .def_readonly("decode_errors", &VoiceStats::decode_errors);
  py::class_<Voice>(module, "Voice")
      .def(py::init([](int channels, float late_cost, std::int64_t least_us, std::int64_t most_us) {
             return Voice(channels, to_policy(late_cost, least_us, most_us));
           }),
           py::arg("channels") = 1, py::kw_only(), py::arg("late_cost") = kPolicy.late_cost,
           py::arg("least_us") = kPolicy.least.us, py::arg("most_us") = kPolicy.most.us)
      .def("push", &push_to_voice, py::arg("arrival_us"), py::arg("sequence"), py::arg("timestamp"),
           py::arg("payload"), py::arg("level") = kUnknownLevel, py::arg("copy") = false)
      .def(
          "advance", [](Voice& self, std::int64_t now_us) { self.advance({now_us}); },
          py::arg("now_us"))
      .def("frame", &frame)
      .def(
          "read", [](Voice& self, py::array& out) { write_frame(self.frame(), out); },
          py::arg("out"), "The tick's frame, written to `out`.")
      .def_property_readonly("claim", &Voice::claim)
      .def_property_readonly("leveled", &Voice::leveled)
      .def("stats", &Voice::stats);
}

std::vector<std::uint32_t> choose(DecodeGate& gate, const std::vector<std::uint32_t>& mixed) {
  std::vector<PeerId> peers;
  for (const auto peer : mixed) peers.push_back(PeerId{peer});
  std::vector<std::uint32_t> chosen;
  for (const auto peer : gate.choose(peers)) chosen.push_back(static_cast<std::uint32_t>(peer));
  return chosen;
}

void bind_gate(py::module_& module) {
  py::class_<DecodeGate>(module, "DecodeGate")
      .def(py::init<std::size_t>(), py::arg("audible") = 3)
      .def(
          "add", [](DecodeGate& self, std::uint32_t peer) { self.add(PeerId{peer}); },
          py::arg("peer"))
      .def(
          "remove", [](DecodeGate& self, std::uint32_t peer) { self.remove(PeerId{peer}); },
          py::arg("peer"))
      .def(
          "claim",
          [](DecodeGate& self, std::uint32_t peer, std::uint8_t level, bool leveled) {
            self.claim(PeerId{peer}, level, leveled);
          },
          py::arg("peer"), py::arg("level"), py::arg("leveled") = true)
      .def("choose", &choose, py::arg("mixed"))
      .def(
          "measure",
          [](DecodeGate& self, std::uint32_t peer, std::uint8_t level) {
            self.measure(PeerId{peer}, level);
          },
          py::arg("peer"), py::arg("level"));
}

}  // namespace

void bind_voice(py::module_& module) {
  bind_one_voice(module);
  bind_gate(module);
}

}  // namespace fanout
