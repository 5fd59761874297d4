#include "daemon/daemon.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/error.h"
#include "base/text.h"
#include "control/status_report.h"
#include "control/status_text.h"
#include "daemon/reload_words.h"
#include "daemon/ring_choice.h"
#include "service/phrase_table.h"
#include "service/sd_notify.h"
#include "service/stderr_log.h"

namespace slurper {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using std::chrono::nanoseconds;

// How long a clean stop tries a log that can't be written, and how long a sink that leaves may deliver the
// rest.
constexpr auto kPatience = 5s;
// How long the control socket waits for the intake's thread.
constexpr auto kIntakePatience = 2s;

}  // namespace

sigset_t Daemon::handled_signals() {
  sigset_t signals;
  ::sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2}) ::sigaddset(&signals, signal);
  return signals;
}

Status Daemon::start(std::vector<ConfiguredSink> sinks) {
  Result<Stages> stages = open_stages(os_, settings_, fd_store_, messages_);
  if (!stages) return std::unexpected(stages.error());
  stages_ = std::move(*stages);
  os_.name(stages_.fifo.read_fd.get(), settings_.fifo.path.c_str());  // systemd may have passed it
  const std::string ring_folder = std::filesystem::path(stages_.ring_path).parent_path();
  if (const Status kept = flight_.keep_in(kernel(), ring_folder); !kept)
    messages_.report(EventId::EventsNotKept, {{"error", &kept.error()}});
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

// Of the calling thread: what led to the fault that it has just reported.
std::string Daemon::last_calls() const {
  constexpr std::size_t kMost = 6;
  return fmt::format("{}", fmt::join(flight_.lately(kMost), "; "));
}

void Daemon::put_together(std::vector<ConfiguredSink> sinks) {
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
  sinks_ = std::make_unique<Sinks>(
      SinkLog{.os = os_,
              .paths = writer.paths(),
              .ids = writer.log_ids(),
              .machine = sink_machine_id(),
              .access = writer.access(),
              .sync = settings_.log.sync,
              .feed = log_thread_->feed(),
              .times = times},
      std::move(sinks), messages_, [](const Phrase& phrase) { return to_text(phrase); }, [this] { wake(); },
      Sinks::Limits{.patience = kPatience});
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
  open_control();
  open_metrics();
  return {};
}

// Lines are more important than questions: slurper runs without its control socket, too.
void Daemon::open_control() {
  const bool ring_is_configured =
      !settings_.ring.directory.empty() && stages_.ring_path == settings_.ring.directory + "/ring";
  const std::string path =
      control_path(settings_.control.path, std::filesystem::path(stages_.ring_path).parent_path().string(),
                   ring_is_configured);
  requests_.emplace(OperatorRequests::Parts{.desk = desk_,
                                            .log = *log_thread_,
                                            .sinks = *sinks_,
                                            .status = [this] { return answer_status(); },
                                            .reload = [this] { return reload(); },
                                            .events = messages_});
  auto server = ControlServer::start(os_, path, [this](const ControlRequest& request, const Asker& asker) {
    return requests_->answer(request, asker);
  });
  if (!server) return messages_.report(EventId::ControlUnavailable, {{"error", &server.error()}});
  control_ = std::move(*server);
}

int Daemon::run() {
  const std::string status = to_start_text(snapshot());
  messages_.report(EventId::Ready, {{"status", status}});
  notify_systemd("READY=1\nSTATUS=" + status);
  // Reads first and waits afterwards: a pipe that is already full makes no event.
  while (!stopping_) {
    rates_.note(Clock::now(), counted());
    const auto pause = intake_loop_->round();
    report_->after_round();
    path_keeper_->report_closed();
    wait(pause);
  }
  return stop();
}

// Returns when the limit is over, or when something has happened and was handled.
void Daemon::wait(std::optional<nanoseconds> limit) {
  for (const auto retry_at : {path_keeper_->retry_at(), sinks_->retry_at()}) {
    if (!retry_at) continue;
    const nanoseconds left = std::max<nanoseconds>(*retry_at - Clock::now(), 0ns);
    limit = std::min(limit.value_or(left), left);
  }
  (void)loop_->wait(limit);
  path_keeper_->check_due();
  sinks_->check_due();
  desk_.serve();
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
          .ending_sinks = sinks_->ending(),
          .alerts = alerts_.active()};
}

// Includes the parts that require disk access.
std::string Daemon::full_status() const {
  Snapshot all = snapshot();
  all.quarantined_bytes = quarantined_bytes(kernel(), stages_.ring_path);
  all.recover_arguments = recover_arguments(settings_, stages_.ring_path);
  return to_status_text(all);
}

Rates::Count Daemon::counted() const {
  return {.bytes = intake_->received(), .lines = log_thread_->lines()};
}

std::vector<Rate> Daemon::rates() const {
  std::vector<Rate> rates;
  for (const std::chrono::seconds window : {1s, 60s, 300s, 900s}) {
    const Rates::Count rate = rates_.over(window, Clock::now(), counted());
    rates.push_back({.window = window, .bytes = rate.bytes, .lines = rate.lines});
  }
  return rates;
}

// On a thread that asks: whatever may wait for a disk is asked here, and not by the intake's thread. Empty if
// that hangs.
std::optional<Snapshot> Daemon::whole_snapshot() {
  Snapshot all;
  const bool is_complete = desk_.run(
      [&] {
        all = snapshot();
        all.rates = rates();
        all.started_at = started_at_;
        all.ring_folder = std::filesystem::path(stages_.ring_path).parent_path();
        all.recover_arguments = recover_arguments(settings_, stages_.ring_path);
      },
      kIntakePatience);
  if (!is_complete) return std::nullopt;
  all.quarantined_bytes = quarantined_bytes(os_, stages_.ring_path);
  return all;
}

StatusReport Daemon::report_of(const Snapshot& snapshot) const {
  return to_report(snapshot, {.words = [](const Error& error) { return to_text(error); },
                              .arrival = [this](StreamOffset offset) -> std::optional<Timestamp> {
                                const auto found = stages_.times->find(offset);
                                if (!found) return std::nullopt;
                                return found->mark.time;
                              }});
}

std::string Daemon::answer_status() {
  const std::optional<Snapshot> all = whole_snapshot();
  return all ? to_json(report_of(*all)) : to_refusal("the thread that reads the FIFO does not answer");
}

// Returns the sinks of these settings. The FIFO and the log stay as they are until a restart, so no sink may
// write to them, whatever the settings name instead.
Result<std::vector<ConfiguredSink>> Daemon::sinks_of(const Settings& settings) const {
  Settings in_force = settings;
  in_force.fifo.path = settings_.fifo.path;
  in_force.log.path = settings_.log.path;
  if (Status good = check_written_files(in_force); !good) return std::unexpected(std::move(good.error()));
  return prepare_reload(settings.sinks);
}

// Puts into force what can be; returns the words of the messages about it.
std::string Daemon::apply(const Settings& settings, std::vector<ConfiguredSink> sinks) {
  const SettingChanges changes = changes_of(settings_, settings);
  std::string text;
  if (!changes.after_restart.empty()) {
    messages_.report(EventId::RestartNeeded, {{"settings", changes.after_restart}});
    text = "; " + words_of(EventId::RestartNeeded, {{"settings", changes.after_restart}});
  }
  const LogSettings in_force = settings_.log;
  settings_.log = settings.log;
  settings_.log.path = in_force.path;
  settings_.log.mode = in_force.mode;
  settings_.log.group = in_force.group;
  const std::string done = list_of(changes, sinks_->apply(std::move(sinks)));
  messages_.report(EventId::Reloaded, {{"changes", done}});
  return words_of(EventId::Reloaded, {{"changes", done}}) + text;
}

// By this time stamp, systemd knows which READY=1 belongs to which reload.
ReloadOutcome Daemon::reload() {
  const auto now = Clock::now().time_since_epoch();
  notify_systemd(fmt::format("RELOADING=1\nMONOTONIC_USEC={}",
                             std::chrono::duration_cast<std::chrono::microseconds>(now).count()));
  const Result<Settings> settings = reload_();
  Result<std::vector<ConfiguredSink>> sinks =
      settings ? sinks_of(*settings) : std::unexpected(settings.error());
  ReloadOutcome outcome{.is_done = sinks.has_value(), .text = {}};
  if (!sinks) {
    messages_.report(EventId::ReloadRefused, {{"error", &sinks.error()}});
    outcome.text = words_of(EventId::ReloadRefused, {{"error", &sinks.error()}});
  } else {
    outcome.text = apply(*settings, std::move(*sinks));
  }
  log_thread_->reload(settings_.log);
  path_keeper_->check_now();
  sinks_->resume();
  monitor_->forget_second_readers();
  notify_systemd("READY=1");
  return outcome;
}

void Daemon::serve_signals() {
  signalfd_siginfo info{};
  while (::read(signal_fd_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    switch (static_cast<int>(info.ssi_signo)) {
      case SIGHUP:
        (void)reload();  // it has reported what it did
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
  desk_.close();
  control_.reset();
  metrics_server_.reset();
  const bool textfile_ended = !textfile_ || textfile_->stop(kPatience);
  const bool all_written = log_thread_->stop(kPatience);
  const bool sinks_ended = sinks_->stop(kPatience);
  report_stop(all_written);
  const int exit_status = !left && all_written ? 0 : static_cast<int>(ErrorKind::Io);
  if (!sinks_ended || !textfile_ended) {
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
    messages_.report(EventId::StoppedPlaceTaken,
                     {{"log", Quoted{settings_.log.path}},
                      {"size", ByteSize{ring.used()}},
                      {"ring", Quoted{stages_.ring_path}},
                      {"recover", recover_arguments(settings_, stages_.ring_path)}});
  } else {
    messages_.report(EventId::StoppedLogNotWritten, {{"log", Quoted{settings_.log.path}},
                                                     {"size", ByteSize{ring.used()}},
                                                     {"ring", Quoted{stages_.ring_path}}});
  }
}

}  // namespace slurper
