#include "proc/lock_holder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include "base/fd.h"
#include "base/text.h"

namespace slurper {

namespace {

namespace fs = std::filesystem;
using namespace std::string_view_literals;

// "4: FLOCK  ADVISORY  WRITE 708 08:01:12345 0 EOF", with the device in hex: a line of /proc/locks
// (proc_locks(5)), which also follows "lock:" in /proc/PID/fdinfo/N (proc_pid_fdinfo(5)).
struct LockLine {
  std::string type;
  std::string place;
  pid_t pid = 0;
};

LockLine parse_lock(std::istream& words) {
  LockLine line;
  std::string number;
  std::string strength;
  std::string access;
  words >> number >> line.type >> strength >> access >> line.pid >> line.place;
  return line;
}

// The device as these files name it: that of the file system, which on btrfs and overlayfs differs from the
// one that stat(2) returns. /proc/self/mountinfo (proc_pid_mountinfo(5)) has it: "27 1 254:0 / / rw …".
std::string file_system_of(int fd, const struct stat& st) {
  struct statx mount{};
  if (::statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID, &mount) == 0 &&
      (mount.stx_mask & STATX_MNT_ID) != 0) {
    std::ifstream mounts("/proc/self/mountinfo");
    for (std::string line; std::getline(mounts, line);) {
      std::istringstream words(line);
      std::uint64_t id = 0;
      std::uint64_t parent = 0;
      unsigned major_number = 0;
      unsigned minor_number = 0;
      char colon = 0;
      words >> id >> parent >> major_number >> colon >> minor_number;
      if (words && id == mount.stx_mnt_id) return fmt::format("{:02x}:{:02x}", major_number, minor_number);
    }
  }
  return fmt::format("{:02x}:{:02x}", major(st.st_dev), minor(st.st_dev));
}

// The processes that acquired the lock, from /proc/locks, which every user may read. Such a process may have
// ended since, and left the descriptor to its children. Some sandboxes leave the file empty, and it does not
// list a process that is invisible in this pid namespace.
std::vector<pid_t> takers(int fd, const struct stat& st) {
  const std::string place = fmt::format("{}:{}", file_system_of(fd, st), st.st_ino);
  std::vector<pid_t> pids;
  std::ifstream locks("/proc/locks");
  for (std::string line; std::getline(locks, line);) {
    std::istringstream words(line);
    const LockLine lock = parse_lock(words);
    if (words && lock.type == "FLOCK" && lock.place == place && lock.pid > 0) pids.push_back(lock.pid);
  }
  return pids;
}

// An open descriptor of another process.
struct OpenFile {
  pid_t pid = 0;
  bool for_writing = false;
  bool has_flock = false;
};

OpenFile look_at(pid_t pid, const fs::path& link) {
  OpenFile file{.pid = pid};
  struct stat st{};
  // The link's owner bits show how the descriptor was opened (proc_pid_fd(5)).
  file.for_writing = ::lstat(link.c_str(), &st) == 0 && (st.st_mode & S_IWUSR) != 0;
  std::ifstream info(link.parent_path().parent_path() / "fdinfo" / link.filename());
  for (std::string line; std::getline(info, line);) {
    if (!line.starts_with("lock:"sv)) continue;
    std::istringstream words(line.substr("lock:"sv.size()));
    if (parse_lock(words).type == "FLOCK") file.has_flock = true;
  }
  return file;
}

// Finds the processes that have the file open, as far as this process may see them.
std::vector<OpenFile> find_open(const struct stat& wanted) {
  std::vector<OpenFile> found;
  std::error_code denied;  // the process is another user's, or has just ended
  for (fs::directory_iterator process("/proc", denied), end; !denied && process != end;
       process.increment(denied)) {
    const std::string name = process->path().filename();
    pid_t pid = 0;
    const auto [rest, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error != std::errc() || rest != name.data() + name.size() || pid == ::getpid()) continue;
    std::error_code hidden;
    for (fs::directory_iterator fd(process->path() / "fd", hidden), no_more; !hidden && fd != no_more;
         fd.increment(hidden)) {
      struct stat st{};
      if (::stat(fd->path().c_str(), &st) == 0 && st.st_dev == wanted.st_dev && st.st_ino == wanted.st_ino)
        found.push_back(look_at(pid, fd->path()));
    }
  }
  return found;
}

// Fields of /proc/PID/status. The owner of /proc/PID does not serve: it is root for every process that is not
// dumpable.
struct Process {
  std::string command;
  uid_t real = static_cast<uid_t>(-1);
  uid_t effective = static_cast<uid_t>(-1);
};

std::optional<Process> read_status(pid_t pid) {
  std::ifstream status(fmt::format("/proc/{}/status", pid));
  std::optional<Process> process;
  for (std::string line; std::getline(status, line);) {
    std::istringstream words(line);
    std::string key;
    words >> key;
    if (key == "Name:") {
      process.emplace();
      words >> process->command;
    } else if (key == "Uid:" && process) {
      words >> process->real >> process->effective;
    }
  }
  return process;
}

// Empty if the process has ended.
std::optional<LockHolder> classify(pid_t pid, uid_t owner) {
  using Kind = LockHolder::Kind;
  if (pid == ::getpid()) return LockHolder{.kind = Kind::Slurper, .pid = pid};
  const std::optional<Process> process = read_status(pid);
  if (!process) {
    // With hidepid= (ProtectProc= in a unit), /proc lists this user's processes, but not those of other
    // users.
    if (::kill(pid, 0) == 0) return LockHolder{.kind = Kind::Unknown, .pid = pid};
    if (errno == ESRCH) return std::nullopt;
    return LockHolder{.kind = Kind::Stranger, .pid = pid};
  }
  // Any user may call a program slurper, but can't run it as another user: a set-uid program keeps its
  // caller's real uid.
  // A slurper that was installed under another name runs beside others of that name.
  const std::optional<Process> self = read_status(::getpid());
  const bool is_named_so =
      process->command.starts_with("slurper"sv) || (self && process->command == self->command);
  const auto is_trusted = [owner](uid_t user) { return user == 0 || user == ::geteuid() || user == owner; };
  const bool is_slurper = is_named_so && is_trusted(process->real) && is_trusted(process->effective);
  return LockHolder{
      .kind = is_slurper ? Kind::Slurper : Kind::Stranger, .pid = pid, .command = process->command};
}

// A shared lock has several holders: picks the one that matters most.
LockHolder weightiest(const std::vector<pid_t>& pids, uid_t owner) {
  std::optional<LockHolder> weightiest;
  for (const pid_t pid : pids) {
    const std::optional<LockHolder> holder = classify(pid, owner);
    if (!holder) continue;
    if (!weightiest || holder->kind == LockHolder::Kind::Slurper ||
        (holder->kind == LockHolder::Kind::Unknown && weightiest->kind == LockHolder::Kind::Stranger))
      weightiest = holder;
  }
  return weightiest.value_or(LockHolder{});
}

}  // namespace

std::string LockHolder::text() const {
  if (pid == 0) return "another process";
  if (command.empty()) return fmt::format("process {}", pid);
  return fmt::format("process {} ({})", pid, in_quotes(command));
}

std::optional<pid_t> flock_holder(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat st{};
  if (!fd || ::fstat(fd.get(), &st) != 0) return std::nullopt;
  for (const pid_t pid : takers(fd.get(), st)) return pid;
  for (const OpenFile& file : find_open(st)) {
    if (file.for_writing) return file.pid;
  }
  return std::nullopt;
}

LockHolder find_lock_holder(int fd) {
  struct stat st{};
  if (::fstat(fd, &st) != 0) return {};
  const std::vector<pid_t> known = takers(fd, st);
  if (const LockHolder holder = weightiest(known, st.st_uid); holder.pid != 0) return holder;
  std::vector<pid_t> seen;
  for (const OpenFile& file : find_open(st)) {
    if (file.has_flock) seen.push_back(file.pid);
  }
  if (const LockHolder holder = weightiest(seen, st.st_uid); holder.pid != 0) return holder;
  // The process that acquired the lock has ended. The process that inherited the descriptor is no slurper: a
  // slurper would have acquired the lock itself.
  if (!known.empty()) return {.kind = LockHolder::Kind::Stranger};
  return {};
}

FlockClaim claim_flock(Os& os, int fd, std::chrono::milliseconds patience) {
  FlockClaim claim{.error = os.flock(fd, LOCK_EX | LOCK_NB)};
  if (claim.error != -EWOULDBLOCK) return claim;
  claim.holder = find_lock_holder(fd);
  // An invisible holder is waited for, too: it may be a process that a killed slurper was just starting.
  if (claim.holder.kind == LockHolder::Kind::Stranger && claim.holder.pid != 0) return claim;
  claim.error = lock_file(os, fd, patience);
  if (claim.error == -EWOULDBLOCK) claim.holder = find_lock_holder(fd);
  return claim;
}

}  // namespace slurper
