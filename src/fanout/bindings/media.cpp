#include "fanout/bindings/bind.hpp"

namespace fanout {

void bind_media(py::module_&) {}

}  // namespace fanout
