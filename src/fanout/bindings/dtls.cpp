#include "fanout/bindings/bind.hpp"

namespace fanout {

void bind_dtls(py::module_&) {}

}  // namespace fanout
