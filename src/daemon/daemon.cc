#include "daemon/daemon.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/path_text.h"
#include "base/start_thread.h"
#include "base/text.h"
#include "base/troubles.h"
#include "base/uuid.h"
#include "daemon/log_thread.h"
#include "daemon/ring_choice.h"
#include "daemon/service_report.h"
#include "daemon/sinks.h"
#include "fifo/fifo.h"
#include "intake/fifo_set.h"
#include "intake/intake.h"
#include "intake/overload_report.h"
#include "intake/path_keeper.h"
#include "intake/read_coalescer.h"
#include "log/log_writer.h"
#include "log/time_index.h"
#include "ring/ring.h"
#include "ring/ring_directory.h"
#include "service/fd_store.h"
#include "service/messages.h"
#include "service/sd_notify.h"
#include "sink/registry.h"
#include "watch/pipe_monitor.h"

namespace slurper {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using std::chrono::nanoseconds;

constexpr std::uint64_t kHotRing = 2 << 20;  // memory of the ring that is kept for the next burst
constexpr auto kRetry = 100ms;               // where nothing tells when it is worth trying again
constexpr auto kPatience = 5s;               // of a clean stop with a log that can't be written

std::string size_text(std::uint64_t bytes) {
  return format_rounded(ByteSize{bytes});
}

// The intake's thread: waits for the FIFO, for signals, and for the log's thread.
class Daemon {
 public:
  Daemon(const Settings& settings, const std::function<Result<Settings>()>& reload, FdStore& fd_store)
      : settings_(settings), reload_(reload), fd_store_(fd_store) {}

  // What can be wrong with the settings is found before anything is touched.
  Status open(std::vector<PreparedSink> sinks);
  Status start();
  int run();

 private:
  // Any thread. Fails only before the loop is set up, when nothing waits, and while 2^64 - 1 notices do.
  void wake() const { (void)::eventfd_write(room_fd_.get(), 1); }
  void listen(bool on);
  void follow_path(bool replaced);
  void wait(std::optional<nanoseconds> limit);
  void serve_signals();
  [[nodiscard]] bool stop_intake();  // whether it has taken all
  int stop();
  void round();
  void detect_second_reader(const Intake::Round& result);
  [[nodiscard]] std::string status() const;
  void reload();
  Result<Ring::Opened> open_ring(const Uuid& boot, const std::string& directory);

  Os& os_ = kernel();
  Settings settings_;
  const std::function<Result<Settings>()>& reload_;
  FdStore& fd_store_;

  UniqueFd signal_fd_;
  UniqueFd room_fd_;  // eventfd: the log's thread has made room in the ring, or the status is another
  UniqueFd epoll_fd_;
  Troubles troubles_{[this] { wake(); }};
  bool stopping_ = false;
  bool announced_ = false;  // epoll_wait(2) has said that the FIFO at the path holds something

  Fifo fifo_;  // until it goes to fifo_set_
  std::unique_ptr<LogWriter> writer_;
  std::unique_ptr<Ring> ring_;
  std::string ring_path_;
  std::unique_ptr<TimeIndex> times_;
  std::unique_ptr<Intake> intake_;
  std::unique_ptr<OverloadReport> overload_;
  std::unique_ptr<FifoSet> fifo_set_;
  std::unique_ptr<PathKeeper> path_keeper_;
  std::unique_ptr<PipeMonitor> monitor_;
  std::uint64_t short_reads_seen_ = 0;
  std::unique_ptr<ReadCoalescer> coalescer_;
  std::unique_ptr<LogThread> log_thread_;
  std::unique_ptr<ServiceReport> report_;
  std::unique_ptr<Sinks> sinks_;
};

// In its default folder where the one that is set is another user's: lines wait for no administrator.
Result<Ring::Opened> Daemon::open_ring(const Uuid& boot, const std::string& chosen) {
  const auto open_in = [&](const std::string& directory) {
    return Ring::open(os_, directory, settings_.ring, writer_->log_id(), boot,
                      {.readable_from = writer_->readable_from().value,
                       .end = writer_->end().value,
                       .session = writer_->session()});
  };
  Result<Ring::Opened> opened = open_in(chosen);
  if (opened || opened.error().kind != ErrorKind::NoPermission || settings_.ring.directory.empty())
    return opened;
  Settings usual = settings_;
  usual.ring.directory.clear();
  const Result<std::string> usual_directory = ring_directory(usual);
  if (!usual_directory || *usual_directory == chosen) return opened;
  Result<Ring::Opened> instead = open_in(*usual_directory);
  if (!instead) return opened;
  spdlog::warn("{}. The ring is in its default folder {} instead", opened.error().message(),
               in_quotes(*usual_directory));
  troubles_.set(Trouble::RingElsewhere, opened.error().why);
  return instead;
}

Status Daemon::open(std::vector<PreparedSink> sinks) {
  if (Status fits = fd_store_.check(); !fits) {
    // A FIFO that is being replaced, or a socket unit that is being restarted, may fit in a moment.
    spdlog::warn("{}. Looking again in a second", fits.error().message());
    delay_next_start();
    if (fits = fd_store_.check(); !fits) return fits;
  }
  // What is wrong with the FIFO is found before anything is made; one that must be made is made last.
  struct stat st{};
  const bool fifo_exists = os_.lstat(settings_.fifo.path.c_str(), &st) == 0;
  const auto open_the_fifo = [&]() -> Status {
    Result<Fifo> fifo = open_fifo(os_, settings_.fifo);
    if (!fifo) return std::unexpected(fifo.error());
    fifo_ = std::move(*fifo);
    fd_store_.keep(fifo_);
    return {};
  };
  if (fifo_exists || !settings_.fifo.create) {
    if (Status opened = open_the_fifo(); !opened) return opened;
  } else if (Status possible = can_create_fifo(settings_.fifo); !possible) {
    return possible;
  }
  const Result<Uuid> boot = read_boot_id(os_);
  if (!boot) return std::unexpected(boot.error());
  const Result<ChosenRing> chosen = choose_ring(os_, settings_, *boot);
  if (!chosen) return std::unexpected(chosen.error());
  Result<std::unique_ptr<LogWriter>> writer = LogWriter::open(os_, settings_.log, *boot, chosen->witness);
  if (!writer) return std::unexpected(writer.error());
  writer_ = std::move(*writer);

  Result<Ring::Opened> opened = open_ring(*boot, chosen->directory);
  if (!opened) return std::unexpected(opened.error());
  ring_ = std::move(opened->ring);
  ring_path_ = opened->path;
  link_ring_directory(settings_, chosen->directory);
  if (!opened->quarantined.empty()) {
    spdlog::warn(
        "the ring {} could not be used: {}. It has been renamed to {}, and a new one begun. To write what it "
        "holds to a file, run: slurper recover {}",
        in_quotes(opened->path), opened->quarantine_reason, in_quotes(opened->quarantined),
        recover_arguments(settings_));
  }
  for (const std::string& finding : opened->findings) spdlog::warn("{}", finding);
  if (!opened->in_ram) {
    spdlog::warn(
        "the ring {} is not on a RAM file system, which makes it slow and wears the disk. Set ring.directory "
        "to a folder on a tmpfs",
        in_quotes(opened->path));
  }
  if (opened->size_differs) {
    spdlog::info("the ring keeps its size of {} until it is found empty at a start",
                 size_text(ring_->size()));
  }
  // The log's own size says what it has, but for what others have done to it meanwhile.
  const std::span<const char> pending = ring_->bytes(ring_->tail(), ring_->head());
  if (Status agreed = writer_->reconcile(ring_->tail(), pending, ring_->session()); !agreed) return agreed;
  ring_->release(writer_->end());
  times_ = TimeIndex::open(os_, writer_->paths(), writer_->log_id(), writer_->access(),
                           {.log_end = writer_->end(), .head = ring_->head()});
  for (const std::string& finding : writer_->take_findings())
    spdlog::warn("the log {}: {}", in_quotes(settings_.log.path), finding);
  if (ring_->used() > 0) {
    spdlog::info("took {} over from the ring of a slurper that did not end by itself",
                 size_text(ring_->used()));
  }
  if (!fifo_.read_fd) {
    if (Status made = open_the_fifo(); !made) return made;
  }
  if (fifo_.created) spdlog::info("created the FIFO {}", in_quotes(settings_.fifo.path));
  if (!fifo_.lock.note.empty()) spdlog::warn("{}", fifo_.lock.note);
  if (fifo_.pipe_size_refusal) {
    spdlog::warn("{}. It has room for {}, going on with that", fifo_.pipe_size_refusal->message(),
                 size_text(fifo_.pipe_size));
  }

  sigset_t signals;
  ::sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2}) ::sigaddset(&signals, signal);
  // One at a time: the next call would overwrite errno.
  signal_fd_.reset(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signal_fd_) return fail_errno(errno, "set up the event loop");
  room_fd_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!room_fd_) return fail_errno(errno, "set up the event loop");
  epoll_fd_.reset(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_fd_) return fail_errno(errno, "set up the event loop");
  for (const int fd : {signal_fd_.get(), room_fd_.get()}) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    if (::epoll_ctl(epoll_fd_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
      return fail_errno(errno, "set up the event loop");
  }
  intake_ = std::make_unique<Intake>(os_, *ring_, settings_.ring.when_full, times_.get());
  overload_ = std::make_unique<OverloadReport>(*ring_, settings_.fifo.path, troubles_);
  fifo_set_ = std::make_unique<FifoSet>(os_, *intake_, epoll_fd_.get(), std::move(fifo_));
  for (Fifo& former : fd_store_.take_former()) fifo_set_->retire(std::move(former));
  path_keeper_ = std::make_unique<PathKeeper>(os_, settings_.fifo, *fifo_set_, epoll_fd_.get(), troubles_);
  log_thread_ =
      std::make_unique<LogThread>(*ring_, *writer_, *times_, settings_.log, troubles_, [this] { wake(); });
  report_ = std::make_unique<ServiceReport>(*ring_, *log_thread_, troubles_);
  if (epoll_event event{.events = EPOLLIN, .data = {.fd = report_->timer_fd()}};
      event.data.fd >= 0 && ::epoll_ctl(epoll_fd_.get(), EPOLL_CTL_ADD, event.data.fd, &event) != 0) {
    return fail_errno(errno, "set up the event loop");
  }
  sinks_ = std::make_unique<Sinks>(SinkLog{.os = os_,
                                           .paths = writer_->paths(),
                                           .id = writer_->log_id(),
                                           .access = writer_->access(),
                                           .sync = settings_.log.sync,
                                           .feed = log_thread_->feed(),
                                           .times = *times_},
                                   std::move(sinks), troubles_);
  return {};
}

// The threads.
Status Daemon::start() {
  if (Status started = log_thread_->start(); !started) return started;
  if (Status started = sinks_->start(); !started) return started;
  if (path_keeper_->start()) fd_store_.keep(fifo_set_->current());
  try {
    monitor_ = std::make_unique<PipeMonitor>(settings_.fifo.path, fifo_set_->current(), troubles_);
  } catch (const std::system_error& error) {
    return no_thread("watch", error);
  }
  return {};
}

int Daemon::run() {
  coalescer_ = std::make_unique<ReadCoalescer>(fifo_set_->current().pipe_size);
  const std::string what = fmt::format(
      "reading {} (a pipe of {}) into {} from offset {}", in_quotes(settings_.fifo.path),
      size_text(fifo_set_->current().pipe_size), in_quotes(settings_.log.path), ring_->head().value);
  spdlog::info("ready: {}", what);
  notify_systemd("READY=1\nSTATUS=" + what);
  // Drain first, wait afterwards: a pipe that is already full makes no event.
  while (!stopping_) round();
  return stop();
}

void Daemon::listen(bool on) {
  if (const Status set = fifo_set_->listen(on); !set) spdlog::error("{}", set.error().message());
}

void Daemon::follow_path(bool replaced) {
  if (!replaced) return;
  coalescer_ = std::make_unique<ReadCoalescer>(fifo_set_->current().pipe_size);
  fd_store_.keep(fifo_set_->current());
  monitor_->follow(fifo_set_->current());
}

// Returns when the limit is over, or something has happened; signals have been served then.
void Daemon::wait(std::optional<nanoseconds> limit) {
  std::array<epoll_event, 4> events{};
  timespec timeout{};
  const auto retry_at = path_keeper_->retry_at();
  if (retry_at) {
    const nanoseconds left = std::max<nanoseconds>(*retry_at - Clock::now(), 0ns);
    limit = std::min(limit.value_or(left), left);
  }
  if (limit) timeout = {.tv_sec = *limit / 1s, .tv_nsec = *limit % nanoseconds(1s) / 1ns};
  const int count = ::epoll_pwait2(epoll_fd_.get(), events.data(), static_cast<int>(events.size()),
                                   limit ? &timeout : nullptr, nullptr);
  // EINTR: a debugger or strace has attached, or the machine slept.
  for (int i = 0; i < count; ++i) {
    const int fd = events[static_cast<std::size_t>(i)].data.fd;
    if (fd == room_fd_.get()) {
      eventfd_t notices = 0;
      (void)::eventfd_read(fd, &notices);
    } else if (fd == signal_fd_.get()) {
      serve_signals();
    } else if (fd == path_keeper_->fd()) {
      follow_path(path_keeper_->look());
    } else if (fd == path_keeper_->mounts_fd()) {
      follow_path(path_keeper_->check_now());
    } else if (fd == report_->timer_fd()) {
      report_->take();
    } else if (fd == fifo_set_->current().read_fd.get()) {
      announced_ = (events[static_cast<std::size_t>(i)].events & EPOLLIN) != 0;
    }
  }
  if (retry_at && Clock::now() >= *retry_at) follow_path(path_keeper_->look());
}

// What the kernel says that the pipe holds is there when slurper reads, unless another reader was faster.
void Daemon::detect_second_reader(const Intake::Round& result) {
  const bool announced = std::exchange(announced_, false) && fifo_set_->retired() == 0;
  if (announced && result.outcome == Intake::Outcome::Empty &&
      intake_->short_reads() == short_reads_seen_)  // else this one is counted already
    intake_->found_nothing();
  if (intake_->short_reads() == short_reads_seen_) return;
  short_reads_seen_ = intake_->short_reads();
  monitor_->on_short_read();
}

// Of a read that could not take anything.
std::string why_held_up(const Intake::Round& result) {
  if (result.outcome == Intake::Outcome::Full) return "the ring is full";
  if (result.outcome == Intake::Outcome::NoMemory) return "the ring's file system has no memory left";
  if (result.errnum == EFBIG)
    return "the limit on the size of files is smaller than the ring. Raise it (LimitFSIZE=, ulimit -f)";
  return errno_text(result.errnum);
}

// One read from the FIFO, and the wait that follows it.
void Daemon::round() {
  const Intake::Round result = fifo_set_->pull();
  report_->after_round();
  detect_second_reader(result);
  switch (result.outcome) {
    case Intake::Outcome::Took: {
      overload_->took();
      log_thread_->notify();
      const auto pause = coalescer_->after_read(result.bytes, Clock::now());
      listen(pause == 0us);
      return wait(pause == 0us ? std::nullopt : std::optional<nanoseconds>(pause));
    }
    case Intake::Outcome::Dropped:
      overload_->dropping();
      listen(true);
      return wait(kRetry);
    case Intake::Outcome::Empty:
      coalescer_->nothing_came();
      path_keeper_->report_closed();
      listen(true);
      // A stall has made the ring large: its memory goes back as soon as the log has everything.
      if (ring_->used() == 0) {
        (void)ring_->give_back(kHotRing);
      } else if (ring_->is_large(kHotRing)) {
        log_thread_->ask_for_room();
      }
      return wait(std::nullopt);
    case Intake::Outcome::Full:
    case Intake::Outcome::NoMemory:
    case Intake::Outcome::Failed:
      overload_->held_up(why_held_up(result));
      listen(false);
      log_thread_->ask_for_room();
      // The log may have made room between the look and the question.
      return wait(kRetry);
  }
}

std::string Daemon::status() const {
  const std::uint64_t waiting = ring_->used();
  const std::uint64_t aside = quarantined_bytes(os_, ring_path_);
  const std::string set_aside = aside == 0
                                    ? ""
                                    : fmt::format(", {} in rings that were put aside (slurper recover {})",
                                                  size_text(aside), recover_arguments(settings_));
  const std::string wrong = troubles_.text();
  return fmt::format(
      "offset {}, {} wait in the ring of {}{}, synced up to {}, {} rotations, {} lines ({}) dropped, the "
      "pipe "
      "was full {} times ({:.1f} s), {} second readers ({} reads cut short){}, {}",
      ring_->head().value, size_text(waiting), size_text(ring_->size()), set_aside,
      log_thread_->synced().value, log_thread_->rotations(), ring_->dropped_lines(),
      size_text(ring_->dropped_bytes()), intake_->full_time().times(),
      std::chrono::duration<double>(intake_->full_time().total(Clock::now())).count(),
      monitor_->second_readers(), intake_->short_reads(), sinks_->status(ring_->tail()),
      wrong.empty() ? "all well" : wrong);
}

// systemd's clock tells it which READY=1 belongs to which reload.
void Daemon::reload() {
  const auto now = Clock::now().time_since_epoch();
  notify_systemd(fmt::format("RELOADING=1\nMONOTONIC_USEC={}",
                             std::chrono::duration_cast<std::chrono::microseconds>(now).count()));
  const Result<Settings> settings = reload_();
  const Status good = settings ? check_for_reload(settings->sinks) : std::unexpected(settings.error());
  if (!good) {
    spdlog::error("{} The settings stay as they were", as_sentence(good.error().message()));
  } else {
    if (settings->fifo != settings_.fifo || settings->ring != settings_.ring ||
        settings->log.path != settings_.log.path || settings->log.mode != settings_.log.mode ||
        settings->log.group != settings_.log.group) {
      spdlog::warn(
          "[fifo], [ring], or the log's path, mode or group has changed. That takes effect with the next "
          "start: "
          "systemctl restart slurper");
    }
    if (settings->sinks != settings_.sinks)
      spdlog::warn(
          "a [[sink]] has changed. That takes effect with the next start: systemctl restart slurper");
    settings_.log = settings->log;
    spdlog::info("settings reloaded");
  }
  log_thread_->reload(settings_.log);
  follow_path(path_keeper_->check_now());
  sinks_->resume();
  monitor_->forget_second_readers();
  notify_systemd("READY=1");
}

void Daemon::serve_signals() {
  signalfd_siginfo info{};
  while (::read(signal_fd_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    switch (static_cast<int>(info.ssi_signo)) {
      case SIGHUP:
        reload();
        break;
      case SIGUSR1:
        log_thread_->rotate();
        break;
      case SIGUSR2:
        spdlog::info("status: {}", status());
        break;
      default:
        spdlog::info("{} from process {}: draining the pipe and the ring",
                     info.ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT", info.ssi_pid);
        stopping_ = true;
    }
  }
}

// Takes what the pipe holds now. What is written from here on is the next slurper's: a writer that never
// pauses must not keep this one alive.
bool Daemon::stop_intake() {
  listen(false);
  fifo_set_->begin_last_turns();
  const auto give_up_at = Clock::now() + kPatience;
  for (;;) {
    const Intake::Round result = fifo_set_->pull();
    switch (result.outcome) {
      case Intake::Outcome::Took:
      case Intake::Outcome::Dropped:
        log_thread_->notify();
        break;
      case Intake::Outcome::Empty:
        return true;
      case Intake::Outcome::Full:
      case Intake::Outcome::NoMemory:
      case Intake::Outcome::Failed:
        if (Clock::now() >= give_up_at) {
          spdlog::error(
              "cannot take what is left in the FIFO {}, {}: {}. Unless another process, systemd or a "
              "syslogd, "
              "has it open for reading, it is lost now",
              in_quotes(settings_.fifo.path), size_text(fifo_set_->held()), why_held_up(result));
          return false;
        }
        log_thread_->ask_for_room();
        wait(kRetry);
        break;
    }
  }
}

int Daemon::stop() {
  notify_systemd("STOPPING=1\nSTATUS=draining the pipe and the ring");
  const bool all_taken = stop_intake();
  overload_->end();
  const bool all_written = log_thread_->stop(kPatience);
  const bool sinks_ended = sinks_->stop(kPatience);
  if (all_written) {
    (void)ring_->give_back(0);
    spdlog::info("stopped: the log has everything up to offset {}", writer_->end().value);
  } else if (log_thread_->place_is_taken()) {
    spdlog::error(
        "the log {} could not be written: {} stay in the ring {}. Unless the log's own folder is back by "
        "then, the "
        "next start puts the ring aside. To write what it holds to a file, run: slurper recover {}",
        in_quotes(settings_.log.path), size_text(ring_->used()), in_quotes(ring_path_),
        recover_arguments(settings_));
  } else {
    spdlog::error(
        "the log {} could not be written: {} stay in the ring {}. The next start writes them, unless the "
        "machine is restarted first",
        in_quotes(settings_.log.path), size_text(ring_->used()), in_quotes(ring_path_));
  }
  const int exit_status = all_taken && all_written ? 0 : static_cast<int>(ErrorKind::Io);
  if (!sinks_ended) {
    // Its thread uses what would be destroyed from here on.
    stop_messages();
    std::_Exit(exit_status);
  }
  return exit_status;
}

int open_and_run(const Settings& settings, const std::function<Result<Settings>()>& reload,
                 std::vector<PassedFd> passed, std::span<const std::string> warnings) {
  FdStore fd_store(kernel(), settings.fifo.path, std::move(passed));
  Daemon daemon(settings, reload, fd_store);
  Result<std::vector<PreparedSink>> sinks = prepare_sinks(settings.sinks);
  Status opened = sinks ? daemon.open(std::move(*sinks)) : std::unexpected(sinks.error());
  if (opened) opened = daemon.start();
  if (!opened) {
    spdlog::critical("{}", opened.error().message());
    notify_systemd(fmt::format("ERRNO={}\nSTATUS={}", opened.error().errnum, opened.error().message()));
    // A wrong configuration is not tried again, see slurper-failed.service.
    if (fd_store.has_socket_unit() && opened.error().kind != ErrorKind::Config) delay_next_start();
    return static_cast<int>(opened.error().kind);
  }
  for (const std::string& warning : warnings) spdlog::warn("{}", warning);
  return daemon.run();
}

}  // namespace

void delay_next_start() {
  sigset_t stops;
  ::sigemptyset(&stops);
  for (const int signal : {SIGTERM, SIGINT}) ::sigaddset(&stops, signal);
  constexpr timespec kSecond{.tv_sec = 1, .tv_nsec = 0};
  (void)::sigtimedwait(&stops, nullptr, &kSecond);
}

int run_daemon(const Settings& settings, const std::function<Result<Settings>()>& reload,
               std::string_view level, std::span<const std::string> warnings) {
  // A signalfd gets what is ignored, too, as long as it is blocked. What sinks start inherits it: a signal
  // that is meant for slurper and sent to its whole control group (systemctl kill) kills no program of
  // theirs.
  for (const int signal : {SIGHUP, SIGUSR1, SIGUSR2}) (void)::signal(signal, SIG_IGN);
  sigset_t signals;
  ::sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2}) ::sigaddset(&signals, signal);
  // Before the first thread, so that every thread inherits it: signals arrive by signalfd alone.
  (void)::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  // A file that grows beyond RLIMIT_FSIZE shall be an error of write(2), not a death.
  (void)::signal(SIGXFSZ, SIG_IGN);
  (void)::signal(SIGPIPE, SIG_IGN);

  std::vector<PassedFd> passed = take_passed_fds();
  if (const Status started = start_messages(level); !started) {
    (void)std::fputs(("slurper: " + started.error().message() + '\n').c_str(), stderr);
    if (has_socket_unit(passed)) delay_next_start();
    return static_cast<int>(started.error().kind);
  }
  int exit_status = 0;
  run_or_end_process("slurper",
                     [&] { exit_status = open_and_run(settings, reload, std::move(passed), warnings); });
  stop_messages();  // when every thread that could say something has ended
  return exit_status;
}

}  // namespace slurper
