#include "service/stderr_log.h"

#include <fmt/format.h>
#include <spdlog/details/log_msg_buffer.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "base/start_thread.h"

namespace slurper {

namespace {

// systemd sets JOURNAL_STREAM to "device:inode" of the stream that it passed. Children inherit the variable,
// and may have another standard error (systemd.exec(5)).
bool stderr_is_the_journal() {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat st{};
  if (stream == nullptr || ::fstat(STDERR_FILENO, &st) != 0) return false;
  return fmt::format("{}:{}", st.st_dev, st.st_ino) == stream;
}

// "<3>": the prefix that sd-daemon(3) reads as the message's priority.
class PriorityFlag : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm& /*time*/,
              spdlog::memory_buf_t& out) override {
    constexpr std::array<char, spdlog::level::n_levels> kPriority = {'7', '7', '6', '4', '3', '2', '7'};
    out.push_back('<');
    out.push_back(kPriority[static_cast<std::size_t>(message.level)]);
    out.push_back('>');
  }
  [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<PriorityFlag>();
  }
};

constexpr std::size_t kQueuedMessages = 256;
constexpr std::chrono::seconds kFarewell(2);  // for the last messages, if standard error is not read

// Queues messages for a thread that writes them, so that a blocked standard error holds up no thread: the
// oldest messages are dropped. spdlog's own asynchronous logger is no alternative: its thread wakes up every
// ten seconds for nothing.
class QueuedSink final : public spdlog::sinks::sink {
 public:
  explicit QueuedSink(std::shared_ptr<spdlog::sinks::sink> target)
      : state_(std::make_shared<State>()),
        thread_([state = state_, target = std::move(target)] { write_all(*state, *target); }) {}

  ~QueuedSink() override {
    std::unique_lock lock(state_->mutex);
    state_->closing = true;
    state_->changed.notify_all();
    const bool done = state_->changed.wait_for(lock, kFarewell, [this] { return state_->done; });
    state_->messages.clear();
    lock.unlock();
    // A thread that hangs in write(2) can't be joined; it owns everything that it uses.
    if (done) {
      thread_.join();
    } else {
      thread_.detach();
    }
  }

  void log(const spdlog::details::log_msg& message) override {
    const std::lock_guard lock(state_->mutex);
    if (state_->messages.size() == kQueuedMessages) state_->messages.pop_front();
    state_->messages.emplace_back(message);
    state_->changed.notify_all();
  }
  // The target formats, and flushes every message.
  void flush() override {}
  void set_pattern(const std::string& /*pattern*/) override {}
  void set_formatter(std::unique_ptr<spdlog::formatter> /*formatter*/) override {}

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<spdlog::details::log_msg_buffer> messages;
    bool closing = false;
    bool done = false;
  };

  static void write_all(State& state, spdlog::sinks::sink& target) {
    std::unique_lock lock(state.mutex);
    for (;;) {
      state.changed.wait(lock, [&] { return state.closing || !state.messages.empty(); });
      if (state.messages.empty()) break;
      const spdlog::details::log_msg_buffer message = std::move(state.messages.front());
      state.messages.pop_front();
      lock.unlock();
      try {
        target.log(message);
        target.flush();
      } catch (...) {
        // There is no memory for this message: it is lost. The next messages are tried again.
      }
      lock.lock();
    }
    state.done = true;
    state.changed.notify_all();
  }

  std::shared_ptr<State> state_;
  std::thread thread_;
};

}  // namespace

Status start_stderr_log(std::string_view level) {
  auto target = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
  auto formatter = std::make_unique<spdlog::pattern_formatter>();
  if (stderr_is_the_journal()) {
    formatter->add_flag<PriorityFlag>('*').set_pattern("%*%v");
  } else {
    formatter->set_pattern("%Y-%m-%d %H:%M:%S.%e slurper[%P] %^%l%$: %v");
  }
  target->set_formatter(std::move(formatter));
  std::shared_ptr<QueuedSink> queue;
  try {
    queue = std::make_shared<QueuedSink>(std::move(target));
  } catch (const std::system_error& error) {
    return no_thread("messages", error);
  }
  auto logger = std::make_shared<spdlog::logger>("slurper", std::move(queue));
  logger->set_level(spdlog::level::from_str(std::string(level)));
  spdlog::set_default_logger(std::move(logger));
  return {};
}

Level set_stderr_log_level(Level level) {
  constexpr std::array kLevels = {spdlog::level::debug, spdlog::level::info, spdlog::level::warn,
                                  spdlog::level::err};
  const auto before = std::ranges::find(kLevels, spdlog::get_level()) - kLevels.begin();
  spdlog::set_level(kLevels[static_cast<std::size_t>(level)]);
  return static_cast<Level>(before);
}

void write_to_stderr_log(MessageLevel level, std::string_view text) {
  constexpr std::array kLevels = {spdlog::level::debug, spdlog::level::info, spdlog::level::warn,
                                  spdlog::level::err, spdlog::level::critical};
  spdlog::log(kLevels[static_cast<std::size_t>(level)], "{}", text);
}

void stop_stderr_log() {
  spdlog::shutdown();
}

}  // namespace slurper
