#include "fanout/base/flat_map.hpp"
#include "fanout/base/seq.hpp"
#include "fanout/bindings/bind.hpp"

namespace fanout {

namespace {

/// A key whose low byte says where in the map it would like to lie, for tests of crowds there.
struct PlainKey {
  std::uint64_t number;
  bool operator==(const PlainKey&) const = default;
};
std::uint64_t hash_value(const PlainKey& key, std::uint64_t) noexcept { return key.number << 56; }

using PlainMap = FlatMap<PlainKey, std::uint64_t>;

void bind_flat_map(py::module_& module) {
  py::class_<PlainMap>(module, "FlatMap")
      .def(py::init([](std::size_t capacity) { return PlainMap(capacity, 0); }),
           py::arg("capacity"))
      .def("__len__", &PlainMap::size)
      .def(
          "find",
          [](PlainMap& self, std::uint64_t key) -> std::optional<std::uint64_t> {
            const auto* value = self.find({key});
            return value ? std::optional(*value) : std::nullopt;
          },
          py::arg("key"))
      .def(
          "set",
          [](PlainMap& self, std::uint64_t key, std::uint64_t value) {
            return self.set({key}, value);
          },
          py::arg("key"), py::arg("value"))
      .def(
          "erase", [](PlainMap& self, std::uint64_t key) { return self.erase({key}); },
          py::arg("key"));
}

}  // namespace

void bind_base(py::module_& module) {
  static py::exception<Dropped> dropped(module, "Dropped", PyExc_ValueError);
  py::register_exception_translator([](std::exception_ptr error) {
    try {
      if (error) std::rethrow_exception(error);
    } catch (const Dropped& reason) {
      py::set_error(dropped, std::string(name(reason.drop)).c_str());
    }
  });
  bind_flat_map(module);
  module.def("drop_names", [] {
    py::list names;
    for (std::size_t i = 0; i < kDropKinds; ++i) names.append(name(static_cast<Drop>(i)));
    return names;
  });
  module.def("is_newer", &is_newer, py::arg("a"), py::arg("b"));
  module.def("unwrap", &unwrap, py::arg("seq"), py::arg("reference"));
  module.def("unwrap_timestamp", &unwrap_timestamp, py::arg("timestamp"), py::arg("reference"));
}

}  // namespace fanout
