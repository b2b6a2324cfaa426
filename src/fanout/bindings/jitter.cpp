#include "fanout/bindings/bind.hpp"

namespace fanout {

void bind_jitter(py::module_&) {}

}  // namespace fanout
