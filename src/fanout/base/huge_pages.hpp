/// Memory in pages of 2 MiB: whoever walks a gigabyte row by row would else miss the TLB at every
/// row. Where the kernel does not take the advice, small pages do.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <new>

namespace fanout {

constexpr std::size_t kHugePage = 2 << 20;

/// Whole pages, uninitialised; freed by std::free. Throws std::bad_alloc.
inline void* allocate_huge(std::size_t bytes) {
  const auto size = (bytes + kHugePage - 1) / kHugePage * kHugePage;
  void* memory = std::aligned_alloc(kHugePage, size);
  if (!memory) throw std::bad_alloc();
  madvise(memory, size, MADV_HUGEPAGE);
  return memory;
}

/// The same for a container.
template <typename T>
struct HugePageAllocator {
  using value_type = T;

  T* allocate(std::size_t count) { return static_cast<T*>(allocate_huge(count * sizeof(T))); }
  void deallocate(T* memory, std::size_t) noexcept { std::free(memory); }
  bool operator==(const HugePageAllocator&) const = default;
};

}  // namespace fanout
