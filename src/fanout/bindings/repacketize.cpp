#include "fanout/media/repacketize.hpp"

#include <array>
#include <variant>
#include <vector>

#include "fanout/bindings/bind.hpp"
#include "fanout/media/opus.hpp"

namespace fanout {
namespace {

/// 120 ms of 2.5 ms frames, each as long as can be, with their framing.
constexpr std::size_t kMostRoom = 48 * (kMaxOpusPacket + 2);

std::variant<py::bytes, std::size_t> merge(Repacketizer& repacketizer,
                                           const std::vector<py::bytes>& packets,
                                           std::size_t room) {
  std::vector<Bytes> views;
  for (const auto& packet : packets) views.push_back(view(packet));
  std::array<std::uint8_t, kMostRoom> out;
  const auto merged = repacketizer.merge(views, std::span(out).first(std::min(room, kMostRoom)));
  if (!merged) return merged.error();
  return to_bytes(*merged);
}

}  // namespace

void bind_repacketize(py::module_& module) {
  py::class_<Repacketizer>(module, "Repacketizer")
      .def(py::init<>())
      .def("merge", &merge, py::arg("packets"), py::arg("room") = kMostRoom,
           "One packet, or how many of the first packets one can hold.");
}

}  // namespace fanout
