#include "fanout/bindings/bind.hpp"

namespace fanout {

void bind_ogg(py::module_&) {}

}  // namespace fanout
