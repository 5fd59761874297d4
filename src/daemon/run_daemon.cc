#include "daemon/run_daemon.h"

#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <ctime>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/start_thread.h"
#include "daemon/daemon.h"
#include "service/fd_store.h"
#include "service/phrase_table.h"
#include "service/sd_notify.h"
#include "service/stderr_log.h"
#include "sink/registry.h"

namespace slurper {

namespace {

int start_and_run(const Settings& settings, const std::function<Result<Settings>()>& reload,
                  std::vector<PassedFd> passed, std::span<const Phrase> warnings) {
  Daemon daemon(settings, reload, std::move(passed));
  Result<std::vector<ConfiguredSink>> sinks = prepare_sinks(settings.sinks);
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

void hold_signals() {
  // A signalfd also receives ignored signals, as long as they are blocked. The programs that sinks start
  // inherit this: if a signal for slurper is sent to its whole control group (systemctl kill), it kills none
  // of these programs.
  for (const int signal : {SIGHUP, SIGUSR1, SIGUSR2}) (void)::signal(signal, SIG_IGN);
  const sigset_t signals = Daemon::handled_signals();
  // Blocked before the first thread starts, so that every thread inherits the mask: signals arrive by
  // signalfd alone.
  (void)::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  // If a file grows beyond RLIMIT_FSIZE, write(2) must fail: the signal must not kill slurper.
  (void)::signal(SIGXFSZ, SIG_IGN);
  (void)::signal(SIGPIPE, SIG_IGN);
}

int run_daemon(const Settings& settings, const std::function<Result<Settings>()>& reload,
               std::string_view level, std::span<const Phrase> warnings) {
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
