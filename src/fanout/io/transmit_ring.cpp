#include "fanout/io/transmit_ring.hpp"

#include <linux/if_packet.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <atomic>

#include "fanout/io/socket.hpp"

namespace fanout {

namespace {

constexpr std::size_t kSlot = 2048;  // a frame of an Ethernet's MTU; divides a block
/// A slot is taken until the card has sent its frame: two thousand are more than a card queues.
constexpr std::size_t kSlots = 2048;
constexpr std::size_t kBlock = 1 << 16;  // what the kernel allocates in one piece
constexpr std::size_t kBytes = kSlots * kSlot;
constexpr std::size_t kDataOffset = TPACKET_ALIGN(sizeof(tpacket2_hdr));
static_assert(kDataOffset + TransmitRing::kMaxFrame == kSlot);
/// The kernel counts a frame's buffer, 1 KiB or so, against the socket's until it is sent.
constexpr int kSendBuffer = 4 << 20;

template <typename Value>
void set(int fd, int option, const Value& value, const char* name) {
  if (setsockopt(fd, SOL_PACKET, option, &value, sizeof value) != 0) throw failure(name);
}

/// Protocol 0: it receives nothing.
FileDescriptor open_packet_socket() {
  FileDescriptor socket{::socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!socket) throw failure("AF_PACKET socket");
  const int fd = socket.get();
  set(fd, PACKET_VERSION, static_cast<int>(TPACKET_V2), "PACKET_VERSION");
  set(fd, PACKET_QDISC_BYPASS, 1, "PACKET_QDISC_BYPASS");
  set(fd, PACKET_LOSS, 1, "PACKET_LOSS");  // a frame it cannot read holds up no other
  set_send_buffer(fd, kSendBuffer);
  const tpacket_req size{kBlock, kBytes / kBlock, kSlot, kSlots};
  set(fd, PACKET_TX_RING, size, "PACKET_TX_RING");
  return socket;
}

std::uint8_t* map(int fd) {
  void* memory = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) throw failure("PACKET_TX_RING memory");
  return static_cast<std::uint8_t*>(memory);
}

void bind_to(int fd, const Interface& interface) {
  sockaddr_ll name{};
  name.sll_family = AF_PACKET;
  name.sll_ifindex = interface.index;
  if (bind(fd, reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0)
    throw failure("AF_PACKET " + interface.name);
}

}  // namespace

TransmitRing::TransmitRing(const Interface& interface)
    : socket_(open_packet_socket()), memory_(map(socket_.get())) {
  bind_to(socket_.get(), interface);
}

void TransmitRing::Unmap::operator()(std::uint8_t* memory) const noexcept {
  munmap(memory, kBytes);
}

tpacket2_hdr& TransmitRing::slot(std::size_t at) noexcept {
  return *reinterpret_cast<tpacket2_hdr*>(memory_.get() + at * kSlot);
}

std::uint8_t* TransmitRing::next() noexcept {
  const std::atomic_ref status(slot(at_).tp_status);
  if (status.load(std::memory_order_acquire) != TP_STATUS_AVAILABLE) return nullptr;
  return memory_.get() + at_ * kSlot + kDataOffset;
}

void TransmitRing::add(std::size_t size) noexcept {
  auto& header = slot(at_);
  header.tp_len = static_cast<std::uint32_t>(size);
  std::atomic_ref(header.tp_status).store(TP_STATUS_SEND_REQUEST, std::memory_order_release);
  at_ = (at_ + 1) % kSlots;
}

/// The call may take some frames and leave the rest: the last one tells.
void TransmitRing::kick() noexcept {
  send(socket_.get(), nullptr, 0, MSG_DONTWAIT);
  const std::atomic_ref last(slot((at_ + kSlots - 1) % kSlots).tp_status);
  waiting_ = last.load(std::memory_order_acquire) == TP_STATUS_SEND_REQUEST;
}

/// Back to the first that the kernel has not taken, which is where it looks on.
std::size_t TransmitRing::give_up() noexcept {
  std::size_t count = 0;
  for (; count < kSlots; ++count) {
    const auto before = (at_ + kSlots - 1) % kSlots;
    const std::atomic_ref status(slot(before).tp_status);
    if (status.load(std::memory_order_acquire) != TP_STATUS_SEND_REQUEST) break;
    status.store(TP_STATUS_AVAILABLE, std::memory_order_release);
    at_ = before;
  }
  waiting_ = false;
  return count;
}

}  // namespace fanout
