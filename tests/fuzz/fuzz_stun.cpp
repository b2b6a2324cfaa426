/// Whatever arrives, parts of a STUN message lie inside the datagram. The length field and the
/// fingerprint are put right first, or the fuzzer would only ever meet those two checks.
#include <vector>

#include "fanout/wire/stun.hpp"
#include "inside.hpp"

static void require_sound(fanout::Bytes datagram) {
  const auto stun = fanout::parse_stun(datagram);
  if (!stun) return;
  const auto* name = reinterpret_cast<const std::uint8_t*>(stun->username.data());
  require_inside({name, stun->username.size()}, datagram);
  require_inside(stun->integrity, datagram);
  if (stun->integrity_offset + 24 > datagram.size() && !stun->integrity.empty()) std::abort();
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  require_sound({data, size});
  std::vector<std::uint8_t> sealed(size + 8);
  fanout::Writer out(sealed);
  out.bytes({data, size});
  fanout::append_fingerprint(out, sealed);
  require_sound(out.written());
  return 0;
}
