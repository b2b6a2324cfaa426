#include "fanout/bindings/bind.hpp"

namespace fanout {

void bind_ticket(py::module_&) {}

}  // namespace fanout
