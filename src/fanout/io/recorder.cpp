#include "fanout/io/recorder.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "fanout/io/thread.hpp"

namespace fanout {

namespace {

constexpr auto kPoll = std::chrono::milliseconds(50);
/// What a power cut may take; a mere crash of the process loses only the open page.
constexpr auto kSync = std::chrono::seconds(5);

bool write_all(int fd, Bytes bytes) noexcept {
  while (!bytes.empty()) {
    const auto wrote = ::write(fd, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(wrote));
  }
  return true;
}

}  // namespace

Recorder::Recorder(Failed failed)
    : failed_(std::move(failed)), thread_(start_thread([this] { run(); })) {}

Recorder::~Recorder() { close(); }

void Recorder::open(SpaceId space, const std::string& path, const std::string& title,
                    int channels) {
  const auto folder = std::filesystem::path(path).parent_path();
  if (access(folder.empty() ? "." : folder.c_str(), W_OK) != 0)
    throw std::system_error(errno, std::generic_category(), "recording to " + path);
  if (access(path.c_str(), F_OK) == 0)
    throw std::system_error(EEXIST, std::generic_category(), "recording to " + path);
  const auto serial = static_cast<std::uint32_t>(static_cast<std::uint64_t>(space));
  const std::scoped_lock lock(mutex_);
  drain();  // an earlier recording of the same space may have its end still in the ring
  OggOpusWriter ogg(serial, channels, title);
  files_.insert_or_assign(space, File{path, FileDescriptor{}, std::move(ogg)});
}

void Recorder::write(const RecordedFrame& frame) noexcept {
  Item* item = ring_.reserve();
  if (!item) {
    lost_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  item->frame = frame;
  item->last = false;
  ring_.publish();
}

void Recorder::finish(SpaceId space) noexcept {
  Item* item = ring_.reserve();
  if (!item) return;  // the file stays open until close(), and whole all the same
  item->frame.space = space;
  item->last = true;
  ring_.publish();
}

void Recorder::close() noexcept {
  stopping_.store(true);
  if (thread_.joinable()) thread_.join();
}

void Recorder::run() noexcept {
  auto next_sync = std::chrono::steady_clock::now() + kSync;
  while (true) {
    const bool last_round = stopping_.load();
    {
      const std::scoped_lock lock(mutex_);
      drain();
    }
    if (last_round) break;
    if (std::chrono::steady_clock::now() >= next_sync) {
      sync();
      next_sync = std::chrono::steady_clock::now() + kSync;
    }
    std::this_thread::sleep_for(kPoll);
  }
  while (!files_.empty()) finish_file(files_.begin()->first);
}

void Recorder::drain() {
  for (Item* item = ring_.peek(); item; item = ring_.peek()) {
    const auto at = files_.find(item->frame.space);
    if (item->last) {
      finish_file(item->frame.space);
    } else if (at != files_.end()) {
      write_frame(at->second, item->frame);
      if (at->second.failed) lost_.fetch_add(1, std::memory_order_relaxed);
    }
    ring_.release();
  }
}

void Recorder::write_frame(File& file, const RecordedFrame& frame) {
  if (file.failed) return;
  if (!file.fd) {
    file.fd =
        FileDescriptor{::open(file.path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640)};
    if (!file.fd) return fail(frame.space, file, "create");
  }
  file.ogg.write(frame.position, frame.bytes(), frame.samples);
  flush(frame.space, file);
}

void Recorder::flush(SpaceId space, File& file) {
  const auto bytes = file.ogg.take();
  if (bytes.empty() || file.failed) return;
  if (!write_all(file.fd.get(), bytes)) return fail(space, file, "write");
  file.dirty = true;
}

void Recorder::finish_file(SpaceId space) {
  auto node = files_.extract(space);
  if (node.empty() || !node.mapped().fd) return;
  File& file = node.mapped();
  file.ogg.finish();
  flush(space, file);
  if (!file.failed) fdatasync(file.fd.get());
}

void Recorder::fail(SpaceId space, File& file, const char* what) {
  file.failed = true;
  failed_(space, std::string(what) + " " + file.path + ": " + std::strerror(errno));
}

void Recorder::sync() noexcept {
  const std::scoped_lock lock(mutex_);
  for (auto& [space, file] : files_)
    if (std::exchange(file.dirty, false)) fdatasync(file.fd.get());
}

}  // namespace fanout
