#include "proc/service_unit.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <vector>

#include "proc/proc_files.h"

namespace slurper {

namespace {

namespace fs = std::filesystem;

// "\040" is a space: see getmntent(3).
std::string unescaped(std::string_view text) {
  std::string path;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto code = text[i] == '\\' && text.size() - i > 3
                          ? parse_number<unsigned>(text.substr(i + 1, 3), 8)
                          : std::nullopt;
    path += code ? static_cast<char>(*code) : text[i];
    if (code) i += 3;
  }
  return path;
}

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream stream(line);
  return {std::istream_iterator<std::string>(stream), {}};
}

// Where cgroups are mounted in which systemd keeps units.
std::vector<fs::path> unit_mounts(const std::string& mounts) {
  std::vector<fs::path> folders;
  std::ifstream file(mounts);
  for (std::string line; std::getline(file, line);) {
    const std::vector<std::string> words = words_of(line);
    const auto dash = std::ranges::find(words, "-");
    if (words.size() < 6 || words.end() - dash < 4) continue;
    const bool is_named = dash[1] == "cgroup" && ("," + dash[3] + ",").contains(",name=systemd,");
    if (dash[1] == "cgroup2" || is_named) folders.emplace_back(unescaped(words[4]));
  }
  return folders;
}

void add_processes(const fs::path& group, std::set<pid_t>& pids) {
  std::ifstream file(group / "cgroup.procs");
  for (pid_t pid = 0; file >> pid;)
    if (pid > 0) pids.insert(pid);  // 0: of another PID namespace
}

// A cgroup may go meanwhile: then it has no processes, and the others are still looked at.
std::vector<fs::path> folders_in(const fs::path& folder) {
  std::vector<fs::path> folders;
  std::error_code failed;
  for (fs::directory_iterator at(folder, failed), end; at != end && !failed; at.increment(failed))
    if (at->is_directory(failed)) folders.push_back(at->path());
  return folders;
}

void add_all_processes(const fs::path& group, std::set<pid_t>& pids) {
  add_processes(group, pids);
  for (const fs::path& below : folders_in(group)) add_all_processes(below, pids);
}

// The system's manager keeps its units in slices. Below a service or a scope, another manager may have units
// of the same name: a user's, a container's.
void add_unit_below(const fs::path& slice, const std::string& unit, std::set<pid_t>& pids) {
  for (const fs::path& folder : folders_in(slice)) {
    if (folder.filename() == unit) {
      add_all_processes(folder, pids);
    } else if (folder.extension() == ".slice") {
      add_unit_below(folder, unit, pids);
    }
  }
}

}  // namespace

std::string unit_name(std::string_view name) {
  constexpr std::size_t kMostBytes = 255;
  std::string unit(name);
  if (!name.contains('.')) unit += ".service";
  return name.empty() || name.contains('/') || unit.size() > kMostBytes ? std::string() : unit;
}

std::set<pid_t> processes_of_unit(const std::string& unit, const std::string& mounts) {
  std::set<pid_t> pids;
  for (const fs::path& mount : unit_mounts(mounts)) add_unit_below(mount, unit, pids);
  return pids;
}

std::uint64_t unit_hierarchies(const std::string& groups) {
  std::uint64_t all = 0;
  std::ifstream file(groups);
  for (std::string line; std::getline(file, line);) {
    const auto id = parse_number<unsigned>(line);
    const bool has_units = line.starts_with("0::") || line.contains(":name=systemd:");
    if (id && *id < 64 && has_units) all |= std::uint64_t{1} << *id;
  }
  return all;
}

}  // namespace slurper
