/// The ladder and what steers it, by themselves: for tests. A tier is a number of milliseconds.
#include "fanout/engine/ladder.hpp"

#include <optional>
#include <string>
#include <vector>

#include "fanout/bindings/bind.hpp"
#include "fanout/engine/auto_tier.hpp"

namespace fanout {
namespace {

using Step = std::optional<std::pair<py::bytes, std::uint32_t>>;

void push_frame(Ladder& ladder, std::uint32_t timestamp, const py::bytes& payload, bool marker,
                const std::vector<std::uint32_t>& csrc) {
  std::vector<PeerId> peers;
  for (const auto peer : csrc) peers.push_back(PeerId{peer});
  ladder.push({{.marker = marker, .timestamp = timestamp, .csrc = peers}, view(payload)});
}

Step next(Ladder& ladder, std::uint32_t timestamp, bool red) {
  const auto* step = red ? ladder.next_red(timestamp) : ladder.next(timestamp);
  if (!step) return std::nullopt;
  std::vector<std::uint8_t> rtp(step->packet.header().begin(), step->packet.header().end());
  rtp.insert(rtp.end(), step->packet.payload().begin(), step->packet.payload().end());
  return std::pair(to_bytes(rtp), step->next_timestamp);
}

int level(Relief relief) { return static_cast<int>(relief); }

Relief to_relief(int level) {
  if (level < 0 || level > static_cast<int>(Relief::ms120))
    throw std::invalid_argument("no such level");
  return static_cast<Relief>(level);
}

}  // namespace

void bind_ladder(py::module_& module) {
  py::class_<Ladder>(module, "Ladder")
      .def(py::init([](std::uint32_t ssrc, std::uint32_t next_timestamp) {
             return std::make_unique<Ladder>(Ssrc{ssrc}, next_timestamp);
           }),
           py::arg("ssrc"), py::arg("next_timestamp"))
      .def("push", &push_frame, py::arg("timestamp"), py::arg("payload"), py::arg("marker") = false,
           py::arg("csrc") = std::vector<std::uint32_t>{})
      .def("next", &next, py::arg("timestamp"), py::arg("red") = false,
           "An RTP packet from there on, and the timestamp after it; None when nothing is newer.")
      .def_property_readonly("next_timestamp", &Ladder::next_timestamp)
      .def_property_readonly("skips", &Ladder::skips)
      .def_property_readonly("rejects", &Ladder::rejects);
  module.def(
      "is_due",
      [](int tier, std::uint32_t phase, std::uint64_t tick) {
        return is_due(tier_of(tier), phase, tick);
      },
      py::arg("tier"), py::arg("phase"), py::arg("tick"));
  py::class_<AutoTier>(module, "AutoTier")
      .def(py::init<>())
      .def(
          "update",
          [](AutoTier& self, std::int64_t now_us, std::int64_t lateness_us) {
            return level(self.update({now_us}, {lateness_us}));
          },
          py::arg("now_us"), py::arg("lateness_us"));
  module.def(
      "relieved",
      [](int wish, int level) {
        return milliseconds_of(relieved(tier_of(wish), to_relief(level)));
      },
      py::arg("wish"), py::arg("level"));
}

}  // namespace fanout
