#include "fanout/io/recorder.hpp"

#include <algorithm>
#include <mutex>
#include <stdexcept>
#include <utility>
#include <vector>

#include "fanout/bindings/bind.hpp"

namespace fanout {
namespace {

class PyRecorder {
 public:
  void open(std::uint64_t space, const std::string& path, const std::string& title, int channels) {
    recorder_.open(SpaceId{space}, path, title, channels);
  }

  void write(std::uint64_t space, std::uint64_t position, const py::bytes& packet,
             std::uint32_t samples) {
    const auto bytes = view(packet);
    RecordedFrame frame{.space = SpaceId{space}, .position = position, .samples = samples};
    if (bytes.size() > frame.packet.size()) throw std::invalid_argument("the packet is too long");
    std::ranges::copy(bytes, frame.packet.begin());
    frame.size = static_cast<std::uint16_t>(bytes.size());
    recorder_.write(frame);
  }

  void finish(std::uint64_t space) { recorder_.finish(SpaceId{space}); }

  void close() {
    py::gil_scoped_release unlocked;
    recorder_.close();
  }

  std::uint64_t lost() const { return recorder_.lost(); }

  py::list take_events() {
    std::vector<Event> events;
    {
      const std::scoped_lock lock(mutex_);
      events = std::exchange(events_, {});
    }
    py::list out;
    for (const auto& event : events) out.append(py::make_tuple(name(event.kind), event.detail));
    return out;
  }

 private:
  std::mutex mutex_;
  std::vector<Event> events_;
  Recorder recorder_{[this](Event event) {
    const std::scoped_lock lock(mutex_);
    events_.push_back(std::move(event));
  }};
};

}  // namespace

void bind_recorder(py::module_& module) {
  py::class_<PyRecorder>(module, "Recorder")
      .def(py::init<>())
      .def("open", &PyRecorder::open, py::arg("space"), py::arg("path"), py::kw_only(),
           py::arg("title") = "", py::arg("channels") = 1)
      .def("write", &PyRecorder::write, py::arg("space"), py::arg("position"), py::arg("packet"),
           py::arg("samples") = 960, "Leaves a packet in the ring; never waits.")
      .def("finish", &PyRecorder::finish, py::arg("space"))
      .def("close", &PyRecorder::close, "Writes out what waits, finishes every file.")
      .def_property_readonly("lost", &PyRecorder::lost)
      .def("take_events", &PyRecorder::take_events, "(kind, detail) since the last call.")
      .def_property_readonly_static("max_waiting",
                                    [](const py::object&) { return Recorder::kMaxWaiting; });
}

}  // namespace fanout
