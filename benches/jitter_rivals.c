/* What bench_jitter.py measures the jitter buffer against, compiled when the bench runs: a bare
 * model of the bookkeeping that no adaptive buffer can leave out, and speexdsp's jitter buffer (as Mumble and Janus
 * drive it). Both play the same trace the same way: push what has arrived, pop once per tick. */
#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { kTickUs = 20000, kSpan = 960, kSlots = 64, kPayload = 1472 };

typedef struct {
  size_t packets, ticks;
  const int64_t *arrival_us;
  const uint16_t *sequence, *size;
  const uint32_t *timestamp;
  uint8_t *what; /* one row per tick, as replay() writes them */
  int64_t *played;
  int32_t *target;
  int64_t *heard; /* one row per packet */
} Trace;

static uint8_t payload[kPayload];

/* ---- the floor: unwrap, look up, keep the fastest of four seconds, RFC 3550 jitter, one count
 * in a histogram, copy; then play by index at a fixed depth. No epochs, no target, no steering. */

typedef struct {
  uint64_t sequence;
  int64_t timestamp, arrival;
  uint16_t size, taken;
  size_t row;
} Slot;

static struct {
  Slot slots[kSlots];
  uint8_t slab[kSlots][kPayload];
  float bins[128], weight;
  int64_t fastest[16], bucket, base;
  uint64_t newest, head, received, scaled_jitter;
  int64_t newest_timestamp, last_transit, delay_sum;
} bare;

static void bare_base(int64_t arrival, int64_t transit) {
  const int64_t bucket = arrival / 12000;
  if (bucket > bare.bucket) {
    bare.bucket = bucket;
    bare.fastest[bucket % 16] = bare.base = transit;
    for (int i = 0; i < 16; ++i)
      if (bare.fastest[i] < bare.base) bare.base = bare.fastest[i];
  }
  if (transit < bare.fastest[bucket % 16]) bare.fastest[bucket % 16] = transit;
  if (transit < bare.base) bare.base = transit;
}

static void bare_push(int64_t arrival, uint16_t sequence, uint32_t timestamp, uint16_t size,
                      size_t row) {
  const uint64_t extended = bare.newest + (int64_t)(int16_t)(sequence - (uint16_t)bare.newest);
  Slot *slot = &bare.slots[extended % kSlots];
  ++bare.received;
  if (slot->sequence == extended || extended < bare.head) return;
  const int64_t time = bare.newest_timestamp +
                       (int32_t)(timestamp - (uint32_t)bare.newest_timestamp);
  const int64_t transit = arrival - time;
  const int64_t change = transit - bare.last_transit;
  bare.scaled_jitter += (uint64_t)(change < 0 ? -change : change) - (bare.scaled_jitter + 8) / 16;
  bare.last_transit = transit;
  bare_base(arrival, transit);
  const int64_t bin = (transit - bare.base) / 240;
  bare.bins[bin < 127 ? bin : 127] += bare.weight *= 1.0001F;
  *slot = (Slot){extended, time, arrival, size, 1, row};
  memcpy(bare.slab[extended % kSlots], payload, size);
  if (extended <= bare.newest) return;
  bare.newest = extended;
  bare.newest_timestamp = time;
}

size_t bare_replay(const Trace *trace) {
  size_t next = 0, played = 0;
  memset(&bare, 0, sizeof bare);
  bare.weight = 1e-6F;
  bare.base = bare.bucket = INT64_MIN;
  for (int i = 0; i < 16; ++i) bare.fastest[i] = INT64_MAX;
  bare.newest = 65536 + trace->sequence[0];
  bare.newest_timestamp = trace->timestamp[0];
  bare.head = bare.newest - 2; /* two ticks of depth */
  for (size_t tick = 0; tick < trace->ticks; ++tick) {
    const int64_t now = trace->arrival_us[0] + (int64_t)tick * kTickUs;
    for (; next < trace->packets && trace->arrival_us[next] <= now; ++next) {
      trace->heard[next] = -1;
      bare_push(trace->arrival_us[next] * 6 / 125, trace->sequence[next], trace->timestamp[next],
                trace->size[next], next);
    }
    Slot *slot = &bare.slots[bare.head % kSlots];
    trace->what[tick] = slot->sequence != bare.head;
    trace->played[tick] = slot->timestamp;
    trace->target[tick] = (int32_t)bare.base;
    if (slot->sequence == bare.head && slot->taken) {
      bare.delay_sum += (now * 6 / 125 - slot->arrival) * kSpan;
      slot->taken = 0;
      trace->heard[slot->row] = now;
      ++played;
    }
    ++bare.head;
    if (bare.weight > 1e20F) bare.weight = 1e-6F;
  }
  return played;
}

/* ---- libspeexdsp.so.1; its layout as in speex_jitter.h of 1.2 */

typedef struct {
  char *data;
  uint32_t len, timestamp, span;
  uint16_t sequence;
  uint32_t user_data;
} SpeexPacket;

size_t speex_replay(const Trace *trace) {
  void *library = dlopen("libspeexdsp.so.1", RTLD_NOW);
  if (!library) return 0;
  void *(*init)(int) = (void *(*)(int))dlsym(library, "jitter_buffer_init");
  void (*put)(void *, const SpeexPacket *) =
      (void (*)(void *, const SpeexPacket *))dlsym(library, "jitter_buffer_put");
  int (*get)(void *, SpeexPacket *, int32_t, int32_t *) =
      (int (*)(void *, SpeexPacket *, int32_t, int32_t *))dlsym(library, "jitter_buffer_get");
  void (*step)(void *) = (void (*)(void *))dlsym(library, "jitter_buffer_tick");
  void (*destroy)(void *) = (void (*)(void *))dlsym(library, "jitter_buffer_destroy");

  static char room[kPayload];
  void *buffer = init(kSpan);
  size_t next = 0, played = 0;
  for (size_t tick = 0; tick < trace->ticks; ++tick) {
    const int64_t now = trace->arrival_us[0] + (int64_t)tick * kTickUs;
    for (; next < trace->packets && trace->arrival_us[next] <= now; ++next) {
      const SpeexPacket packet = {(char *)payload, trace->size[next], trace->timestamp[next],
                                  kSpan, trace->sequence[next], 0};
      put(buffer, &packet);
    }
    SpeexPacket out = {room, sizeof room, 0, 0, 0, 0};
    int32_t offset = 0;
    trace->what[tick] = get(buffer, &out, kSpan, &offset) == 0;
    trace->played[tick] = out.timestamp;
    trace->target[tick] = offset;
    played += trace->what[tick];
    step(buffer);
  }
  destroy(buffer);
  return played;
}
