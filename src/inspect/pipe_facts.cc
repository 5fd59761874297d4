#include "inspect/pipe_facts.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <iterator>
#include <string_view>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/file_kind.h"
#include "inspect/open_file_groups.h"
#include "proc/proc_files.h"

namespace slurper {

namespace {

using std::chrono::milliseconds;

constexpr std::string_view kAnonymous = "pipe:[";
constexpr std::string_view kDeleted = " (deleted)";

FileId id_of(const struct stat& st) {
  return {.device = st.st_dev, .inode = st.st_ino};
}

std::uint64_t limit(const char* name) {
  return parse_number<std::uint64_t>(read_small(AT_FDCWD, fmt::format("/proc/sys/fs/{}", name).c_str()))
      .value_or(0);
}

bool stands_at(const std::string& path, const FileId& id) {
  struct stat st{};
  return ::stat(path.c_str(), &st) == 0 && id_of(st) == id;
}

std::unexpected<Error> not_a_pipe(const PipeTarget& target, Phrase what, mode_t mode) {
  Phrase why(PhraseId::NotAPipe);
  why.with({"found", target.path.empty() ? std::string(file_kind(mode)) : what_stands_at(target.path, mode)});
  return fail(ErrorKind::NoInput, std::move(what), std::move(why));
}

// stat(2) of either kind follows links, and opens nothing.
Result<PipeFacts> find_target(const PipeTarget& target) {
  struct stat st{};
  std::string link;
  if (target.path.empty()) {
    Phrase what(PhraseId::InspectDescriptor, {{"fd", static_cast<std::uint64_t>(target.fd)},
                                              {"process", static_cast<std::uint64_t>(target.pid)}});
    const std::string process = fmt::format("/proc/{}", target.pid);
    const std::string path = fmt::format("{}/fd/{}", process, target.fd);
    if (::stat(process.c_str(), &st) != 0)
      return fail(ErrorKind::NoInput, std::move(what), PhraseId::NoSuchProcess);
    if (::stat(path.c_str(), &st) != 0)
      return errno == ENOENT ? fail(ErrorKind::NoInput, std::move(what), PhraseId::NoSuchDescriptor)
                             : fail_errno(errno, std::move(what));
    if (!S_ISFIFO(st.st_mode)) return not_a_pipe(target, std::move(what), st.st_mode);
    link = read_link(AT_FDCWD, path.c_str());
  } else {
    Phrase what = about_file(PhraseId::InspectFile, target.path);
    if (::stat(target.path.c_str(), &st) != 0) return fail_errno(errno, std::move(what));
    if (!S_ISFIFO(st.st_mode)) return not_a_pipe(target, std::move(what), st.st_mode);
    std::error_code failed;  // the path as it was given serves, too
    link = std::filesystem::canonical(target.path, failed).string();
    if (failed || !stands_at(link, id_of(st))) link = target.path;
  }
  PipeFacts facts;
  facts.id = id_of(st);
  facts.is_anonymous = link.starts_with(kAnonymous);
  if (!facts.is_anonymous && stands_at(link, facts.id)) facts.path = link;
  facts.mode = st.st_mode;
  facts.owner = st.st_uid;
  facts.group = st.st_gid;
  return facts;
}

// A slurper that reads a FIFO has its write end open, too.
void mark_keep_alive(std::vector<PipeHolder>& holders) {
  for (PipeHolder& holder : holders) {
    const auto is_its_reader = [&](const PipeHolder& other) {
      return other.open.process == holder.open.process && other.open.access == Access::Read;
    };
    holder.is_keep_alive = holder.open.command == "slurper" && holder.open.access == Access::Write &&
                           std::ranges::any_of(holders, is_its_reader);
  }
}

void look_at_processes(PipeFacts& facts) {
  facts.processes.clear();
  for (const PipeHolder& holder : facts.holders) {
    const ProcessId process = holder.open.process;
    if (!facts.processes.contains(process)) facts.processes.emplace(process, process_facts(process));
  }
  for (PipeHolder& holder : facts.holders) {
    std::vector<int> fds;
    for (const PipeHolder& other : facts.holders)
      if (other.open.process == holder.open.process) fds.push_back(other.open.fd);
    holder.doing = activity_of(facts.processes.at(holder.open.process), fds);
  }
}

void take_holders(PipeFacts& facts, std::vector<OpenDescriptor> open) {
  facts.user_pages_soft = limit("pipe-user-pages-soft");
  facts.max_size = limit("pipe-max-size");
  facts.fill = ask_fill(open, facts.id);
  for (OpenDescriptor& descriptor : open) {
    PipeHolder holder{.open = std::move(descriptor), .path = {}, .doing = {}, .inherited_from = {}};
    holder.path = path_of(holder.open);
    facts.holders.push_back(std::move(holder));
  }
  mark_keep_alive(facts.holders);
  find_open_file_groups(facts.holders);
  look_at_processes(facts);
}

// What a process's reading would change: its read calls, and what the pipe holds.
struct Sample {
  std::uint64_t bytes = 0;
  bool is_full = false;
  std::vector<std::uint64_t> reads;
  bool is_reading = false;
  bool operator==(const Sample&) const = default;
};

Sample sample_of(const PipeFacts& facts, const std::optional<PipeFill>& fill) {
  Sample sample;
  if (fill) sample.bytes = fill->bytes;
  sample.is_full = fill && fill->is_full();
  for (const PipeHolder& holder : facts.holders) {
    if (holder.open.access != Access::Read) continue;
    sample.is_reading = sample.is_reading || holder.doing.reads_it;
    sample.reads.push_back(facts.processes.at(holder.open.process).reads.value_or(0));
  }
  return sample;
}

// A reader that gathers lines sleeps between its reads, and one that is slow leaves the pipe full most of the
// time: only a longer look tells them from one that has stopped.
bool stands_still(PipeFacts& facts) {
  constexpr int kRounds = 4;
  constexpr milliseconds kPause{50};
  std::vector<OpenDescriptor> open;
  for (const PipeHolder& holder : facts.holders) open.push_back(holder.open);
  const Sample first = sample_of(facts, facts.fill.fill);
  for (int round = 0; round < kRounds; ++round) {
    std::this_thread::sleep_for(kPause);
    const FillAnswer fill = ask_fill(open, facts.id);
    look_at_processes(facts);
    if (sample_of(facts, fill.fill) != first) return false;
  }
  return !first.is_reading;
}

bool is_named(const FoundFile& file) {
  return S_ISFIFO(file.mode) && !file.path().starts_with(kAnonymous);
}

}  // namespace

Result<PipeFacts> look_at_pipe(const PipeTarget& target) {
  Result<PipeFacts> facts = find_target(target);
  if (!facts) return facts;
  const std::string deleted = facts->path + std::string(kDeleted);
  OpenDescriptors found = find_open_files([&](const FoundFile& file) {
    if (file.id == facts->id) return true;
    if (facts->path.empty() || !S_ISFIFO(file.mode)) return false;
    const std::string path = file.path();
    return path == facts->path || path == deleted;
  });
  std::vector<OpenDescriptor> open;
  for (OpenDescriptor& one : found.open) {
    // In another mount namespace, another file stands at that path anyway.
    const bool is_it = one.file == facts->id;
    if (!is_it && process_facts(one.process).in_other_mounts) continue;
    (is_it ? open : facts->of_replaced).push_back(std::move(one));
  }
  facts->unseen = std::move(found.unseen);
  facts->others_hidden = found.others_hidden;
  take_holders(*facts, std::move(open));
  if (!facts->is_anonymous) facts->opening = find_opening_processes(facts->id);
  if (facts->fill.fill && facts->fill.fill->is_full()) facts->stands_still = stands_still(*facts);
  return facts;
}

std::vector<PipeFacts> look_at_fifos() {
  OpenDescriptors found = find_open_files(is_named);
  std::map<FileId, std::vector<OpenDescriptor>> by_file;
  for (OpenDescriptor& open : found.open) by_file[open.file].push_back(std::move(open));
  std::vector<PipeFacts> all;
  for (auto& [id, open] : by_file) {
    PipeFacts facts;
    facts.id = id;
    facts.is_anonymous = false;
    struct stat st{};
    for (const OpenDescriptor& one : open) {
      const std::string link = fmt::format("/proc/{}/fd/{}", one.process.pid, one.fd);
      if (::stat(link.c_str(), &st) != 0 || id_of(st) != id) continue;
      facts.mode = st.st_mode;
      facts.owner = st.st_uid;
      facts.group = st.st_gid;
      if (std::string path = read_link(AT_FDCWD, link.c_str()); stands_at(path, id))
        facts.path = std::move(path);
    }
    facts.unseen = found.unseen;
    facts.others_hidden = found.others_hidden;
    take_holders(facts, std::move(open));
    if (facts.fill.fill && facts.fill.fill->is_full()) facts.stands_still = stands_still(facts);
    all.push_back(std::move(facts));
  }
  return all;
}

}  // namespace slurper
