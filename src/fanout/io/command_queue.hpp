/// Commands to a thread that waits in poll: any thread submits, the owner runs what came since
/// it last looked, and whoever submitted gets a future of what the command returns or throws.
#pragma once

#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "fanout/io/eventfd.hpp"

namespace fanout {

/// `Args`: what the owner gives each command.
template <typename... Args>
class CommandQueue {
 public:
  /// `owner`: who is closed, in the words of an error. Throws std::system_error without a file
  /// descriptor left.
  explicit CommandQueue(std::string owner) : owner_(std::move(owner)), wake_fd_(make_eventfd()) {}

  /// Readable while the owner is to look, for commands or otherwise.
  int fd() const noexcept { return wake_fd_.get(); }
  void wake() const noexcept { signal(wake_fd_); }
  void clear() const noexcept { fanout::clear(wake_fd_); }

  /// Throws std::runtime_error once closed.
  template <typename Command>
  auto submit(Command command) {
    using Result = std::invoke_result_t<Command, Args...>;
    auto task = std::make_shared<std::packaged_task<Result(Args...)>>(std::move(command));
    auto result = task->get_future();
    {
      const std::scoped_lock lock(mutex_);
      if (closed_) throw std::runtime_error(owner_ + " is closed");
      commands_.push_back([task](Args... args) { (*task)(args...); });
    }
    wake();
    return result;
  }

  /// On the owner's thread; `args()` makes each command's arguments.
  template <typename MakeArgs>
  void run(MakeArgs args) {
    std::vector<Command> commands;
    {
      const std::scoped_lock lock(mutex_);
      commands.swap(commands_);
    }
    for (const auto& command : commands) std::apply(command, args());
  }

  /// Nothing is taken any more; what was, is still to be run.
  void close() {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
  }

 private:
  using Command = std::function<void(Args...)>;

  std::string owner_;
  FileDescriptor wake_fd_;
  std::mutex mutex_;  // guards commands_ and closed_
  std::vector<Command> commands_;
  bool closed_ = false;
};

}  // namespace fanout
