#include "trace/engine/process_book.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <optional>
#include <string_view>

#include "base/fd.h"
#include "proc/proc_files.h"

namespace slurper {

namespace {

// The first number after "NAME:" in proc_pid_status(5).
std::optional<std::uint64_t> status_number(std::string_view status, std::string_view name,
                                           std::size_t index = 0) {
  const std::size_t line = status.find(fmt::format("\n{}:", name));
  if (line == std::string_view::npos) return std::nullopt;
  std::string_view rest = status.substr(line + name.size() + 2);
  rest = rest.substr(0, rest.find('\n'));
  for (std::size_t i = 0;; ++i) {
    const std::size_t digit = rest.find_first_of("0123456789");
    if (digit == std::string_view::npos) return std::nullopt;
    rest.remove_prefix(digit);
    if (i == index) return parse_number<std::uint64_t>(rest);
    rest.remove_prefix(std::min(rest.find_first_not_of("0123456789"), rest.size()));
  }
}

std::int64_t id_of(std::string_view status, std::string_view name) {
  return static_cast<std::int64_t>(status_number(status, name).value_or(0));
}

void set_arguments(std::string text, ScapThread& thread) {
  const std::size_t end = text.find('\0');
  thread.exe = text.substr(0, end);
  thread.args = end == std::string::npos ? std::string() : text.substr(end + 1);
}

std::vector<pid_t> numbers_in(const std::string& folder) {
  std::vector<pid_t> numbers;
  const Directory directory = entries_of(open_directory(AT_FDCWD, folder.c_str()));
  if (!directory) return numbers;
  while (const dirent* const entry = ::readdir(directory.get()))
    if (const auto number = number_of(entry->d_name)) numbers.push_back(*number);
  return numbers;
}

}  // namespace

std::vector<pid_t> thread_ids(pid_t pid) {
  return numbers_in(fmt::format("/proc/{}/task", pid));
}

std::vector<pid_t> process_ids() {
  return numbers_in("/proc");
}

std::optional<ThreadIdentity> read_identity(pid_t tid) {
  const UniqueFd folder = open_directory(AT_FDCWD, fmt::format("/proc/{}", tid).c_str());
  if (!folder) return std::nullopt;
  const std::string status = '\n' + read_small(folder.get(), "status");
  const auto id = [&status](std::string_view name, std::size_t index) {
    return static_cast<std::uint32_t>(status_number(status, name, index).value_or(0));
  };
  ThreadIdentity identity{
      .ruid = id("Uid", 0), .euid = id("Uid", 1), .suid = id("Uid", 2), .fsuid = id("Uid", 3)};
  identity.rgid = id("Gid", 0);
  identity.egid = id("Gid", 1);
  identity.loginuid = parse_number<std::uint32_t>(read_small(folder.get(), "loginuid")).value_or(~0U);
  return identity;
}

ThreadIdentity identity_of(const TraceRecord& record) {
  return {record.ruid, record.euid, record.suid, record.fsuid, record.rgid, record.egid, record.loginuid};
}

pid_t process_of(pid_t tid) {
  const std::string status = '\n' + read_small(AT_FDCWD, fmt::format("/proc/{}/status", tid).c_str());
  return static_cast<pid_t>(status_number(status, "Tgid").value_or(static_cast<std::uint64_t>(tid)));
}

ScapThread read_thread(pid_t pid, pid_t tid, ThreadReading what) {
  ScapThread thread;
  thread.tid = tid;
  thread.pid = pid;
  if (tid != pid) thread.flags = kScapSharesFiles | kScapThread;
  const UniqueFd folder = open_directory(AT_FDCWD, fmt::format("/proc/{}/task/{}", pid, tid).c_str());
  if (!folder) return thread;
  const std::string status = '\n' + read_small(folder.get(), "status");
  thread.parent = id_of(status, "PPid");
  thread.session = id_of(status, "NSsid");
  thread.group = id_of(status, "NSpgid");
  thread.virtual_tid = id_of(status, "NSpid");
  thread.virtual_pid = id_of(status, "NStgid");
  // Effective, as sysdig means it.
  thread.uid = static_cast<std::uint32_t>(status_number(status, "Uid", 1).value_or(0));
  thread.gid = static_cast<std::uint32_t>(status_number(status, "Gid", 1).value_or(0));
  thread.comm = read_small(folder.get(), "comm");
  if (!thread.comm.empty() && thread.comm.back() == '\n') thread.comm.pop_back();
  set_arguments(read_small(folder.get(), "cmdline"), thread);
  if (thread.exe.empty()) thread.exe = thread.comm;
  if (!what.with_args) thread.args.clear();
  if (what.with_env) thread.env = read_small(folder.get(), "environ");
  thread.exe_path = read_link(folder.get(), "exe");
  thread.cwd = read_link(folder.get(), "cwd");
  if (thread.cwd != "/" && !thread.cwd.empty()) thread.cwd += '/';
  const std::string login = read_small(folder.get(), "loginuid");
  thread.login_uid = static_cast<std::int32_t>(parse_number<std::uint32_t>(login).value_or(~0U));
  rlimit limit{};
  if (::prlimit(pid, RLIMIT_NOFILE, nullptr, &limit) == 0) thread.fd_limit = limit.rlim_cur;
  return thread;
}

ScapThread& ProcessBook::find(std::int64_t pid) {
  const auto found = by_pid_.find(pid);
  if (found != by_pid_.end()) return found->second;
  const auto id = static_cast<pid_t>(pid);
  return by_pid_[pid] = read_thread(id, id, reading_);
}

ScapThread& ProcessBook::fork(std::int64_t parent, std::int64_t child) {
  ScapThread copy = find(parent);
  copy.tid = copy.pid = copy.virtual_tid = copy.virtual_pid = child;
  copy.parent = parent;
  return by_pid_[child] = std::move(copy);
}

void ProcessBook::read_cwd(std::int64_t pid) {
  std::string cwd = read_link(AT_FDCWD, fmt::format("/proc/{}/cwd", pid).c_str());
  if (cwd.empty()) return;
  if (cwd != "/") cwd += '/';
  find(pid).cwd = std::move(cwd);
}

}  // namespace slurper
