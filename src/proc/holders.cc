#include "proc/holders.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <memory>
#include <optional>
#include <string_view>

#include "base/fd.h"

namespace slurper {

namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

UniqueFd open_directory(int at_fd, const char* path) {
  return UniqueFd(::openat(at_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

// To go through its entries. Empty where `directory_fd` is.
Directory entries_of(UniqueFd directory_fd) {
  Directory directory(directory_fd ? ::fdopendir(directory_fd.get()) : nullptr);
  if (directory) (void)directory_fd.release();  // the directory's now
  return directory;
}

template <typename Number>
std::optional<Number> parse(std::string_view text, int base = 10) {
  Number number{};
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc()) return std::nullopt;
  return number;
}

// The number that a name in /proc is, all of it.
std::optional<int> number_of(const char* name) {
  const std::string_view text = name;
  if (text.empty() || !std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; }))
    return std::nullopt;
  return parse<int>(text);
}

// A small file of /proc; empty where it can't be read.
std::string read_small(int at_fd, const char* path) {
  const UniqueFd file_fd(::openat(at_fd, path, O_RDONLY | O_CLOEXEC));
  std::array<char, 4096> text;
  const ssize_t size = file_fd ? ::read(file_fd.get(), text.data(), text.size()) : 0;
  return {text.data(), size > 0 ? static_cast<std::size_t>(size) : 0};
}

Access access_of(int process_fd, int fd) {
  const std::string text = read_small(process_fd, fmt::format("fdinfo/{}", fd).c_str());
  constexpr std::string_view kFlags = "flags:\t";
  const std::size_t at = text.find(kFlags);
  const auto flags = at == std::string::npos
                         ? std::nullopt
                         : parse<int>(std::string_view(text).substr(at + kFlags.size()), 8);
  if (!flags || (*flags & O_PATH) != 0) return Access::None;
  switch (*flags & O_ACCMODE) {
    case O_RDONLY:
      return Access::Read;
    case O_WRONLY:
      return Access::Write;
    default:
      return Access::ReadWrite;
  }
}

// Fills in who it is. The name stands in brackets and may hold any byte, brackets too: what follows it is
// found from the end.
void identify(int process_fd, Holder& holder) {
  const std::string stat = read_small(process_fd, "stat");
  const std::size_t begin = stat.find('(');
  const std::size_t end = stat.rfind(')');
  if (begin == std::string::npos || end == std::string::npos || end < begin) return;
  holder.command = stat.substr(begin + 1, end - begin - 1);
  constexpr int kParent = 4;
  constexpr int kStartTime = 22;
  std::string_view rest = std::string_view(stat).substr(end + 1);
  for (int field = 3; field <= kStartTime && !rest.empty(); ++field) {
    rest.remove_prefix(1);  // the blank
    const std::string_view word = rest.substr(0, rest.find(' '));
    if (field == kParent) holder.parent = parse<pid_t>(word).value_or(0);
    if (field == kStartTime) holder.process.start_time = parse<std::uint64_t>(word).value_or(0);
    rest.remove_prefix(word.size());
  }
}

bool is_inode(int directory_fd, const char* name, dev_t device, ino_t inode) {
  struct statx st{};
  // Follows the link to the open file itself. DONT_SYNC: a file server that is gone holds up nobody.
  return ::statx(directory_fd, name, AT_STATX_DONT_SYNC, STATX_INO, &st) == 0 && st.stx_ino == inode &&
         makedev(st.stx_dev_major, st.stx_dev_minor) == device;
}

void look_at(int process_fd, pid_t pid, dev_t device, ino_t inode, Holders& holders) {
  UniqueFd directory_fd = open_directory(process_fd, "fd");
  if (!directory_fd && errno == EACCES) ++holders.unseen;
  const Directory fds = entries_of(std::move(directory_fd));
  if (!fds) return;
  Holder holder;
  while (const dirent* entry = ::readdir(fds.get())) {
    const auto fd = number_of(entry->d_name);
    if (!fd || !is_inode(::dirfd(fds.get()), entry->d_name, device, inode)) continue;
    if (holder.process.pid == 0) {
      holder.process.pid = pid;
      identify(process_fd, holder);
    }
    holder.fd = *fd;
    holder.access = access_of(process_fd, *fd);
    holders.open.push_back(holder);
  }
}

}  // namespace

Holders find_holders(dev_t device, ino_t inode, const std::stop_token& stop) {
  Holders holders;
  const Directory proc = entries_of(open_directory(AT_FDCWD, "/proc"));
  // Without a /proc nothing is seen of anybody.
  holders.others_hidden = !proc || ::access("/proc/1", F_OK) != 0;
  if (!proc) return holders;
  const pid_t own_pid = ::getpid();
  while (const dirent* entry = ::readdir(proc.get())) {
    if (stop.stop_requested()) break;
    const auto pid = number_of(entry->d_name);
    if (!pid || *pid == own_pid) continue;
    const UniqueFd process_fd = open_directory(::dirfd(proc.get()), entry->d_name);
    if (process_fd) look_at(process_fd.get(), *pid, device, inode, holders);
  }
  std::ranges::sort(holders.open, {},
                    [](const Holder& holder) { return std::pair(holder.process, holder.fd); });
  return holders;
}

}  // namespace slurper
