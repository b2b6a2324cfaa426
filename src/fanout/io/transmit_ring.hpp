/// Frames in memory that the kernel shares (packet(7): PACKET_TX_RING). They are written in place
/// and one system call sends all that wait, past the queueing discipline straight to the driver.
///
/// When the driver's own queue is full, what it did not take stays in the ring for the next call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "fanout/io/file_descriptor.hpp"
#include "fanout/io/interface.hpp"

struct tpacket2_hdr;

namespace fanout {

class TransmitRing {
 public:
  static constexpr std::size_t kMaxFrame = 2048 - 32;  // a slot but for the kernel's header

  /// Throws std::system_error.
  explicit TransmitRing(const Interface& interface);

  /// Where the next frame is to be written; nullptr while the ring is full.
  std::uint8_t* next() noexcept;
  void add(std::size_t size) noexcept;
  /// Sends what was added; nothing blocks.
  void kick() noexcept;
  /// Whether frames wait for another kick.
  bool is_waiting() const noexcept { return waiting_; }
  /// Takes back those that do; how many there were.
  std::size_t give_up() noexcept;

 private:
  struct Unmap {
    void operator()(std::uint8_t* memory) const noexcept;
  };

  tpacket2_hdr& slot(std::size_t at) noexcept;

  FileDescriptor socket_;
  std::unique_ptr<std::uint8_t, Unmap> memory_;
  std::size_t at_ = 0;
  bool waiting_ = false;
};

}  // namespace fanout
