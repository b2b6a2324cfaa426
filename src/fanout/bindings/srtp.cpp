#include "fanout/bindings/bind.hpp"

namespace fanout {

void bind_srtp(py::module_&) {}

}  // namespace fanout
