/// A jitter buffer's policy as arguments of Python.
#pragma once

#include "fanout/media/delay.hpp"

namespace fanout {

constexpr JitterPolicy kPolicy;  // the defaults

constexpr JitterPolicy to_policy(float late_cost, std::int64_t least_us, std::int64_t most_us) {
  return {.late_cost = late_cost, .least = {least_us}, .most = {most_us}};
}

}  // namespace fanout
