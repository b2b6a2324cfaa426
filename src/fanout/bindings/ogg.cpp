#include "fanout/media/ogg.hpp"

#include "fanout/bindings/bind.hpp"

namespace fanout {
namespace {

py::bytes take(OggOpusWriter& writer) { return to_bytes(writer.take()); }

void write(OggOpusWriter& writer, std::uint64_t position, const py::bytes& packet,
           std::uint32_t samples) {
  writer.write(position, view(packet), samples);
}

}  // namespace

void bind_ogg(py::module_& module) {
  py::class_<OggOpusWriter>(module, "OggOpusWriter")
      .def(py::init<std::uint32_t, int, std::string_view>(), py::kw_only(), py::arg("serial"),
           py::arg("channels") = 1, py::arg("title") = "")
      .def("write", &write, py::arg("position"), py::arg("packet"), py::arg("samples") = 960,
           "One Opus packet at 48 kHz samples since the start; gaps become silence.")
      .def("flush", &OggOpusWriter::flush)
      .def("finish", &OggOpusWriter::finish)
      .def("take", &take, "The bytes made since the last call.")
      .def_property_readonly("skipped", &OggOpusWriter::skipped);
}

}  // namespace fanout
