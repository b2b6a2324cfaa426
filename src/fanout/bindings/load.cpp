#include <deque>
#include <map>
#include <vector>

#include "fanout/base/audio.hpp"
#include "fanout/bindings/address.hpp"
#include "fanout/load/client.hpp"

namespace fanout {
namespace {

/// ReceivedAudio that has outlived its datagram.
struct KeptAudio {
  ReceivedAudio audio;
  std::vector<std::uint32_t> csrc;
  py::bytes payload;
};

/// Python hands over immutable bytes and polls when it likes, so audio is copied out.
struct KeptClient {
  VirtualClient client;
  std::deque<KeptAudio> audio{};
};

std::vector<std::uint32_t> numbers(Bytes list) {
  std::vector<std::uint32_t> found;
  for (Reader in(list); in.remaining() > 0;) found.push_back(in.u32());
  return found;
}

KeptClient make_client(DtlsContext& context, SrtpEngine& engine, std::string server_ufrag,
                       std::string server_password, std::string client_ufrag,
                       std::string client_password, const std::optional<HostAndPort>& server,
                       bool controlling, bool passive,
                       const std::optional<py::bytes>& server_fingerprint, bool shows_certificate,
                       std::uint32_t ssrc, std::uint8_t payload_type, std::uint16_t first_sequence,
                       std::uint32_t first_timestamp, std::int64_t consent_interval_us,
                       bool nominates_always) {
  ClientConfig config{.server_ufrag = std::move(server_ufrag),
                      .server_password = std::move(server_password),
                      .client_ufrag = std::move(client_ufrag),
                      .client_password = std::move(client_password),
                      .controlling = controlling,
                      .passive = passive,
                      .shows_certificate = shows_certificate,
                      .ssrc = Ssrc{ssrc},
                      .payload_type = payload_type,
                      .first_sequence = first_sequence,
                      .first_timestamp = first_timestamp,
                      .consent_interval = microseconds(consent_interval_us),
                      .nominates_always = nominates_always};
  if (server) config.server = to_address(*server);
  if (server_fingerprint) config.server_fingerprint = to_digest(*server_fingerprint);
  return {VirtualClient(context, engine, std::move(config))};
}

void client_datagram(KeptClient& self, std::int64_t now_us, const py::bytes& datagram) {
  const auto bytes = view(datagram);
  std::vector<std::uint8_t> buffer(bytes.begin(), bytes.end());
  {
    const py::gil_scoped_release unlocked;
    self.client.handle_datagram({now_us}, buffer);
  }
  if (const auto audio = self.client.poll_audio())
    self.audio.push_back({*audio, numbers(audio->csrc), to_bytes(audio->payload)});
}

void handle_timeout(KeptClient& self, std::int64_t now_us) {
  const py::gil_scoped_release unlocked;
  self.client.handle_timeout({now_us});
}

std::optional<std::int64_t> client_timeout(const KeptClient& self) {
  const auto when = self.client.next_timeout();
  return when == Instant::never() ? std::nullopt : std::optional(when.us);
}

std::optional<py::bytes> poll_transmit(KeptClient& self) {
  const auto datagram = self.client.poll_transmit();
  return datagram.empty() ? std::nullopt : std::optional(to_bytes(datagram));
}

std::optional<KeptAudio> poll_audio(KeptClient& self) {
  if (self.audio.empty()) return std::nullopt;
  auto audio = std::move(self.audio.front());
  self.audio.pop_front();
  return audio;
}

const char* client_state(const KeptClient& self) {
  static constexpr std::array kNames = {"checking", "handshaking", "connected", "failed", "closed"};
  return kNames[static_cast<std::size_t>(self.client.state())];
}

const char* client_failure(const KeptClient& self) {
  static constexpr std::array kNames = {"", "handshake", "certificate", "silence"};
  return kNames[static_cast<std::size_t>(self.client.failure())];
}

std::map<std::string, std::uint64_t> drops(const KeptClient& self) {
  std::map<std::string, std::uint64_t> counts;
  for (std::size_t i = 0; i < kDropKinds; ++i)
    if (const auto drop = static_cast<Drop>(i); self.client.drops()[drop] > 0)
      counts[std::string(name(drop))] = self.client.drops()[drop];
  return counts;
}

template <typename Owner>
auto us(std::optional<Instant> Owner::* member) {
  return [member](const Owner& owner) {
    return owner.*member ? std::optional((owner.*member)->us) : std::nullopt;
  };
}

template <typename Owner>
auto us(Duration Owner::* member) {
  return [member](const Owner& owner) { return (owner.*member).us; };
}

void bind_reception(py::module_& module) {
  py::class_<JoinTimes>(module, "JoinTimes")
      .def_property_readonly("first_check_us", us(&JoinTimes::first_check))
      .def_property_readonly("answered_us", us(&JoinTimes::answered))
      .def_property_readonly("connected_us", us(&JoinTimes::connected))
      .def_property_readonly("first_audio_us", us(&JoinTimes::first_audio));
  py::class_<ClientStats>(module, "ClientStats")
      .def_readonly("packets_sent", &ClientStats::packets_sent)
      .def_readonly("bytes_sent", &ClientStats::bytes_sent)
      .def_readonly("packets_received", &ClientStats::packets_received)
      .def_readonly("bytes_received", &ClientStats::bytes_received)
      .def_readonly("packets_lost", &ClientStats::packets_lost)
      .def_readonly("packets_late", &ClientStats::packets_late)
      .def_readonly("packets_reordered", &ClientStats::packets_reordered)
      .def_readonly("packets_duplicated", &ClientStats::packets_duplicated)
      .def_readonly("frames_skipped", &ClientStats::frames_skipped)
      .def_property_readonly("jitter_us", us(&ClientStats::jitter))
      .def_readonly("checks_sent", &ClientStats::checks_sent)
      .def_readonly("checks_answered", &ClientStats::checks_answered)
      .def_property_readonly("round_trip_us", us(&ClientStats::round_trip))
      .def_readonly("reports_sent", &ClientStats::reports_sent)
      .def_readonly("reports_received", &ClientStats::reports_received)
      .def_readonly("remote", &ClientStats::remote);
}

void bind_audio(py::module_& module) {
  py::class_<KeptAudio>(module, "ReceivedAudio")
      .def_property_readonly("index", [](const KeptAudio& self) { return self.audio.index; })
      .def_property_readonly("timestamp",
                             [](const KeptAudio& self) { return self.audio.timestamp; })
      .def_property_readonly("marker", [](const KeptAudio& self) { return self.audio.marker; })
      .def_property_readonly("ssrc",
                             [](const KeptAudio& self) { return std::uint32_t(self.audio.ssrc); })
      .def_readonly("csrc", &KeptAudio::csrc)
      .def_readonly("payload", &KeptAudio::payload);
}

void bind_client(py::module_& module) {
  py::class_<KeptClient>(module, "VirtualClient")
      .def(py::init(&make_client), py::arg("context"), py::arg("engine"), py::kw_only(),
           py::arg("server_ufrag"), py::arg("server_password"), py::arg("client_ufrag") = "load",
           py::arg("client_password") = "", py::arg("server") = py::none(),
           py::arg("controlling") = true, py::arg("passive") = false,
           py::arg("server_fingerprint") = py::none(), py::arg("shows_certificate") = false,
           py::arg("ssrc") = 1, py::arg("payload_type") = 111, py::arg("first_sequence") = 0,
           py::arg("first_timestamp") = 0, py::arg("consent_interval_us") = 2'500'000,
           py::arg("nominates_always") = true, py::keep_alive<1, 2>(), py::keep_alive<1, 3>())
      .def("handle_datagram", &client_datagram, py::arg("now_us"), py::arg("datagram"))
      .def("handle_timeout", &handle_timeout, py::arg("now_us"))
      .def_property_readonly("next_timeout", &client_timeout)
      .def("poll_transmit", &poll_transmit)
      .def("poll_audio", &poll_audio)
      .def(
          "send_audio",
          [](KeptClient& self, std::int64_t now_us, const py::bytes& opus, std::uint32_t samples,
             bool marker) { return self.client.send_audio({now_us}, view(opus), samples, marker); },
          py::arg("now_us"), py::arg("opus"), py::arg("samples") = kFrameSamples,
          py::arg("marker") = false)
      .def(
          "skip_audio",
          [](KeptClient& self, std::uint32_t samples) { self.client.skip_audio(samples); },
          py::arg("samples"))
      .def("close", [](KeptClient& self) { self.client.close(); })
      .def_property_readonly("state", &client_state)
      .def_property_readonly("failure", &client_failure, "Why it failed; empty when it did not.")
      .def_property_readonly("stats", [](const KeptClient& self) { return self.client.stats(); })
      .def_property_readonly("times", [](const KeptClient& self) { return self.client.times(); })
      .def_property_readonly("drops", &drops, "Reason to count, of what was dropped at all.");
}

}  // namespace

void bind_load(py::module_& module) {
  bind_reception(module);
  bind_audio(module);
  bind_client(module);
}

}  // namespace fanout
