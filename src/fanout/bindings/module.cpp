#include "fanout/bindings/bind.hpp"

PYBIND11_MODULE(_core, module) {
  module.doc() = "The compiled core of spacescore. Use it through the spacescore package.";
  fanout::bind_base(module);
  fanout::bind_wire(module);
  fanout::bind_red(module);
  fanout::bind_srtp(module);
  fanout::bind_dtls(module);
  fanout::bind_ticket(module);
  fanout::bind_stun_auth(module);
  fanout::bind_media(module);
  fanout::bind_jitter(module);
  fanout::bind_voice(module);
  fanout::bind_repacketize(module);
  fanout::bind_ogg(module);
  fanout::bind_packet(module);
  fanout::bind_audience(module);
  fanout::bind_ladder(module);
  fanout::bind_engine(module);
  fanout::bind_node(module);
  fanout::bind_recorder(module);
  fanout::bind_load(module);
  fanout::bind_swarm(module);
}
