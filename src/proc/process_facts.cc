#include "proc/process_facts.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

#include "proc/proc_files.h"

namespace slurper {

namespace {

// The number after "key:" and blanks in one of /proc's files.
std::optional<std::uint64_t> number_after(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (!line.starts_with(key)) continue;
    line.remove_prefix(key.size());
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    return parse_number<std::uint64_t>(line);
  }
  return std::nullopt;
}

ThreadFacts facts_of(int thread_fd, pid_t tid) {
  const auto stat = read_process_stat(thread_fd);
  return {.tid = tid, .state = stat ? stat->state : '?', .call = current_syscall(thread_fd)};
}

}  // namespace

std::chrono::sys_seconds wall_clock_of(std::uint64_t start_time) {
  static const auto ticks = static_cast<std::uint64_t>(std::max(::sysconf(_SC_CLK_TCK), 1L));
  // The whole file can be longer than read_small() reads; the line is near its end.
  std::string text;
  const UniqueFd stat_fd(::open("/proc/stat", O_RDONLY | O_CLOEXEC));
  for (std::string piece(65536, '\0');;) {
    const ssize_t size = stat_fd ? ::read(stat_fd.get(), piece.data(), piece.size()) : 0;
    if (size <= 0) break;
    text.append(piece, 0, static_cast<std::size_t>(size));
  }
  const std::uint64_t boot = number_after(text, "btime").value_or(0);
  return std::chrono::sys_seconds(std::chrono::seconds(boot + start_time / ticks));
}

ProcessFacts process_facts(const ProcessId& process) {
  ProcessFacts facts;
  const UniqueFd process_fd = open_directory(AT_FDCWD, fmt::format("/proc/{}", process.pid).c_str());
  const auto stat = process_fd ? read_process_stat(process_fd.get()) : std::nullopt;
  facts.has_ended = !stat || stat->start_time != process.start_time;
  if (facts.has_ended) return facts;
  const int fd = process_fd.get();
  facts.started = wall_clock_of(process.start_time);
  if (const auto uid = number_after(read_small(fd, "status"), "Uid:")) facts.user = static_cast<uid_t>(*uid);
  facts.group = parse_control_group(read_small(fd, "cgroup"));
  const std::string mounts = read_link(fd, "ns/mnt");
  facts.in_other_mounts = !mounts.empty() && mounts != read_link(AT_FDCWD, "/proc/self/ns/mnt");
  const std::string io = read_small(fd, "io");
  facts.reads = number_after(io, "syscr:");
  facts.read = number_after(io, "rchar:");
  facts.written = number_after(io, "wchar:");
  for_each_thread(fd, [&](int thread_fd, pid_t tid) { facts.threads.push_back(facts_of(thread_fd, tid)); });
  std::ranges::sort(facts.threads, {}, &ThreadFacts::tid);
  const auto main = std::ranges::find(facts.threads, process.pid, &ThreadFacts::tid);
  if (main != facts.threads.end()) std::rotate(facts.threads.begin(), main, main + 1);
  return facts;
}

std::string path_of(const OpenDescriptor& descriptor) {
  return read_link(AT_FDCWD, fmt::format("/proc/{}/fd/{}", descriptor.process.pid, descriptor.fd).c_str());
}

}  // namespace slurper
