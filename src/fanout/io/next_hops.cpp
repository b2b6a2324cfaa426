#include "fanout/io/next_hops.hpp"

#include <linux/fib_rules.h>
#include <linux/neighbour.h>
#include <sys/socket.h>

#include <algorithm>
#include <fstream>
#include <tuple>

namespace fanout {

namespace {

/// A server has some ten; whoever has all of the Internet's is a router.
constexpr std::size_t kMostRoutes = 256;
/// Four times what the kernel keeps (neigh/default/gc_thresh3).
constexpr std::size_t kMostNeighbours = 4096;
constexpr std::uint16_t kKnown =
    NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE;

using Ip = std::array<std::uint8_t, 16>;

/// As `Address` has them; all zeros for what is no address.
Ip to_ip(Bytes attribute) noexcept {
  Ip ip{};
  if (attribute.size() == 4)
    ip = Address::v4({attribute[0], attribute[1], attribute[2], attribute[3]}, 0).ip;
  else if (attribute.size() == ip.size())
    std::ranges::copy(attribute, ip.begin());
  return ip;
}

std::pair<std::uint64_t, std::uint64_t> halves(const Ip& ip) noexcept {
  return {load_be<std::uint64_t>(ip.data()), load_be<std::uint64_t>(ip.data() + 8)};
}

constexpr std::uint64_t leading_ones(int count) noexcept {
  if (count <= 0) return 0;
  return count >= 64 ? ~std::uint64_t{0} : ~(~std::uint64_t{0} >> count);
}

void set_prefix(Route& route, const Ip& network, int length) noexcept {
  route.high_mask = leading_ones(length);
  route.low_mask = leading_ones(length - 64);
  const auto [high, low] = halves(network);
  route.high = high & route.high_mask;
  route.low = low & route.low_mask;
}

/// Every machine has these: look into the table of local addresses, then main, then default.
bool is_plain_rule(const nlmsghdr& rule) noexcept {
  fib_rule_hdr header;
  std::memcpy(&header, NLMSG_DATA(&rule), sizeof header);
  if (header.action != FR_ACT_TO_TBL || header.src_len != 0 || header.dst_len != 0 ||
      header.tos != 0 || (header.flags & FIB_RULE_INVERT) != 0)
    return false;
  const auto attributes = attributes_of<fib_rule_hdr>(rule);
  const auto table = number(attributes[FRA_TABLE]);
  for (std::size_t type = 0; type < attributes.size(); ++type) {
    if (!attributes[type].data() || type == FRA_TABLE || type == FRA_PRIORITY ||
        type == FRA_PROTOCOL)
      continue;
    const bool off = type == FRA_SUPPRESS_PREFIXLEN && number(attributes[type]) == 0xFFFFFFFF;
    if (!off) return false;
  }
  return table == RT_TABLE_LOCAL || table == RT_TABLE_MAIN || table == RT_TABLE_DEFAULT;
}

/// What the kernel learned of one destination, its MTU say, and lists among the routes.
bool is_remembered(const rtmsg& route) noexcept { return (route.rtm_flags & RTM_F_CLONED) != 0; }

/// One way to everybody in its prefix.
bool is_plain(const rtmsg& route, const Attributes& attributes) noexcept {
  const bool is_special = attributes[RTA_MULTIPATH].data() || attributes[RTA_VIA].data() ||
                          attributes[RTA_ENCAP].data() || route.rtm_src_len != 0 ||
                          route.rtm_tos != 0;
  const bool is_dead = (route.rtm_flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN)) != 0;
  return route.rtm_type == RTN_UNICAST && !is_special && !is_dead;
}

void look_up(const Ip& gateway, const std::vector<Neighbour>& neighbours, Route& route) noexcept {
  const auto at = std::ranges::lower_bound(neighbours, gateway, {}, &Neighbour::ip);
  const bool is_known = at != neighbours.end() && at->ip == gateway;
  route.gateway = static_cast<std::uint32_t>(at - neighbours.begin());
  if (!is_known) route.to = Route::To::elsewhere;
}

/// What comes in by loopback without the kernel's own route to it is refused, unless told so.
bool allows(const char* option) {
  const auto is_set = [option](const char* where) {
    std::ifstream file(std::string("/proc/sys/net/ipv4/conf/") + where + "/" + option);
    return file.get() == '1';
  };
  return is_set("all") || is_set("lo");
}

}  // namespace

Neighbour* NextHops::find(const Address& to) noexcept {
  const auto [high, low] = halves(to.ip);
  for (const auto& route : to.is_v4() ? v4 : v6) {
    if (!route.covers(high, low)) continue;
    if (route.to == Route::To::elsewhere) return nullptr;
    if (route.to == Route::To::gateway) return &neighbours[route.gateway];
    const auto at = std::ranges::lower_bound(neighbours, to.ip, {}, &Neighbour::ip);
    return at != neighbours.end() && at->ip == to.ip ? &*at : nullptr;
  }
  return nullptr;
}

NextHops NextHopReader::read() {
  NextHops hops{.link = read_link(netlink_.fd(), interface_), .v4 = {}, .v6 = {}, .neighbours = {}};
  if (hops.link.mtu == 0) return hops;
  hops.neighbours = neighbours();
  hops.v4 = routes(AF_INET, hops);
  hops.v6 = routes(AF_INET6, hops);
  return hops;
}

/// On loopback everybody is one neighbour, who has no MAC address.
std::vector<Neighbour> NextHopReader::neighbours() {
  if (interface_.is_loopback) return {Neighbour{}};
  std::vector<Neighbour> found;
  netlink_.dump(RTM_GETNEIGH, ndmsg{}, [&](const nlmsghdr& message) {
    ndmsg header;
    std::memcpy(&header, NLMSG_DATA(&message), sizeof header);
    const auto attributes = attributes_of<ndmsg>(message);
    const auto mac = attributes[NDA_LLADDR];
    if (header.ndm_ifindex != interface_.index || (header.ndm_state & kKnown) == 0 ||
        header.ndm_flags & NTF_PROXY || mac.size() != 6)
      return true;
    auto& neighbour = found.emplace_back();
    neighbour.ip = to_ip(attributes[NDA_DST]);
    std::ranges::copy(mac, neighbour.mac.begin());
    neighbour.to_confirm = (header.ndm_state & NUD_STALE) != 0;
    return found.size() < kMostNeighbours;
  });
  std::ranges::sort(found, {}, &Neighbour::ip);
  return found;
}

bool NextHopReader::has_own_rules(std::uint8_t family) {
  fib_rule_hdr header{};
  header.family = family;
  return !netlink_.dump(RTM_GETRULE, header, is_plain_rule);
}

bool NextHopReader::reaches(std::uint8_t family) const {
  if (!interface_.is_loopback || family == AF_INET6) return true;
  return allows("route_localnet") && allows("accept_local");
}

/// The kernel goes through its tables one after the other, and in each takes the longest prefix,
/// and of several the one with the least metric.
std::vector<Route> NextHopReader::routes(std::uint8_t family, const NextHops& hops) {
  if (!reaches(family) || has_own_rules(family)) return {};
  std::vector<Entry> entries;
  rtmsg header{};
  header.rtm_family = family;
  const bool whole = netlink_.dump(RTM_GETROUTE, header, [&](const nlmsghdr& message) {
    const auto entry = entry_of(message);
    if (entry.table >= RT_TABLE_DEFAULT) entries.push_back(entry);
    return entries.size() <= kMostRoutes;
  });
  if (!whole) return {};
  std::ranges::stable_sort(entries, {}, [](const Entry& entry) {
    return std::tuple(-entry.table, -entry.length, entry.metric);
  });
  std::vector<Route> found;
  for (auto& entry : entries) {
    if (entry.route.to == Route::To::gateway && !interface_.is_loopback)
      look_up(entry.gateway, hops.neighbours, entry.route);
    found.push_back(entry.route);
  }
  return found;
}

NextHopReader::Entry NextHopReader::entry_of(const nlmsghdr& message) const noexcept {
  rtmsg header;
  std::memcpy(&header, NLMSG_DATA(&message), sizeof header);
  const auto attributes = attributes_of<rtmsg>(message);
  const bool is_v4 = header.rtm_family == AF_INET;
  Entry entry{.metric = number(attributes[RTA_PRIORITY]), .route = {}};
  if (!is_remembered(header)) entry.table = header.rtm_table;
  entry.length = static_cast<std::uint8_t>(header.rtm_dst_len + (is_v4 ? 96 : 0));
  const Ip any = is_v4 ? Address::v4({0, 0, 0, 0}, 0).ip : Ip{};
  const auto network = attributes[RTA_DST];
  set_prefix(entry.route, network.data() ? to_ip(network) : any, entry.length);
  if (interface_.is_loopback) {
    if (header.rtm_type == RTN_LOCAL) entry.route.to = Route::To::gateway;
  } else if (is_plain(header, attributes) &&
             static_cast<int>(number(attributes[RTA_OIF])) == interface_.index) {
    const auto gateway = attributes[RTA_GATEWAY];
    entry.route.to = gateway.data() ? Route::To::gateway : Route::To::on_link;
    entry.gateway = to_ip(gateway);
  }
  return entry;
}

}  // namespace fanout
