#include "recorder/recorder.h"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <ctime>
#include <limits>
#include <numeric>
#include <set>
#include <unordered_set>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "base/wrap.h"
#include "recorder/current_call.h"
#include "recorder/initial_state.h"
#include "recorder/mappings.h"
#include "recorder/privileges.h"
#include "trace/engine/call_shape.h"

namespace slurper {

namespace {

constexpr std::uint64_t kMillisecond = 1'000'000;
constexpr std::string_view kClearLine = "\r\033[K";  // of a terminal
constexpr std::uint64_t kSecond = 1000 * kMillisecond;

std::int64_t clock_now(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

std::uint64_t monotonic_now() {
  return static_cast<std::uint64_t>(clock_now(CLOCK_MONOTONIC));
}

// nohup's SIGHUP stays ignored: a signalfd would receive it all the same.
UniqueFd block_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction action{};
    ::sigaction(signal, nullptr, &action);
    if (action.sa_handler != SIG_IGN) ::sigaddset(&set, signal);
  }
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  return UniqueFd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

// Becomes readable when the clock is set.
UniqueFd watch_clock() {
  UniqueFd fd(::timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK));
  itimerspec never{};
  never.it_value.tv_sec = std::numeric_limits<std::int32_t>::max();
  ::timerfd_settime(fd.get(), TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, nullptr);
  return fd;
}

ClockSource machine_clock() {
  const auto timer = std::make_shared<UniqueFd>(watch_clock());
  return {.offset = [] { return clock_now(CLOCK_REALTIME) - clock_now(CLOCK_MONOTONIC); },
          .was_set =
              [timer] {
                std::uint64_t expirations = 0;
                if (::read(timer->get(), &expirations, sizeof expirations) >= 0 || errno != ECANCELED)
                  return false;
                *timer = watch_clock();
                return true;
              }};
}

bool is_execve(const TraceRecord& record) {
  return record.kind == RecordExec || record.nr == 59;
}

}  // namespace

Recorder::Recorder(RecorderOptions options)
    : options_(std::move(options)),
      processes_({.with_args = true, .with_env = options_.with_environment}),
      converter_(queue_, processes_, connections_),
      selection_(options_, converter_.ports()),
      clock_(machine_clock(), converter_, queue_) {}

Recorded<int> Recorder::run() {
  signals_ = block_signals();
  if (const auto prepared = prepare(); !prepared) return std::unexpected(prepared.error());
  const auto recorded = record();
  if (options_.shows_progress) fmt::print(stderr, "{}", kClearLine);
  if (!recorded) return std::unexpected(recorded.error());
  if (const auto finished = finish(); !finished) return std::unexpected(finished.error());
  report();
  return command_ ? command_->status().value_or(0) : 0;
}

Recorded<TraceConfig> Recorder::config() {
  TraceConfig config{};
  if (const auto filled = selection_.fill(config); !filled) return std::unexpected(filled.error());
  config.snaplen = options_.snaplen;
  config.own_pid = static_cast<u32>(::getpid());
  config.own_parent_pid = static_cast<u32>(options_.never_watched);
  config.all_calls = options_.all_calls ? 1 : 0;
  config.with_environment = options_.with_environment ? 1 : 0;
  std::ranges::copy(shapes_by_number(), config.shapes);
  return config;
}

Recorded<void> Recorder::prepare() {
  const auto chosen = config();
  if (!chosen) return std::unexpected(chosen.error());
  auto made = make_engine(options_, *chosen, [this](std::string_view record) { take(record); });
  if (!made) return std::unexpected(made.error());
  engine_ = std::move(*made);
  if (const auto checked = selection_.check(*engine_); !checked) return checked;
  auto output = options_.write_to.empty() ? CaptureOutput::use_descriptor(options_.output_fd)
                                          : CaptureOutput::open_file(options_.write_to, options_.compression);
  if (!output) return std::unexpected(output.error());
  output_ = std::move(*output);
  if (!options_.command.empty()) {
    auto started = TracedCommand::start(options_);
    if (!started) return std::unexpected(started.error());
    command_ = std::move(*started);
  }
  lost_ = engine_->lost();
  clock_.begin();
  if (const auto attached = engine_->attach(); !attached) return std::unexpected(attached.error());
  // The ring holds a few hundredths of a second of a busy machine.
  (void)::setpriority(PRIO_PROCESS, 0, -10);  // else it may lose more, and counts that
  drop_privileges();
  if (options_.never_watched != 0) ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  return {};
}

// A thread that is in a call, and has begun none since it is watched, was in it when that began.
void Recorder::find_blocked() {
  std::vector<CurrentCall> found;
  for (const pid_t pid : process_ids()) {
    if (!selection_.is_watched(pid) || (command_ && pid == command_->pid())) continue;
    for (const pid_t tid : thread_ids(pid))
      if (auto call = current_call(pid, tid)) found.push_back(std::move(*call));
  }
  std::unordered_set<u32> unseen;
  engine_->report_threads([&](std::string_view bytes) {
    const TraceRecord* const record = view_of(bytes).record;
    if (record != nullptr && (record->flags & RecordSeen) == 0) unseen.insert(record->tid);
  });
  for (CurrentCall& call : found) {
    if (!unseen.contains(call.record.tid)) continue;
    selection_.name_fifo(call);
    converter_.add_blocked(call.view());
  }
}

// Those that come to be while it records are seen as calls.
void Recorder::find_mappings() {
  for (const pid_t pid : process_ids()) {
    if (!selection_.is_watched(pid) || (command_ && pid == command_->pid())) continue;
    for (const std::string& name : written_mappings(pid)) converter_.add_mapping(pid, name);
  }
}

Recorded<void> Recorder::record() {
  attached_at_ = monotonic_now();
  converter_.set_attached_at(attached_at_);
  if (const auto chosen = selection_.choose(*engine_, command_ ? command_->pid() : 0); !chosen) return chosen;
  append_tables();
  find_mappings();
  const bool sees_all_users = selection_.fifo_inode() != 0 && engine_->finds_newcomers();
  if (options_.whole_machine() || sees_all_users) converter_.add_scope(selection_.fifo_inode(), attached_at_);
  find_blocked();
  if (command_) command_->go();
  options_.shows_progress = options_.shows_progress && ::isatty(STDERR_FILENO) != 0;
  began_at_ = shown_at_ = std::chrono::steady_clock::now();
  if (options_.duration) end_at_ = began_at_ + *options_.duration;
  while (!ended()) {
    if (const auto turned = turn(); !turned) return turned;
  }
  return {};
}

void Recorder::append_tables() {
  InitialState state;
  state.watched = [this](pid_t pid) { return selection_.is_watched(pid); };
  state.reading.with_env = options_.with_environment;
  state.command = command_ && !command_runs_ ? command_->pid() : 0;
  const std::uint64_t at = tables_at_ == 0 ? attached_at_ : monotonic_now();
  state.use_pipe = [this, at](const TraceRecord& file) { converter_.add_old_pipe(file, at); };
  append_initial_state(state, *engine_, processes_, connections_, converter_.ports(), pending_);
  tables_at_ = monotonic_now();
  doubtful_since_.reset();
  has_newcomers_ = false;
}

// What was lost may have opened and closed descriptors, and begun and ended processes. To read all tables
// makes more be lost while much comes: that waits for a pause, but not for long.
void Recorder::restate_tables_if_due(bool has_lost) {
  const std::uint64_t now = monotonic_now();
  if (has_lost && !doubtful_since_) doubtful_since_ = now;
  const bool newcomers_are_due = has_newcomers_ && now >= tables_at_ + kSecond / 20;
  if (!newcomers_are_due &&
      (!doubtful_since_ || now < tables_at_ + kSecond || (has_lost && now < *doubtful_since_ + kSecond)))
    return;
  if (!options_.whole_machine()) {
    std::set<pid_t> living;
    engine_->report_threads([&](std::string_view bytes) {
      const TraceRecord* const record = view_of(bytes).record;
      if (record != nullptr) living.insert(static_cast<pid_t>(record->pid));
    });
    selection_.correct(living);
  }
  append_tables();
  converter_.add_tables(tables_at_);
}

// Whatever a processor has not reported yet has begun after `until`.
Recorded<void> Recorder::turn() {
  const std::uint64_t until = engine_->complete_until(monotonic_now()) - kMillisecond;
  const std::uint64_t before = records_;
  engine_->consume();
  const auto newcomers = selection_.watch_newcomers(*engine_);
  if (!newcomers) return std::unexpected(newcomers.error());
  for (const pid_t pid : *newcomers) converter_.add_newcomer(pid, monotonic_now());
  has_newcomers_ = has_newcomers_ || !newcomers->empty();
  const bool has_lost = count_drops();
  queue_.take_until(until + static_cast<std::uint64_t>(clock_.offset()), pending_);
  restate_tables_if_due(has_lost);
  if (const auto written = output_->write(pending_); !written) return written;
  pending_.clear();
  show_progress();
  engine_->wait(signals_.get(), std::chrono::milliseconds(records_ - before > 1000 ? 1 : 10));
  clock_.look(monotonic_now(), [this] { engine_->consume(); }, pending_);
  return {};
}

void Recorder::take(std::string_view bytes) {
  ++records_;
  const TraceRecord* const first = view_of(bytes).record;
  if (first != nullptr && selection_.take(*first)) return converter_.convert(bytes);
  if (first != nullptr && (first->flags & RecordPerhaps) != 0) {
    const RecordView view = view_of(bytes);
    const bool shown = selection_.sleeps_in_open(first->tid);
    if (!selection_.is_of_fifo(view)) return;
    if (first->kind == RecordCall && !shown) {
      std::string changed(bytes);
      auto flags = static_cast<u8>(first->flags & ~RecordEntered);
      changed[offsetof(TraceRecord, flags)] = static_cast<char>(flags);
      return converter_.convert(changed);
    }
  }
  // What the child does before its execve(2) is this program's doing.
  if (command_ && !command_runs_) {
    const TraceRecord* const record = view_of(bytes).record;
    if (record != nullptr && static_cast<pid_t>(record->pid) == command_->pid()) {
      if (!is_execve(*record)) return;
      command_runs_ = true;
    }
  }
  converter_.convert(bytes);
}

// Whether more was lost.
bool Recorder::count_drops() {
  std::vector<std::uint64_t> now = engine_->lost();
  const bool has_lost = now != lost_;
  for (std::size_t i = 0; i < now.size(); ++i)
    if (now[i] != lost_[i])
      converter_.add_drops(static_cast<std::uint16_t>(i), now[i] - lost_[i], monotonic_now());
  lost_ = std::move(now);
  return has_lost;
}

bool Recorder::ended() {
  signalfd_siginfo signal{};
  while (::read(signals_.get(), &signal, sizeof signal) == sizeof signal) {
    // A terminal's Ctrl-C comes to both, and who runs this program passes it on.
    if (signal.ssi_signo == SIGINT && signal.ssi_code > 0 && options_.never_watched != 0) continue;
    if (signal.ssi_signo == SIGINT) {
      ++interrupts_;
    } else {
      terminated_ = true;
    }
  }
  if (terminated_ || interrupts_ > 1 || output_->closed()) return true;
  if (command_) {
    if (const auto status = engine_->wait_status(command_->pid())) command_->end(*status);
    if (command_->status()) return true;
  } else if (interrupts_ > 0) {
    return true;
  }
  const bool can_come = options_.pids.empty() && engine_->finds_newcomers();
  if (!can_come && !selection_.has_living(*engine_)) return true;
  if (options_.max_size != 0 && output_->size() >= options_.max_size) return true;
  return std::chrono::steady_clock::now() >= end_at_;
}

Recorded<void> Recorder::finish() {
  engine_->consume();
  std::vector<std::string> states;
  engine_->report_threads([&](std::string_view bytes) { states.emplace_back(bytes); });
  engine_->detach();
  engine_->consume();
  (void)count_drops();  // too late for other tables
  const std::uint64_t now = monotonic_now();
  for (const std::string& bytes : states) {
    const RecordView view = view_of(bytes);
    if ((view.record->flags & RecordInCall) != 0 && !is_execve(*view.record))
      converter_.add_unfinished(view, now);
  }
  converter_.add_end(now);
  queue_.take_all(pending_);
  if (const auto written = output_->write(pending_); !written) return written;
  return output_->finish();
}

std::uint64_t Recorder::lost_records() const {
  return std::accumulate(lost_.begin(), lost_.end(), std::uint64_t{0});
}

// Once a second, in one line, which each overwrites.
void Recorder::show_progress() {
  using std::chrono::milliseconds;
  const auto now = std::chrono::steady_clock::now();
  const auto since = std::chrono::duration_cast<milliseconds>(now - shown_at_);
  if (!options_.shows_progress || since < milliseconds(1000)) return;
  const std::uint64_t events = queue_.added();
  fmt::print(stderr, "{}{} s: {} ({}/s), {}, {} lost", kClearLine,
             std::chrono::duration_cast<std::chrono::seconds>(now - began_at_).count(),
             counted(events, "event"),
             (events - shown_events_) * 1000 / static_cast<std::uint64_t>(since.count()),
             format_rounded(ByteSize{output_->size()}), counted(lost_records(), "record"));
  shown_at_ = now;
  shown_events_ = events;
}

void Recorder::report() const {
  if (options_.write_to.empty()) return;
  fmt::print(stderr, "{}",
             message_for(STDERR_FILENO,
                         fmt::format("{}: {}, {}, {} lost", in_quotes(options_.write_to),
                                     format_rounded(ByteSize{output_->size()}),
                                     counted(queue_.added(), "event"), counted(lost_records(), "record"))));
}

}  // namespace slurper
