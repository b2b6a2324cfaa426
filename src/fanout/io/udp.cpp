#include "fanout/io/udp.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "fanout/io/socket.hpp"

namespace fanout {

namespace {

/// The default holds 256 small datagrams, 50 ms of a busy port.
constexpr int kReceiveBuffer = 8 << 20;
constexpr int kSendBuffer = 4 << 20;

Address read_name(const sockaddr_storage& name) noexcept {
  if (name.ss_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, &name, sizeof v4);
    std::array<std::uint8_t, 4> octets;
    std::memcpy(octets.data(), &v4.sin_addr, 4);
    return Address::v4(octets, ntohs(v4.sin_port));
  }
  sockaddr_in6 v6;
  std::memcpy(&v6, &name, sizeof v6);
  Address address{.port = ntohs(v6.sin6_port)};
  std::memcpy(address.ip.data(), &v6.sin6_addr, 16);
  return address;
}

Address parse_host(const std::string& host, std::uint16_t port) {
  std::array<std::uint8_t, 4> octets;
  if (inet_pton(AF_INET, host.c_str(), octets.data()) == 1) return Address::v4(octets, port);
  Address address{.port = port};
  if (inet_pton(AF_INET6, host.c_str(), address.ip.data()) == 1) return address;
  throw std::invalid_argument("no IP address: " + host);
}

FileDescriptor open_socket(int family) {
  FileDescriptor socket{::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!socket) return socket;
  const int off = 0;
  if (family == AF_INET6) setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  return socket;
}

/// Bound to every address, the kernel would answer from the one its routes prefer.
bool is_wildcard(const Address& address) noexcept {
  const auto start = address.ip.begin() + (address.is_v4() ? 12 : 0);
  return std::all_of(start, address.ip.end(), [](auto octet) { return octet == 0; });
}

void write_packet_info(const in6_pktinfo& ours, ControlBuffer& control, msghdr& header) noexcept {
  header.msg_control = control.bytes.data();
  header.msg_controllen = control.bytes.size();
  cmsghdr* message = CMSG_FIRSTHDR(&header);
  message->cmsg_level = IPPROTO_IPV6;
  message->cmsg_type = IPV6_PKTINFO;
  message->cmsg_len = CMSG_LEN(sizeof ours);
  std::memcpy(CMSG_DATA(message), &ours, sizeof ours);
}

}  // namespace

ReceiveBatch::ReceiveBatch() {
  for (std::size_t i = 0; i < kCapacity; ++i) {
    vectors_[i] = {arena_[i].data(), kStride};
    headers_[i].msg_hdr = {&names_[i], sizeof names_[i],          &vectors_[i],
                           1,          controls_[i].bytes.data(), kPacketInfoSpace,
                           0};
  }
}

std::uint8_t OurAddresses::number_of(const in6_pktinfo& info) noexcept {
  const auto find = [&](std::size_t size) {
    std::size_t at = 0;
    while (at < size && std::memcmp(&known_[at], &info, sizeof info) != 0) ++at;
    return at;
  };
  const auto size = size_.load(std::memory_order_acquire);
  auto at = find(size);
  if (at == size) {
    const std::scoped_lock lock(mutex_);
    at = find(size_.load());  // another socket may have met it meanwhile
    if (at == kMost) return 0;
    if (at == size_.load()) {
      known_[at] = info;
      size_.store(at + 1, std::memory_order_release);
    }
  }
  return static_cast<std::uint8_t>(at + 1);
}

UdpSocket::UdpSocket(const std::string& host, std::uint16_t port)
    : socket_(open_socket(AF_INET6)), family_(AF_INET6), ours_(std::make_shared<OurAddresses>()) {
  auto address = parse_host(host, port);
  if (!socket_ && errno == EAFNOSUPPORT && (host == "::" || address.is_v4())) {
    family_ = AF_INET;  // a machine without IPv6
    socket_ = open_socket(AF_INET);
    if (host == "::") address = Address::v4({0, 0, 0, 0}, port);
  }
  if (!socket_) throw failure("UDP socket");
  if (!bind_to(address)) throw failure("UDP " + host + " port " + std::to_string(port));
}

UdpSocket::UdpSocket(int family, std::shared_ptr<OurAddresses> ours)
    : socket_(open_socket(family)), family_(family), ours_(std::move(ours)) {
  if (!socket_) throw failure("UDP socket");
}

/// The first socket was bound without SO_REUSEPORT, so the port was free; with the option set
/// only now, a socket that has it too may bind beside it, as long as it is ours.
UdpSocket UdpSocket::another() const {
  UdpSocket socket(family_, ours_);
  const int on = 1;
  for (const int each : {fd(), socket.fd()})
    if (setsockopt(each, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0)
      throw failure("SO_REUSEPORT");
  if (!socket.bind_to(bound_)) throw failure("UDP port " + std::to_string(port_));
  return socket;
}

bool UdpSocket::bind_to(const Address& address) {
  set_receive_buffer(fd(), kReceiveBuffer);
  set_send_buffer(fd(), kSendBuffer);
  if (family_ == AF_INET6 && is_wildcard(address)) {
    const int on = 1;
    setsockopt(fd(), IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
  }
  sockaddr_storage name{};
  socklen_t size = write_name(address, family_, name);
  if (bind(fd(), reinterpret_cast<const sockaddr*>(&name), size) != 0) return false;
  if (getsockname(fd(), reinterpret_cast<sockaddr*>(&name), &size) != 0) return false;
  bound_ = address;
  is_wildcard_ = is_wildcard(address);
  bound_.port = port_ = read_name(name).port;
  return true;
}

void UdpSocket::receive(ReceiveBatch& batch) noexcept {
  for (auto& header : batch.headers_) {
    header.msg_hdr.msg_namelen = sizeof(sockaddr_storage);
    header.msg_hdr.msg_controllen = kPacketInfoSpace;
  }
  const int got = recvmmsg(fd(), batch.headers_.data(), ReceiveBatch::kCapacity, 0, nullptr);
  batch.size_ = got < 0 ? 0 : static_cast<std::size_t>(got);
  for (std::size_t i = 0; i < batch.size_; ++i) {
    batch.from_[i] = read_name(batch.names_[i]);
    batch.from_[i].via = number_of(batch.headers_[i].msg_hdr);
  }
}

/// Which of our addresses a datagram came to.
std::uint8_t UdpSocket::number_of(msghdr& header) noexcept {
  const cmsghdr* message = CMSG_FIRSTHDR(&header);
  if (!message || message->cmsg_type != IPV6_PKTINFO) return 0;
  in6_pktinfo info;
  std::memcpy(&info, CMSG_DATA(message), sizeof info);
  if (!IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr)) info.ipi6_ifindex = 0;  // any interface will do
  return ours_->number_of(info);
}

std::size_t UdpSocket::fill(const SendBatch& batch, std::size_t first) noexcept {
  std::size_t count = 0;
  for (std::size_t i = first; i < batch.size(); ++i) {
    if (batch.is_taken(i)) continue;
    places_[count] = static_cast<std::uint8_t>(i);
    const auto bytes = batch.bytes(i);
    // sendmmsg only reads what the vector points to; its type just cannot say so.
    vectors_[count] = {const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
    const auto size = write_name(batch.to(i), family_, names_[count]);
    auto& header = headers_[count].msg_hdr;
    header = {&names_[count], size, &vectors_[count], 1, nullptr, 0, 0};
    if (const auto via = batch.to(i).via; via > 0)
      write_packet_info(ours_->at(via), controls_[count], header);
    ++count;
  }
  return count;
}

std::size_t UdpSocket::send(const SendBatch& batch, std::size_t first) noexcept {
  const auto count = fill(batch, first);
  std::size_t done = 0;
  while (done < count) {
    const int sent = sendmmsg(fd(), headers_.data() + done, static_cast<unsigned>(count - done), 0);
    if (sent > 0) {
      done += static_cast<std::size_t>(sent);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      break;
    } else if (errno != EINTR) {
      ++send_errors_;  // this one is refused; the others may pass
      ++done;
    }
  }
  return (done < count ? places_[done] : batch.size()) - first;
}

std::optional<Address> UdpSocket::source_for(const Address& to) const noexcept {
  if (to.via == 0 && is_wildcard_) return std::nullopt;
  Address source{.ip = bound_.ip, .port = port_};
  if (to.via > 0) {
    const auto& ours = ours_->at(to.via);
    if (ours.ipi6_ifindex != 0) return std::nullopt;  // link-local
    std::memcpy(source.ip.data(), &ours.ipi6_addr, sizeof source.ip);
  }
  if (source.is_v4() != to.is_v4()) return std::nullopt;
  return source;
}

std::uint64_t UdpSocket::kernel_drops() const noexcept { return fanout::kernel_drops(fd()); }

}  // namespace fanout
