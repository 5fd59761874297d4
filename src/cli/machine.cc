#include "cli/machine.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <optional>

#include "base/error.h"
#include "base/fd.h"
#include "base/file_kind.h"
#include "cli/access.h"
#include "cli/who.h"
#include "config/config_files.h"
#include "daemon/ring_choice.h"
#include "log/log_index.h"
#include "proc/lock_holder.h"
#include "ring/ring.h"
#include "ring/ring_directory.h"
#include "ring/ring_folder.h"
#include "ring/ring_view.h"

namespace slurper {

namespace {

constexpr std::uint64_t kLeastRoom = 128 << 10;  // for a ring's header and its first pages

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

bool is_ram(const struct statfs& fs) {
  return fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC;
}

std::uint64_t available(const struct statfs& fs) {
  return static_cast<std::uint64_t>(fs.f_bavail) * static_cast<std::uint64_t>(fs.f_bsize);
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

// Whether the ring at `file`, which this log would use, is another log's or another slurper's.
std::optional<Finding> check_ring_user(const std::string& log_path, const RingView& ring) {
  const LogPaths log(log_path);
  const UniqueFd ring_fd(::open(ring.path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (const LockHolder holder = ring_fd ? find_lock_holder(ring_fd.get()) : LockHolder{};
      holder.kind == LockHolder::Kind::Slurper) {
    if (LogIndex::is_in_use(kernel(), log)) return std::nullopt;
    return error(ErrorKind::Busy,
                 {PhraseId::RingUsedByOther, {{"ring", QuotedText{ring.path}}, {"process", holder.text()}}});
  }
  const auto index = read_index(kernel(), log);
  const bool is_other = index && index->record && index->record->log_id != ring.log_id;
  if (!is_other || ring.held() == 0) return std::nullopt;
  return check_only(warning(
      {PhraseId::RingHoldsOthers, {{"ring", QuotedText{ring.path}}, {"size", ByteSize{ring.held()}}}}));
}

// With the default folder of the ring, since the one in the settings can't be used.
Findings check_usual_ring(Settings settings, const Error& why) {
  settings.ring.directory.clear();
  Findings findings = check_ring(settings);
  findings.insert(findings.begin(), check_only(warning(as_phrase(why, PhraseId::DefaultRingFolder))));
  return findings;
}

}  // namespace

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

Findings check_textfile(const MetricsSettings& settings) {
  if (settings.textfile.empty()) return {};
  auto obstacle =
      no_room_for(about_file(PhraseId::TheTextfile, settings.textfile), directory_of(settings.textfile));
  if (!obstacle) return {};
  obstacle->level = Finding::Level::Warning;  // slurper starts all the same
  return {*std::move(obstacle)};
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
    return check_usual_ring(settings, ours.error());
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
  Findings findings;
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
    // A start reports a ring that can't be read, and quarantines it.
    if (const auto view = inspect_ring_file(kernel(), file); view && *view) {
      const auto taken = why_taken(kernel(), **view, settings.log.path);
      if (taken && !settings.ring.directory.empty()) return check_usual_ring(settings, *taken);
      if (auto finding = check_ring_user(settings.log.path, **view)) findings.push_back(*std::move(finding));
    }
  }

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

}  // namespace slurper
