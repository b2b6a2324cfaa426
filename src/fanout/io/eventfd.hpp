/// eventfd(2): how one thread wakes another that waits in poll.
#pragma once

#include <sys/eventfd.h>

#include <cerrno>
#include <system_error>

#include "fanout/io/file_descriptor.hpp"

namespace fanout {

inline FileDescriptor make_eventfd() {
  FileDescriptor fd{eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
  if (!fd) throw std::system_error(errno, std::generic_category(), "eventfd");
  return fd;
}

inline void signal(const FileDescriptor& fd) noexcept { eventfd_write(fd.get(), 1); }

inline void clear(const FileDescriptor& fd) noexcept {
  eventfd_t value;
  eventfd_read(fd.get(), &value);
}

}  // namespace fanout
