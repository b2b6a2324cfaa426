#include "fanout/load/paths.hpp"

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <optional>
#include <stdexcept>
#include <vector>

#include "fanout/io/clock.hpp"
#include "fanout/io/file_descriptor.hpp"
#include "fanout/io/socket.hpp"

namespace fanout {
namespace {

constexpr std::size_t kStride = 2'048;
constexpr std::size_t kControlSpace = CMSG_SPACE(sizeof(in_pktinfo)) + CMSG_SPACE(sizeof(timespec));

/// 127.1.0.0 is the first member's; servers live below.
constexpr std::uint32_t kFirstHost = 127u << 24 | 1u << 16;
constexpr std::size_t kMaxShared = (1u << 24) - (1u << 16) - 1;  // 127.255.255.255 is everybody

/// What a small datagram takes of a receive buffer, with its sk_buff, and how many of each
/// member's may wait: half a second of audio. Its arrival has been stamped, so waiting is no harm.
constexpr std::size_t kBufferPerDatagram = 1'280;
constexpr std::size_t kWaiting = 25;
constexpr std::size_t kLeastBuffer = 4u << 20, kLargestBuffer = 512u << 20;
/// Where the kernel grants no large buffers (net.core.rmem_max), many small ones have to do.
constexpr std::size_t kMaxSockets = 64;
constexpr int kSendBuffer = 4 << 20;
/// A member's own socket: seconds of audio.
constexpr int kOwnBuffer = 256 << 10;

void set_option(int fd, int level, int option, int value) {
  if (setsockopt(fd, level, option, &value, sizeof value) != 0) throw failure("setsockopt");
}

std::size_t receive_buffer(int fd) noexcept {
  int size = 0;
  socklen_t length = sizeof size;
  getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, &length);
  return static_cast<std::size_t>(size);
}

FileDescriptor open_socket(int family) {
  FileDescriptor socket{::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!socket) throw failure("UDP socket");
  set_option(socket.get(), SOL_SOCKET, SO_TIMESTAMPNS, 1);
  return socket;
}

FileDescriptor open_epoll() {
  FileDescriptor epoll{epoll_create1(EPOLL_CLOEXEC)};
  if (!epoll) throw failure("epoll");
  return epoll;
}

void watch(int epoll, int fd, std::uint32_t number) {
  epoll_event event{.events = EPOLLIN, .data = {.u32 = number}};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) throw failure("epoll");
}

struct Name {
  sockaddr_storage storage{};
  socklen_t size = 0;
  int family() const noexcept { return storage.ss_family; }
  sockaddr* get() noexcept { return reinterpret_cast<sockaddr*>(&storage); }
};

Name name_of(const Address& address) noexcept {
  Name name;
  name.size = write_name(address, address.is_v4() ? AF_INET : AF_INET6, name.storage);
  return name;
}

/// Datagrams and what the kernel says of them, in buffers that live as long as this.
class Arrivals {
 public:
  Arrivals() : rows_(Paths::kBatch), headers_(Paths::kBatch) {}

  mmsghdr* headers() noexcept {
    for (std::size_t i = 0; i < rows_.size(); ++i) prepare(i);
    return headers_.data();
  }
  msghdr& prepare(std::size_t i) noexcept {
    Row& row = rows_[i];
    row.vector = {row.bytes.data(), row.bytes.size()};
    headers_[i] = {{nullptr, 0, &row.vector, 1, row.control.data(), row.control.size(), 0}, 0};
    return headers_[i].msg_hdr;
  }
  void set_size(std::size_t i, std::size_t size) noexcept {
    headers_[i].msg_len = static_cast<unsigned>(size);
  }

  MutableBytes bytes(std::size_t i) noexcept {
    return MutableBytes(rows_[i].bytes).first(headers_[i].msg_len);
  }
  template <typename T>
  std::optional<T> control(std::size_t i, int level, int type) noexcept {
    msghdr& header = headers_[i].msg_hdr;
    for (cmsghdr* at = CMSG_FIRSTHDR(&header); at != nullptr; at = CMSG_NXTHDR(&header, at)) {
      if (at->cmsg_level != level || at->cmsg_type != type) continue;
      T value;
      std::memcpy(&value, CMSG_DATA(at), sizeof value);
      return value;
    }
    return std::nullopt;
  }

  /// `ahead`: of the wall clock, by which the kernel stamps, before the monotonic one.
  Instant arrival(std::size_t i, Instant now, Duration ahead) noexcept {
    const auto stamp = control<timespec>(i, SOL_SOCKET, SCM_TIMESTAMPNS);
    if (!stamp) return now;
    const Instant wall{stamp->tv_sec * 1'000'000 + stamp->tv_nsec / 1'000};
    return std::min(wall - ahead, now);
  }

 private:
  struct Row {
    iovec vector{};
    alignas(cmsghdr) std::array<std::uint8_t, kControlSpace> control{};
    std::array<std::uint8_t, kStride> bytes{};
  };
  std::vector<Row> rows_;
  std::vector<mmsghdr> headers_;
};

Duration wall_ahead(Instant now) noexcept { return microseconds(wall_clock().us - now.us); }

/// Datagrams of many members to be sent by one call.
class Departures {
 public:
  Departures() : rows_(Paths::kBatch), headers_(Paths::kBatch) {}

  bool full() const noexcept { return size_ == rows_.size(); }
  void add(const Name& to, std::uint32_t source, Bytes datagram) noexcept;
  /// Datagrams that the kernel refused.
  std::uint64_t send(int fd) noexcept;

 private:
  struct Row {
    Name to;
    iovec vector{};
    alignas(cmsghdr) std::array<std::uint8_t, CMSG_SPACE(sizeof(in_pktinfo))> control{};
    std::array<std::uint8_t, kStride> bytes{};
  };
  std::vector<Row> rows_;
  std::vector<mmsghdr> headers_;
  std::size_t size_ = 0;
};

void Departures::add(const Name& to, std::uint32_t source, Bytes datagram) noexcept {
  Row& row = rows_[size_];
  row.to = to;
  std::ranges::copy(datagram, row.bytes.begin());
  row.vector = {row.bytes.data(), datagram.size()};
  auto& header = headers_[size_++].msg_hdr;
  header = {row.to.get(), row.to.size, &row.vector, 1, row.control.data(), row.control.size(), 0};
  cmsghdr* message = CMSG_FIRSTHDR(&header);
  message->cmsg_level = IPPROTO_IP;
  message->cmsg_type = IP_PKTINFO;
  message->cmsg_len = CMSG_LEN(sizeof(in_pktinfo));
  in_pktinfo info{};
  info.ipi_spec_dst.s_addr = htonl(source);
  std::memcpy(CMSG_DATA(message), &info, sizeof info);
}

std::uint64_t Departures::send(int fd) noexcept {
  std::uint64_t refused = 0;
  for (std::size_t done = 0; done < size_;) {
    const int sent = sendmmsg(fd, &headers_[done], static_cast<unsigned>(size_ - done), 0);
    if (sent > 0) {
      done += static_cast<std::size_t>(sent);
    } else if (errno != EINTR) {
      ++refused;
      ++done;
    }
  }
  size_ = 0;
  return refused;
}

class SharedPaths final : public Paths {
 public:
  explicit SharedPaths(std::size_t members) : epoll_(open_epoll()) {
    if (members > kMaxShared) throw std::invalid_argument("127.0.0.0/8 has no more addresses");
    const auto needed =
        std::clamp(members * kWaiting * kBufferPerDatagram, kLeastBuffer, kLargestBuffer);
    std::size_t granted = 0;
    while (granted < needed && sockets_.size() < kMaxSockets) {
      sockets_.push_back(open_shared(needed));
      granted += receive_buffer(sockets_.back().get());
    }
    for (const auto& socket : sockets_) watch(epoll_.get(), socket.get(), 0);
    departures_.resize(sockets_.size());
  }

  void open(std::uint32_t member, const Address& server) override {
    if (!server.is_v4()) throw std::invalid_argument("a shared socket leads to IPv4 addresses");
    if (member >= kMaxShared) throw std::invalid_argument("127.0.0.0/8 has no more addresses");
    servers_.resize(std::max<std::size_t>(servers_.size(), member + 1));
    servers_[member] = server;
  }

  std::span<const Inbound> receive() noexcept override {
    for (std::size_t tried = 0; tried < sockets_.size(); ++tried) {
      const auto got = receive_from(sockets_[turn_].get());
      turn_ = (turn_ + 1) % sockets_.size();
      if (!got.empty()) return got;
    }
    return {};
  }

  void send(std::uint32_t member, Bytes datagram) noexcept override {
    const auto socket = member % sockets_.size();
    auto& batch = departures_[socket];
    batch.add(name_of(servers_[member]), kFirstHost + member, datagram);
    if (batch.full()) send_errors_ += batch.send(sockets_[socket].get());
  }
  void flush() noexcept override {
    for (std::size_t i = 0; i < sockets_.size(); ++i)
      send_errors_ += departures_[i].send(sockets_[i].get());
  }

  int fd() const noexcept override { return epoll_.get(); }
  std::uint64_t kernel_drops() const noexcept override {
    std::uint64_t drops = 0;
    for (const auto& socket : sockets_) drops += fanout::kernel_drops(socket.get());
    return drops;
  }
  std::uint64_t send_errors() const noexcept override { return send_errors_; }

 private:
  static FileDescriptor open_shared(std::size_t buffer) {
    auto socket = open_socket(AF_INET);
    const int fd = socket.get();
    set_option(fd, IPPROTO_IP, IP_PKTINFO, 1);
    set_receive_buffer(fd, static_cast<int>(buffer / 2));  // the kernel doubles it
    set_send_buffer(fd, kSendBuffer);
    Name any = name_of(Address::v4({}, 0));
    if (bind(fd, any.get(), any.size) != 0) throw failure("UDP port");
    return socket;
  }

  std::span<const Inbound> receive_from(int fd) noexcept {
    const int got = recvmmsg(fd, arrivals_.headers(), kBatch, 0, nullptr);
    if (got <= 0) return {};
    const Instant now = monotonic();
    const Duration ahead = wall_ahead(now);
    std::size_t size = 0;
    for (std::size_t i = 0; i < static_cast<std::size_t>(got); ++i) {
      const auto info = arrivals_.control<in_pktinfo>(i, IPPROTO_IP, IP_PKTINFO);
      const auto host = info ? ntohl(info->ipi_addr.s_addr) : 0;  // below: nobody's number
      inbound_[size++] = {host - kFirstHost, arrivals_.arrival(i, now, ahead), arrivals_.bytes(i)};
    }
    return std::span(inbound_).first(size);
  }

  FileDescriptor epoll_;
  std::vector<FileDescriptor> sockets_;
  std::vector<Address> servers_;
  Arrivals arrivals_;
  std::array<Inbound, kBatch> inbound_{};
  std::vector<Departures> departures_;
  std::size_t turn_ = 0;
  std::uint64_t send_errors_ = 0;
};

class OwnPaths final : public Paths {
 public:
  OwnPaths() : epoll_(open_epoll()) {}

  void open(std::uint32_t member, const Address& server) override {
    Name name = name_of(server);
    auto socket = open_socket(name.family());
    set_receive_buffer(socket.get(), kOwnBuffer);
    if (connect(socket.get(), name.get(), name.size) != 0) throw failure("UDP route");
    watch(epoll_.get(), socket.get(), member);
    while (sockets_.size() <= member) sockets_.emplace_back();  // those before it may be shared
    sockets_[member] = std::move(socket);
  }

  std::span<const Inbound> receive() noexcept override {
    std::array<epoll_event, kBatch> events;
    const int ready = epoll_wait(epoll_.get(), events.data(), kBatch, 0);
    const Instant now = monotonic();
    const Duration ahead = wall_ahead(now);
    std::size_t size = 0;
    for (int n = 0; n < ready; ++n) {
      const auto member = events[static_cast<std::size_t>(n)].data.u32;
      const auto got = recvmsg(sockets_[member].get(), &arrivals_.prepare(size), 0);
      if (got < 0) continue;  // what ICMP had to say; silence says the same
      arrivals_.set_size(size, static_cast<std::size_t>(got));
      inbound_[size] = {member, arrivals_.arrival(size, now, ahead), arrivals_.bytes(size)};
      ++size;
    }
    return std::span(inbound_).first(size);
  }

  void send(std::uint32_t member, Bytes datagram) noexcept override {
    const int fd = sockets_[member].get();
    if (::send(fd, datagram.data(), datagram.size(), 0) >= 0) return;
    // The first error may be the ICMP answer to an earlier datagram.
    if (::send(fd, datagram.data(), datagram.size(), 0) < 0) ++send_errors_;
  }
  void flush() noexcept override {}

  int fd() const noexcept override { return epoll_.get(); }
  std::uint64_t kernel_drops() const noexcept override {
    std::uint64_t drops = 0;
    for (const auto& socket : sockets_)
      if (socket) drops += fanout::kernel_drops(socket.get());
    return drops;
  }
  std::uint64_t send_errors() const noexcept override { return send_errors_; }

 private:
  FileDescriptor epoll_;
  std::vector<FileDescriptor> sockets_;
  Arrivals arrivals_;
  std::array<Inbound, kBatch> inbound_{};
  std::uint64_t send_errors_ = 0;
};

}  // namespace

std::unique_ptr<Paths> Paths::shared(std::size_t members) {
  return std::make_unique<SharedPaths>(members);
}

std::unique_ptr<Paths> Paths::one_each() { return std::make_unique<OwnPaths>(); }

}  // namespace fanout
