#include "fanout/io/netlink.hpp"

#include <sys/socket.h>

#include "fanout/io/socket.hpp"

namespace fanout {

namespace {

constexpr std::size_t kBuffer = 1 << 15;  // as much as the kernel ever answers at a time

FileDescriptor open_netlink() noexcept {
  return FileDescriptor{socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)};
}

}  // namespace

Netlink::Netlink() : socket_(open_netlink()) {
  if (!socket_) throw failure("netlink socket");
}

/// An answer given up halfway would stand before the next one, so its socket is given up, too.
bool Netlink::ask(nlmsghdr& question, const Visit& visit) {
  if (!socket_) socket_ = open_netlink();
  question.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  question.nlmsg_seq = ++sequence_;
  if (send(fd(), &question, question.nlmsg_len, 0) < 0) return false;
  alignas(nlmsghdr) std::array<std::uint8_t, kBuffer> buffer;
  bool is_whole = true;
  for (;;) {
    const auto got = recv(fd(), buffer.data(), buffer.size(), 0);
    if (got <= 0) return false;
    auto left = static_cast<std::uint32_t>(got);
    for (auto* at = reinterpret_cast<nlmsghdr*>(buffer.data()); NLMSG_OK(at, left);
         at = NLMSG_NEXT(at, left)) {
      if (at->nlmsg_seq != sequence_) continue;
      if (at->nlmsg_flags & NLM_F_DUMP_INTR) is_whole = false;  // it changed meanwhile
      if (at->nlmsg_type == NLMSG_DONE) return is_whole;
      if (at->nlmsg_type == NLMSG_ERROR) return false;
      if (!visit(*at)) {
        socket_ = open_netlink();
        return false;
      }
    }
  }
}

}  // namespace fanout
