#include <pybind11/numpy.h>

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "fanout/bindings/bind.hpp"
#include "fanout/media/mix.hpp"
#include "fanout/media/mixer.hpp"
#include "fanout/media/opus.hpp"

namespace fanout {
namespace {

using Samples = py::array_t<float, py::array::c_style | py::array::forcecast>;
using Packet = std::array<std::uint8_t, kMaxOpusPacket>;

std::span<const float> to_span(const Samples& samples) {
  return {samples.data(), static_cast<std::size_t>(samples.size())};
}

Samples to_array(std::span<const float> samples) {
  return Samples(static_cast<py::ssize_t>(samples.size()), samples.data());
}

Frame to_frame(const Samples& samples) {
  if (samples.ndim() != 1 || samples.size() != kFrameSamples)
    throw std::invalid_argument("a frame is one dimension of 960 samples, not " +
                                std::to_string(samples.size()));
  Frame frame;
  std::ranges::copy(to_span(samples), frame.begin());
  return frame;
}

OpusEncoderConfig to_config(int bitrate, int complexity, int channels, bool dtx,
                            int expected_loss) {
  return {.bitrate = bitrate,
          .complexity = complexity,
          .channels = channels,
          .dtx = dtx,
          .expected_loss = expected_loss};
}

py::bytes encode(OpusEncoder& encoder, const Samples& frame) {
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

template <typename Decode>
Samples decoded(Decode decode) {
  std::array<float, kMaxOpusSamples> out;
  std::size_t samples = 0;
  {
    py::gil_scoped_release unlocked;
    samples = decode(std::span<float>(out));
  }
  return to_array(std::span(out).first(samples));
}

Samples decode(OpusDecoder& decoder, const py::bytes& packet) {
  return decoded([&decoder, packet = view(packet)](std::span<float> out) {
    return decoder.decode(packet, out);
  });
}

Samples decode_fec(OpusDecoder& decoder, const py::bytes& next, std::size_t samples) {
  return decoded([&decoder, samples, next = view(next)](std::span<float> out) {
    return decoder.decode_fec(next, samples, out);
  });
}

Samples conceal(OpusDecoder& decoder, std::size_t samples) {
  return decoded([&](std::span<float> out) { return decoder.conceal(samples, out); });
}

Samples limit(Limiter& limiter, const Samples& samples) {
  auto frame = to_frame(samples);
  limiter.process(frame);
  return to_array(frame);
}

Samples add(const Samples& sum, const Samples& voice, float from, float to) {
  auto out = to_frame(sum);
  add_voice(out, to_frame(voice), from, to);
  return to_array(out);
}

Samples subtract(const Samples& sum, const Samples& voice, float from, float to) {
  Frame out;
  subtract_voice(out, to_frame(sum), to_frame(voice), from, to);
  return to_array(out);
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
  py::class_<OpusEncoder>(module, "OpusEncoder")
      .def(py::init([](int bitrate, int complexity, int channels, bool dtx, int loss) {
             return OpusEncoder(to_config(bitrate, complexity, channels, dtx, loss));
           }),
           py::kw_only(), py::arg("bitrate") = 32'000, py::arg("complexity") = 5,
           py::arg("channels") = 1, py::arg("dtx") = true, py::arg("expected_loss") = 10)
      .def("encode", &encode, py::arg("frame"), "960 samples per channel in, a packet out.")
      .def("set_bitrate", &OpusEncoder::set_bitrate, py::arg("bitrate"))
      .def("set_expected_loss", &OpusEncoder::set_expected_loss, py::arg("percent"))
      .def("reset", &OpusEncoder::reset)
      .def_property_readonly("lookahead", &OpusEncoder::lookahead);
  py::class_<OpusDecoder>(module, "OpusDecoder")
      .def(py::init<>())
      .def("decode", &decode, py::arg("packet"), "Samples; none if the packet is malformed.")
      .def("decode_fec", &decode_fec, py::arg("next"), py::arg("samples") = kFrameSamples)
      .def("conceal", &conceal, py::arg("samples") = kFrameSamples)
      .def("reset", &OpusDecoder::reset);
}

void bind_mix(py::module_& module) {
  module.def("add_voice", &add, py::arg("sum"), py::arg("voice"), py::arg("from_gain") = 1.0F,
             py::arg("to_gain") = 1.0F, "sum + voice * gain, as a new array.");
  module.def("subtract_voice", &subtract, py::arg("sum"), py::arg("voice"),
             py::arg("from_gain") = 1.0F, py::arg("to_gain") = 1.0F,
             "sum - voice * gain, as a new array.");
  module.def(
      "level_dbov", [](const Samples& frame) { return level_dbov(to_frame(frame)); },
      py::arg("frame"), "RFC 6464: 0 (loudest) to 127 (silence).");
  py::class_<Limiter>(module, "Limiter")
      .def(py::init<>())
      .def("process", &limit, py::arg("frame"), "The limited frame, as a new array.");
}

void bind_mixer(py::module_& module) {
  py::class_<Mixer>(module, "Mixer")
      .def(py::init([](int bitrate, int complexity, bool dtx, int loss) {
             return Mixer(to_config(bitrate, complexity, 1, dtx, loss));
           }),
           py::kw_only(), py::arg("bitrate") = 32'000, py::arg("complexity") = 5,
           py::arg("dtx") = true, py::arg("expected_loss") = 10)
      .def(
          "add", [](Mixer& mixer, std::uint32_t peer) { mixer.add(PeerId{peer}); }, py::arg("peer"))
      .def(
          "remove", [](Mixer& mixer, std::uint32_t peer) { mixer.remove(PeerId{peer}); },
          py::arg("peer"))
      .def(
          "set_voice",
          [](Mixer& mixer, std::uint32_t peer, const Samples& frame) {
            mixer.set_voice(PeerId{peer}, to_frame(frame));
          },
          py::arg("peer"), py::arg("frame"))
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
