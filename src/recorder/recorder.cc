#include "recorder/recorder.h"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
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

#include "base/error.h"
#include "base/text.h"
#include "proc/open_descriptors.h"
#include "proc/service_unit.h"
#include "recorder/initial_state.h"
#include "recorder/open_files.h"
#include "recorder/privileges.h"
#include "recorder/traced_memory.h"
#include "trace/call_table.h"
#include "trace/engine/call_shape.h"
#include "trace/engine/flags.h"

namespace slurper {

namespace {

constexpr int kUsage = 64;    // EX_USAGE of sysexits.h
constexpr int kNoInput = 66;  // EX_NOINPUT
constexpr std::uint64_t kMillisecond = 1'000'000;
constexpr std::string_view kClearLine = "\r\033[K";  // of a terminal

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

bool is_execve(const TraceRecord& record) {
  return record.kind == RecordExec || record.nr == 59;
}

}  // namespace

Recorder::Recorder(RecorderOptions options)
    : options_(std::move(options)),
      processes_({.with_args = true, .with_env = options_.with_environment}),
      converter_(queue_, processes_, connections_) {}

Recorded<int> Recorder::run() {
  signals_ = block_signals();
  clock_ = watch_clock();
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
  if (!options_.fifo.empty()) {
    struct stat file{};
    if (::stat(options_.fifo.c_str(), &file) != 0)
      return std::unexpected(RecorderError{
          kNoInput, fmt::format("cannot find the FIFO {}: {}", in_quotes(options_.fifo), errno_text(errno))});
    if (!S_ISFIFO(file.st_mode))
      return std::unexpected(RecorderError{kNoInput, fmt::format("{} is no FIFO", in_quotes(options_.fifo))});
    fifo_ = {file.st_dev, file.st_ino};
    config.fifo_ino = file.st_ino;
    config.fifo_dev = device_for_kernel(file.st_dev);
    config.by_fifo = 1;
  }
  if (!options_.unit.empty()) {
    const std::string end = "/" + options_.unit;
    config.unit_size = static_cast<u32>(end.copy(config.unit, sizeof config.unit));
    config.hierarchies = unit_hierarchies();
  }
  config.snaplen = options_.snaplen;
  config.own_pid = static_cast<u32>(::getpid());
  config.own_parent_pid = static_cast<u32>(options_.never_watched);
  config.all_calls = options_.all_calls ? 1 : 0;
  config.with_environment = options_.with_environment ? 1 : 0;
  config.whole_machine = options_.whole_machine() ? 1 : 0;
  std::ranges::copy(shapes_by_number(), config.shapes);
  return config;
}

Recorded<void> Recorder::prepare() {
  const auto chosen = config();
  if (!chosen) return std::unexpected(chosen.error());
  auto made = make_engine(options_, *chosen, [this](std::string_view record) { take(record); });
  if (!made) return std::unexpected(made.error());
  engine_ = std::move(*made);
  if (const auto checked = check_processes(); !checked) return checked;
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
  look_at_clock();
  if (const auto attached = engine_->attach(); !attached) return std::unexpected(attached.error());
  // The ring holds a few hundredths of a second of a busy machine.
  (void)::setpriority(PRIO_PROCESS, 0, -10);  // else it may lose more, and counts that
  drop_privileges();
  if (options_.never_watched != 0) ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  return {};
}

Recorded<void> Recorder::check_processes() const {
  for (const pid_t pid : options_.pids) {
    if (::kill(pid, 0) != 0 && errno == ESRCH)
      return std::unexpected(RecorderError{kNoInput, fmt::format("there is no process {}", pid)});
    if (const std::string objection = engine_->objection_to(pid); !objection.empty())
      return std::unexpected(RecorderError{kUsage, objection});
  }
  return {};
}

void Recorder::list(const std::set<pid_t>& pids) {
  for (const pid_t pid : pids)
    if (watched_.insert(pid).second) engine_->list_process(pid);
}

// A process may fork while it is looked for: it is marked, and what it has forked before is looked for again.
Recorded<void> Recorder::choose_processes() {
  attached_at_ = monotonic_now();
  converter_.set_attached_at(attached_at_);
  if (options_.whole_machine()) list(carriers_of_output({::getpid(), options_.never_watched}));
  if (command_) list({command_->pid()});
  if (!options_.fifo.empty()) {
    struct stat file{};
    if (::stat(options_.fifo.c_str(), &file) != 0) return {};
    std::set<pid_t> holders;
    for (const OpenDescriptor& held : find_open_descriptors(file.st_dev, file.st_ino).open)
      holders.insert(held.process.pid);
    holders.merge(sleepers_in_open());
    holders.erase(options_.never_watched);
    if (holders.empty() && !engine_->finds_newcomers())
      return std::unexpected(RecorderError{
          kNoInput, fmt::format("no process has the FIFO {} open, and without BPF, those that open it "
                                "later cannot be seen",
                                in_quotes(options_.fifo))});
    list(holders);
  }
  if (!options_.unit.empty()) {
    const std::set<pid_t> pids = processes_of_unit(options_.unit);
    if (pids.empty() && !engine_->finds_newcomers())
      return std::unexpected(RecorderError{
          kNoInput, fmt::format("the unit {} has no processes, and without BPF, those that it starts later "
                                "cannot be seen",
                                options_.unit)});
    if (pids.empty())
      fmt::print(stderr,
                 "slurper-trace: the unit {} has no processes now. They are recorded when it starts;\n"
                 "systemctl status {} says if there is such a unit.\n",
                 options_.unit, options_.unit);
    list(pids);
  }
  for (std::size_t before = 0;;) {
    if (!options_.pids.empty())
      list(with_descendants(std::set<pid_t>(options_.pids.begin(), options_.pids.end())));
    if (const auto marked = engine_->mark_threads(); !marked) return marked;
    if (options_.pids.empty() || watched_.size() == before) break;
    before = watched_.size();
  }
  selected_ = watched_;
  list_peers();
  return mark_newcomers();
}

// Who holds the other end of a pipe or connection of a selected process is watched, too, from now on.
void Recorder::list_peers() {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point begin = Clock::now();
  if (!options_.peers || begin < peers_due_) return;
  const OpenFiles files(*engine_);
  const SharedFiles shared(files, [this](pid_t pid) { return selected_.contains(pid); });
  std::set<pid_t> peers;
  for (const pid_t pid : files.pids())
    if (!watched_.contains(pid) && shared.has_other_end_in(pid)) peers.insert(pid);
  const std::set<pid_t> carriers =
      peers.empty() ? std::set<pid_t>() : carriers_of_output({::getpid(), options_.never_watched});
  for (const pid_t carrier : carriers) peers.erase(carrier);
  list(peers);
  newcomers_.merge(peers);
  // At most a twentieth of the time.
  const auto took = Clock::now() - begin;
  peers_due_ = Clock::now() + std::max<Clock::duration>(20 * took, std::chrono::milliseconds(50));
}

Recorded<void> Recorder::mark_newcomers() {
  if (newcomers_.empty()) return {};
  newcomers_.clear();
  return engine_->mark_threads();
}

bool Recorder::is_watched(pid_t pid) const {
  return options_.whole_machine() != watched_.contains(pid);
}

namespace {

TraceRecord enter_record(pid_t pid, pid_t tid, const std::vector<std::uint64_t>& call) {
  TraceRecord record{};
  record.kind = RecordEnter;
  record.tid = static_cast<u32>(tid);
  record.pid = static_cast<u32>(pid);
  record.nr = static_cast<u16>(call[0]);
  std::copy(call.begin() + 1, call.end(), record.args);
  return record;
}

// The path that the call opens; empty if it opens none, or its memory can't be read.
std::string opened_path(const TraceRecord& record) {
  const auto shapes = shapes_by_number();
  if (record.nr >= shapes.size() || (shapes[record.nr].flags & ShapeOpens) == 0) return {};
  return TracedMemory(static_cast<pid_t>(record.tid)).text(record.args[shapes[record.nr].path - 1]);
}

}  // namespace

void Recorder::add_blocked(pid_t pid, pid_t tid, const std::vector<std::uint64_t>& call) {
  const TraceRecord record = enter_record(pid, tid, call);
  const std::string path = opened_path(record);
  RecordView view;
  view.record = &record;
  view.path = path;
  converter_.add_blocked(view);
}

// Without the other end, open(2) of a FIFO does not return, and there is no descriptor to be found.
std::set<pid_t> Recorder::sleepers_in_open() {
  std::set<pid_t> pids;
  for (const pid_t pid : process_ids()) {
    for (const pid_t tid : thread_ids(pid)) {
      const auto call = current_call(pid, tid);
      if (call.empty()) continue;
      const TraceRecord record = enter_record(pid, tid, call);
      const std::string path = opened_path(record);
      if (!path.empty() && opens_fifo(record, path)) pids.insert(pid);
    }
  }
  return pids;
}

// A thread that is in a call, and has begun none since it is watched, was in it when that began.
void Recorder::find_blocked() {
  struct Found {
    pid_t pid;
    pid_t tid;
    std::vector<std::uint64_t> call;
  };
  std::vector<Found> found;
  for (const pid_t pid : process_ids()) {
    if (!is_watched(pid) || (command_ && pid == command_->pid())) continue;
    for (const pid_t tid : thread_ids(pid))
      if (auto call = current_call(pid, tid); !call.empty()) found.push_back({pid, tid, std::move(call)});
  }
  std::set<pid_t> unseen;
  engine_->report_threads([&](std::string_view bytes) {
    const TraceRecord* const record = view_of(bytes).record;
    if (record != nullptr && (record->flags & RecordSeen) == 0)
      unseen.insert(static_cast<pid_t>(record->tid));
  });
  for (const Found& one : found)
    if (unseen.contains(one.tid)) add_blocked(one.pid, one.tid, one.call);
}

Recorded<void> Recorder::record() {
  if (const auto chosen = choose_processes(); !chosen) return chosen;
  InitialState state;
  state.watched = [this](pid_t pid) { return is_watched(pid); };
  state.reading.with_env = options_.with_environment;
  state.command = command_ ? command_->pid() : 0;
  append_initial_state(state, *engine_, processes_, connections_, pending_);
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

// Whatever a processor has not reported yet has begun after `until`.
Recorded<void> Recorder::turn() {
  const std::uint64_t until = engine_->complete_until(monotonic_now()) - kMillisecond;
  const std::uint64_t before = records_;
  engine_->consume();
  list_peers();
  if (const auto marked = mark_newcomers(); !marked) return marked;
  count_drops();
  queue_.take_until(until + static_cast<std::uint64_t>(clock_offset_), pending_);
  if (const auto written = output_->write(pending_); !written) return written;
  pending_.clear();
  show_progress();
  engine_->wait(signals_.get(), std::chrono::milliseconds(records_ - before > 1000 ? 1 : 10));
  look_at_clock();
  return {};
}

void Recorder::look_at_clock() {
  std::uint64_t expirations = 0;
  const bool was_set = ::read(clock_.get(), &expirations, sizeof expirations) < 0 && errno == ECANCELED;
  if (clock_offset_ != 0 && !was_set) return;
  if (was_set) {
    engine_->consume();
    queue_.take_all(pending_);
    clock_ = watch_clock();
  }
  clock_offset_ = clock_now(CLOCK_REALTIME) - clock_now(CLOCK_MONOTONIC);
  converter_.set_clock_offset(clock_offset_);
}

// A thread sleeps in an open, and the kernel can't tell of what.
bool Recorder::is_of_fifo(const RecordView& view) {
  const TraceRecord& record = *view.record;
  const bool ends = record.kind == RecordCall;
  if (ends) return opens_fifo_.erase(record.tid) != 0 || (record.flags & RecordOnFifo) != 0;
  if (!opens_fifo(record, view.path)) return false;
  opens_fifo_.insert(record.tid);
  return true;
}

bool Recorder::opens_fifo(const TraceRecord& record, std::string_view text) const {
  const bool has_dirfd = find_call("open")->number != record.nr && find_call("creat")->number != record.nr;
  const auto dirfd = static_cast<std::int32_t>(record.args[0]);
  std::string path(text.substr(0, text.find('\0')));
  if (!path.starts_with('/')) {
    const std::string folder = has_dirfd && dirfd >= 0 ? fmt::format("fd/{}", dirfd) : std::string("cwd");
    path = fmt::format("/proc/{}/{}/{}", record.pid, folder, path);
  }
  struct stat file{};
  return ::stat(path.c_str(), &file) == 0 && std::pair(file.st_dev, file.st_ino) == fifo_;
}

// The kernel has marked the thread that was moved, and those whose calls it sees from then on.
void Recorder::take_move(const TraceRecord& record) {
  const auto pid = static_cast<pid_t>(record.pid);
  if (record.args[0] == 0) {
    watched_.erase(pid);
    selected_.erase(pid);
    return;
  }
  selected_.insert(pid);
  if (watched_.insert(pid).second) newcomers_.insert(pid);
}

// The children of peers are watched, but not their peers.
void Recorder::take_life(const TraceRecord& record) {
  const auto pid = static_cast<pid_t>(record.pid);
  const auto child = static_cast<pid_t>(record.args[0]);
  if (record.kind == RecordFork && watched_.contains(pid)) watched_.insert(child);
  if (record.kind == RecordFork && selected_.contains(pid)) selected_.insert(child);
  if (record.kind == RecordExit && record.args[0] != 0) {
    selected_.erase(pid);
    watched_.erase(pid);  // its id may come again
  }
}

void Recorder::take(std::string_view bytes) {
  ++records_;
  const TraceRecord* const first = view_of(bytes).record;
  if (first != nullptr && first->kind == RecordMove) return take_move(*first);
  if (first != nullptr && options_.peers) take_life(*first);
  if (first != nullptr && (first->flags & RecordPerhaps) != 0) {
    const RecordView view = view_of(bytes);
    const bool shown = opens_fifo_.contains(first->tid);
    if (!is_of_fifo(view)) return;
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

void Recorder::count_drops() {
  std::vector<std::uint64_t> now = engine_->lost();
  for (std::size_t i = 0; i < now.size(); ++i)
    if (now[i] != lost_[i])
      converter_.add_drops(static_cast<std::uint16_t>(i), now[i] - lost_[i], monotonic_now());
  lost_ = std::move(now);
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
  const bool some_live = options_.peers ? !selected_.empty() : engine_->has_processes();
  if (!can_come && !some_live) return true;
  if (options_.max_size != 0 && output_->size() >= options_.max_size) return true;
  return std::chrono::steady_clock::now() >= end_at_;
}

Recorded<void> Recorder::finish() {
  engine_->consume();
  std::vector<std::string> states;
  engine_->report_threads([&](std::string_view bytes) { states.emplace_back(bytes); });
  engine_->detach();
  engine_->consume();
  count_drops();
  for (const std::string& bytes : states) {
    const RecordView view = view_of(bytes);
    if ((view.record->flags & RecordInCall) != 0 && !is_execve(*view.record)) converter_.add_unfinished(view);
  }
  converter_.add_end(monotonic_now());
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
  fmt::print(stderr, "{}{} s: {} events ({}/s), {}, {} records lost", kClearLine,
             std::chrono::duration_cast<std::chrono::seconds>(now - began_at_).count(), events,
             (events - shown_events_) * 1000 / static_cast<std::uint64_t>(since.count()),
             format_rounded(ByteSize{output_->size()}), lost_records());
  shown_at_ = now;
  shown_events_ = events;
}

void Recorder::report() const {
  if (options_.write_to.empty()) return;
  fmt::print(stderr, "slurper-trace: {}: {}, {} events, {} records lost\n", in_quotes(options_.write_to),
             format_rounded(ByteSize{output_->size()}), queue_.added(), lost_records());
}

}  // namespace slurper
