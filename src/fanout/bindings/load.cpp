#include "fanout/bindings/bind.hpp"

namespace fanout {

void bind_load(py::module_&) {}

}  // namespace fanout
