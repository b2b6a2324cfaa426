/// The kernel's tables of routes, rules and neighbours, read entry by entry (rtnetlink(7)).
#pragma once

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <functional>

#include "fanout/base/bytes.hpp"
#include "fanout/io/file_descriptor.hpp"

namespace fanout {

/// By their types; those that an entry lacks have no data.
using Attributes = std::array<Bytes, 64>;

/// `Header`: the entry's own, which the attributes follow.
template <typename Header>
Attributes attributes_of(const nlmsghdr& entry) noexcept {
  Attributes found{};
  auto size = static_cast<int>(NLMSG_PAYLOAD(&entry, sizeof(Header)));
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(&entry);
  const auto* at = reinterpret_cast<const rtattr*>(bytes + NLMSG_SPACE(sizeof(Header)));
  for (; RTA_OK(at, size); at = RTA_NEXT(at, size))
    if (const auto type = static_cast<unsigned>(at->rta_type & NLA_TYPE_MASK); type < found.size())
      found[type] = {reinterpret_cast<const std::uint8_t*>(at) + RTA_LENGTH(0),
                     static_cast<std::size_t>(RTA_PAYLOAD(at))};
  return found;
}

/// 0 where there is none.
inline std::uint32_t number(Bytes attribute) noexcept {
  std::uint32_t value = 0;
  if (attribute.size() == sizeof value) std::memcpy(&value, attribute.data(), sizeof value);
  return value;
}

class Netlink {
 public:
  /// Called with each entry; false when it has had enough of them.
  using Visit = std::function<bool(const nlmsghdr&)>;

  /// Throws std::system_error.
  Netlink();
  int fd() const noexcept { return socket_.get(); }

  /// Whether all of a table was read, as it was at one moment.
  template <typename Header>
  bool dump(std::uint16_t type, const Header& header, const Visit& visit) {
    Question<Header> question{};
    question.head.nlmsg_len = sizeof question;
    question.head.nlmsg_type = type;
    question.header = header;
    return ask(question.head, visit);
  }

 private:
  template <typename Header>
  struct Question {
    nlmsghdr head;
    Header header;
  };

  bool ask(nlmsghdr& question, const Visit& visit);

  FileDescriptor socket_;
  std::uint32_t sequence_ = 0;
};

}  // namespace fanout
