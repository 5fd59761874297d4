// Daemon: assembles all stages and runs them.
#pragma once

#include <sys/eventfd.h>

#include <chrono>
#include <csignal>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/event_loop.h"
#include "base/fd.h"
#include "base/settings.h"
#include "control/alerts.h"
#include "control/control_server.h"
#include "control/intake_desk.h"
#include "control/rates.h"
#include "control/snapshot.h"
#include "control/status_report.h"
#include "daemon/operator_requests.h"
#include "daemon/start.h"
#include "flight/flight_os.h"
#include "flight/flight_recorder.h"
#include "intake/fifo_set.h"
#include "intake/intake.h"
#include "intake/intake_loop.h"
#include "intake/path_keeper.h"
#include "log/log_thread.h"
#include "metrics/metrics_server.h"
#include "metrics/textfile.h"
#include "service/fd_store.h"
#include "service/messages.h"
#include "service/service_report.h"
#include "service/stderr_log.h"
#include "sink/registry.h"
#include "sink/sinks.h"
#include "slurper/result.h"
#include "watch/pipe_monitor.h"

namespace slurper {

// All stages, assembled, for one run of the process. The intake's thread calls it: it waits for the FIFO, for
// signals, and for the log's thread. What survives a crash is in the ring and in the log.
class Daemon {
 public:
  Daemon(const Settings& settings, const std::function<Result<Settings>()>& reload,
         std::vector<PassedFd> passed)
      : settings_(settings),
        reload_(reload),
        fd_store_(os_, settings.fifo.path, std::move(passed), messages_) {}

  // Opens everything and starts the threads. Detects every fault in the settings before it changes anything.
  Status start(std::vector<ConfiguredSink> sinks);
  // Reads the FIFO into the log until SIGTERM or SIGINT, and returns the process's exit status.
  int run();

  // The signals that a daemon receives by signalfd: every thread must block them.
  [[nodiscard]] static sigset_t handled_signals();

  [[nodiscard]] EventListener& events() { return messages_; }
  [[nodiscard]] bool has_socket_unit() const { return fd_store_.has_socket_unit(); }

 private:
  // Any thread may call it. Fails only before the loop is set up, when nothing waits, and while 2^64 - 1
  // wake-ups are pending.
  void wake() const { (void)::eventfd_write(wake_fd_.get(), 1); }
  Status set_up_loop();
  void put_together(std::vector<ConfiguredSink> sinks);
  Status start_threads();
  void wait(std::optional<std::chrono::nanoseconds> limit);
  void follow_path();
  void serve_signals();
  [[nodiscard]] Result<std::vector<ConfiguredSink>> sinks_of(const Settings& settings) const;
  ReloadOutcome reload();
  [[nodiscard]] std::string apply(const Settings& settings, std::vector<ConfiguredSink> sinks);
  [[nodiscard]] Snapshot snapshot() const;
  [[nodiscard]] Rates::Count counted() const;
  [[nodiscard]] std::vector<Rate> rates() const;
  [[nodiscard]] std::string full_status() const;
  void open_control();
  void open_metrics();
  [[nodiscard]] std::optional<Snapshot> whole_snapshot();
  [[nodiscard]] StatusReport report_of(const Snapshot& snapshot) const;
  [[nodiscard]] std::string answer_status();
  int stop();
  void report_stop(bool all_written);
  [[nodiscard]] std::string last_calls() const;

  FlightRecorder flight_;
  FlightOs os_{flight_};
  Settings settings_;
  const std::function<Result<Settings>()>& reload_;
  bool stopping_ = false;

  UniqueFd wake_fd_;  // eventfd: the log's thread has made room in the ring, or an alert has changed
  Alerts alerts_{[this] { wake(); }};
  Messages messages_{alerts_,
                     [this](MessageLevel level, std::string_view text) {
                       flight_.note(text);
                       write_to_stderr_log(level, text);
                     },
                     MessageLimit::Clock::now, [this] { return last_calls(); }};
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

  const std::chrono::system_clock::time_point started_at_ = std::chrono::system_clock::now();
  Rates rates_{Rates::Clock::now()};
  IntakeDesk desk_{[this] { wake(); }};
  std::optional<OperatorRequests> requests_;
  // Last: their threads use all of the above.
  std::unique_ptr<ControlServer> control_;
  std::unique_ptr<MetricsServer> metrics_server_;
  std::unique_ptr<Textfile> textfile_;
};

}  // namespace slurper
