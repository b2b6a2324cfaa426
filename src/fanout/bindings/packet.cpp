#include "fanout/bindings/address.hpp"
#include "fanout/io/floor.hpp"
#include "fanout/io/packet_sender.hpp"

namespace fanout {

namespace {

using Datagrams = std::vector<std::pair<HostAndPort, py::bytes>>;

/// As a worker does: what the ring does not take goes by the socket.
void send_around(PacketSender& sender, UdpSocket& socket, const Datagrams& datagrams) {
  const auto batch = std::make_unique<SendBatch>();
  const auto flush = [&] {
    sender.send(*batch, socket);
    socket.send(*batch, 0);
    batch->clear();
  };
  for (const auto& [to, datagram] : datagrams) {
    const auto bytes = view(datagram);
    if (bytes.empty() || bytes.size() > kMaxDatagram)
      throw std::length_error("a datagram has 1 to 1472 bytes");
    std::ranges::copy(bytes, batch->next().begin());
    batch->add(to_address(to), bytes.size());
    if (batch->room() == 0) flush();
  }
  flush();
}

py::dict counters(const PacketSender& sender) {
  const auto& counted = sender.counters();
  py::dict out;
  out["ring_packets"] = counted.ring_packets;
  out["ring_fallbacks"] = counted.ring_fallbacks;
  out["ring_full"] = counted.ring_full;
  out["ring_lost"] = counted.ring_lost;
  return out;
}

std::uint64_t bare_ring(TransmitRing& ring, const py::bytes& frame, std::size_t times) {
  if (view(frame).size() > TransmitRing::kMaxFrame) throw std::length_error("too long a frame");
  const auto bytes = view(frame);
  py::gil_scoped_release release;
  return floor_ring(ring, bytes, times);
}

}  // namespace

void bind_packet(py::module_& module) {
  py::class_<UdpSocket>(module, "UdpSocket")
      .def(py::init<const std::string&, std::uint16_t>(),
           py::arg("host") = "::", py::arg("port") = 0)
      .def("fileno", &UdpSocket::fd)
      .def_property_readonly("port", &UdpSocket::port);

  py::class_<NextHops>(module, "NextHops");
  py::class_<NextHopReader>(module, "NextHopReader")
      .def(py::init([](const std::string& interface) {
             return std::make_unique<NextHopReader>(packet_interface(interface));
           }),
           py::arg("interface"))
      .def("read", &NextHopReader::read);

  py::class_<PacketSender>(module, "PacketSender")
      .def(py::init([](const std::string& interface) {
             return std::make_unique<PacketSender>(packet_interface(interface));
           }),
           py::arg("interface"))
      .def("use", &PacketSender::use, py::arg("next_hops"))
      .def("send", &send_around, py::arg("socket"), py::arg("datagrams"))
      .def("counters", &counters);

  py::class_<TransmitRing>(module, "TransmitRing")
      .def(py::init([](const std::string& interface) {
             return std::make_unique<TransmitRing>(packet_interface(interface));
           }),
           py::arg("interface"));
  module.def("floor_ring", &bare_ring, py::arg("ring"), py::arg("frame"), py::arg("times"));
}

}  // namespace fanout
