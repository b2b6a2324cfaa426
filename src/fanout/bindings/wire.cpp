#include "fanout/bindings/bind.hpp"

namespace fanout {

void bind_wire(py::module_&) {}

}  // namespace fanout
