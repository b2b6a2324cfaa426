#include "fanout/base/seq.hpp"
#include "fanout/bindings/bind.hpp"

namespace fanout {

void bind_base(py::module_& module) {
  static py::exception<Dropped> dropped(module, "Dropped", PyExc_ValueError);
  py::register_exception_translator([](std::exception_ptr error) {
    try {
      if (error) std::rethrow_exception(error);
    } catch (const Dropped& reason) {
      py::set_error(dropped, std::string(name(reason.drop)).c_str());
    }
  });
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
