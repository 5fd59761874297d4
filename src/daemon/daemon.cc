#include "daemon/daemon.h"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/event_loop.h"
#include "base/start_thread.h"
#include "base/text.h"
#include "control/alerts.h"
#include "control/snapshot.h"
#include "control/status_text.h"
#include "daemon/ring_choice.h"
#include "daemon/start.h"
#include "intake/fifo_set.h"
#include "intake/intake.h"
#include "intake/intake_loop.h"
#include "intake/path_keeper.h"
#include "log/log_thread.h"
#include "service/fd_store.h"
#include "service/messages.h"
#include "service/phrase_table.h"
#include "service/sd_notify.h"
#include "service/service_report.h"
#include "service/stderr_log.h"
#include "sink/registry.h"
#include "sink/sinks.h"
#include "watch/pipe_monitor.h"

namespace slurper {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using std::chrono::nanoseconds;

constexpr auto kPatience = 5s;  // how long a clean stop tries a log that can't be written

sigset_t handled_signals() {
  sigset_t signals;
  ::sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2}) ::sigaddset(&signals, signal);
  return signals;
}

// All stages, assembled. The intake's thread runs it: it waits for the FIFO, for signals, and for the log's
// thread.
class Daemon {
 public:
  Daemon(const Settings& settings, const std::function<Result<Settings>()>& reload,
         std::vector<PassedFd> passed)
      : settings_(settings),
        reload_(reload),
        fd_store_(os_, settings.fifo.path, std::move(passed), messages_) {}

  // Opens everything and starts the threads. Detects every fault in the settings before it changes anything.
  Status start(std::vector<PreparedSink> sinks);
  int run();

  [[nodiscard]] EventListener& events() { return messages_; }
  [[nodiscard]] bool has_socket_unit() const { return fd_store_.has_socket_unit(); }

 private:
  // Any thread may call it. Fails only before the loop is set up, when nothing waits, and while 2^64 - 1
  // wake-ups are pending.
  void wake() const { (void)::eventfd_write(wake_fd_.get(), 1); }
  Status set_up_loop();
  void put_together(std::vector<PreparedSink> sinks);
  Status start_threads();
  void wait(std::optional<nanoseconds> limit);
  void follow_path();
  void serve_signals();
  void reload();
  [[nodiscard]] Snapshot snapshot() const;
  [[nodiscard]] std::string full_status() const;
  int stop();
  void report_stop(bool all_written);

  Os& os_ = kernel();
  Settings settings_;
  const std::function<Result<Settings>()>& reload_;
  bool stopping_ = false;

  UniqueFd wake_fd_;  // eventfd: the log's thread has made room in the ring, or an alert has changed
  Alerts alerts_{[this] { wake(); }};
  Messages messages_{alerts_, &write_to_stderr_log};
  FdStore fd_store_;
  UniqueFd signal_fd_;
  std::optional<EventLoop> loop_;

  Stages stages_;  // without the FIFO, which moves to fifos_
  std::unique_ptr<Intake> intake_;
  std::unique_ptr<FifoSet> fifos_;
  std::unique_ptr<PathKeeper> path_keeper_;
  std::unique_ptr<PipeMonitor> monitor_;
  std::unique_ptr<LogThread> log_thread_;
  std::unique_ptr<IntakeLoop> intake_loop_;
  std::unique_ptr<ServiceReport> report_;
  std::unique_ptr<Sinks> sinks_;
};

Status Daemon::start(std::vector<PreparedSink> sinks) {
  Result<Stages> stages = open_stages(os_, settings_, fd_store_, messages_);
  if (!stages) return std::unexpected(stages.error());
  stages_ = std::move(*stages);
  if (Status looping = set_up_loop(); !looping) return looping;
  put_together(std::move(sinks));
  if (Status joined = report_->join(*loop_); !joined) return joined;
  return start_threads();
}

Status Daemon::set_up_loop() {
  Result<EventLoop> loop = EventLoop::create();
  if (!loop) return std::unexpected(loop.error());
  loop_.emplace(std::move(*loop));
  Result<UniqueFd> wake_fd = make_eventfd();
  if (!wake_fd) return std::unexpected(wake_fd.error());
  wake_fd_ = std::move(*wake_fd);
  Result<UniqueFd> signal_fd = make_signalfd(handled_signals());
  if (!signal_fd) return std::unexpected(signal_fd.error());
  signal_fd_ = std::move(*signal_fd);
  const auto take_notices = [this](std::uint32_t) {
    eventfd_t notices = 0;
    (void)::eventfd_read(wake_fd_.get(), &notices);
  };
  loop_->add(wake_fd_.get(), take_notices);
  loop_->add(signal_fd_.get(), [this](std::uint32_t) { serve_signals(); });
  if (Status listening = loop_->listen(wake_fd_.get(), EPOLLIN); !listening) return listening;
  return loop_->listen(signal_fd_.get(), EPOLLIN);
}

void Daemon::put_together(std::vector<PreparedSink> sinks) {
  Ring& ring = *stages_.ring;
  LogWriter& writer = *stages_.writer;
  TimeIndex& times = *stages_.times;
  intake_ = std::make_unique<Intake>(os_, ring, settings_.ring.when_full, &times);
  fifos_ = std::make_unique<FifoSet>(os_, *intake_, *loop_, std::move(stages_.fifo));
  for (Fifo& former : fd_store_.take_former()) fifos_->retire(std::move(former));
  path_keeper_ = std::make_unique<PathKeeper>(os_, settings_.fifo, *fifos_, *loop_, messages_,
                                              [this] { follow_path(); });
  log_thread_ =
      std::make_unique<LogThread>(ring, writer, times, settings_.log, messages_, [this] { wake(); });
  intake_loop_ = std::make_unique<IntakeLoop>(ring, *intake_, *fifos_, *log_thread_, settings_.fifo.path,
                                              messages_, [this] { monitor_->on_short_read(); });
  report_ = std::make_unique<ServiceReport>(*log_thread_, alerts_, messages_, [this] { return snapshot(); });
  sinks_ = std::make_unique<Sinks>(SinkLog{.os = os_,
                                           .paths = writer.paths(),
                                           .id = writer.log_id(),
                                           .access = writer.access(),
                                           .sync = settings_.log.sync,
                                           .feed = log_thread_->feed(),
                                           .times = times},
                                   std::move(sinks), messages_,
                                   [](const Phrase& phrase) { return to_text(phrase); });
}

Status Daemon::start_threads() {
  if (Status started = log_thread_->start(); !started) return started;
  if (Status started = sinks_->start(); !started) return started;
  if (path_keeper_->start()) {
    fd_store_.keep(fifos_->current());
    intake_loop_->fifo_replaced();
  }
  Result<std::unique_ptr<PipeMonitor>> monitor =
      PipeMonitor::start(settings_.fifo.path, fifos_->current(), messages_);
  if (!monitor) return std::unexpected(monitor.error());
  monitor_ = std::move(*monitor);
  return {};
}

int Daemon::run() {
  const std::string status = to_start_text(snapshot());
  messages_.report(EventId::Ready, {{"status", status}});
  notify_systemd("READY=1\nSTATUS=" + status);
  // Reads first and waits afterwards: a pipe that is already full makes no event.
  while (!stopping_) {
    const auto pause = intake_loop_->round();
    report_->after_round();
    path_keeper_->report_closed();
    wait(pause);
  }
  return stop();
}

// Returns when the limit is over, or when something has happened and was handled.
void Daemon::wait(std::optional<nanoseconds> limit) {
  if (const auto retry_at = path_keeper_->retry_at()) {
    const nanoseconds left = std::max<nanoseconds>(*retry_at - Clock::now(), 0ns);
    limit = std::min(limit.value_or(left), left);
  }
  (void)loop_->wait(limit);
  path_keeper_->check_due();
}

void Daemon::follow_path() {
  intake_loop_->fifo_replaced();
  fd_store_.keep(fifos_->current());
  monitor_->follow(fifos_->current());
}

Snapshot Daemon::snapshot() const {
  return {.fifo = intake_loop_->fifo_status(),
          .intake = intake_loop_->status(),
          .watch = monitor_->status(),
          .log = log_thread_->status(),
          .sinks = sinks_->status(),
          .alerts = alerts_.active()};
}

// Includes the parts that require disk access.
std::string Daemon::full_status() const {
  Snapshot all = snapshot();
  all.quarantined_bytes = quarantined_bytes(os_, stages_.ring_path);
  all.recover_arguments = recover_arguments(settings_);
  return to_status_text(all);
}

// By this time stamp, systemd knows which READY=1 belongs to which reload.
void Daemon::reload() {
  const auto now = Clock::now().time_since_epoch();
  notify_systemd(fmt::format("RELOADING=1\nMONOTONIC_USEC={}",
                             std::chrono::duration_cast<std::chrono::microseconds>(now).count()));
  const Result<Settings> settings = reload_();
  const Status good = settings ? check_for_reload(settings->sinks) : std::unexpected(settings.error());
  if (!good) {
    messages_.report(EventId::ReloadRefused, {{"error", &good.error()}});
  } else {
    if (settings->fifo != settings_.fifo || settings->ring != settings_.ring ||
        settings->log.path != settings_.log.path || settings->log.mode != settings_.log.mode ||
        settings->log.group != settings_.log.group)
      messages_.report(EventId::RestartNeeded);
    if (settings->sinks != settings_.sinks) messages_.report(EventId::SinksNeedRestart);
    settings_.log = settings->log;
    messages_.report(EventId::Reloaded);
  }
  log_thread_->reload(settings_.log);
  path_keeper_->check_now();
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
        messages_.report(EventId::StatusAsked, {{"status", full_status()}});
        break;
      default:
        messages_.report(EventId::Stopping, {{"signal", info.ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT"},
                                             {"pid", std::uint64_t{info.ssi_pid}}});
        stopping_ = true;
    }
  }
}

int Daemon::stop() {
  notify_systemd("STOPPING=1\nSTATUS=draining the pipe and the ring");
  const auto left = intake_loop_->drain(kPatience, [this](nanoseconds pause) { wait(pause); });
  if (left) {
    messages_.report(
        EventId::FifoNotDrained,
        {{"fifo", Quoted{settings_.fifo.path}}, {"size", ByteSize{fifos_->held()}}, {"reason", *left}});
  }
  intake_loop_->end();
  const bool all_written = log_thread_->stop(kPatience);
  const bool sinks_ended = sinks_->stop(kPatience);
  report_stop(all_written);
  const int exit_status = !left && all_written ? 0 : static_cast<int>(ErrorKind::Io);
  if (!sinks_ended) {
    // Its thread uses objects that would be destroyed from here on.
    stop_stderr_log();
    std::_Exit(exit_status);
  }
  return exit_status;
}

void Daemon::report_stop(bool all_written) {
  Ring& ring = *stages_.ring;
  if (all_written) {
    (void)ring.give_back(0);
    messages_.report(EventId::Stopped, {{"offset", stages_.writer->end()}});
  } else if (log_thread_->place_is_taken()) {
    messages_.report(EventId::StoppedPlaceTaken, {{"log", Quoted{settings_.log.path}},
                                                  {"size", ByteSize{ring.used()}},
                                                  {"ring", Quoted{stages_.ring_path}},
                                                  {"recover", recover_arguments(settings_)}});
  } else {
    messages_.report(EventId::StoppedLogNotWritten, {{"log", Quoted{settings_.log.path}},
                                                     {"size", ByteSize{ring.used()}},
                                                     {"ring", Quoted{stages_.ring_path}}});
  }
}

int start_and_run(const Settings& settings, const std::function<Result<Settings>()>& reload,
                  std::vector<PassedFd> passed, std::span<const Phrase> warnings) {
  Daemon daemon(settings, reload, std::move(passed));
  Result<std::vector<PreparedSink>> sinks = prepare_sinks(settings.sinks);
  const Status started = sinks ? daemon.start(std::move(*sinks)) : std::unexpected(sinks.error());
  if (!started) {
    const Error& error = started.error();
    daemon.events().report(EventId::StartFailed, {{"error", &error}});
    notify_systemd(fmt::format("ERRNO={}\nSTATUS={}", error.errnum, to_text(error)));
    // A wrong configuration is not retried, see slurper-failed.service.
    if (daemon.has_socket_unit() && error.kind != ErrorKind::Config) delay_next_start();
    return static_cast<int>(error.kind);
  }
  for (const Phrase& warning : warnings) daemon.events().report(EventId::StartWarning, {{"text", &warning}});
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
               std::string_view level, std::span<const Phrase> warnings) {
  // A signalfd also receives ignored signals, as long as they are blocked. The programs that sinks start
  // inherit this: if a signal for slurper is sent to its whole control group (systemctl kill), it kills none
  // of these programs.
  for (const int signal : {SIGHUP, SIGUSR1, SIGUSR2}) (void)::signal(signal, SIG_IGN);
  const sigset_t signals = handled_signals();
  // Blocked before the first thread starts, so that every thread inherits the mask: signals arrive by
  // signalfd alone.
  (void)::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  // If a file grows beyond RLIMIT_FSIZE, write(2) must fail: the signal must not kill slurper.
  (void)::signal(SIGXFSZ, SIG_IGN);
  (void)::signal(SIGPIPE, SIG_IGN);

  std::vector<PassedFd> passed = take_passed_fds();
  if (const Status started = start_stderr_log(level); !started) {
    (void)std::fputs(("slurper: " + to_text(started.error()) + '\n').c_str(), stderr);
    if (has_socket_unit(passed)) delay_next_start();
    return static_cast<int>(started.error().kind);
  }
  int exit_status = 0;
  run_or_end_process("slurper",
                     [&] { exit_status = start_and_run(settings, reload, std::move(passed), warnings); });
  stop_stderr_log();  // when all threads that could write a message have ended
  return exit_status;
}

}  // namespace slurper
