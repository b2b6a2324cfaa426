#include "fanout/io/recorder.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <system_error>
#include <utility>

#include "fanout/io/thread.hpp"

namespace fanout {

namespace {

constexpr auto kPoll = std::chrono::milliseconds(50);
/// What a power cut may take; a mere crash of the process loses only the open page.
constexpr auto kSync = std::chrono::seconds(5);
constexpr auto kRetry = std::chrono::seconds(1);

FileDescriptor create(const std::string& path) noexcept {
  return FileDescriptor{::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640)};
}

/// Writes as much as goes, which leaves `bytes`; false, with errno, when some are left.
bool write_out(int fd, std::vector<std::uint8_t>& bytes) noexcept {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const auto wrote = ::write(fd, bytes.data() + done, bytes.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) break;
    done += static_cast<std::size_t>(wrote);
  }
  bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(done));
  return bytes.empty();
}

}  // namespace

Recorder::Recorder(Tell tell) : tell_(std::move(tell)), thread_(start_thread([this] { run(); })) {}

Recorder::~Recorder() { close(); }

void Recorder::open(SpaceId space, const std::string& path, const std::string& title,
                    int channels) {
  const auto folder = std::filesystem::path(path).parent_path();
  if (access(folder.empty() ? "." : folder.c_str(), W_OK) != 0)
    throw std::system_error(errno, std::generic_category(), "recording to " + path);
  if (access(path.c_str(), F_OK) == 0)
    throw std::system_error(EEXIST, std::generic_category(), "recording to " + path);
  const auto serial = static_cast<std::uint32_t>(static_cast<std::uint64_t>(space));
  File file{path, OggOpusWriter(serial, channels, title), ++opens_};
  const std::scoped_lock lock(opened_mutex_);
  opened_.emplace_back(space, std::move(file));
  any_opened_.store(true);
}

void Recorder::write(const RecordedFrame& frame) noexcept {
  Item* item = ring_.reserve();
  if (!item) {
    lost_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  item->frame = frame;
  item->opened = opens_.load();
  item->last = false;
  ring_.publish();
}

void Recorder::finish(SpaceId space) noexcept {
  Item* item = ring_.reserve();
  if (!item) return;  // the file is over when another begins or close() is called, and whole
  item->frame.space = space;
  item->opened = opens_.load();
  item->last = true;
  ring_.publish();
}

void Recorder::close() noexcept {
  stopping_.store(true);
  if (thread_.joinable()) thread_.join();
}

void Recorder::run() noexcept {
  auto next_sync = Clock::now() + kSync;
  while (true) {
    const bool last_round = stopping_.load();
    drain();
    sweep();
    if (last_round) break;
    if (Clock::now() >= next_sync) {
      sync();
      next_sync = Clock::now() + kSync;
    }
    std::this_thread::sleep_for(kPoll);
  }
  while (!files_.empty()) end(files_.begin());
  for (auto& [space, file] : ended_)
    if (file.retry) file.retry = Clock::now();
  sweep();
  for (const auto& [space, file] : ended_) give_up(file);
}

void Recorder::drain() {
  for (const Item* item = ring_.peek(); item; item = ring_.peek()) {
    if (const auto at = file_of(*item); at == files_.end()) {
      // Of a space that is not recorded.
    } else if (item->last) {
      end(at);
    } else {
      write_frame(at->second, item->frame);
    }
    ring_.release();
  }
}

Recorder::Files::iterator Recorder::file_of(const Item& item) {
  const auto space = item.frame.space;
  const auto at = files_.find(space);
  if (!any_opened_.load()) return at;
  auto opened = fetch(space, item.opened);
  if (!opened) return at;
  if (at != files_.end()) end(at);  // whose last found no place in the ring
  return files_.emplace(space, std::move(*opened)).first;
}

/// The last that was opened by then; one before it never had a frame.
std::optional<Recorder::File> Recorder::fetch(SpaceId space, std::uint64_t opened) {
  const std::scoped_lock lock(opened_mutex_);
  std::optional<File> found;
  for (auto at = opened_.begin(); at != opened_.end();) {
    const bool meant = at->first == space && at->second.opened <= opened;
    if (meant) found = std::move(at->second);
    at = meant ? opened_.erase(at) : std::next(at);
  }
  any_opened_.store(!opened_.empty());
  return found;
}

void Recorder::write_frame(File& file, const RecordedFrame& frame) {
  file.began = true;
  if (file.waiting.size() < kMaxWaiting) {
    file.ogg.write(frame.position, frame.bytes(), frame.samples);
    ++file.frames;
  } else {
    lost_.fetch_add(1, std::memory_order_relaxed);
  }
  flush(frame.space, file);
}

void Recorder::flush(SpaceId space, File& file) {
  const auto made = file.ogg.take();
  file.waiting.insert(file.waiting.end(), made.begin(), made.end());
  if (file.waiting.empty() || (file.retry && Clock::now() < *file.retry)) return;
  if (!file.fd) file.fd = create(file.path);
  if (!file.fd || !write_out(file.fd.get(), file.waiting)) return fail(space, file);
  if (std::exchange(file.retry, std::nullopt))
    tell_({.kind = EventKind::recording_resumed, .space = space});
  file.frames = 0;
  file.dirty = true;
}

void Recorder::fail(SpaceId space, File& file) {
  const std::string why = std::strerror(errno);
  if (!file.retry) {
    failures_.fetch_add(1, std::memory_order_relaxed);
    tell_({.kind = EventKind::recording_failed,
           .space = space,
           .detail = (file.fd ? "write " : "create ") + file.path + ": " + why});
  }
  file.retry = Clock::now() + kRetry;
}

void Recorder::end(Files::iterator at) {
  auto& [space, file] = *at;
  if (file.began) {
    file.ogg.finish();
    flush(space, file);
  }
  ended_.emplace_back(space, std::move(file));
  files_.erase(at);
  bound_ended();
}

void Recorder::bound_ended() {
  std::size_t waiting = 0;
  for (const auto& [space, file] : ended_) waiting += file.waiting.size();
  for (; waiting > kMaxEnded; ended_.pop_front()) {
    waiting -= ended_.front().second.waiting.size();
    give_up(ended_.front().second);
  }
}

void Recorder::sweep() {
  for (auto& [space, file] : files_)
    if (file.retry) flush(space, file);
  for (auto at = ended_.begin(); at != ended_.end();) {
    auto& [space, file] = *at;
    if (file.retry) flush(space, file);
    const bool done = !file.retry;
    if (done && file.fd) fdatasync(file.fd.get());
    at = done ? ended_.erase(at) : std::next(at);
  }
}

void Recorder::give_up(const File& file) {
  lost_.fetch_add(file.frames, std::memory_order_relaxed);
}

void Recorder::sync() noexcept {
  for (auto& [space, file] : files_)
    if (std::exchange(file.dirty, false)) fdatasync(file.fd.get());
}

}  // namespace fanout
