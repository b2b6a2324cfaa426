#include "fanout/io/interface.hpp"

#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>

#include "fanout/io/file_descriptor.hpp"
#include "fanout/io/socket.hpp"

namespace fanout {

namespace {

ifreq request_for(const std::string& name) noexcept {
  ifreq request{};
  std::copy_n(name.data(), std::min<std::size_t>(name.size(), IFNAMSIZ - 1), request.ifr_name);
  return request;
}

/// A socket of the kind that needs the privilege; it is bound to nothing and hears nothing.
FileDescriptor open_probe(const std::string& refused) {
  FileDescriptor probe{socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)};
  if (!probe && errno == EPERM)
    throw std::invalid_argument(refused + "it needs the capability CAP_NET_RAW");
  if (!probe) throw failure("AF_PACKET socket");
  return probe;
}

}  // namespace

Interface packet_interface(const std::string& name) {
  const auto refused = "packet interface \"" + name + "\": ";
  const auto probe = open_probe(refused);
  const auto index = static_cast<int>(if_nametoindex(name.c_str()));
  auto flags = request_for(name), hardware = flags;
  if (index == 0 || ioctl(probe.get(), SIOCGIFFLAGS, &flags) != 0 ||
      ioctl(probe.get(), SIOCGIFHWADDR, &hardware) != 0)
    throw std::invalid_argument(refused + "there is no such interface");
  const auto kind = hardware.ifr_hwaddr.sa_family;
  if (kind != ARPHRD_ETHER && kind != ARPHRD_LOOPBACK)
    throw std::invalid_argument(refused + "it is neither Ethernet nor loopback");
  if ((flags.ifr_flags & IFF_UP) == 0) throw std::invalid_argument(refused + "it is down");
  return {name, index, kind == ARPHRD_LOOPBACK};
}

Link read_link(int fd, const Interface& interface) noexcept {
  auto hardware = request_for(interface.name), mtu = hardware, index = hardware, flags = hardware;
  if (ioctl(fd, SIOCGIFINDEX, &index) != 0 || index.ifr_ifindex != interface.index ||
      ioctl(fd, SIOCGIFHWADDR, &hardware) != 0 || ioctl(fd, SIOCGIFMTU, &mtu) != 0 ||
      ioctl(fd, SIOCGIFFLAGS, &flags) != 0)
    return {};
  constexpr int kCarries = IFF_UP | IFF_RUNNING;  // switched on, and with somebody at the other end
  if ((flags.ifr_flags & kCarries) != kCarries) return {};
  Link link{.mtu = static_cast<std::uint32_t>(mtu.ifr_mtu)};
  std::copy_n(hardware.ifr_hwaddr.sa_data, link.mac.size(), link.mac.begin());
  return link;
}

}  // namespace fanout
