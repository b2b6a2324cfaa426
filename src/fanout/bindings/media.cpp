#include <algorithm>
#include <stdexcept>
#include <vector>

#include "fanout/base/audio.hpp"
#include "fanout/bindings/sound.hpp"
#include "fanout/media/mix.hpp"
#include "fanout/media/mixer.hpp"
#include "fanout/media/opus.hpp"

namespace fanout {
namespace {

using SoundArray = py::array_t<float, py::array::c_style | py::array::forcecast>;
using Packet = std::array<std::uint8_t, kMaxOpusPacket>;

Sound to_span(const SoundArray& samples) {
  return {samples.data(), static_cast<std::size_t>(samples.size())};
}

SoundArray to_array(std::span<const float> samples) {
  return SoundArray(static_cast<py::ssize_t>(samples.size()), samples.data());
}

/// 20 ms: (960,) mono, (960, 2) stereo.
Sound to_frame(const SoundArray& samples) {
  const bool mono = samples.ndim() == 1;
  const bool stereo = samples.ndim() == 2 && samples.shape(1) == 2;
  if ((!mono && !stereo) || samples.shape(0) != kFrameSamples)
    throw std::invalid_argument("a frame is 960 samples, (960,) or (960, 2), not " +
                                std::to_string(samples.size()));
  return to_span(samples);
}

/// A new array of the same shape.
SoundArray copy_of(const SoundArray& samples) {
  const auto sound = to_frame(samples);
  SoundArray copy(std::vector<py::ssize_t>(samples.shape(), samples.shape() + samples.ndim()));
  std::ranges::copy(sound, copy.mutable_data());
  return copy;
}

MutableSound writable(SoundArray& samples) {
  return {samples.mutable_data(), static_cast<std::size_t>(samples.size())};
}

OpusApplication to_application(std::string_view name) {
  if (name == "voip") return OpusApplication::voip;
  if (name == "audio") return OpusApplication::audio;
  throw std::invalid_argument("an application is voip or audio");
}

OpusEncoderConfig to_config(int bitrate, int complexity, int channels, bool dtx, int expected_loss,
                            std::string_view application) {
  return {.bitrate = bitrate,
          .complexity = complexity,
          .channels = channels,
          .dtx = dtx,
          .expected_loss = expected_loss,
          .application = to_application(application)};
}

py::bytes encode(OpusEncoder& encoder, const SoundArray& frame) {
  Packet out;
  Bytes packet;
  {
    py::gil_scoped_release unlocked;
    packet = encoder.encode(to_span(frame), out);
  }
  if (packet.empty())
    throw std::invalid_argument("not 20 ms at 48 kHz: " + std::to_string(frame.size()));
  return to_bytes(packet);
}

/// A decoder and the shape of its arrays.
struct PyDecoder {
  explicit PyDecoder(int channels) : decoder(channels), channels(channels) {}

  OpusDecoder decoder;
  int channels;
};

/// (samples,) mono, (samples, 2) stereo.
SoundArray shaped(std::span<const float> samples, int channels) {
  if (channels == 1) return to_array(samples);
  const auto length = static_cast<py::ssize_t>(samples.size()) / channels;
  return SoundArray(std::vector<py::ssize_t>{length, channels}, samples.data());
}

template <typename Decode>
SoundArray decoded(PyDecoder& self, Decode decode) {
  std::array<float, kMaxOpusSamples * kMaxChannels> out;
  const auto channels = static_cast<std::size_t>(self.channels);
  std::size_t samples = 0;
  {
    py::gil_scoped_release unlocked;
    samples = decode(self.decoder, std::span(out).first(kMaxOpusSamples * channels));
  }
  return shaped(std::span(out).first(samples * channels), self.channels);
}

SoundArray decode(PyDecoder& self, const py::bytes& packet) {
  return decoded(self, [packet = view(packet)](OpusDecoder& decoder, std::span<float> out) {
    return decoder.decode(packet, out);
  });
}

SoundArray decode_fec(PyDecoder& self, const py::bytes& next, std::size_t samples) {
  return decoded(self, [samples, next = view(next)](OpusDecoder& decoder, std::span<float> out) {
    return decoder.decode_fec(next, samples, out);
  });
}

SoundArray conceal(PyDecoder& self, std::size_t samples) {
  return decoded(self, [samples](OpusDecoder& decoder, std::span<float> out) {
    return decoder.conceal(samples, out);
  });
}

SoundArray limit(Limiter& limiter, const SoundArray& samples) {
  auto frame = copy_of(samples);
  limiter.process(writable(frame));
  return frame;
}

void require_alike(const SoundArray& one, const SoundArray& other) {
  if (one.size() != other.size()) throw std::invalid_argument("one frame is mono, one stereo");
}

SoundArray add(const SoundArray& sum, const SoundArray& voice, float from, float to) {
  require_alike(sum, voice);
  auto out = copy_of(sum);
  add_voice(writable(out), to_frame(voice), from, to);
  return out;
}

SoundArray subtract(const SoundArray& sum, const SoundArray& voice, float from, float to) {
  require_alike(sum, voice);
  auto out = copy_of(sum);
  subtract_voice(writable(out), to_frame(sum), to_frame(voice), from, to);
  return out;
}

std::uint8_t set_voice(Mixer& mixer, std::uint32_t peer, const py::array& frame) {
  Frame scratch;
  const auto sound = read_frame(frame, scratch);
  if (sound.size() != mixer.frame_size())
    throw std::invalid_argument("the frame has another number of channels");
  mixer.set_voice(PeerId{peer}, sound);
  return level_dbov(sound);
}

py::tuple mix(Mixer& mixer, const std::vector<std::uint32_t>& audible) {
  std::vector<PeerId> peers(audible.size());
  std::ranges::transform(audible, peers.begin(), [](auto peer) { return PeerId{peer}; });
  MixResult result;
  {
    py::gil_scoped_release unlocked;
    result = mixer.mix(peers);
  }
  py::dict minus;
  for (const auto& [peer, packet] : result.minus)
    minus[py::int_(static_cast<std::uint32_t>(peer))] = to_bytes(packet);
  return py::make_tuple(to_bytes(result.shared), minus);
}

void bind_opus(py::module_& module) {
  module.def(
      "opus_samples", [](const py::bytes& packet) { return opus_samples(view(packet)); },
      py::arg("packet"), "Samples at 48 kHz, or None when malformed.");
  module.def(
      "opus_has_fec", [](const py::bytes& packet) { return opus_has_fec(view(packet)); },
      py::arg("packet"), "Whether it carries the frame before it again (LBRR).");
  py::class_<OpusEncoder>(module, "OpusEncoder")
      .def(py::init([](int bitrate, int complexity, int channels, bool dtx, int loss,
                       std::string_view application) {
             return OpusEncoder(to_config(bitrate, complexity, channels, dtx, loss, application));
           }),
           py::kw_only(), py::arg("bitrate") = 32'000, py::arg("complexity") = 5,
           py::arg("channels") = 1, py::arg("dtx") = true, py::arg("expected_loss") = 10,
           py::arg("application") = "voip")
      .def("encode", &encode, py::arg("frame"), "960 samples per channel in, a packet out.")
      .def("reset", &OpusEncoder::reset)
      .def_property_readonly("lookahead", &OpusEncoder::lookahead);
  py::class_<PyDecoder>(module, "OpusDecoder")
      .def(py::init<int>(), py::arg("channels") = 1)
      .def("decode", &decode, py::arg("packet"), "Samples; none if the packet is malformed.")
      .def("decode_fec", &decode_fec, py::arg("next"), py::arg("samples") = kFrameSamples)
      .def("conceal", &conceal, py::arg("samples") = kFrameSamples)
      .def("reset", [](PyDecoder& self) { self.decoder.reset(); });
}

void bind_mix(py::module_& module) {
  module.def("add_voice", &add, py::arg("sum"), py::arg("voice"), py::arg("from_gain") = 1.0F,
             py::arg("to_gain") = 1.0F, "sum + voice * gain, as a new array.");
  module.def("subtract_voice", &subtract, py::arg("sum"), py::arg("voice"),
             py::arg("from_gain") = 1.0F, py::arg("to_gain") = 1.0F,
             "sum - voice * gain, as a new array.");
  module.def(
      "level_dbov", [](const SoundArray& frame) { return level_dbov(to_frame(frame)); },
      py::arg("frame"), "RFC 6464: 0 (loudest) to 127 (silence).");
  py::class_<Limiter>(module, "Limiter")
      .def(py::init<>())
      .def("process", &limit, py::arg("frame"), "The limited frame, as a new array.");
}

void bind_mixer(py::module_& module) {
  py::class_<Mixer>(module, "Mixer")
      .def(py::init([](int bitrate, int complexity, int channels, bool dtx, int loss,
                       std::string_view application, bool encode) {
             return Mixer(to_config(bitrate, complexity, channels, dtx, loss, application), encode);
           }),
           py::kw_only(), py::arg("bitrate") = 32'000, py::arg("complexity") = 5,
           py::arg("channels") = 1, py::arg("dtx") = true, py::arg("expected_loss") = 10,
           py::arg("application") = "voip", py::arg("encode") = true)
      .def(
          "add", [](Mixer& mixer, std::uint32_t peer) { mixer.add(PeerId{peer}); }, py::arg("peer"))
      .def(
          "remove", [](Mixer& mixer, std::uint32_t peer) { mixer.remove(PeerId{peer}); },
          py::arg("peer"))
      .def("set_voice", &set_voice, py::arg("peer"), py::arg("frame"), "How loud it was, -dBov.")
      .def(
          "read", [](Mixer& mixer, py::array& out) { write_frame(mixer.sound(), out); },
          py::arg("out"), "The sound of the last mix.")
      .def(
          "read_minus",
          [](Mixer& mixer, std::uint32_t peer, py::array& out) {
            write_frame(mixer.sound_without(PeerId{peer}), out);
          },
          py::arg("peer"), py::arg("out"), "The same without a peer.")
      .def("mix", &mix, py::arg("audible"),
           "One tick: the shared packet, and by peer the packets without that peer.");
}

}  // namespace

void bind_media(py::module_& module) {
  bind_opus(module);
  bind_mix(module);
  bind_mixer(module);
}

}  // namespace fanout
