/// Whatever comes as Opus, its framing says how long it is and the decoder agrees; and packets that
/// merge last together as long as they did apart. A byte before each packet is its length.
#include <array>

#include "fanout/media/opus.hpp"
#include "fanout/media/repacketize.hpp"
#include "inside.hpp"

namespace {

constexpr std::size_t kMostPackets = 8;

void require(bool good) {
  if (!good) std::abort();
}

void require_sound(fanout::Bytes packet) {
  static fanout::OpusDecoder decoder;
  static std::array<float, fanout::kMaxOpusSamples> out;
  const auto samples = fanout::opus_samples(packet);
  require(!samples || (*samples > 0 && *samples <= fanout::kMaxOpusSamples && *samples % 120 == 0));
  require(!fanout::opus_has_fec(packet) || samples);
  const auto made = decoder.decode(packet, out);
  require(made == samples.value_or(0));
  require(decoder.decode_fec(packet, 960, out) == 960);
}

void require_same_length(std::span<const fanout::Bytes> packets) {
  static fanout::Repacketizer repacketizer;
  std::array<std::uint8_t, 4096> buffer;
  const auto merged = repacketizer.merge(packets, buffer);
  if (!merged) return require(merged.error() < packets.size() || packets.empty());
  require_inside(*merged, buffer);
  std::size_t total = 0;
  for (const auto packet : packets) total += fanout::opus_samples(packet).value();
  require(fanout::opus_samples(*merged) == total);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fanout::Reader in({data, size});
  std::array<fanout::Bytes, kMostPackets> packets;
  std::size_t count = 0;
  while (in.remaining() > 0 && count < kMostPackets) {
    const std::size_t length = in.u8();
    packets[count] = in.take(std::min(length, in.remaining()));
    require_sound(packets[count++]);
  }
  require_same_length(std::span(packets).first(count));
  return 0;
}
