#include "sink/stdout/stdout_sink.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <optional>

#include "base/error.h"
#include "base/fd.h"
#include "sink/format/for_terminal.h"
#include "sink/format/format.h"
#include "sink/pipe_feed.h"

namespace slurper {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

// The kernel reports no event when a pipe becomes empty.
constexpr auto kFirstLook = 1ms;
constexpr auto kLastLook = 100ms;
// How long the reader may take for the rest when slurper stops.
constexpr auto kLastChance = 1s;

std::unexpected<Error> fail_write(int errnum) {
  return fail_errno(errnum, PhraseId::WriteStandardOutput,
                    errnum == EPIPE ? PhraseId::ContinuesWhenRead : PhraseId::None);
}

class StdoutSink : public Sink {
 public:
  explicit StdoutSink(SinkOptions& options) : format_(Format::from(options)) {}

  Result<std::optional<Reached>> open(const SinkContext& context) override;
  Status deliver(std::span<const Record> batch) override;
  Status flush() override;
  void close() override;

 private:
  enum class Wake { Ready, Stopped };

  void put_line(const Record& record);
  Status write_all();
  Wake wait_for_room();

  Format format_;
  UniqueFd fd_;
  bool may_block_ = false;
  bool is_terminal_ = false;
  bool torn_ = false;  // what was written last is a part of a line
  std::shared_ptr<Acknowledgements> acks_;
  int stop_fd_ = -1;
  PipeFeed feed_;
  std::string line_;
};

// Standard output belongs to other processes as well (a shell, a container's runtime) and must not become
// O_NONBLOCK for them. So the sink opens it anew if that gives the same pipe or terminal. A file would get
// another position, and a socket can't be opened.
Result<std::optional<Reached>> StdoutSink::open(const SinkContext& context) {
  acks_ = context.acks;
  stop_fd_ = context.stop_fd;
  struct stat st{};
  const int flags = ::fcntl(STDOUT_FILENO, F_GETFL);
  if (flags < 0 || ::fstat(STDOUT_FILENO, &st) != 0) return fail_errno(errno, PhraseId::UseStandardOutput);
  fd_.reset();
  may_block_ = false;
  if ((flags & O_NONBLOCK) == 0 && (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode))) {
    fd_.reset(::open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (!fd_ && errno == ENXIO) return fail_write(EPIPE);
    may_block_ = !fd_;  // we may not open it: root opened it, and we are not root any more
  }
  if (!fd_) fd_.reset(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  if (!fd_) return fail_errno(errno, PhraseId::UseStandardOutput);
  is_terminal_ = ::isatty(fd_.get()) == 1;
  feed_.attach(fd_.get());
  return std::nullopt;
}

void StdoutSink::put_line(const Record& record) {
  if (!is_terminal_) {
    format_.append(record, feed_.text());
  } else {
    line_.clear();
    format_.append(record, line_);
    append_for_terminal(std::string_view(line_).substr(0, line_.size() - 1), feed_.text());
    feed_.text() += '\n';
  }
  feed_.end_line(record.next_offset());
}

Status StdoutSink::deliver(std::span<const Record> batch) {
  feed_.begin_batch(batch.front().offset());
  // Ends the piece of a line that an earlier try has left.
  if (torn_) feed_.text() += '\n';
  for (const Record& record : batch) put_line(record);
  const Status written = write_all();
  torn_ = feed_.torn();
  acks_->up_to(feed_.taken());
  if (feed_.all_written()) acks_->release(batch.back().next_offset());
  return written;
}

Status StdoutSink::write_all() {
  while (!feed_.all_written()) {
    if (may_block_ && wait_for_room() == Wake::Stopped) break;
    const ssize_t written = feed_.write_some(feed_.lines());
    if (written >= 0) continue;
    if (written == -EAGAIN) {
      if (wait_for_room() == Wake::Stopped) break;
      continue;
    }
    return fail_write(static_cast<int>(-written));
  }
  return {};
}

StdoutSink::Wake StdoutSink::wait_for_room() {
  std::array<pollfd, 2> fds = {
      {{.fd = fd_.get(), .events = POLLOUT, .revents = 0}, {.fd = stop_fd_, .events = POLLIN, .revents = 0}}};
  while (::poll(fds.data(), fds.size(), -1) < 0 && errno == EINTR) {
  }
  return fds[1].revents != 0 ? Wake::Stopped : Wake::Ready;
}

Status StdoutSink::flush() {
  auto pause = std::chrono::duration_cast<std::chrono::milliseconds>(kFirstLook);
  std::optional<Clock::time_point> last_chance;
  while (feed_.in_pipe() > 0) {
    // POLLERR: the pipe has no reader any more. poll(2) ignores negative descriptors.
    std::array<pollfd, 2> fds = {{{.fd = fd_.get(), .events = 0, .revents = 0},
                                  {.fd = last_chance ? -1 : stop_fd_, .events = POLLIN, .revents = 0}}};
    (void)::poll(fds.data(), fds.size(), static_cast<int>(pause.count()));  // EINTR: the loop checks again
    if ((fds[0].revents & POLLERR) != 0 && feed_.in_pipe() > 0) {
      acks_->up_to(feed_.taken());
      return fail_write(EPIPE);
    }
    if (fds[1].revents != 0) last_chance = Clock::now() + kLastChance;
    if (last_chance && Clock::now() >= *last_chance) break;
    pause = std::min<std::chrono::milliseconds>(2 * pause, kLastLook);
  }
  acks_->up_to(feed_.taken());
  return {};
}

void StdoutSink::close() {
  fd_.reset();
}

}  // namespace

SinkType stdout_sink() {
  static constexpr std::array kSettings = {kFormatSetting};
  return {
      .name = "stdout", .help = "standard output", .make = &make_sink_of<StdoutSink>, .settings = kSettings};
}

}  // namespace slurper
