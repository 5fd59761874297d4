#include "recorder/selection.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "base/wrap.h"
#include "proc/open_descriptors.h"
#include "proc/proc_files.h"
#include "proc/service_unit.h"
#include "recorder/current_call.h"
#include "recorder/initial_state.h"
#include "recorder/open_files.h"
#include "trace/call_table.h"
#include "trace/engine/flags.h"

namespace slurper {

namespace {

constexpr int kUsage = 64;    // EX_USAGE of sysexits.h
constexpr int kNoInput = 66;  // EX_NOINPUT

std::unexpected<RecorderError> no_input(std::string text) {
  return std::unexpected(RecorderError{kNoInput, std::move(text)});
}

}  // namespace

Recorded<void> Selection::fill(TraceConfig& config) {
  if (!options_.fifo.empty()) {
    struct stat file{};
    if (::stat(options_.fifo.c_str(), &file) != 0)
      return no_input(
          fmt::format("cannot find the FIFO {}: {}", in_quotes(options_.fifo), errno_text(errno)));
    if (!S_ISFIFO(file.st_mode)) return no_input(fmt::format("{} is no FIFO", in_quotes(options_.fifo)));
    fifo_ = {file.st_dev, file.st_ino};
    std::error_code ignored;  // then the calls keep the names that they were made with
    fifo_path_ = std::filesystem::canonical(options_.fifo, ignored);
    config.fifo_ino = file.st_ino;
    config.fifo_dev = device_for_kernel(file.st_dev);
    config.by_fifo = 1;
  }
  if (!options_.unit.empty()) {
    const std::string end = "/" + options_.unit;
    config.unit_size = static_cast<u32>(end.copy(config.unit, sizeof config.unit));
    config.hierarchies = unit_hierarchies();
  }
  config.whole_machine = options_.whole_machine() ? 1 : 0;
  return {};
}

Recorded<void> Selection::check(const Engine& engine) const {
  for (const pid_t pid : options_.pids) {
    const UniqueFd folder = open_directory(AT_FDCWD, fmt::format("/proc/{}", pid).c_str());
    const auto stat = folder ? read_process_stat(folder.get()) : std::nullopt;
    if (!stat && ::kill(pid, 0) != 0 && errno == ESRCH)
      return no_input(fmt::format("there is no process {}", pid));
    if (stat && (stat->state == 'Z' || stat->state == 'X'))
      return no_input(
          fmt::format("process {} has ended: its parent {} has not waited for it", pid, stat->parent));
    if (const std::string objection = engine.objection_to(pid); !objection.empty())
      return std::unexpected(RecorderError{kUsage, objection});
  }
  return {};
}

void Selection::list(Engine& engine, const std::set<pid_t>& pids) {
  for (const pid_t pid : pids)
    if (watched_.insert(pid).second) engine.list_process(pid);
}

// A process may fork while it is looked for: it is marked, and what it has forked before is looked for again.
Recorded<void> Selection::choose(Engine& engine, pid_t command) {
  if (options_.whole_machine()) list(engine, carriers_of_output({::getpid(), options_.never_watched}));
  if (command != 0) list(engine, {command});
  if (!options_.fifo.empty())
    if (const auto listed = list_users_of_fifo(engine); !listed) return listed;
  if (!options_.unit.empty())
    if (const auto listed = list_unit(engine); !listed) return listed;
  for (std::size_t before = 0;;) {
    if (!options_.pids.empty())
      list(engine, with_descendants(std::set<pid_t>(options_.pids.begin(), options_.pids.end())));
    if (const auto marked = engine.mark_threads(); !marked) return marked;
    if (options_.pids.empty() || watched_.size() == before) break;
    before = watched_.size();
  }
  selected_ = watched_;
  const auto marked = watch_newcomers(engine);
  return marked ? Recorded<void>() : std::unexpected(marked.error());
}

Recorded<void> Selection::list_users_of_fifo(Engine& engine) {
  std::set<pid_t> users = sleepers_in_open();
  for (const OpenDescriptor& held : find_open_descriptors(fifo_.first, fifo_.second).open)
    users.insert(held.process.pid);
  users.erase(options_.never_watched);
  if (users.empty() && !engine.finds_newcomers())
    return no_input(fmt::format(
        "no process has the FIFO {} open, and without BPF, those that open it later cannot be seen",
        in_quotes(options_.fifo)));
  list(engine, users);
  return {};
}

Recorded<void> Selection::list_unit(Engine& engine) {
  const std::set<pid_t> pids = processes_of_unit(options_.unit);
  if (pids.empty() && !engine.finds_newcomers())
    return no_input(fmt::format(
        "the unit {} has no processes, and without BPF, those that it starts later cannot be seen",
        options_.unit));
  if (pids.empty())
    fmt::print(
        stderr, "{}",
        message_for(STDERR_FILENO, fmt::format("the unit {} has no processes now. They are recorded when it "
                                               "starts. To check its name: systemctl status {}",
                                               options_.unit, options_.unit)));
  list(engine, pids);
  return {};
}

Recorded<std::set<pid_t>> Selection::watch_newcomers(Engine& engine) {
  list_peers(engine);
  if (newcomers_.empty()) return {};
  const auto marked = engine.mark_threads();
  if (!marked) return std::unexpected(marked.error());
  return std::exchange(newcomers_, {});
}

// Who holds the other end of a pipe or connection of a selected process is watched, too, from now on.
void Selection::list_peers(Engine& engine) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point begin = Clock::now();
  if (!options_.peers || begin < peers_due_) return;
  const OpenFiles files(engine, ports_);
  const SharedFiles shared(files, [this](pid_t pid) { return selected_.contains(pid); });
  std::set<pid_t> peers;
  for (const pid_t pid : files.pids())
    if (!watched_.contains(pid) && shared.has_other_end_in(pid)) peers.insert(pid);
  const std::set<pid_t> carriers =
      peers.empty() ? std::set<pid_t>() : carriers_of_output({::getpid(), options_.never_watched});
  for (const pid_t carrier : carriers) peers.erase(carrier);
  list(engine, peers);
  newcomers_.merge(peers);
  // At most a twentieth of the time.
  const auto took = Clock::now() - begin;
  peers_due_ = Clock::now() + std::max<Clock::duration>(20 * took, std::chrono::milliseconds(50));
}

// Whose beginning was lost is watched, and whose end was lost is gone.
void Selection::correct(const std::set<pid_t>& living) {
  watched_ = living;
  std::erase_if(selected_, [&](pid_t pid) { return !living.contains(pid); });
}

bool Selection::has_living(const Engine& engine) const {
  return options_.peers ? !selected_.empty() : engine.has_processes();
}

// The kernel has marked the thread that was moved into the unit, and those whose calls it sees from then on.
// The children of peers are watched, but not their peers.
bool Selection::take(const TraceRecord& record) {
  const auto pid = static_cast<pid_t>(record.pid);
  if (record.kind == RecordMove) {
    const bool has_come = record.args[0] != 0;
    if (has_come && watched_.insert(pid).second) newcomers_.insert(pid);
    if (has_come) selected_.insert(pid);
    if (!has_come) watched_.erase(pid);
    if (!has_come) selected_.erase(pid);
    return true;
  }
  if (!options_.peers) return false;
  const auto child = static_cast<pid_t>(record.args[0]);
  if (record.kind == RecordFork && watched_.contains(pid)) watched_.insert(child);
  if (record.kind == RecordFork && selected_.contains(pid)) selected_.insert(child);
  if (record.kind == RecordExit && record.args[0] != 0) {
    selected_.erase(pid);
    watched_.erase(pid);  // its id may come again
  }
  return false;
}

// Without the other end, open(2) of a FIFO does not return, and there is no descriptor to be found.
std::set<pid_t> Selection::sleepers_in_open() const {
  std::set<pid_t> pids;
  for (const pid_t pid : process_ids()) {
    for (const pid_t tid : thread_ids(pid)) {
      const auto call = current_call(pid, tid);
      if (call && !call->path.empty() && opens_fifo(call->record, call->path)) pids.insert(pid);
    }
  }
  return pids;
}

void Selection::name_fifo(CurrentCall& call) const {
  if (!fifo_path_.empty() && !call.path.empty() && opens_fifo(call.record, call.path))
    call.path = fifo_path_ + '\0';
}

// A thread sleeps in an open, and the kernel can't tell of what.
bool Selection::is_of_fifo(const RecordView& view) {
  const TraceRecord& record = *view.record;
  const bool ends = record.kind == RecordCall;
  if (ends) return opens_fifo_.erase(record.tid) != 0 || (record.flags & RecordOnFifo) != 0;
  if (!opens_fifo(record, view.path)) return false;
  opens_fifo_.insert(record.tid);
  return true;
}

bool Selection::opens_fifo(const TraceRecord& record, std::string_view text) const {
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

}  // namespace slurper
