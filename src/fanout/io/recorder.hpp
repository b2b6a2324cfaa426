/// Recording to Ogg Opus, off the media thread: the media thread leaves frames in a ring and
/// never waits for a disk. The packets are the very ones the audience gets; nothing is encoded
/// again. A file appears with the first frame, grows by a page a second, and is playable up to
/// its last whole page whenever the process dies.
///
/// What cannot be written waits: a file is tried again each second, and goes on at the very byte
/// where it stopped. Behind kMaxWaiting frames are lost and counted; they are silence in the file,
/// so its time stays the room's. Recordings that are over wait too, all of them in kMaxEnded.
///
/// Files belong to the recorder's thread alone, so nobody else waits for a disk: one that was
/// opened waits in a list until its first frame fetches it.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
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
  /// Of recordings that are over, the oldest is given up when they take more.
  static constexpr std::size_t kMaxEnded = 16 * kMaxWaiting;

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
    std::uint64_t opened = 0;  ///< how many files had been by then
    bool last = false;
  };
  struct File {
    std::string path;
    OggOpusWriter ogg;
    std::uint64_t opened = 0;  ///< its number in the order of opening
    FileDescriptor fd{};
    std::vector<std::uint8_t> waiting{};       ///< made, and not written yet
    std::uint64_t frames = 0;                  ///< since all that was made is written
    std::optional<Clock::time_point> retry{};  ///< of one that cannot be written
    bool began = false;
    bool dirty = false;
  };
  using Files = std::unordered_map<SpaceId, File>;

  void run() noexcept;
  void drain();
  /// The file of what is in the ring, fetched from the list by the first.
  Files::iterator file_of(const Item& item);
  std::optional<File> fetch(SpaceId space, std::uint64_t opened);
  void write_frame(File& file, const RecordedFrame& frame);
  void end(Files::iterator at);
  /// Tries again what could not be written, and closes what is over.
  void sweep();
  void bound_ended();
  void give_up(const File& file);
  void flush(SpaceId space, File& file);
  void fail(SpaceId space, File& file);
  void sync() noexcept;

  // Ten seconds of twenty spaces: longer than any disk hesitates that still works.
  static constexpr std::size_t kRing = 8'192;

  Tell tell_;
  SpscRing<Item> ring_{kRing};
  std::mutex opened_mutex_;  // guards opened_, and is held for no longer than a look
  std::list<std::pair<SpaceId, File>> opened_;  // before their first frame
  std::atomic<bool> any_opened_{false};
  std::atomic<std::uint64_t> opens_{0};
  Files files_;
  std::list<std::pair<SpaceId, File>> ended_;
  std::atomic<std::uint64_t> lost_{0};
  std::atomic<std::uint64_t> failures_{0};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace fanout
