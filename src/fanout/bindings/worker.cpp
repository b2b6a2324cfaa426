#include "fanout/bindings/bind.hpp"

namespace fanout {

void bind_worker(py::module_&) {}

}  // namespace fanout
