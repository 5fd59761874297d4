#include "cli/machine.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <filesystem>
#include <fstream>
#include <optional>

#include "base/accounts.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/file_kind.h"
#include "base/text.h"
#include "cli/who.h"
#include "fifo/inotify.h"
#include "proc/open_descriptors.h"
#include "ring/ring.h"
#include "ring/ring_directory.h"
#include "ring/ring_folder.h"

namespace slurper {

namespace {

constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kLeastRoom = 128 << 10;  // for a ring's header and its first pages

Finding ok(std::string text) {
  return {.level = Finding::Level::Ok, .text = std::move(text)};
}

Finding warning(std::string text) {
  return {.level = Finding::Level::Warning, .text = std::move(text)};
}

// Marks a finding that `slurper run` reports itself.
Finding check_only(Finding finding) {
  finding.check_only = true;
  return finding;
}

Finding error(ErrorKind kind, std::string text) {
  return {.level = Finding::Level::Error, .text = std::move(text), .kind = kind};
}

// Returns the errno of lstat(2), or 0.
int look_at(const std::string& path, struct stat& st) {
  return ::lstat(path.c_str(), &st) == 0 ? 0 : errno;
}

// Returns 0 if slurper may do all of `mode` (R_OK, W_OK, X_OK) with the ids that count for files, or else
// errno.
int access_error(const std::string& path, int mode) {
  return ::faccessat(AT_FDCWD, path.c_str(), mode, AT_EACCESS) == 0 ? 0 : errno;
}

std::string directory_of(const std::string& path) {
  return std::filesystem::path(path).parent_path().string();
}

// Returns what prevents slurper from creating a file in `directory`, if anything does.
std::optional<Finding> no_room_for(const std::string& what, const std::string& directory) {
  struct stat st{};
  const bool is_there = ::stat(directory.c_str(), &st) == 0;
  if (!is_there) {
    return error(errno == EACCES ? ErrorKind::NoPermission : ErrorKind::CantCreate,
                 fmt::format("{} can't be created: the folder {}: {}. Create it with mkdir(1)", what,
                             in_quotes(directory), errno_text(errno)));
  }
  if (!S_ISDIR(st.st_mode)) {
    return error(ErrorKind::CantCreate,
                 fmt::format("{} can't be created: {} is {}, not a folder. Name another path", what,
                             in_quotes(directory), file_kind(st.st_mode)));
  }
  if (const int errnum = access_error(directory, W_OK | X_OK); errnum != 0) {
    return error(
        ErrorKind::NoPermission,
        fmt::format("{} can't be created: {} in the folder {} (mode {:04o}, {}). Let {} write there", what,
                    errno_text(errnum), in_quotes(directory), st.st_mode & 07777U, owner_of(st), who_runs()));
  }
  return std::nullopt;
}

std::string cannot_open(const std::string& what, const struct stat& st, int refused) {
  return fmt::format("{} can't be opened by {}: {} (mode {:04o}, {}). Give it away with chown", what,
                     who_runs(), errno_text(refused), st.st_mode & 07777U, owner_of(st));
}

// Checks the files that slurper has created beside the log and would open again: index, times, cursors.
std::optional<Finding> refused_beside(const std::string& log_path) {
  const std::filesystem::path path(log_path);
  const std::string beginning = '.' + path.filename().string() + '.';
  std::error_code failed;  // then slurper reports it
  for (std::filesystem::directory_iterator entry(path.parent_path(), failed), end; !failed && entry != end;
       entry.increment(failed)) {
    const std::string file = entry->path().string();
    struct stat st{};
    if (!entry->path().filename().string().starts_with(beginning) || look_at(file, st) != 0 ||
        !S_ISREG(st.st_mode))
      continue;
    if (const int refused = access_error(file, R_OK | W_OK); refused != 0)
      return error(kind_of_errno(refused), cannot_open("the log's file " + in_quotes(file), st, refused));
  }
  return std::nullopt;
}

std::optional<std::uint64_t> number_in(const std::string& path) {
  std::ifstream file(path);
  std::uint64_t number = 0;
  return file >> number ? std::optional(number) : std::nullopt;
}

bool is_ram(const struct statfs& fs) {
  return fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC;
}

std::uint64_t available(const struct statfs& fs) {
  return static_cast<std::uint64_t>(fs.f_bavail) * static_cast<std::uint64_t>(fs.f_bsize);
}

// The limit on all pipes of the user shows only when a new pipe is made.
std::optional<Finding> try_pipe(std::uint64_t wanted) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return std::nullopt;  // no descriptors: not the pipe's fault
  const UniqueFd read_fd(ends[0]);
  const UniqueFd write_fd(ends[1]);
  const int given = ::fcntl(read_fd.get(), F_GETPIPE_SZ);
  if (::fcntl(read_fd.get(), F_SETPIPE_SZ, static_cast<int>(std::min<std::uint64_t>(wanted, INT_MAX))) >= 0 ||
      errno != EPERM || given < 0) {
    return std::nullopt;
  }
  return warning(fmt::format(
      "all pipes of {} together have as many pages as fs.pipe-user-pages-soft allows: a new one gets {}, and "
      "can't be {}. Close pipes, or raise it (sysctl)",
      who_runs(), format(ByteSize{static_cast<std::uint64_t>(given)}), format(ByteSize{wanted})));
}

}  // namespace

Machine this_machine() {
  std::ifstream status("/proc/self/status");
  constexpr std::string_view kEffective = "CapEff:";
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with(kEffective)) continue;
    const std::uint64_t capabilities = std::strtoull(line.c_str() + kEffective.size(), nullptr, 16);
    return {.root = "", .is_privileged = (capabilities >> CAP_SYS_RESOURCE & 1) != 0};
  }
  return {.root = "", .is_privileged = geteuid() == 0};
}

Findings check_fifo(const FifoSettings& settings) {
  const std::string fifo = "the FIFO " + in_quotes(settings.path);
  struct stat st{};
  const int errnum = look_at(settings.path, st);
  if (errnum == ENOENT && settings.create) {
    if (auto obstacle = no_room_for(fifo, directory_of(settings.path))) return {*std::move(obstacle)};
    return {
        ok(fmt::format("{} is not there yet, and will be created with mode {:04o}", fifo, settings.mode))};
  }
  if (errnum == ENOENT) {
    return {error(ErrorKind::NoInput,
                  fmt::format("{} is missing. Create it with mkfifo(1), or set fifo.create = true", fifo))};
  }
  if (errnum != 0) {
    return {error(kind_of_errno(errnum), fmt::format("{} can't be looked at: {}", fifo, errno_text(errnum)))};
  }
  if (!S_ISFIFO(st.st_mode)) {
    const std::string advice = S_ISLNK(st.st_mode) ? "Name the FIFO itself" + end_of_links(settings.path) +
                                                         ": a link could be pointed elsewhere"
                                                   : "Name another path, or move this away";
    return {error(ErrorKind::NoInput, fmt::format("{} is {}, not a FIFO. {}", fifo,
                                                  what_stands_at(settings.path, st.st_mode), advice))};
  }
  if (const int refused = access_error(settings.path, R_OK | W_OK); refused != 0) {
    return {error(
        kind_of_errno(refused),
        fmt::format(
            "{} can't be opened by {}: {} (mode {:04o}, {}). slurper needs to read it, and to write it, "
            "so that it can hold it open. Use chown or chmod",
            fifo, who_runs(), errno_text(refused), st.st_mode & 07777U, owner_of(st)))};
  }
  Findings findings = {
      ok(fmt::format("{} is there: mode {:04o}, {}", fifo, st.st_mode & 07777U, owner_of(st)))};
  if ((st.st_mode & 0666U) == 0) {
    findings.push_back(warning(fmt::format(
        "{} has mode 0000: only root can open it, so no syslogd and no slurper that is a user of its own. "
        "Run chmod {:04o} {}",
        fifo, settings.mode, in_quotes(settings.path))));
  }
  if ((st.st_mode & S_IWOTH) != 0)
    findings.push_back(warning(fmt::format("every user may write into {}, and forge lines", fifo)));
  if ((st.st_mode & S_IROTH) != 0)
    findings.push_back(warning(fmt::format("every user may read {}, and steal lines", fifo)));
  return findings;
}

Findings check_writers(const FifoSettings& settings, bool a_syslogd_names_it) {
  struct stat st{};
  if (a_syslogd_names_it || look_at(settings.path, st) != 0 || !S_ISFIFO(st.st_mode)) return {};
  const OpenDescriptors holders = find_open_descriptors(st.st_dev, st.st_ino);
  // systemd holds it open for slurper, and slurper for its writers; neither of them writes.
  const bool is_written = std::ranges::any_of(holders.open, [](const OpenDescriptor& holder) {
    const bool may_write = holder.access == Access::Write || holder.access == Access::ReadWrite;
    return may_write && holder.process.pid != 1 && holder.command != "slurper";
  });
  if (is_written) return {};
  return {warning(fmt::format(
      "nothing writes into the FIFO {}: no syslogd's settings name it, and no process{} has it open. See the "
      "settings in " SLURPER_DOC_DIRECTORY "/syslog",
      in_quotes(settings.path), holders.complete() ? "" : " that can be seen from here"))};
}

Findings check_configuration(const std::string& path) {
  if (const int refused = access_error(path, R_OK); refused != 0) {
    struct stat st{};
    const bool is_seen = look_at(path, st) == 0;
    return {error(
        ErrorKind::NoPermission,
        fmt::format("the configuration {} can't be read by {}: {}{}. Let that user read it: chmod, or chgrp",
                    in_quotes(path), who_runs(), errno_text(refused),
                    is_seen ? fmt::format(" (mode {:04o}, {})", st.st_mode & 07777U, owner_of(st)) : ""))};
  }
  return {};
}

Findings check_log(const LogSettings& settings) {
  const std::string log = "the log " + in_quotes(settings.path);
  const std::string directory = directory_of(settings.path);
  // Rotation, and the index beside the log, always need a writable folder.
  if (auto obstacle = no_room_for(log, directory)) return {*std::move(obstacle)};

  Findings findings;
  struct stat st{};
  const int errnum = look_at(settings.path, st);
  if (errnum != 0 && errnum != ENOENT) {
    return {error(kind_of_errno(errnum), fmt::format("{} can't be looked at: {}", log, errno_text(errnum)))};
  }
  if (errnum == 0 && !S_ISREG(st.st_mode)) {
    const std::string advice = S_ISLNK(st.st_mode)
                                   ? fmt::format(
                                         "slurper follows no link there, for it could be pointed elsewhere. "
                                         "Name the file itself{}, or remove the link",
                                         end_of_links(settings.path))
                                   : "Set log.path to a file, or to a name that is free";
    return {error(ErrorKind::CantCreate, fmt::format("{} is {}, not a regular file. {}", log,
                                                     what_stands_at(settings.path, st.st_mode), advice))};
  }
  if (errnum == 0) {
    if (const int refused = access_error(settings.path, R_OK | W_OK); refused != 0) {
      return {error(kind_of_errno(refused), cannot_open(log, st, refused))};
    }
  }
  if (auto refused = refused_beside(settings.path)) return {*std::move(refused)};
  struct statfs fs{};
  if (::statfs(directory.c_str(), &fs) != 0) {
    findings.push_back(
        warning(fmt::format("the file system of {} can't be looked at: {}", log, errno_text(errno))));
    return findings;
  }
  findings.push_back(ok(fmt::format("{} {}; {} are free there", log,
                                    errnum == ENOENT ? "is not there yet, and will be created" : "is there",
                                    format_rounded(ByteSize{available(fs)}))));
  if (available(fs) == 0 || (fs.f_files != 0 && fs.f_ffree == 0)) {
    findings.push_back(warning(fmt::format(
        "the file system of {} is full{}: lines wait in the ring, then in the pipe. Make room there, lower "
        "log.keep_size, or set log.when_disk_full = \"remove-oldest\"",
        log, available(fs) == 0 ? "" : " (it has no inodes left)")));
  }
  if (is_ram(fs)) findings.push_back(warning(fmt::format("{} lies in RAM: the next boot loses it", log)));
  if (settings.keep_size.bytes >
      static_cast<std::uint64_t>(fs.f_blocks) * static_cast<std::uint64_t>(fs.f_bsize)) {
    findings.push_back(
        warning(fmt::format("log.keep_size is {}, which is more than the whole file system of {}",
                            format(settings.keep_size), log)));
  }
  return findings;
}

Findings check_ring(const Settings& settings) {
  if (const Status known = Ring::check_kernel(kernel()); !known)
    return {error(known.error().kind, known.error().message())};
  const Result<std::string> directory = ring_directory(settings);
  if (!directory) return {error(directory.error().kind, directory.error().message())};
  const std::string ring = fmt::format("the ring in {}", in_quotes(*directory));
  if (const Status ours = check_ring_folder(kernel(), *directory);
      !ours && ours.error().kind == ErrorKind::NoPermission) {
    if (settings.ring.directory.empty()) return {error(ours.error().kind, ours.error().message())};
    Settings usual = settings;
    usual.ring.directory.clear();
    Findings findings = check_ring(usual);
    findings.insert(findings.begin(),
                    check_only(warning(ours.error().message() + ". Its default folder is used instead")));
    return findings;
  }

  // slurper creates missing folders, so the check applies to the nearest one that exists.
  std::filesystem::path existing = *directory;
  struct stat st{};
  while (::stat(existing.c_str(), &st) != 0 && errno == ENOENT && existing.has_relative_path())
    existing = existing.parent_path();
  if (auto obstacle = no_room_for(ring, existing.string())) return {*std::move(obstacle)};

  struct statfs fs{};
  if (::statfs(existing.c_str(), &fs) != 0) {
    return {error(ErrorKind::Io,
                  fmt::format("{}: its file system can't be looked at: {}", ring, errno_text(errno)))};
  }
  const std::string file = *directory + "/ring";
  std::uint64_t already_taken = 0;
  if (look_at(file, st) == 0) {
    if (!S_ISREG(st.st_mode)) {
      return {error(ErrorKind::CantCreate,
                    fmt::format("{} is {}, not a regular file. Move it away, or set ring.directory",
                                in_quotes(file), file_kind(st.st_mode)))};
    }
    if (const int refused = access_error(file, R_OK | W_OK); refused != 0) {
      return {error(kind_of_errno(refused), cannot_open("the ring " + in_quotes(file), st, refused))};
    }
    already_taken = static_cast<std::uint64_t>(st.st_blocks) * 512;
  }

  Findings findings;
  const std::uint64_t room = available(fs) + already_taken;
  if (room < kLeastRoom) {
    findings.push_back(
        error(ErrorKind::CantCreate,
              fmt::format("{}: its file system is full. Make room there, or set ring.directory to a "
                          "folder on another file system in RAM",
                          ring)));
  } else if (room < settings.ring.size.bytes) {
    findings.push_back(
        warning(fmt::format("{} is to hold {}, and its file system has room for {}: after that it "
                            "counts as full. Lower ring.size, or set ring.directory to a larger "
                            "file system in RAM",
                            ring, format(settings.ring.size), format_rounded(ByteSize{room}))));
  } else {
    findings.push_back(ok(fmt::format("{} has room for its {}", ring, format(settings.ring.size))));
  }
  if (!is_ram(fs)) {
    findings.push_back(check_only(warning(
        fmt::format("{} is not in RAM: it survives crashes all the same, but costs disk writes, and can "
                    "stall with the disk. Set ring.directory to a folder on a tmpfs, such as one in "
                    "/dev/shm",
                    ring))));
  }
  return findings;
}

Findings check_inotify() {
  const Result<FifoInotify> path = FifoInotify::open();
  const Result<FifoInotify> visitors = FifoInotify::open();
  for (const Result<FifoInotify>* const watch : {&path, &visitors}) {
    if (*watch) continue;
    return {
        warning(fmt::format("{}. Until then slurper looks once a second whether the FIFO was replaced, and "
                            "does not see who opens it",
                            watch->error().message()))};
  }
  return {};
}

Findings check_pipe_limits(const Machine& machine, const FifoSettings& settings) {
  const std::uint64_t wanted = settings.pipe_size.bytes;
  if (machine.is_privileged)
    return {ok(fmt::format("the pipe may be {}: no limit binds this process", format(settings.pipe_size)))};

  Findings findings;
  if (const auto max = number_in(machine.root + "/proc/sys/fs/pipe-max-size"); max && wanted > *max) {
    findings.push_back(
        warning(fmt::format("fifo.pipe_size is {}, and users may have {} at most: the pipe will be smaller. "
                            "Raise it with sysctl fs.pipe-max-size={}, or lower fifo.pipe_size",
                            format(settings.pipe_size), format(ByteSize{*max}), wanted)));
  }
  // The limit on all pipes of the user together (0: no limit).
  const auto pages = number_in(machine.root + "/proc/sys/fs/pipe-user-pages-soft");
  if (pages && *pages != 0 && wanted / kPage > *pages) {
    findings.push_back(warning(
        fmt::format("fifo.pipe_size is {} pages, and all pipes of a user together may have {}: the pipe "
                    "will be smaller. Raise it with sysctl fs.pipe-user-pages-soft={}",
                    wanted / kPage, *pages, wanted / kPage * 16)));
  }
  if (!findings.empty()) return findings;
  if (machine.root.empty()) {
    if (auto bound = try_pipe(wanted)) return {*std::move(bound)};
  }
  return {ok(fmt::format("the pipe may be {}", format(settings.pipe_size)))};
}

}  // namespace slurper
