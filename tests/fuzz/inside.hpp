/// What every fuzz target demands: a part that was handed out lies in the bytes it came from.
#pragma once

#include <cstdlib>
#include <functional>

#include "fanout/base/bytes.hpp"

inline void require_inside(fanout::Bytes part, fanout::Bytes whole) {
  constexpr std::less_equal<const std::uint8_t*> ordered;  // also for unrelated pointers
  const bool inside = ordered(whole.data(), part.data()) &&
                      ordered(part.data() + part.size(), whole.data() + whole.size());
  if (!part.empty() && !inside) std::abort();
}
