#include "fanout/load/swarm.hpp"

#include <pybind11/numpy.h>

#include "fanout/bindings/address.hpp"

namespace fanout {
namespace {

constexpr std::array<const char*, kFates> kFateNames = {
    "waiting",          "joining",           "joined", "no_answer", "handshake_timeout",
    "handshake_failed", "wrong_certificate", "lost",   "sent_away"};

/// What pybind11 hands around; the crowd shares the list itself.
struct PyPlaylist {
  std::shared_ptr<const Playlist> words;
};

PyPlaylist make_playlist(const std::vector<std::pair<py::bytes, std::uint32_t>>& packets) {
  auto words = std::make_shared<Playlist>();
  bool passes = false;
  for (const auto& [packet, samples] : packets) {
    const auto opus = view(packet);
    if (opus.size() > kMaxSentOpus) throw std::invalid_argument("more Opus than a datagram takes");
    words->push_back({{opus.begin(), opus.end()}, samples});
    passes = passes || samples > 0;
  }
  if (!passes) throw std::invalid_argument("nothing to say: no packet lasts any time");
  return {std::move(words)};
}

Member make_member(const HostAndPort& server, std::string ufrag, std::string password,
                   const std::optional<py::bytes>& fingerprint, std::string client_ufrag,
                   std::string client_password, std::int64_t start_us,
                   std::optional<std::int64_t> asked_us, std::uint8_t payload_type,
                   std::uint32_t ssrc, bool controlling, bool passive,
                   const std::optional<PyPlaylist>& playlist, bool shares_socket) {
  Member member{.client = {.server_ufrag = std::move(ufrag),
                           .server_password = std::move(password),
                           .client_ufrag = std::move(client_ufrag),
                           .client_password = std::move(client_password),
                           .server = to_address(server),
                           .controlling = controlling,
                           .passive = passive,
                           .shows_certificate = true,  // when asked
                           .ssrc = Ssrc{ssrc},
                           .payload_type = payload_type},
                .start = {start_us},
                .shares_socket = shares_socket};
  if (fingerprint) member.client.server_fingerprint = to_digest(*fingerprint);
  if (asked_us) member.asked = Instant{*asked_us};
  if (playlist) member.playlist = playlist->words;
  return member;
}

/// One column of what is known of each member.
template <typename T, typename Value>
py::array_t<T> column(const std::vector<Value>& rows, T Value::* member) {
  py::array_t<T> out(static_cast<py::ssize_t>(rows.size()));
  auto to = out.template mutable_unchecked<1>();
  for (std::size_t i = 0; i < rows.size(); ++i) to(static_cast<py::ssize_t>(i)) = rows[i].*member;
  return out;
}

struct Row {
  bool speaker = false;
  std::uint8_t fate = 0;
  std::int64_t start = -1, asked = -1, first_check = -1, answered = -1, connected = -1,
               first_audio = -1, last_answer = -1, last_audio = -1;
  std::int64_t expected = 0, received = 0, lost = 0, late = 0, reordered = 0, duplicated = 0,
               skipped = 0, sent = 0, jitter = 0, round_trip = 0;
};

std::int64_t us(const std::optional<Instant>& when) { return when ? when->us : -1; }

Row row_of(const Crowd::Person& person) {
  Row row{.speaker = person.speaks,
          .fate = static_cast<std::uint8_t>(person.fate),
          .start = person.start.us,
          .asked = us(person.asked)};
  if (!person.client) return row;
  const auto& times = person.client->times();
  const auto stats = person.client->stats();
  row.first_check = us(times.first_check);
  row.answered = us(times.answered);
  row.connected = us(times.connected);
  row.first_audio = us(times.first_audio);
  row.last_answer = us(person.client->last_answer());
  row.last_audio = us(person.client->reception().last_arrival());
  row.expected = person.client->reception().expected();
  row.received = static_cast<std::int64_t>(stats.packets_received);
  row.lost = stats.packets_lost;
  row.late = static_cast<std::int64_t>(stats.packets_late);
  row.reordered = static_cast<std::int64_t>(stats.packets_reordered);
  row.duplicated = static_cast<std::int64_t>(stats.packets_duplicated);
  row.skipped = static_cast<std::int64_t>(stats.frames_skipped);
  row.sent = static_cast<std::int64_t>(stats.packets_sent);
  row.jitter = stats.jitter.us;
  row.round_trip = stats.round_trip.us;
  return row;
}

std::vector<Row> rows_of(const Crowd& crowd) {
  std::vector<Row> rows;
  rows.reserve(crowd.size());
  for (std::uint32_t i = 0; i < crowd.size(); ++i) rows.push_back(row_of(crowd[MemberId{i}]));
  return rows;
}

py::dict to_columns(const std::vector<Row>& rows) {
  using namespace py::literals;
  return py::dict(
      "speaker"_a = column(rows, &Row::speaker), "fate"_a = column(rows, &Row::fate),
      "start_us"_a = column(rows, &Row::start), "asked_us"_a = column(rows, &Row::asked),
      "first_check_us"_a = column(rows, &Row::first_check),
      "answered_us"_a = column(rows, &Row::answered),
      "connected_us"_a = column(rows, &Row::connected),
      "first_audio_us"_a = column(rows, &Row::first_audio),
      "last_answer_us"_a = column(rows, &Row::last_answer),
      "last_audio_us"_a = column(rows, &Row::last_audio),
      "expected"_a = column(rows, &Row::expected), "received"_a = column(rows, &Row::received),
      "lost"_a = column(rows, &Row::lost), "late"_a = column(rows, &Row::late),
      "reordered"_a = column(rows, &Row::reordered),
      "duplicated"_a = column(rows, &Row::duplicated), "skipped"_a = column(rows, &Row::skipped),
      "sent"_a = column(rows, &Row::sent), "jitter_us"_a = column(rows, &Row::jitter),
      "round_trip_us"_a = column(rows, &Row::round_trip));
}

py::dict to_dict(const Totals& totals) {
  py::dict fates;
  for (std::size_t i = 0; i < kFates; ++i) fates[kFateNames[i]] = totals.fates[i];
  using namespace py::literals;
  return py::dict("fates"_a = fates, "audible"_a = totals.audible, "received"_a = totals.received,
                  "lost"_a = totals.lost, "late"_a = totals.late, "skipped"_a = totals.skipped,
                  "sent"_a = totals.sent, "strays"_a = totals.strays);
}

py::dict to_dict(const DurationCounts& counts) {
  std::vector<std::int64_t> ends;
  for (std::size_t i = 0; i < DurationCounts::kBuckets; ++i)
    ends.push_back(DurationCounts::end(i).us);
  using namespace py::literals;
  return py::dict("ends_us"_a = ends,
                  "counts"_a = std::vector(counts.counts().begin(), counts.counts().end()),
                  "largest_us"_a = counts.largest().us);
}

struct SpurtRow {
  std::uint32_t member = 0;
  std::uint32_t timestamp = 0;
  std::int64_t at = 0;
};

py::dict to_dict(const std::vector<Spurt>& spurts) {
  std::vector<SpurtRow> rows;
  rows.reserve(spurts.size());
  for (const auto& spurt : spurts)
    rows.push_back({static_cast<std::uint32_t>(spurt.member), spurt.timestamp, spurt.at.us});
  using namespace py::literals;
  return py::dict("member"_a = column(rows, &SpurtRow::member),
                  "timestamp"_a = column(rows, &SpurtRow::timestamp),
                  "at_us"_a = column(rows, &SpurtRow::at));
}

std::vector<Spurt> copy(std::span<const Spurt> spurts) { return {spurts.begin(), spurts.end()}; }

std::vector<Member> copy(const std::vector<const Member*>& members) {
  std::vector<Member> copies;
  copies.reserve(members.size());
  for (const Member* member : members) copies.push_back(*member);
  return copies;
}

/// The crowd alone, on a clock of the test's own.
class PyCrowd {
 public:
  PyCrowd(DtlsContext& context, SrtpEngine& engine, std::int64_t join_timeout_us,
          std::size_t most_joining)
      : crowd_({microseconds(join_timeout_us), most_joining}, context, engine) {}

  template <typename Command>
  auto call(Command command) {
    return command(crowd_);
  }
  std::uint32_t add(const std::vector<const Member*>& members) {
    const auto first = crowd_.size();
    for (const Member* member : members) crowd_.add(*member);
    return static_cast<std::uint32_t>(first);
  }
  void leave() { crowd_.leave(); }

 private:
  Crowd crowd_;
};

class PySwarm {
 public:
  explicit PySwarm(const SwarmConfig& config) : swarm_(config) {}

  template <typename Command>
  auto call(Command command) {
    const py::gil_scoped_release unlocked;
    return swarm_.call(std::move(command));
  }
  std::uint32_t add(const std::vector<const Member*>& members) {
    auto copies = copy(members);
    const py::gil_scoped_release unlocked;
    return static_cast<std::uint32_t>(swarm_.add(std::move(copies)));
  }
  SwarmHealth health() {
    const py::gil_scoped_release unlocked;
    return swarm_.health();
  }
  void leave() {
    const py::gil_scoped_release unlocked;
    swarm_.leave();
  }
  void close() {
    const py::gil_scoped_release unlocked;
    swarm_.close();
  }
  py::bytes fingerprint() const { return to_bytes(swarm_.fingerprint()); }

 private:
  Swarm swarm_;
};

/// What a crowd tells, alone or on sockets.
template <typename Owner>
void bind_results(py::class_<Owner>& bound) {
  bound
      .def("add", &Owner::add, py::arg("members"),
           "Adds members in order; returns the first one's number.")
      .def("leave", &Owner::leave, "Everybody says goodbye; counting ends.")
      .def(
          "totals",
          [](Owner& self) {
            return to_dict(self.call([](const Crowd& crowd) { return crowd.totals(); }));
          },
          "What is known without looking at each.")
      .def(
          "results",
          [](Owner& self) {
            return to_columns(self.call([](const Crowd& c) { return rows_of(c); }));
          },
          "A NumPy array per column, a row per member.")
      .def(
          "lateness",
          [](Owner& self) {
            return to_dict(self.call([](const Crowd& c) { return c.lateness(); }));
          },
          "How late the crowd itself was with timers and starts: how many took less than each end.")
      .def(
          "delays",
          [](Owner& self) { return to_dict(self.call([](const Crowd& c) { return c.delays(); })); },
          "By how much packets came later than the fastest one of their listener.")
      .def(
          "heard",
          [](Owner& self) {
            return to_dict(self.call([](const Crowd& crowd) { return copy(crowd.heard()); }));
          },
          "When the first packet after each silence came, by member and RTP timestamp.")
      .def(
          "said",
          [](Owner& self) {
            return to_dict(self.call([](const Crowd& crowd) { return copy(crowd.said()); }));
          },
          "The same, of speakers: when it was sent.");
}

void bind_member(py::module_& module) {
  py::class_<PyPlaylist>(module, "Playlist")
      .def(py::init(&make_playlist), py::arg("packets"),
           "Opus packets and how many samples each lasts; an empty one is silence.")
      .def("__len__", [](const PyPlaylist& self) { return self.words->size(); });
  py::class_<Member>(module, "Member")
      .def(py::init(&make_member), py::kw_only(), py::arg("server"), py::arg("ufrag"),
           py::arg("password"), py::arg("fingerprint") = py::none(),
           py::arg("client_ufrag") = "load", py::arg("client_password") = "",
           py::arg("start_us") = 0, py::arg("asked_us") = py::none(), py::arg("payload_type") = 111,
           py::arg("ssrc") = 1, py::arg("controlling") = true, py::arg("passive") = false,
           py::arg("playlist") = py::none(), py::arg("shares_socket") = true);
}

void bind_crowd(py::module_& module) {
  py::class_<PyCrowd> bound(module, "Crowd");
  bound
      .def(py::init<DtlsContext&, SrtpEngine&, std::int64_t, std::size_t>(), py::arg("context"),
           py::arg("engine"), py::kw_only(), py::arg("join_timeout_us") = 10'000'000,
           py::arg("most_joining") = 4'096, py::keep_alive<1, 2>(), py::keep_alive<1, 3>())
      .def(
          "handle_datagram",
          [](PyCrowd& self, std::int64_t now_us, std::uint32_t member, const py::bytes& datagram) {
            const auto bytes = view(datagram);
            std::vector<std::uint8_t> buffer(bytes.begin(), bytes.end());
            self.call(
                [&](Crowd& crowd) { crowd.handle_datagram({now_us}, MemberId{member}, buffer); });
          },
          py::arg("now_us"), py::arg("member"), py::arg("datagram"))
      .def(
          "handle_timeout",
          [](PyCrowd& self, std::int64_t now_us) {
            self.call([now_us](Crowd& crowd) { crowd.handle_timeout({now_us}); });
          },
          py::arg("now_us"))
      .def(
          "start",
          [](PyCrowd& self, std::int64_t now_us, std::size_t most) {
            self.call([=](Crowd& crowd) { crowd.start({now_us}, most); });
          },
          py::arg("now_us"), py::arg("most") = 16)
      .def("poll_transmit",
           [](PyCrowd& self) -> std::optional<std::pair<std::uint32_t, py::bytes>> {
             const auto out = self.call([](Crowd& crowd) { return crowd.poll_transmit(); });
             if (out.bytes.empty()) return std::nullopt;
             return std::pair(static_cast<std::uint32_t>(out.member), to_bytes(out.bytes));
           })
      .def_property_readonly("next_timeout", [](PyCrowd& self) {
        const auto when = self.call([](const Crowd& crowd) { return crowd.next_timeout(); });
        return when == Instant::never() ? std::nullopt : std::optional(when.us);
      });
  bind_results(bound);
}

}  // namespace

void bind_swarm(py::module_& module) {
  module.attr("FATES") = py::tuple(py::cast(kFateNames));
  bind_member(module);
  bind_crowd(module);
  py::class_<PySwarm> bound(module, "Swarm");
  bound
      .def(py::init([](std::size_t members, std::int64_t join_timeout_us, std::size_t most_joining,
                       bool punctual) {
             return std::make_unique<PySwarm>(
                 SwarmConfig{.members = members,
                             .crowd = {microseconds(join_timeout_us), most_joining},
                             .punctual = punctual});
           }),
           py::kw_only(), py::arg("members") = 1, py::arg("join_timeout_us") = 10'000'000,
           py::arg("most_joining") = 4'096, py::arg("punctual") = false)
      .def_property_readonly("fingerprint", &PySwarm::fingerprint,
                             "SHA-256 of the certificate that speakers show.")
      .def("health",
           [](PySwarm& self) {
             const auto health = self.health();
             using namespace py::literals;
             return py::dict("cpu_us"_a = health.cpu.us, "kernel_drops"_a = health.kernel_drops,
                             "send_errors"_a = health.send_errors);
           })
      .def("close", &PySwarm::close);
  bind_results(bound);
}

}  // namespace fanout
