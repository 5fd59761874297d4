#include "cli/machine.h"

#include <fcntl.h>
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
#include "cli/who.h"
#include "config/config_files.h"
#include "fifo/inotify.h"
#include "proc/open_descriptors.h"
#include "ring/ring.h"
#include "ring/ring_directory.h"
#include "ring/ring_folder.h"

namespace slurper {

namespace {

constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kLeastRoom = 128 << 10;  // for a ring's header and its first pages

Finding ok(Phrase phrase) {
  return {.level = Finding::Level::Ok, .phrase = std::move(phrase)};
}

Finding warning(Phrase phrase) {
  return {.level = Finding::Level::Warning, .phrase = std::move(phrase)};
}

// Marks a finding that `slurper run` reports itself.
Finding check_only(Finding finding) {
  finding.check_only = true;
  return finding;
}

Finding error(ErrorKind kind, Phrase phrase) {
  return {.level = Finding::Level::Error, .phrase = std::move(phrase), .kind = kind};
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

std::uint64_t permissions(const struct stat& st) {
  return st.st_mode & 07777U;
}

// Returns what prevents slurper from creating `subject`, a file, in `directory`, if anything does.
std::optional<Finding> no_room_for(const Phrase& subject, const std::string& directory) {
  const QuotedText folder{directory};
  struct stat st{};
  if (::stat(directory.c_str(), &st) != 0) {
    const int errnum = errno;
    return error(
        errnum == EACCES ? ErrorKind::NoPermission : ErrorKind::CantCreate,
        {PhraseId::FolderMissing, {{"subject", subject}, {"folder", folder}, {"errno", Errno{errnum}}}});
  }
  if (!S_ISDIR(st.st_mode)) {
    return error(ErrorKind::CantCreate,
                 {PhraseId::FolderIsNone,
                  {{"subject", subject}, {"folder", folder}, {"found", file_kind(st.st_mode)}}});
  }
  if (const int errnum = access_error(directory, W_OK | X_OK); errnum != 0) {
    return error(ErrorKind::NoPermission, {PhraseId::FolderDenied,
                                           {{"subject", subject},
                                            {"errno", Errno{errnum}},
                                            {"folder", folder},
                                            {"mode", permissions(st)},
                                            {"owner", owner_of(st)},
                                            {"user", who_runs()}}});
  }
  return std::nullopt;
}

Phrase cannot_open(const Phrase& subject, const struct stat& st, int refused) {
  return {PhraseId::FileDenied,
          {{"subject", subject},
           {"user", who_runs()},
           {"errno", Errno{refused}},
           {"mode", permissions(st)},
           {"owner", owner_of(st)}}};
}

Phrase cannot_look_at(const Phrase& subject, int errnum) {
  return {PhraseId::NotToBeSeen, {{"subject", subject}, {"errno", Errno{errnum}}}};
}

Phrase is_no_file(const Phrase& subject, const std::string& found, Phrase advice) {
  return {PhraseId::FileIsOther, {{"subject", subject}, {"found", found}, {"advice", std::move(advice)}}};
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
      return error(kind_of_errno(refused), cannot_open(about_file(PhraseId::TheLogsFile, file), st, refused));
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
  return warning({PhraseId::PipesAtLimit,
                  {{"user", who_runs()},
                   {"size", ByteSize{static_cast<std::uint64_t>(given)}},
                   {"wanted", ByteSize{wanted}}}});
}

// Whoever may write to the configuration can make slurper start a program (the sink exec), as slurper's user.
bool others_may_write(const struct stat& st) {
  if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) return false;  // such as /dev/null
  const bool is_ours = st.st_uid == 0 || st.st_uid == ::geteuid();
  const bool is_our_group = st.st_gid == 0 || st.st_gid == ::getegid();
  return !is_ours || (st.st_mode & S_IWOTH) != 0 || (!is_our_group && (st.st_mode & S_IWGRP) != 0);
}

// Checks one file of the configuration, or its folder, which must allow all of `mode`. Returns whether it
// does.
bool look_at_configuration(const Phrase& subject, const std::string& path, int mode, Findings& findings) {
  struct stat st{};
  if (const int refused = access_error(path, mode); refused != 0) {
    Phrase finding =
        look_at(path, st) == 0 ? cannot_open(subject, st, refused) : cannot_look_at(subject, refused);
    finding.with({"advice", Phrase(PhraseId::LetItBeRead)});
    findings.push_back(error(ErrorKind::NoPermission, std::move(finding)));
    return false;
  }
  if (::stat(path.c_str(), &st) == 0 && others_may_write(st)) {
    findings.push_back(warning({PhraseId::OtherUsersConfigure,
                                {{"subject", subject}, {"mode", permissions(st)}, {"owner", owner_of(st)}}}));
  }
  return true;
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
  const QuotedText path{settings.path};
  const Phrase fifo = about_file(PhraseId::TheFifo, settings.path);
  struct stat st{};
  const int errnum = look_at(settings.path, st);
  if (errnum == ENOENT && settings.create) {
    if (auto obstacle = no_room_for(fifo, directory_of(settings.path))) return {*std::move(obstacle)};
    return {ok({PhraseId::FifoToBeCreated, {{"fifo", path}, {"mode", std::uint64_t{settings.mode}}}})};
  }
  if (errnum == ENOENT) return {error(ErrorKind::NoInput, {PhraseId::FifoMissing, {{"fifo", path}}})};
  if (errnum != 0) return {error(kind_of_errno(errnum), cannot_look_at(fifo, errnum))};
  if (!S_ISFIFO(st.st_mode)) {
    Phrase finding(PhraseId::FifoIsOther,
                   {{"fifo", path}, {"found", what_stands_at(settings.path, st.st_mode)}});
    if (S_ISLNK(st.st_mode))
      finding.with({"advice", Phrase(PhraseId::NameTheFifoItself, {{"end", end_of_links(settings.path)}})});
    return {error(ErrorKind::NoInput, std::move(finding))};
  }
  if (const int refused = access_error(settings.path, R_OK | W_OK); refused != 0) {
    return {error(kind_of_errno(refused), {PhraseId::FifoDenied,
                                           {{"fifo", path},
                                            {"user", who_runs()},
                                            {"errno", Errno{refused}},
                                            {"mode", permissions(st)},
                                            {"owner", owner_of(st)}}})};
  }
  Findings findings = {
      ok({PhraseId::FifoThere, {{"fifo", path}, {"mode", permissions(st)}, {"owner", owner_of(st)}}})};
  if ((st.st_mode & 0666U) == 0) {
    findings.push_back(
        warning({PhraseId::FifoModeZero, {{"fifo", path}, {"mode", std::uint64_t{settings.mode}}}}));
  }
  if ((st.st_mode & S_IWOTH) != 0) findings.push_back(warning({PhraseId::FifoWritable, {{"fifo", path}}}));
  if ((st.st_mode & S_IROTH) != 0) findings.push_back(warning({PhraseId::FifoReadable, {{"fifo", path}}}));
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
  return {warning({holders.complete() ? PhraseId::NothingWrites : PhraseId::NothingVisibleWrites,
                   {{"fifo", QuotedText{settings.path}}, {"folder", SLURPER_DOC_DIRECTORY}}})};
}

Findings check_configuration(const std::string& path) {
  Findings findings;
  (void)look_at_configuration(about_file(PhraseId::TheConfiguration, path), path, R_OK, findings);
  const Result<ConfigFolder> folder = list_config_folder(path);
  if (!folder) {
    findings.push_back(error(folder.error().kind, as_phrase(folder.error())));
    return findings;
  }
  const std::string folder_path = config_folder_of(path);
  const bool is_there = access_error(folder_path, F_OK) == 0;
  if (!is_there || !look_at_configuration(about_file(PhraseId::TheConfigFolder, folder_path), folder_path,
                                          R_OK | X_OK, findings)) {
    return findings;
  }
  for (const std::string& file : folder->files)
    (void)look_at_configuration(about_file(PhraseId::TheConfiguration, file), file, R_OK, findings);
  for (const std::string& file : folder->ignored)
    findings.push_back(ok(about_file(PhraseId::ConfigFileIgnored, file)));
  return findings;
}

Findings check_log(const LogSettings& settings) {
  const QuotedText path{settings.path};
  const Phrase log = about_file(PhraseId::TheLog, settings.path);
  const std::string directory = directory_of(settings.path);
  // Rotation, and the index beside the log, always need a writable folder.
  if (auto obstacle = no_room_for(log, directory)) return {*std::move(obstacle)};

  Findings findings;
  struct stat st{};
  const int errnum = look_at(settings.path, st);
  if (errnum != 0 && errnum != ENOENT) return {error(kind_of_errno(errnum), cannot_look_at(log, errnum))};
  if (errnum == 0 && !S_ISREG(st.st_mode)) {
    Phrase advice(PhraseId::SetLogPath);
    if (S_ISLNK(st.st_mode)) advice = {PhraseId::LogFollowsNoLink, {{"end", end_of_links(settings.path)}}};
    return {error(ErrorKind::CantCreate,
                  is_no_file(log, what_stands_at(settings.path, st.st_mode), std::move(advice)))};
  }
  if (errnum == 0) {
    if (const int refused = access_error(settings.path, R_OK | W_OK); refused != 0)
      return {error(kind_of_errno(refused), cannot_open(log, st, refused))};
  }
  if (auto refused = refused_beside(settings.path)) return {*std::move(refused)};
  struct statfs fs{};
  if (::statfs(directory.c_str(), &fs) != 0) {
    findings.push_back(warning(cannot_look_at({PhraseId::TheFileSystemOf, {{"subject", log}}}, errno)));
    return findings;
  }
  findings.push_back(ok({errnum == ENOENT ? PhraseId::LogToBeCreated : PhraseId::LogThere,
                         {{"log", path}, {"size", ByteSize{available(fs)}}}}));
  if (available(fs) == 0)
    findings.push_back(warning({PhraseId::LogDiskFull, {{"log", path}}}));
  else if (fs.f_files != 0 && fs.f_ffree == 0)
    findings.push_back(warning({PhraseId::LogDiskHasNoInodes, {{"log", path}}}));
  if (is_ram(fs)) findings.push_back(warning({PhraseId::LogInRam, {{"log", path}}}));
  if (settings.keep_size.bytes >
      static_cast<std::uint64_t>(fs.f_blocks) * static_cast<std::uint64_t>(fs.f_bsize)) {
    findings.push_back(warning({PhraseId::KeepSizeTooLarge, {{"size", settings.keep_size}, {"log", path}}}));
  }
  return findings;
}

Findings check_ring(const Settings& settings) {
  if (const Status known = Ring::check_kernel(kernel()); !known)
    return {error(known.error().kind, as_phrase(known.error()))};
  const Result<std::string> directory = ring_directory(settings);
  if (!directory) return {error(directory.error().kind, as_phrase(directory.error()))};
  const QuotedText folder{*directory};
  const Phrase ring = about_file(PhraseId::TheRingIn, *directory);
  if (const Status ours = check_ring_folder(kernel(), *directory);
      !ours && ours.error().kind == ErrorKind::NoPermission) {
    if (settings.ring.directory.empty()) return {error(ours.error().kind, as_phrase(ours.error()))};
    Settings usual = settings;
    usual.ring.directory.clear();
    Findings findings = check_ring(usual);
    findings.insert(findings.begin(),
                    check_only(warning(as_phrase(ours.error(), PhraseId::DefaultRingFolder))));
    return findings;
  }

  // slurper creates missing folders, so the check applies to the nearest one that exists.
  std::filesystem::path existing = *directory;
  struct stat st{};
  while (::stat(existing.c_str(), &st) != 0 && errno == ENOENT && existing.has_relative_path())
    existing = existing.parent_path();
  if (auto obstacle = no_room_for(ring, existing.string())) return {*std::move(obstacle)};

  struct statfs fs{};
  if (::statfs(existing.c_str(), &fs) != 0)
    return {error(ErrorKind::Io, cannot_look_at({PhraseId::TheFileSystemOf, {{"subject", ring}}}, errno))};
  const std::string file = *directory + "/ring";
  std::uint64_t already_taken = 0;
  if (look_at(file, st) == 0) {
    const Phrase ring_file = about_file(PhraseId::TheRing, file);
    if (!S_ISREG(st.st_mode)) {
      return {error(ErrorKind::CantCreate,
                    is_no_file(ring_file, file_kind(st.st_mode), PhraseId::MoveTheRingAway))};
    }
    if (const int refused = access_error(file, R_OK | W_OK); refused != 0)
      return {error(kind_of_errno(refused), cannot_open(ring_file, st, refused))};
    already_taken = static_cast<std::uint64_t>(st.st_blocks) * 512;
  }

  Findings findings;
  const std::uint64_t room = available(fs) + already_taken;
  if (room < kLeastRoom) {
    findings.push_back(error(ErrorKind::CantCreate, {PhraseId::RingHasNoRoom, {{"folder", folder}}}));
  } else if (room < settings.ring.size.bytes) {
    findings.push_back(
        warning({PhraseId::RingHasLittleRoom,
                 {{"folder", folder}, {"size", settings.ring.size}, {"room", ByteSize{room}}}}));
  } else {
    findings.push_back(ok({PhraseId::RingHasRoom, {{"folder", folder}, {"size", settings.ring.size}}}));
  }
  if (!is_ram(fs)) findings.push_back(check_only(warning({PhraseId::RingOnDisk, {{"folder", folder}}})));
  return findings;
}

Findings check_inotify() {
  const Result<FifoInotify> path = FifoInotify::open();
  const Result<FifoInotify> users = FifoInotify::open();
  for (const Result<FifoInotify>* const watch : {&path, &users}) {
    if (!*watch) return {warning(as_phrase(watch->error(), PhraseId::FifoNotWatched))};
  }
  return {};
}

Findings check_pipe_limits(const Machine& machine, const FifoSettings& settings) {
  const std::uint64_t wanted = settings.pipe_size.bytes;
  if (machine.is_privileged) return {ok({PhraseId::PipeWithoutLimit, {{"size", settings.pipe_size}}})};

  Findings findings;
  if (const auto max = number_in(machine.root + "/proc/sys/fs/pipe-max-size"); max && wanted > *max) {
    findings.push_back(
        warning({PhraseId::PipeBeyondMax,
                 {{"size", settings.pipe_size}, {"max", ByteSize{*max}}, {"wanted", wanted}}}));
  }
  // The limit on all pipes of the user together (0: no limit).
  const auto pages = number_in(machine.root + "/proc/sys/fs/pipe-user-pages-soft");
  if (pages && *pages != 0 && wanted / kPage > *pages) {
    findings.push_back(warning(
        {PhraseId::PipeBeyondPages,
         {{"pages", wanted / kPage}, {"max", std::uint64_t{*pages}}, {"enough", wanted / kPage * 16}}}));
  }
  if (!findings.empty()) return findings;
  if (machine.root.empty()) {
    if (auto bound = try_pipe(wanted)) return {*std::move(bound)};
  }
  return {ok({PhraseId::PipeFits, {{"size", settings.pipe_size}}})};
}

}  // namespace slurper
