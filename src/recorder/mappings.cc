#include "recorder/mappings.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <string_view>

#include "trace/own_events.h"

namespace slurper {

namespace {

// What the kernel shows of shared memory that has no file: of mmap(2) and of shmget(2).
constexpr std::string_view kAnonymous = "/dev/zero (deleted)";
constexpr std::string_view kSystemV = "/SYSV";

// "7f1c80000000-7f1c80021000 rw-s 00000000 fe:01 1234      /tmp/a": the name, if it is one.
std::string_view written_name(std::string_view line) {
  constexpr int kFieldsBefore = 5;
  const std::size_t rights = line.find(' ');
  if (rights == std::string_view::npos || line.size() < rights + 5) return {};
  if (line[rights + 2] != 'w' || line[rights + 4] != 's') return {};
  for (int i = 0; i < kFieldsBefore; ++i) {
    line.remove_prefix(std::min(line.find(' '), line.size()));
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  }
  const bool is_file = line.starts_with('/') && line != kAnonymous && !line.starts_with(kSystemV);
  return is_file || line == kIoUringQueues ? line : std::string_view();
}

}  // namespace

std::vector<std::string> written_mappings(pid_t pid) {
  std::ifstream maps(fmt::format("/proc/{}/maps", pid));
  std::vector<std::string> names;
  for (std::string line; std::getline(maps, line);) {
    const std::string_view name = written_name(line);
    if (!name.empty() && std::ranges::find(names, name) == names.end()) names.emplace_back(name);
  }
  return names;
}

}  // namespace slurper
