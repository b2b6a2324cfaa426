#include "fanout/secure/srtp.hpp"
#include "fanout/bindings/bind.hpp"
#include "fanout/secure/floor.hpp"
#include "fanout/secure/hmac.hpp"
#include "fanout/secure/srtp_session.hpp"

namespace fanout {
namespace {

void bind_hmac(py::module_& module) {
  module.def(
      "hmac_sha1",
      [](const py::bytes& key, const py::bytes& message) {
        return to_bytes(hmac_sha1(view(key), view(message)));
      },
      py::arg("key"), py::arg("message"));
  module.def(
      "hmac_sha256",
      [](const py::bytes& key, const py::bytes& message) {
        return to_bytes(hmac_sha256(view(key), view(message)));
      },
      py::arg("key"), py::arg("message"));
  module.def(
      "sha256", [](const py::bytes& message) { return to_bytes(sha256(view(message))); },
      py::arg("message"));
  module.def(
      "equal_in_constant_time",
      [](const py::bytes& a, const py::bytes& b) {
        return equal_in_constant_time(view(a), view(b));
      },
      py::arg("a"), py::arg("b"));
  module.def(
      "random_bytes",
      [](std::size_t size) {
        std::string bytes(size, '\0');
        fill_random({reinterpret_cast<std::uint8_t*>(bytes.data()), size});
        return py::bytes(bytes);
      },
      py::arg("size"));
}

using Buffer = std::vector<std::uint8_t>;

Buffer copy(const py::bytes& object, std::size_t room = 0) {
  const Bytes bytes = view(object);
  Buffer buffer(bytes.size() + room);
  std::ranges::copy(bytes, buffer.begin());
  return buffer;
}

template <std::size_t Size>
std::array<std::uint8_t, Size> to_array(const py::bytes& object, std::size_t size = Size) {
  const Bytes bytes = view(object);
  if (bytes.size() != size || size > Size)
    throw std::invalid_argument("a key or salt has another size");
  std::array<std::uint8_t, Size> array{};
  std::ranges::copy(bytes, array.begin());
  return array;
}

/// key, header, payload, SSRC, index
using SealRequest = std::tuple<const SrtpKey*, py::bytes, py::bytes, std::uint32_t, std::uint64_t>;

std::size_t sealed_size(const SealRequest& request) {
  const auto& [key, header, payload, ssrc, index] = request;
  return view(header).size() + view(payload).size() + tag_size(key->profile);
}

SealJob to_job(const SealRequest& request, std::uint8_t* packet) {
  const auto& [key, header, payload, ssrc, index] = request;
  std::ranges::copy(view(header), packet);
  return {.key = key,
          .packet = packet,
          .payload = view(payload).data(),
          .header_size = static_cast<std::uint16_t>(view(header).size()),
          .payload_size = static_cast<std::uint16_t>(view(payload).size()),
          .ssrc = Ssrc{ssrc},
          .index = index};
}

/// The packets lie end to end in memory: one byte too many written would spoil the next one.
std::vector<py::bytes> seal_rtp(SrtpEngine& engine, const std::vector<SealRequest>& requests) {
  std::size_t total = 0;
  for (const auto& request : requests) total += sealed_size(request);
  Buffer packets(total);
  std::vector<SealJob> jobs;
  std::uint8_t* next = packets.data();
  for (const auto& request : requests) {
    jobs.push_back(to_job(request, next));
    next += sealed_size(request);
  }
  {
    const py::gil_scoped_release unlocked;
    engine.seal_rtp(jobs);
  }
  std::vector<py::bytes> sealed;
  for (std::size_t i = 0; i < jobs.size(); ++i)
    sealed.push_back(to_bytes({jobs[i].packet, sealed_size(requests[i])}));
  return sealed;
}

std::optional<py::bytes> open_rtp(SrtpEngine& engine, const SrtpKey& key, const py::bytes& packet,
                                  std::size_t header_size, std::uint32_t ssrc,
                                  std::uint64_t index) {
  auto buffer = copy(packet);
  const auto payload = engine.open_rtp(key, buffer, header_size, Ssrc{ssrc}, index);
  return payload ? std::optional(to_bytes(*payload)) : std::nullopt;
}

py::bytes seal_rtcp(SrtpEngine& engine, const SrtpKey& key, const py::bytes& compound,
                    std::uint32_t index) {
  auto buffer = copy(compound, tag_size(key.profile) + kSrtcpIndexSize);
  const std::size_t size = engine.seal_rtcp(key, buffer, view(compound).size(), index);
  return to_bytes(Bytes(buffer).first(size));
}

std::optional<std::pair<py::bytes, std::uint32_t>> open_rtcp(SrtpEngine& engine, const SrtpKey& key,
                                                             const py::bytes& packet) {
  auto buffer = copy(packet);
  std::uint32_t index = 0;
  const auto compound = engine.open_rtcp(key, buffer, index);
  if (!compound) return std::nullopt;
  return std::pair(to_bytes(*compound), index);
}

void bind_keys(py::module_& module) {
  py::enum_<SrtpProfile>(module, "SrtpProfile")
      .value("AES128_CM_SHA1_80", SrtpProfile::aes128_cm_sha1_80)
      .value("AEAD_AES_128_GCM", SrtpProfile::aead_aes_128_gcm);
  py::enum_<SrtpBackend>(module, "SrtpBackend")
      .value("BEST", SrtpBackend::best)
      .value("IPSEC_MB", SrtpBackend::ipsec_mb)
      .value("OPENSSL", SrtpBackend::openssl);
  py::class_<SrtpKey>(module, "SrtpKey");
  py::class_<SrtpMaster>(module, "SrtpMaster")
      .def(py::init([](SrtpProfile profile, const py::bytes& key, const py::bytes& salt) {
             return SrtpMaster{profile, to_array<kSrtpKeySize>(key),
                               to_array<kMaxSrtpSalt>(salt, salt_size(profile))};
           }),
           py::arg("profile"), py::arg("key"), py::arg("salt"))
      .def_readonly("profile", &SrtpMaster::profile)
      .def_property_readonly("key", [](const SrtpMaster& self) { return to_bytes(self.key); })
      .def_property_readonly("salt", [](const SrtpMaster& self) {
        return to_bytes(Bytes(self.salt).first(salt_size(self.profile)));
      });
  py::class_<SessionKeys>(module, "SessionKeys")
      .def(py::init(
               [](const py::bytes& cipher, const py::bytes& salt, const py::bytes& authentication) {
                 return SessionKeys{to_array<kSrtpKeySize>(cipher),
                                    to_array<kMaxSrtpSalt>(salt, view(salt).size()),
                                    to_array<20>(authentication)};
               }),
           py::arg("cipher"), py::arg("salt"), py::arg("authentication"))
      .def_property_readonly("cipher",
                             [](const SessionKeys& self) { return to_bytes(self.cipher); })
      .def_property_readonly("salt", [](const SessionKeys& self) { return to_bytes(self.salt); })
      .def_property_readonly("authentication",
                             [](const SessionKeys& self) { return to_bytes(self.authentication); });
  module.def(
      "derive_session_keys",
      [](const SrtpMaster& master, bool rtcp) {
        return KeyDerivation(nullptr).derive(master, rtcp ? SrtpUse::rtcp : SrtpUse::rtp);
      },
      py::arg("master"), py::arg("rtcp"));
}

void bind_srtp_engine(py::module_& module) {
  py::class_<SrtpEngine>(module, "SrtpEngine")
      .def(py::init(&SrtpEngine::make), py::arg("backend") = SrtpBackend::best)
      .def_property_readonly("name", &SrtpEngine::name)
      .def("rtp_key", &SrtpEngine::rtp_key, py::arg("master"))
      .def("rtcp_key", &SrtpEngine::rtcp_key, py::arg("master"))
      .def("expand", &SrtpEngine::expand, py::arg("profile"), py::arg("session"))
      .def("seal_rtp", &seal_rtp, py::arg("requests"))
      .def("open_rtp", &open_rtp, py::arg("key"), py::arg("packet"), py::arg("header_size"),
           py::arg("ssrc"), py::arg("index"))
      .def("seal_rtcp", &seal_rtcp, py::arg("key"), py::arg("compound"), py::arg("index"))
      .def("open_rtcp", &open_rtcp, py::arg("key"), py::arg("packet"));
}

void bind_receiver(py::module_& module) {
  py::class_<ReplayWindow>(module, "ReplayWindow")
      .def(py::init())
      .def("accepts", &ReplayWindow::accepts, py::arg("index"))
      .def("mark", &ReplayWindow::mark, py::arg("index"))
      .def("mark_through", &ReplayWindow::mark_through, py::arg("index"));
  py::class_<SrtpReceiver>(module, "SrtpReceiver")
      .def(py::init<SrtpEngine&, const SrtpMaster&>(), py::arg("engine"), py::arg("remote"),
           py::keep_alive<1, 2>())
      .def_property_readonly("newest", &SrtpReceiver::newest)
      .def(
          "resume",
          [](SrtpReceiver& self, std::uint32_t ssrc, std::uint64_t newest) {
            self.resume(Ssrc{ssrc}, newest);
          },
          py::arg("ssrc"), py::arg("newest"))
      .def(
          "open_rtp",
          [](SrtpReceiver& self, const py::bytes& datagram, std::size_t header_size,
             std::uint32_t ssrc, std::uint16_t sequence) {
            auto buffer = copy(datagram);
            const auto opened =
                value_or_raise(self.open_rtp(buffer, header_size, Ssrc{ssrc}, sequence));
            return std::pair(to_bytes(opened.payload), opened.index);
          },
          py::arg("datagram"), py::arg("header_size"), py::arg("ssrc"), py::arg("sequence"))
      .def(
          "open_rtcp",
          [](SrtpReceiver& self, const py::bytes& datagram) {
            auto buffer = copy(datagram);
            return to_bytes(value_or_raise(self.open_rtcp(buffer)));
          },
          py::arg("datagram"));
}

void bind_seal_floor(py::module_& module) {
  py::class_<FloorKeys>(module, "FloorKeys")
      .def(py::init<SrtpBackend, SrtpProfile, std::size_t>(), py::arg("backend"),
           py::arg("profile"), py::arg("count"));
  module.def("floor_seal", &floor_seal, py::arg("keys"), py::arg("payload_size"), py::arg("rounds"),
             py::call_guard<py::gil_scoped_release>());
  module.def("floor_checks", &floor_checks, py::arg("checks"), py::arg("request_size"),
             py::arg("answer_size"), py::call_guard<py::gil_scoped_release>());
}

}  // namespace

void bind_srtp(py::module_& module) {
  bind_hmac(module);
  bind_keys(module);
  bind_srtp_engine(module);
  bind_receiver(module);
  bind_seal_floor(module);
}

}  // namespace fanout
