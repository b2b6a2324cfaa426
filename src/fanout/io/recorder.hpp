/// Recording to Ogg Opus, off the media thread: the media thread leaves frames in a ring and
/// never waits for a disk. The packets are the very ones the audience gets; nothing is encoded
/// again. A file appears with the first frame, grows by a page a second, and is playable up to
/// its last whole page whenever the process dies.
///
/// What cannot be written waits: a file is tried again each second, and goes on at the very byte
/// where it stopped. Behind kMaxWaiting frames are lost and counted; they are silence in the file,
/// so its time stays the room's.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "fanout/base/spsc_ring.hpp"
#include "fanout/engine/event.hpp"
#include "fanout/engine/room.hpp"
#include "fanout/io/file_descriptor.hpp"
#include "fanout/media/ogg.hpp"

namespace fanout {

class Recorder {
 public:
  /// Of a file that fills this much memory, new frames are lost: four minutes of voice.
  static constexpr std::size_t kMaxWaiting = 1 << 20;

  /// `tell` is called, on the recorder's thread, when a file cannot be written, and when it can
  /// be again.
  using Tell = std::function<void(Event)>;
  explicit Recorder(Tell tell);
  ~Recorder();

  /// Where a space goes; the file must not exist. Throws std::system_error when its folder is
  /// not writable or the file is there already. Before the space's first frame.
  void open(SpaceId space, const std::string& path, const std::string& title, int channels = 1);

  // From the media thread.
  void write(const RecordedFrame& frame) noexcept;
  void finish(SpaceId space) noexcept;

  /// Writes out what waits, finishes every file, ends the thread.
  void close() noexcept;
  /// Frames that are in no file: the disk was slow for longer than the ring is, or full.
  std::uint64_t lost() const noexcept { return lost_.load(std::memory_order_relaxed); }
  /// How often a file could not be written, each time until it could be again.
  std::uint64_t failures() const noexcept { return failures_.load(std::memory_order_relaxed); }

 private:
  using Clock = std::chrono::steady_clock;
  struct Item {
    RecordedFrame frame;
    bool last = false;
  };
  struct File {
    std::string path;
    FileDescriptor fd;
    OggOpusWriter ogg;
    std::vector<std::uint8_t> waiting{};       ///< made, and not written yet
    std::uint64_t frames = 0;                  ///< since all that was made is written
    std::optional<Clock::time_point> retry{};  ///< of one that cannot be written
    bool began = false;
    bool finished = false;
    bool dirty = false;
  };

  void run() noexcept;
  void drain();
  void write_frame(File& file, const RecordedFrame& frame);
  void finish_file(SpaceId space, File& file);
  /// Tries again what could not be written, and closes what is finished.
  void sweep();
  /// Forgets a file that never could be written to its end.
  void give_up(SpaceId space);
  void flush(SpaceId space, File& file);
  void fail(SpaceId space, File& file);
  void sync() noexcept;

  // Ten seconds of twenty spaces: longer than any disk hesitates that still works.
  static constexpr std::size_t kRing = 8'192;

  Tell tell_;
  SpscRing<Item> ring_{kRing};
  std::mutex mutex_;  // guards files_ and the ring's reading end
  std::unordered_map<SpaceId, File> files_;
  std::atomic<std::uint64_t> lost_{0};
  std::atomic<std::uint64_t> failures_{0};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace fanout
