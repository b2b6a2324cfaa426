/// One packet at a time, for tests, tools and embedders. A parsed object keeps its datagram
/// alive and hands out copies of its parts.
#include <vector>

#include "fanout/bindings/address.hpp"
#include "fanout/wire/rtcp.hpp"
#include "fanout/wire/rtp.hpp"
#include "fanout/wire/stun.hpp"

namespace fanout {
namespace {

constexpr std::size_t kBufferSize = 2048;  // no writer here makes a packet as large

/// The view borrows the bytes object, which Python never moves.
template <typename View>
struct Kept {
  py::bytes datagram;
  View view;
};
using KeptRtp = Kept<RtpView>;
using KeptRtcp = Kept<RtcpPacket>;
using KeptStun = Kept<StunView>;

template <typename Number>
auto field(Number RtpView::* member) {
  return [member](const KeptRtp& rtp) { return rtp.view.*member; };
}

template <typename Flag>
auto field(Flag StunView::* member) {
  return [member](const KeptStun& stun) { return stun.view.*member; };
}

std::uint32_t number(Ssrc ssrc) { return static_cast<std::uint32_t>(ssrc); }

std::optional<py::bytes> to_optional_bytes(std::optional<Bytes> bytes) {
  return bytes ? std::optional(to_bytes(*bytes)) : std::nullopt;
}

void require(bool condition, const char* otherwise) {
  if (!condition) throw std::invalid_argument(otherwise);
}

template <typename Write>
py::bytes written(Write write) {
  std::array<std::uint8_t, kBufferSize> buffer;
  Writer out(buffer);
  write(out);
  return to_bytes(out.written());
}

KeptRtp parse_rtp_or_raise(const py::bytes& datagram) {
  return {datagram, value_or_raise(parse_rtp(view(datagram)))};
}

std::vector<std::uint32_t> csrc_list(const KeptRtp& rtp) {
  std::vector<std::uint32_t> list;
  for (Reader in(rtp.view.csrc); in.remaining() > 0;) list.push_back(in.u32());
  return list;
}

std::optional<std::pair<std::uint8_t, bool>> level_and_voice(const KeptRtp& rtp, std::uint8_t id) {
  const auto found = audio_level(rtp.view, id);
  return found ? std::optional(std::pair(found->level, found->voice)) : std::nullopt;
}

py::bytes rtp_header(std::uint8_t payload_type, std::uint16_t sequence, std::uint32_t timestamp,
                     std::uint32_t ssrc, bool marker, const std::vector<std::uint32_t>& csrc) {
  require(payload_type < 128, "payload_type is over 127");
  require(csrc.size() <= kMaxCsrc, "more than 15 csrc");
  std::vector<PeerId> peers;
  for (const auto id : csrc) peers.push_back(PeerId{id});
  return written([&](Writer& out) {
    write_rtp_header(out, {.marker = marker,
                           .payload_type = payload_type,
                           .sequence = sequence,
                           .timestamp = timestamp,
                           .ssrc = Ssrc{ssrc},
                           .csrc = peers});
  });
}

void bind_rtp(py::module_& module) {
  py::class_<KeptRtp>(module, "RtpPacket")
      .def_property_readonly("marker", field(&RtpView::marker))
      .def_property_readonly("padding", field(&RtpView::padding))
      .def_property_readonly("payload_type", field(&RtpView::payload_type))
      .def_property_readonly("sequence", field(&RtpView::sequence))
      .def_property_readonly("timestamp", field(&RtpView::timestamp))
      .def_property_readonly("ssrc", [](const KeptRtp& rtp) { return number(rtp.view.ssrc); })
      .def_property_readonly("csrc", &csrc_list)
      .def_property_readonly("extension_profile", field(&RtpView::extension_profile))
      .def_property_readonly("extension",
                             [](const KeptRtp& rtp) { return to_bytes(rtp.view.extension); })
      .def_property_readonly("header_size", field(&RtpView::header_size))
      .def_property_readonly("payload",
                             [](const KeptRtp& rtp) { return to_bytes(rtp.view.payload); })
      .def("strip_padding",
           [](const KeptRtp& rtp) { return to_bytes(value_or_raise(strip_padding(rtp.view))); })
      .def(
          "find_extension",
          [](const KeptRtp& rtp, std::uint8_t id) {
            return to_optional_bytes(find_extension(rtp.view, id));
          },
          py::arg("id"))
      .def("audio_level", &level_and_voice, py::arg("id"), "(level in -dBov, voice), or None.");
  module.def("parse_rtp", &parse_rtp_or_raise, py::arg("datagram"));
  module.def(
      "is_rtcp", [](const py::bytes& datagram) { return is_rtcp(view(datagram)); },
      py::arg("datagram"));
  module.def("write_rtp_header", &rtp_header, py::kw_only(), py::arg("payload_type"),
             py::arg("sequence"), py::arg("timestamp"), py::arg("ssrc"), py::arg("marker") = false,
             py::arg("csrc") = std::vector<std::uint32_t>{});
}

std::vector<KeptRtcp> parse_rtcp_or_raise(const py::bytes& datagram) {
  auto compound = value_or_raise(RtcpView::parse(view(datagram)));
  std::vector<KeptRtcp> packets;
  while (const auto packet = compound.next()) packets.push_back({datagram, *packet});
  return packets;
}

std::vector<ReportBlock> report_list(const KeptRtcp& packet) {
  std::vector<ReportBlock> list;
  for (std::size_t i = 0; i < packet.view.report_count(); ++i)
    list.push_back(packet.view.report(i));
  return list;
}

ReportBlock make_report(std::uint32_t ssrc, std::uint8_t fraction_lost, std::int32_t packets_lost,
                        std::uint32_t highest_sequence, std::uint32_t jitter, std::uint32_t last_sr,
                        std::uint32_t delay_since_sr) {
  return {.ssrc = Ssrc{ssrc},
          .fraction_lost = fraction_lost,
          .packets_lost = packets_lost,
          .highest_sequence = highest_sequence,
          .jitter = jitter,
          .last_sr = last_sr,
          .delay_since_sr = delay_since_sr};
}

SenderInfo make_sender_info(std::uint64_t ntp, std::uint32_t rtp_timestamp, std::uint32_t packets,
                            std::uint32_t octets) {
  return {.ntp = ntp, .rtp_timestamp = rtp_timestamp, .packets = packets, .octets = octets};
}

py::bytes sender_report(std::uint32_t sender, const SenderInfo& info,
                        const std::vector<ReportBlock>& reports) {
  require(reports.size() <= 31, "more than 31 reports");
  return written([&](Writer& out) { write_sender_report(out, Ssrc{sender}, info, reports); });
}

py::bytes receiver_report(std::uint32_t sender, const std::vector<ReportBlock>& reports) {
  require(reports.size() <= 31, "more than 31 reports");
  return written([&](Writer& out) { write_receiver_report(out, Ssrc{sender}, reports); });
}

py::bytes sdes_cname(std::uint32_t source, const std::string& cname) {
  require(cname.size() <= 255, "cname is over 255 bytes");
  return written([&](Writer& out) { write_sdes_cname(out, Ssrc{source}, cname); });
}

py::bytes bye(std::uint32_t source) {
  return written([&](Writer& out) { write_bye(out, Ssrc{source}); });
}

void bind_report_classes(py::module_& module) {
  py::class_<ReportBlock>(module, "ReportBlock")
      .def(py::init(&make_report), py::kw_only(), py::arg("ssrc"), py::arg("fraction_lost") = 0,
           py::arg("packets_lost") = 0, py::arg("highest_sequence") = 0, py::arg("jitter") = 0,
           py::arg("last_sr") = 0, py::arg("delay_since_sr") = 0)
      .def_property_readonly("ssrc", [](const ReportBlock& report) { return number(report.ssrc); })
      .def_readonly("fraction_lost", &ReportBlock::fraction_lost)
      .def_readonly("packets_lost", &ReportBlock::packets_lost)
      .def_readonly("highest_sequence", &ReportBlock::highest_sequence)
      .def_readonly("jitter", &ReportBlock::jitter)
      .def_readonly("last_sr", &ReportBlock::last_sr)
      .def_readonly("delay_since_sr", &ReportBlock::delay_since_sr);
  py::class_<SenderInfo>(module, "SenderInfo")
      .def(py::init(&make_sender_info), py::kw_only(), py::arg("ntp"), py::arg("rtp_timestamp"),
           py::arg("packets"), py::arg("octets"))
      .def_readonly("ntp", &SenderInfo::ntp)
      .def_readonly("rtp_timestamp", &SenderInfo::rtp_timestamp)
      .def_readonly("packets", &SenderInfo::packets)
      .def_readonly("octets", &SenderInfo::octets);
}

void bind_rtcp(py::module_& module) {
  bind_report_classes(module);
  py::class_<KeptRtcp>(module, "RtcpPacket")
      .def_property_readonly("type", [](const KeptRtcp& packet) { return packet.view.type; })
      .def_property_readonly("count", [](const KeptRtcp& packet) { return packet.view.count; })
      .def_property_readonly("sender",
                             [](const KeptRtcp& packet) { return number(packet.view.sender); })
      .def_property_readonly("info", [](const KeptRtcp& packet) { return packet.view.info; })
      .def_property_readonly("reports", &report_list)
      .def_property_readonly("body",
                             [](const KeptRtcp& packet) { return to_bytes(packet.view.body); });
  module.def("parse_rtcp", &parse_rtcp_or_raise, py::arg("datagram"));
  module.def(
      "ntp_time", [](std::int64_t unix_us) { return ntp_time(UnixTime{unix_us}); },
      py::arg("unix_us"));
  module.def("write_sender_report", &sender_report, py::arg("sender"), py::arg("info"),
             py::arg("reports") = std::vector<ReportBlock>{});
  module.def("write_receiver_report", &receiver_report, py::arg("sender"),
             py::arg("reports") = std::vector<ReportBlock>{});
  module.def("write_sdes_cname", &sdes_cname, py::arg("source"), py::arg("cname"));
  module.def("write_bye", &bye, py::arg("source"));
}

KeptStun parse_stun_or_raise(const py::bytes& datagram) {
  return {datagram, value_or_raise(parse_stun(view(datagram)))};
}

const char* class_name(const KeptStun& stun) {
  switch (stun.view.type) {
    case StunClass::request:
      return "request";
    case StunClass::indication:
      return "indication";
    case StunClass::success:
      return "success";
    case StunClass::error:
      return "error";
  }
  return "";
}

TransactionId to_transaction(const py::bytes& bytes) {
  TransactionId id;
  require(view(bytes).size() == id.size(), "a transaction id has 12 bytes");
  std::ranges::copy(view(bytes), id.begin());
  return id;
}

py::bytes binding_success(const py::bytes& transaction, const HostAndPort& mapped) {
  const auto id = to_transaction(transaction);
  const auto address = to_address(mapped);
  return written([&](Writer& out) { write_binding_success(out, id, address); });
}

py::bytes binding_request(const py::bytes& transaction, const std::string& username,
                          std::uint32_t priority, std::uint64_t tie_breaker, bool controlling,
                          bool use_candidate) {
  require(username.size() <= 508, "username is over 508 bytes");
  const BindingRequest request{.transaction = to_transaction(transaction),
                               .username = username,
                               .priority = priority,
                               .tie_breaker = tie_breaker,
                               .controlling = controlling,
                               .use_candidate = use_candidate};
  return written([&](Writer& out) { write_binding_request(out, request); });
}

py::bytes with_fingerprint(const py::bytes& message) {
  std::array<std::uint8_t, kBufferSize> buffer;
  Writer out(buffer);
  out.bytes(view(message));
  require(out.size() >= 20, "a STUN message has 20 bytes or more, and fewer than 2,048");
  append_fingerprint(out, buffer);
  require(out.ok(), "no room for a fingerprint");
  return to_bytes(out.written());
}

void bind_stun(py::module_& module) {
  py::class_<KeptStun>(module, "StunMessage")
      .def_property_readonly("type", &class_name)
      .def_property_readonly("transaction",
                             [](const KeptStun& stun) { return to_bytes(stun.view.transaction); })
      .def_property_readonly(
          "username",
          [](const KeptStun& stun) { return py::bytes(std::string(stun.view.username)); })
      .def_property_readonly("integrity",
                             [](const KeptStun& stun) { return to_bytes(stun.view.integrity); })
      .def_property_readonly("integrity_offset", field(&StunView::integrity_offset))
      .def_property_readonly("use_candidate", field(&StunView::use_candidate))
      .def_property_readonly("controlling", field(&StunView::controlling))
      .def_property_readonly("controlled", field(&StunView::controlled))
      .def_property_readonly("priority", field(&StunView::priority))
      .def_property_readonly("mapped", [](const KeptStun& stun) {
        return stun.view.mapped ? std::optional(to_host_and_port(*stun.view.mapped)) : std::nullopt;
      });
  module.def("parse_stun", &parse_stun_or_raise, py::arg("datagram"));
  module.def("write_binding_success", &binding_success, py::arg("transaction"), py::arg("mapped"));
  module.def("write_binding_request", &binding_request, py::kw_only(), py::arg("transaction"),
             py::arg("username"), py::arg("priority"), py::arg("tie_breaker"),
             py::arg("controlling") = true, py::arg("use_candidate") = true);
  module.def("append_fingerprint", &with_fingerprint, py::arg("message"));
}

}  // namespace

void bind_wire(py::module_& module) {
  bind_rtp(module);
  bind_rtcp(module);
  bind_stun(module);
}

}  // namespace fanout
