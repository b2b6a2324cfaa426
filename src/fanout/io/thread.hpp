/// Threads that say what was missing where the system has none left.
#pragma once

#include <system_error>
#include <thread>
#include <utility>

namespace fanout {

template <typename Body>
std::thread start_thread(Body body) {
  try {
    return std::thread(std::move(body));
  } catch (const std::system_error& failure) {
    throw std::system_error(failure.code(), "starting a thread");
  }
}

}  // namespace fanout
