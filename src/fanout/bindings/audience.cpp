#include "fanout/audience/pace.hpp"
#include "fanout/audience/seal.hpp"
#include "fanout/bindings/address.hpp"
#include "fanout/bindings/engine_types.hpp"
#include "fanout/io/floor.hpp"
#include "fanout/io/packet_sender.hpp"
#include "fanout/secure/hmac.hpp"

namespace fanout {

namespace {

/// An audience by itself, without rooms, joins or sockets: what benches and tests seal for.
class PyAudience {
 public:
  PyAudience(std::uint32_t capacity, const std::string& backend)
      : engine_(SrtpEngine::make(to_backend(backend))),
        table_(capacity),
        batch_(std::make_unique<SendBatch>()) {}

  RowId add_one(const HostAndPort& address, const py::bytes& key, const py::bytes& salt,
                std::uint16_t profile, std::uint8_t payload_type, std::uint64_t first_index) {
    return add(to_address(address), to_master(key, salt, profile), payload_type, first_index);
  }

  /// Adds many, with keys of their own that follow from the seed; the last one's key and salt.
  py::bytes fill(std::uint32_t count, std::optional<std::uint64_t> seed, std::uint16_t profile) {
    SrtpMaster master{.profile = to_profile(profile)};
    std::uint64_t state = seed.value_or(random_value<std::uint64_t>());
    for (std::uint32_t i = 0; i < count; ++i) {
      for (MutableBytes part : {MutableBytes(master.key), MutableBytes(master.salt)})
        for (auto& byte : part) byte = static_cast<std::uint8_t>(state = scramble(state + 1));
      add(nth_address(i), master, 111, 0);
    }
    const auto salt = Bytes(master.salt).first(salt_size(master.profile));
    return py::bytes(std::string(master.key.begin(), master.key.end()) +
                     std::string(salt.begin(), salt.end()));
  }

  void remove(RowId id) {
    const auto at = std::ranges::find(members_, id);
    if (at == members_.end()) throw py::key_error("no such listener");
    members_.erase(at);
    table_.remove(id);
  }

  /// Seals one frame for everybody, batch after batch into the same arena; bytes made. As often
  /// as `frames` says, for those who measure: a Python call costs as much as some listeners.
  std::uint64_t seal_all(const py::bytes& payload, std::uint32_t timestamp, std::uint32_t frames) {
    std::uint64_t bytes = 0;
    for (; frames > 0; --frames)
      for_each_batch(payload, timestamp, [&bytes](SendBatch& batch) {
        for (std::size_t i = 0; i < batch.size(); ++i) bytes += batch.bytes(i).size();
      });
    return bytes;
  }

  /// The packet of the one who came last.
  py::bytes last_packet(const py::bytes& payload, std::uint32_t timestamp) {
    std::vector<std::uint8_t> last;
    for_each_batch(payload, timestamp, [&last](SendBatch& batch) {
      if (batch.size() == 0) return;
      const auto bytes = batch.bytes(batch.size() - 1);
      last.assign(bytes.begin(), bytes.end());
    });
    return to_bytes(last);
  }

  std::uint64_t send_all(UdpSocket& socket, const py::bytes& payload, std::uint32_t timestamp,
                         std::optional<PacketSender*> around) {
    std::uint64_t sent = 0;
    for_each_batch(payload, timestamp, [&](SendBatch& batch) {
      if (around) (*around)->send(batch, socket);
      sent += socket.send(batch, 0);
    });
    return sent;
  }

  py::list packets(const py::bytes& payload, std::uint32_t timestamp) {
    std::vector<std::pair<Address, std::vector<std::uint8_t>>> all;
    for_each_batch(payload, timestamp, [&all](SendBatch& batch) {
      for (std::size_t i = 0; i < batch.size(); ++i) {
        const auto bytes = batch.bytes(i);
        all.emplace_back(batch.to(i), std::vector(bytes.begin(), bytes.end()));
      }
    });
    py::list out;
    for (const auto& [to, bytes] : all)
      out.append(py::make_tuple(to_host_and_port(to), to_bytes(bytes)));
    return out;
  }

  std::uint32_t size() const noexcept { return table_.size(); }

 private:
  RowId add(const Address& to, const SrtpMaster& master, std::uint8_t payload_type,
            std::uint64_t first_index) {
    const auto id = table_.add();
    if (!id) throw std::length_error("the audience is full");
    table_.to_seal(*id) = {.key = engine_->rtp_key(master),
                           .next_index = first_index,
                           .to = to,
                           .payload_type = payload_type};
    members_.push_back(*id);
    return *id;
  }

  static Address nth_address(std::uint32_t n) noexcept {
    const auto octet = [n](int shift) { return static_cast<std::uint8_t>(n >> shift); };
    return Address::v4({10, octet(16), octet(8), octet(0)}, 9);
  }

  static SrtpProfile to_profile(std::uint16_t profile) {
    if (profile != 1 && profile != 7) throw std::invalid_argument("an SRTP profile is 1 or 7");
    return SrtpProfile{profile};
  }

  static SrtpMaster to_master(const py::bytes& key, const py::bytes& salt, std::uint16_t profile) {
    SrtpMaster master{.profile = to_profile(profile)};
    const auto salt_bytes = view(salt);
    if (salt_bytes.size() != salt_size(master.profile))
      throw std::invalid_argument("the salt has the wrong size for its profile");
    master.key = exactly<kSrtpKeySize>(key, "an SRTP master key is 16 bytes");
    std::ranges::copy(salt_bytes, master.salt.begin());
    return master;
  }

  template <typename Visit>
  void for_each_batch(const py::bytes& payload, std::uint32_t timestamp, Visit visit) {
    const SharedPacket packet({.timestamp = timestamp, .ssrc = Ssrc{0x5CA1AB1E}, .csrc = {}},
                              view(payload));
    py::gil_scoped_release release;
    for (std::span<const RowId> rest(members_); !rest.empty();) {
      batch_->clear();
      const auto everybody = [&packet](SealRow&) { return &packet; };
      rest = rest.subspan(seal(*engine_, table_, rest, everybody, *batch_));
      visit(*batch_);
    }
  }

  std::unique_ptr<SrtpEngine> engine_;
  AudienceTable table_;
  std::vector<RowId> members_;
  std::unique_ptr<SendBatch> batch_;
};

FloorDatagrams make_floor_datagrams(const std::vector<HostAndPort>& to, std::size_t size) {
  std::vector<Address> addresses;
  for (const auto& address : to) addresses.push_back(to_address(address));
  return {addresses, size};
}

}  // namespace

void bind_audience(py::module_& module) {
  py::class_<PyAudience>(module, "Audience")
      .def(py::init<std::uint32_t, const std::string&>(), py::arg("capacity"),
           py::arg("backend") = "best")
      .def("add", &PyAudience::add_one, py::arg("address"), py::arg("key"), py::arg("salt"),
           py::arg("profile") = 7, py::arg("payload_type") = 111, py::arg("first_index") = 0)
      .def("fill", &PyAudience::fill, py::arg("count"), py::arg("seed") = py::none(),
           py::arg("profile") = 7)
      .def("remove", &PyAudience::remove, py::arg("row"))
      .def("seal_all", &PyAudience::seal_all, py::arg("payload"), py::arg("timestamp") = 0,
           py::arg("frames") = 1)
      .def("last_packet", &PyAudience::last_packet, py::arg("payload"), py::arg("timestamp") = 0)
      .def("send_all", &PyAudience::send_all, py::arg("socket"), py::arg("payload"),
           py::arg("timestamp") = 0, py::arg("around") = py::none())
      .def("packets", &PyAudience::packets, py::arg("payload"), py::arg("timestamp") = 0)
      .def("__len__", &PyAudience::size);
  module.attr("LISTENER_ROW_BYTES") = kListenerBytes;

  py::class_<FloorDatagrams>(module, "FloorDatagrams")
      .def(py::init(&make_floor_datagrams), py::arg("to"), py::arg("size"))
      .def(
          "send", [](FloorDatagrams& self, const UdpSocket& by) { return self.send(by.fd()); },
          py::arg("by"), py::call_guard<py::gil_scoped_release>());

  py::class_<Pace>(module, "Pace")
      .def(py::init<>())
      .def(
          "add",
          [](Pace& self, std::int64_t now_us, std::size_t brought, std::size_t waiting, bool idle) {
            self.add({now_us}, brought, waiting, idle);
          },
          py::arg("now_us"), py::arg("brought"), py::arg("waiting"), py::arg("idle"))
      .def(
          "due",
          [](Pace& self, std::int64_t now_us, bool behind) { return self.due({now_us}, behind); },
          py::arg("now_us"), py::arg("behind") = false)
      .def("spend", &Pace::spend, py::arg("packets"))
      .def("next", [](const Pace& self) { return self.next().us; })
      .def_property_readonly("slipped_us", [](const Pace& self) { return self.slipped().us; });
}

}  // namespace fanout
