#include "fanout/bindings/bind.hpp"

namespace fanout {

void bind_engine(py::module_&) {}

}  // namespace fanout
