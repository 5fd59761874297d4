#include "inspect/pipe_facts.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <span>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/file_kind.h"
#include "inspect/open_file_groups.h"
#include "inspect/pipe_holders.h"
#include "inspect/still_pipes.h"
#include "proc/proc_files.h"

namespace slurper {

namespace {

constexpr std::string_view kAnonymous = "pipe:[";

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

// A slurper reads a FIFO by a descriptor that it has locked, and has the write end open, too: its name proves
// nothing.
void find_slurpers(std::vector<PipeHolder>& holders) {
  for (PipeHolder& reader : holders) {
    if (reader.open.access != Access::Read) continue;
    const auto is_its_writer = [&](const PipeHolder& other) {
      return other.open.process == reader.open.process && other.open.access == Access::Write;
    };
    if (std::ranges::none_of(holders, is_its_writer) || !has_flock(reader.open)) continue;
    for (PipeHolder& one : holders) {
      if (one.open.process != reader.open.process) continue;
      one.is_slurper = true;
      one.is_keep_alive = one.open.access == Access::Write;
    }
  }
}

// What can be known once the holders are.
void complete(PipeFacts& facts) {
  facts.is_by_root = ::geteuid() == 0;
  facts.user_pages_soft = limit("pipe-user-pages-soft");
  facts.max_size = limit("pipe-max-size");
  if (!facts.fill.fill && !(facts.kernel && facts.kernel->slots == 0)) {
    std::vector<OpenDescriptor> open;
    for (const PipeHolder& holder : facts.holders) open.push_back(holder.open);
    facts.fill = ask_fill(open, facts.id);
  }
  find_slurpers(facts.holders);
  find_open_file_groups(facts.holders);
  look_at_processes(facts);
}

// O_PATH: this is no open of the pipe, and the kernel reports it to no process.
UniqueFd handle_of(const PipeTarget& target, const FileId& id) {
  const std::string path =
      target.path.empty() ? fmt::format("/proc/{}/fd/{}", target.pid, target.fd) : target.path;
  UniqueFd fd(::open(path.c_str(), O_PATH | O_CLOEXEC));
  struct stat st{};
  return fd && ::fstat(fd.get(), &st) == 0 && id_of(st) == id ? std::move(fd) : UniqueFd();
}

// Of the file itself, as far as a holder's descriptor shows it.
void look_at_file(PipeFacts& facts) {
  facts.is_anonymous = false;
  for (const PipeHolder& holder : facts.holders) {
    const std::string link = fmt::format("/proc/{}/fd/{}", holder.open.process.pid, holder.open.fd);
    constexpr unsigned kWanted = STATX_INO | STATX_TYPE | STATX_MODE | STATX_UID | STATX_GID;
    struct statx st{};
    if (::statx(AT_FDCWD, link.c_str(), AT_STATX_DONT_SYNC, kWanted, &st) != 0 || !S_ISFIFO(st.stx_mode) ||
        st.stx_ino != facts.id.inode)
      continue;
    // By its own account: the kernel's structures have the device of the file system.
    facts.id.device = makedev(st.stx_dev_major, st.stx_dev_minor);
    facts.mode = st.stx_mode;
    facts.owner = st.stx_uid;
    facts.group = st.stx_gid;
    if (file_at_hand(holder.path.c_str()) == facts.id) facts.path = holder.path;
  }
}

// An open(2) of a FIFO waits for the other end. If both ends are open, none does: the search is spared.
bool may_be_waited_for(const PipeFacts& facts) {
  const auto has = [&](Access access) {
    return std::ranges::any_of(facts.holders, [&](const PipeHolder& holder) {
      return holder.open.access == access || holder.open.access == Access::ReadWrite;
    });
  };
  return !facts.is_anonymous && !(has(Access::Read) && has(Access::Write));
}

}  // namespace

Result<PipeFacts> look_at_pipe(const PipeTarget& target) {
  Result<PipeFacts> facts = find_target(target);
  if (!facts) return facts;
  UniqueFd handle_fd = handle_of(target, facts->id);
  std::optional<KernelPipes> kernel = handle_fd ? KernelPipes::start(handle_fd.get()) : std::nullopt;
  const std::optional<KernelLook> look = kernel ? kernel->look() : std::nullopt;
  if (look && take_from_kernel(*facts, *look)) {
    if (may_be_waited_for(*facts)) facts->opening = find_opening_processes(facts->id, look->opening);
  } else {
    kernel.reset();
    handle_fd.reset();  // a holder, although of no end
    take_from_proc(*facts);
    if (may_be_waited_for(*facts)) facts->opening = find_opening_processes(facts->id);
  }
  complete(*facts);
  watch_full_pipes(std::span(&*facts, 1), kernel ? &*kernel : nullptr);
  return facts;
}

std::vector<PipeFacts> look_at_fifos() {
  std::optional<KernelPipes> kernel = KernelPipes::start(-1);
  const std::optional<KernelLook> look = kernel ? kernel->look() : std::nullopt;
  std::vector<PipeFacts> all = look ? fifos_from_kernel(*look) : fifos_from_proc();
  for (PipeFacts& facts : all) {
    look_at_file(facts);
    complete(facts);
  }
  watch_full_pipes(all, kernel ? &*kernel : nullptr);
  return all;
}

}  // namespace slurper
