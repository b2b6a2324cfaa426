/// Recording to Ogg Opus, off the media thread: the media thread leaves frames in a ring and
/// never waits for a disk. The packets are the very ones the audience gets; nothing is encoded
/// again. A file appears with the first frame, grows by a page a second, and is playable up to
/// its last whole page whenever the process dies.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>

#include "fanout/base/spsc_ring.hpp"
#include "fanout/engine/room.hpp"
#include "fanout/io/file_descriptor.hpp"
#include "fanout/media/ogg.hpp"

namespace fanout {

class Recorder {
 public:
  /// `failed` is called, on the recorder's thread, when a file cannot be written any more.
  using Failed = std::function<void(SpaceId, std::string)>;
  explicit Recorder(Failed failed);
  ~Recorder();

  /// Where a space goes; the file must not exist. Throws std::system_error when its folder is
  /// not writable or the file is there already. Before the space's first frame.
  void open(SpaceId space, const std::string& path, const std::string& title, int channels = 1);

  // From the media thread.
  void write(const RecordedFrame& frame) noexcept;
  void finish(SpaceId space) noexcept;

  /// Writes out what waits, finishes every file, ends the thread.
  void close() noexcept;
  /// Frames lost because the disk was slower than the ring is long.
  std::uint64_t lost() const noexcept { return lost_.load(std::memory_order_relaxed); }

 private:
  struct Item {
    RecordedFrame frame;
    bool last = false;
  };
  struct File {
    std::string path;
    FileDescriptor fd;
    OggOpusWriter ogg;
    bool failed = false;
    bool dirty = false;
  };

  void run() noexcept;
  void drain();
  void write_frame(File& file, const RecordedFrame& frame);
  void finish_file(SpaceId space);
  void flush(SpaceId space, File& file);
  void fail(SpaceId space, File& file, const char* what);
  void sync() noexcept;

  // Ten seconds of twenty spaces: longer than any disk hesitates that still works.
  static constexpr std::size_t kRing = 8'192;

  Failed failed_;
  SpscRing<Item> ring_{kRing};
  std::mutex mutex_;  // guards files_ and the ring's reading end
  std::unordered_map<SpaceId, File> files_;
  std::atomic<std::uint64_t> lost_{0};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace fanout
