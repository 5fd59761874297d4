#include "recorder/initial_state.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdio>
#include <map>
#include <memory>
#include <string_view>

#include "proc/open_descriptors.h"
#include "proc/proc_files.h"
#include "recorder/open_files.h"

namespace slurper {

namespace {

constexpr std::uint64_t kCloseOnExec = 02000000;

struct CloseFile {
  void operator()(std::FILE* file) const { (void)std::fclose(file); }  // was only read
};
using File = std::unique_ptr<std::FILE, CloseFile>;

ScapMachine this_machine() {
  ScapMachine machine;
  machine.processors = static_cast<std::uint32_t>(::sysconf(_SC_NPROCESSORS_CONF));
  struct sysinfo info{};
  if (::sysinfo(&info) == 0) machine.memory = std::uint64_t{info.totalram} * info.mem_unit;
  const std::string max_pid = read_small(AT_FDCWD, "/proc/sys/kernel/pid_max");
  machine.max_pid = parse_number<std::uint64_t>(max_pid).value_or(0);
  utsname names{};
  if (::uname(&names) == 0) machine.host = names.nodename;
  return machine;
}

// From the files: a directory service may have thousands, or not answer.
std::vector<ScapUser> users() {
  std::vector<ScapUser> all;
  const File file(std::fopen("/etc/passwd", "re"));
  while (const passwd* const entry = file ? ::fgetpwent(file.get()) : nullptr)
    all.push_back({entry->pw_uid, entry->pw_gid, entry->pw_name, entry->pw_dir, entry->pw_shell});
  return all;
}

std::vector<ScapGroup> groups() {
  std::vector<ScapGroup> all;
  const File file(std::fopen("/etc/group", "re"));
  while (const group* const entry = file ? ::fgetgrent(file.get()) : nullptr)
    all.push_back({entry->gr_gid, entry->gr_name});
  return all;
}

std::vector<ScapThread> threads_of(pid_t pid, const InitialState& state, ProcessBook& book) {
  std::vector<ScapThread> threads;
  ThreadReading reading = state.reading;
  const bool watched = state.watched(pid);
  if (!watched) reading = {.with_args = false, .with_env = false};
  threads.push_back(read_thread(pid, pid, reading));
  if (!watched) return threads;
  book.add(threads.front());
  for (const pid_t tid : thread_ids(pid))
    if (tid != pid) threads.push_back(read_thread(pid, tid, {.with_args = false, .with_env = false}));
  for (const ScapThread& thread : threads) book.add_thread(pid, thread.tid);
  return threads;
}

}  // namespace

void append_initial_state(const InitialState& state, Engine& engine, ProcessBook& book,
                          UnixConnections& connections, ListeningPorts& ports, std::string& out) {
  append_section(out, this_machine());
  append_users(out, users(), groups());
  const OpenFiles files(engine, ports);
  const SharedFiles shared(files, state.watched);
  for (const pid_t pid : process_ids()) {
    append_threads(out, threads_of(pid, state, book));
    if (!state.watched(pid) && !shared.has_end_in(pid)) continue;
    std::vector<ScapFd> fds;
    files.each(pid, [&](const RecordView& file) {
      const bool closed_on_exec = (file.record->args[1] & kCloseOnExec) != 0;
      if (pid == state.command && closed_on_exec) return;
      fds.push_back(fd_entry(file, connections, ports));
      if (file.record->object.kind == ObjectPipe && state.watched(pid)) state.use_pipe(*file.record);
    });
    append_fds(out, pid, fds);
  }
}

std::set<pid_t> with_descendants(const std::set<pid_t>& pids) {
  std::multimap<pid_t, pid_t> children;
  for (const pid_t pid : process_ids()) {
    const UniqueFd folder = open_directory(AT_FDCWD, fmt::format("/proc/{}", pid).c_str());
    if (const auto stat = folder ? read_process_stat(folder.get()) : std::nullopt)
      children.emplace(stat->parent, pid);
  }
  std::set<pid_t> all;
  std::vector<pid_t> next(pids.begin(), pids.end());
  while (!next.empty()) {
    const pid_t pid = next.back();
    next.pop_back();
    if (!all.insert(pid).second) continue;
    const auto [begin, end] = children.equal_range(pid);
    for (auto child = begin; child != end; ++child) next.push_back(child->second);
  }
  return all;
}

namespace {

pid_t parent_of(pid_t pid) {
  const UniqueFd folder = open_directory(AT_FDCWD, fmt::format("/proc/{}", pid).c_str());
  const auto stat = folder ? read_process_stat(folder.get()) : std::nullopt;
  return stat ? stat->parent : 0;
}

std::vector<pid_t> readers_of_output(pid_t pid) {
  std::vector<pid_t> readers;
  for (const int fd : {STDOUT_FILENO, STDERR_FILENO}) {
    struct stat file{};
    if (::stat(fmt::format("/proc/{}/fd/{}", pid, fd).c_str(), &file) != 0 || !S_ISFIFO(file.st_mode))
      continue;
    for (const OpenDescriptor& held : find_open_descriptors(file.st_dev, file.st_ino).open)
      if (held.access == Access::Read) readers.push_back(held.process.pid);
  }
  return readers;
}

}  // namespace

std::set<pid_t> carriers_of_output(const std::set<pid_t>& pids) {
  std::set<pid_t> all;
  std::vector<pid_t> printing(pids.begin(), pids.end());
  while (!printing.empty()) {
    const pid_t pid = printing.back();
    printing.pop_back();
    if (pid <= 0 || !all.insert(pid).second) continue;
    for (const pid_t reader : readers_of_output(pid)) printing.push_back(reader);
  }
  for (const pid_t pid : pids)
    for (pid_t parent = pid; parent > 1; parent = parent_of(parent)) all.insert(parent);
  return all;
}

}  // namespace slurper
