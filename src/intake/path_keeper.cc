#include "intake/path_keeper.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>
#include <vector>

#include "base/accounts.h"
#include "base/text.h"

namespace slurper {

namespace {

using namespace std::chrono_literals;

constexpr auto kFirstRetry = 1s;
constexpr auto kLastRetry = 30s;
// unlink(2) makes its event before the name is gone (the kernel's vfs_unlink): what is still there may be
// about to go, and makes no second event then.
constexpr auto kAboutToGo = 10ms;
constexpr auto kSecondLook = 1s;
constexpr auto kBlindLook = 1s;  // between looks at a path that can't be watched

std::string own_link(int fd) {
  return fmt::format("/proc/self/fd/{}", fd);
}

void say(MessageLimit& limit, spdlog::level::level_enum level, const std::string& text) {
  if (!limit.admit(MessageLimit::Clock::now())) return;
  spdlog::log(level, "{}{}", text,
              limit.exhausted() ? ". It happens again and again: from here on it is told now and then" : "");
}

}  // namespace

AccessChange describe_change(const FifoAccess& before, const FifoAccess& now, bool permitted) {
  const mode_t added = now.mode & ~before.mode;
  const mode_t removed = before.mode & ~now.mode;
  std::vector<std::string> changes;
  if (now.mode != before.mode)
    changes.push_back(fmt::format("its mode is {:04o} now, and was {:04o}", now.mode, before.mode));
  if (now.owner != before.owner)
    changes.push_back(
        fmt::format("its owner is {} now, and was {}", user_name(now.owner), user_name(before.owner)));
  if (now.group != before.group)
    changes.push_back(
        fmt::format("its group is {} now, and was {}", group_name(now.group), group_name(before.group)));

  std::vector<std::string> consequences;
  if (!permitted) consequences.emplace_back("slurper could not open it at its next start");
  if ((removed & 0222) != 0 || now.owner != before.owner || now.group != before.group)
    consequences.emplace_back("writers that open it from now on may be refused");
  if ((added & S_IROTH) != 0) consequences.emplace_back("everybody may read it and take lines away");
  if ((added & S_IWOTH) != 0) consequences.emplace_back("everybody may write lines into it");
  AccessChange change{.text = fmt::format("{}", fmt::join(changes, ", ")), .harmful = !consequences.empty()};
  if (change.harmful) change.text += fmt::format(": {}", fmt::join(consequences, "; "));
  return change;
}

PathKeeper::PathKeeper(Os& os, const FifoSettings& settings, FifoSet& fifos, int epoll_fd, Troubles& troubles)
    : os_(os), settings_(settings), fifo_set_(fifos), epoll_fd_(epoll_fd), troubles_(troubles) {}

bool PathKeeper::start() {
  note_current();
  return check_path(false);
}

void PathKeeper::wait_for(int fd, std::uint32_t events) const {
  epoll_event event{.events = events, .data = {.fd = fd}};
  (void)::epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event);  // as impossible to fail as in FifoSet::listen()
}

Status PathKeeper::watch() {
  if (!watch_) {
    Result<FifoInotify> watch = FifoInotify::open();
    if (!watch) return std::unexpected(watch.error());
    watch_ = std::move(*watch);
    wait_for(watch_->fd(), EPOLLIN);
  }
  Status watched = watch_->watch_path(fifo_set_.current().read_fd.get(), settings_.path);
  if (!watched || mounts_) return watched;
  Result<MountWatch> mounts = MountWatch::open();
  if (!mounts) return std::unexpected(mounts.error());
  mounts_ = std::move(*mounts);
  wait_for(mounts_->fd(), EPOLLPRI);
  return {};
}

void PathKeeper::arm() {
  const Status watched = watch();
  const std::string unwatched = watched ? "" : watched.error().message();
  if (std::exchange(unwatched_, unwatched) == unwatched) return;
  if (watched) {
    troubles_.clear(Trouble::PathNotWatched);
    say(watch_changes_, spdlog::level::info,
        fmt::format("changes of the FIFO's path {} are watched again", in_quotes(settings_.path)));
  } else {
    troubles_.set(Trouble::PathNotWatched, watched.error().why);
    say(watch_changes_, spdlog::level::warn,
        fmt::format(
            "{}. slurper looks once a second whether the FIFO {} was replaced, until it can be watched",
            unwatched, in_quotes(settings_.path)));
  }
}

bool PathKeeper::look() {
  FifoEvents events;
  if (watch_) events = watch_->read();
  const bool retry = retry_at_ && Clock::now() >= *retry_at_;
  if (events.attributes || events.overflow) check_access();
  const bool told = events.path || events.overflow;
  return (told || retry) && check_path(told);
}

std::optional<FifoAccess> PathKeeper::current_access() const {
  struct stat st{};
  if (os_.fstat(fifo_set_.current().read_fd.get(), &st) < 0) return std::nullopt;
  return FifoAccess{.mode = st.st_mode & 07777, .owner = st.st_uid, .group = st.st_gid};
}

void PathKeeper::check_access() {
  const std::optional<FifoAccess> now = current_access();
  const std::optional<FifoAccess> before = std::exchange(access_, now);
  if (!now || !before || *now == *before) return;
  const bool permitted = ::faccessat(AT_FDCWD, own_link(fifo_set_.current().read_fd.get()).c_str(),
                                     R_OK | W_OK, AT_EACCESS) == 0;
  const AccessChange change = describe_change(*before, *now, permitted);
  say(access_changes_, change.harmful ? spdlog::level::warn : spdlog::level::info,
      fmt::format("the access to the FIFO {} was changed: {}. slurper leaves it so",
                  in_quotes(settings_.path), change.text));
}

void PathKeeper::note_current() {
  access_ = current_access();
  std::error_code ignored;
  home_ = std::filesystem::read_symlink(own_link(fifo_set_.current().read_fd.get()), ignored);
}

// What has happened to the one that was at the path.
std::string PathKeeper::how_lost() const {
  const int fd = fifo_set_.current().read_fd.get();
  struct stat st{};
  if (os_.fstat(fd, &st) >= 0 && st.st_nlink == 0) return "was removed";
  std::error_code ignored;  // then it is just not known where it is
  const std::string now = std::filesystem::read_symlink(own_link(fd), ignored);
  if (now.empty()) return "is no longer there";
  const bool is_there = os_.lstat(now.c_str(), &st) >= 0 && st.st_dev == fifo_set_.current().device &&
                        st.st_ino == fifo_set_.current().inode;
  // With another link left. It may really be called so.
  if (!is_there && now.ends_with(" (deleted)")) return "was removed";
  if (now != home_) return "was moved to " + in_quotes(now);
  return is_there ? "is still at " + in_quotes(now) + ", but its path leads elsewhere"
                  : "is covered by what was mounted over its folder";
}

// Again and again, since it may change while it is looked at: what happens before arm() makes no event.
bool PathKeeper::check_path(bool told) {
  bool replaced = false;
  for (int attempt = 0; attempt < 10; ++attempt) {
    arm();
    struct stat st{};
    const Fifo& current = fifo_set_.current();
    const int error = os_.lstat(settings_.path.c_str(), &st);
    if (error >= 0 && st.st_dev == current.device && st.st_ino == current.inode) {
      // Of a look that was due to something else.
      const auto due = std::exchange(retry_at_, std::nullopt);
      recovered();
      // With another link left, that it is being removed can't be seen.
      if (st.st_nlink == 0) {
        retry_at_ = Clock::now() + kAboutToGo;
      } else if (told) {
        retry_at_ = Clock::now() + kSecondLook;
      } else if (!unwatched_.empty()) {
        retry_at_ = Clock::now() + kBlindLook;
      } else if (due && *due > Clock::now()) {
        retry_at_ = due;
      }
      return replaced;
    }
    const std::string lost = how_lost();
    if (error >= 0) {
      if (const std::optional<Status> reinstated = fifo_set_.reinstate(st.st_dev, st.st_ino)) {
        if (!*reinstated) {
          fail_at_path(reinstated->error(), lost);
          return replaced;
        }
        say(path_changes_, spdlog::level::warn,
            fmt::format("the FIFO {} {}, and one that was there before is back", in_quotes(settings_.path),
                        lost));
        replaced = true;
        note_current();
        continue;
      }
    }
    Result<Fifo> next = open_fifo(os_, settings_, 0ms);
    if (!next) {
      fail_at_path(next.error(), lost);
      return replaced;
    }
    take(std::move(*next), lost);
    replaced = true;
  }
  retry_at_ = Clock::now() + kFirstRetry;
  return replaced;
}

void PathKeeper::take(Fifo next, const std::string& how_lost) {
  say(path_changes_, spdlog::level::warn,
      fmt::format("the FIFO {} {}: {}. Whoever has the old one open is read until it leaves; let it "
                  "open the path anew",
                  in_quotes(settings_.path), how_lost,
                  next.created ? "made it anew" : "another one has taken its place, and is read now"));
  if (!next.lock.note.empty()) spdlog::warn("{}", next.lock.note);
  if (next.pipe_size_refusal) {
    spdlog::warn("{}. It has room for {}, going on with that", next.pipe_size_refusal->message(),
                 format_rounded(ByteSize{next.pipe_size}));
  }
  fifo_set_.replace(std::move(next));
  note_current();
}

void PathKeeper::fail_at_path(const Error& error, const std::string& how_lost) {
  const std::string fault = error.message();
  troubles_.set(Trouble::FifoNotAtPath, error.why);
  if (std::exchange(fault_, fault) != fault) {
    backoff_ = kFirstRetry;
    say(faults_, spdlog::level::err,
        fmt::format(
            "the FIFO {} {}, and slurper {}. Who has the old FIFO open is still read; the path is looked at "
            "again when it changes",
            in_quotes(settings_.path), how_lost, fault));
  } else {
    backoff_ = std::min<std::chrono::seconds>(2 * backoff_, kLastRetry);
  }
  // What stands in the way makes an event when it goes. Another slurper's lock, or a lack of descriptors,
  // makes none.
  if (!unwatched_.empty()) {
    retry_at_ = Clock::now() + kBlindLook;
  } else if (error.kind == ErrorKind::NoInput || error.errnum == ENOENT) {
    retry_at_.reset();
  } else {
    retry_at_ = Clock::now() + backoff_;
  }
}

void PathKeeper::recovered() {
  if (fault_.empty()) return;
  fault_.clear();
  troubles_.clear(Trouble::FifoNotAtPath);
  say(path_changes_, spdlog::level::warn,
      fmt::format("the FIFO {} is there again, and is read", in_quotes(settings_.path)));
}

void PathKeeper::report_closed() {
  for (std::uint64_t closed = fifo_set_.take_closed(); closed > 0; --closed) {
    say(closings_, spdlog::level::info,
        fmt::format("a FIFO that was at {} before has no writer any more and is empty: closed it",
                    in_quotes(settings_.path)));
  }
}

}  // namespace slurper
