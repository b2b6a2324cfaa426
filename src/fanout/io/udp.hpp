/// One UDP socket for everybody, read and written in batches (recvmmsg, sendmmsg): the system
/// call is what a datagram costs, so it is shared by as many as there are.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "fanout/base/address.hpp"
#include "fanout/base/bytes.hpp"
#include "fanout/base/send_batch.hpp"
#include "fanout/io/file_descriptor.hpp"

namespace fanout {

/// Room for one in6_pktinfo (RFC 3542 section 6.1): our end of a datagram's path.
constexpr std::size_t kPacketInfoSpace = CMSG_SPACE(sizeof(in6_pktinfo));
struct alignas(cmsghdr) ControlBuffer {
  std::array<std::uint8_t, kPacketInfoSpace> bytes{};
};

/// Datagrams as they came: an arena that `UdpSocket::receive` fills.
class ReceiveBatch {
 public:
  static constexpr std::size_t kCapacity = 64;

  ReceiveBatch();
  std::size_t size() const noexcept { return size_; }
  const Address& from(std::size_t i) const noexcept { return from_[i]; }
  MutableBytes bytes(std::size_t i) noexcept {
    return MutableBytes(arena_[i]).first(headers_[i].msg_len);
  }

 private:
  friend class UdpSocket;
  static constexpr std::size_t kStride = 2048;  // more than any path brings in one piece

  std::size_t size_ = 0;
  std::array<Address, kCapacity> from_{};
  std::array<ControlBuffer, kCapacity> controls_{};
  std::array<mmsghdr, kCapacity> headers_{};
  std::array<iovec, kCapacity> vectors_{};
  std::array<sockaddr_storage, kCapacity> names_{};
  std::array<std::array<std::uint8_t, kStride>, kCapacity> arena_{};
};

/// Our addresses that were reached, numbered from 1 as `Address::via` has them; sockets on one
/// port share the numbers. A machine has few, and keeps them: finding one takes no lock.
class OurAddresses {
 public:
  /// 0 for one too many: the kernel then chooses.
  std::uint8_t number_of(const in6_pktinfo& info) noexcept;
  const in6_pktinfo& at(std::uint8_t number) const noexcept { return known_[number - 1U]; }

 private:
  static constexpr std::size_t kMost = 255;

  std::mutex mutex_;  // guards adding
  std::atomic<std::size_t> size_{0};
  std::array<in6_pktinfo, kMost> known_{};
};

class UdpSocket {
 public:
  /// `host`: an IPv4 or IPv6 address; "::" takes both families where the machine has IPv6.
  /// Throws std::system_error (address in use, no such address, no permission) and
  /// std::invalid_argument for what is no address.
  UdpSocket(const std::string& host, std::uint16_t port);
  /// Another socket on the same port: from now on the kernel spreads peers over both by their
  /// addresses (SO_REUSEPORT). Nobody else can join in: whoever binds the port anew finds it
  /// taken.
  UdpSocket another() const;

  int fd() const noexcept { return socket_.get(); }
  std::uint16_t port() const noexcept { return port_; }
  /// The port is free from now on; nothing is sent or received any more.
  void close() noexcept { socket_ = FileDescriptor{}; }

  /// Up to a batch of what waits; an empty batch when nothing does.
  void receive(ReceiveBatch& batch) noexcept;
  /// Sends from `first` on; returns how many are done with, fewer than all only when the
  /// socket's buffer is full. A datagram the kernel refuses (no route, say) counts as done.
  std::size_t send(const SendBatch& batch, std::size_t first) noexcept;
  /// Our end of the path to `to`; nothing where only the kernel's routes can tell.
  std::optional<Address> source_for(const Address& to) const noexcept;

  std::uint64_t send_errors() const noexcept { return send_errors_; }
  /// Datagrams the kernel dropped because its receive buffer was full.
  std::uint64_t kernel_drops() const noexcept;

 private:
  UdpSocket(int family, std::shared_ptr<OurAddresses> ours);
  bool bind_to(const Address& address);
  std::size_t fill(const SendBatch& batch, std::size_t first) noexcept;
  std::uint8_t number_of(msghdr& header) noexcept;

  FileDescriptor socket_;
  int family_;
  Address bound_;
  bool is_wildcard_ = false;  // bound to every address
  std::uint16_t port_ = 0;
  std::uint64_t send_errors_ = 0;
  std::shared_ptr<OurAddresses> ours_;
  std::array<ControlBuffer, SendBatch::kCapacity> controls_{};
  std::array<mmsghdr, SendBatch::kCapacity> headers_{};
  std::array<iovec, SendBatch::kCapacity> vectors_{};
  std::array<sockaddr_storage, SendBatch::kCapacity> names_{};
  std::array<std::uint8_t, SendBatch::kCapacity> places_{};  // in the batch, of each header
};

}  // namespace fanout
