#include "intake/path_keeper.h"

#include <fcntl.h>
#include <fmt/format.h>
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
// unlink(2) makes its event before the name is gone (the kernel's vfs_unlink): a name that is still there may
// be about to go, and its removal makes no second event.
constexpr auto kAboutToGo = 10ms;
constexpr auto kSecondLook = 1s;
constexpr auto kBlindLook = 1s;  // between checks of a path that can't be watched

std::string own_link(int fd) {
  return fmt::format("/proc/self/fd/{}", fd);
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
  if ((added & S_IROTH) != 0) consequences.emplace_back("every user may read it and take lines away");
  if ((added & S_IWOTH) != 0) consequences.emplace_back("every user may write lines into it");
  AccessChange change{.text = fmt::format("{}", fmt::join(changes, ", ")), .harmful = !consequences.empty()};
  if (change.harmful) change.text += fmt::format(": {}", fmt::join(consequences, "; "));
  return change;
}

PathKeeper::PathKeeper(Os& os, const FifoSettings& settings, FifoSet& fifos, EventLoop& loop,
                       EventListener& events, std::function<void()> replaced)
    : os_(os),
      settings_(settings),
      fifos_(fifos),
      loop_(loop),
      events_(events),
      replaced_(std::move(replaced)),
      backoff_(kFirstRetry, kLastRetry) {}

PathKeeper::~PathKeeper() {
  if (watch_) loop_.remove(watch_->fd());
  if (mounts_) loop_.remove(mounts_->fd());
}

bool PathKeeper::start() {
  note_current();
  return check_path(false);
}

Status PathKeeper::join_loop(int fd, std::uint32_t events, void (PathKeeper::*handler)()) {
  loop_.add(fd, [this, handler](std::uint32_t) { (this->*handler)(); });
  Status listening = loop_.listen(fd, events);
  if (!listening) loop_.remove(fd);
  return listening;
}

Status PathKeeper::watch() {
  if (!watch_) {
    Result<FifoInotify> watch = FifoInotify::open();
    if (!watch) return std::unexpected(watch.error());
    if (Status joined = join_loop(watch->fd(), EPOLLIN, &PathKeeper::serve_events); !joined) return joined;
    watch_ = std::move(*watch);
  }
  Status watched = watch_->watch_path(fifos_.current().read_fd.get(), settings_.path);
  if (!watched || mounts_) return watched;
  Result<MountWatch> mounts = MountWatch::open();
  if (!mounts) return std::unexpected(mounts.error());
  if (Status joined = join_loop(mounts->fd(), EPOLLPRI, &PathKeeper::check_now); !joined) return joined;
  mounts_ = std::move(*mounts);
  return {};
}

void PathKeeper::arm() {
  const Status watched = watch();
  is_watched_ = watched.has_value();
  if (watched) {
    events_.report(EventId::PathWatchedAgain, {{"fifo", Quoted{settings_.path}}});
  } else {
    events_.report(EventId::PathNotWatched, {{"error", &watched.error()}, {"fifo", Quoted{settings_.path}}});
  }
}

void PathKeeper::check(bool announced) {
  if (check_path(announced)) replaced_();
}

void PathKeeper::check_now() {
  check(false);
}

void PathKeeper::check_due() {
  if (retry_at_ && Clock::now() >= *retry_at_) serve_events();
}

void PathKeeper::serve_events() {
  FifoEvents events;
  if (watch_) events = watch_->read();
  const bool retry = retry_at_ && Clock::now() >= *retry_at_;
  if (events.attributes || events.overflow) check_access();
  const bool announced = events.path || events.overflow;
  if (announced || retry) check(announced);
}

std::optional<FifoAccess> PathKeeper::current_access() const {
  struct stat st{};
  if (os_.fstat(fifos_.current().read_fd.get(), &st) < 0) return std::nullopt;
  return FifoAccess{.mode = st.st_mode & 07777, .owner = st.st_uid, .group = st.st_gid};
}

void PathKeeper::check_access() {
  const std::optional<FifoAccess> now = current_access();
  const std::optional<FifoAccess> before = std::exchange(access_, now);
  if (!now || !before || *now == *before) return;
  const bool permitted =
      ::faccessat(AT_FDCWD, own_link(fifos_.current().read_fd.get()).c_str(), R_OK | W_OK, AT_EACCESS) == 0;
  const AccessChange change = describe_change(*before, *now, permitted);
  events_.report(change.harmful ? EventId::FifoAccessHarmed : EventId::FifoAccessChanged,
                 {{"fifo", Quoted{settings_.path}}, {"change", change.text}});
}

void PathKeeper::note_current() {
  access_ = current_access();
  std::error_code ignored;
  home_ = std::filesystem::read_symlink(own_link(fifos_.current().read_fd.get()), ignored);
}

// Describes what has happened to the FIFO that was at the path.
std::string PathKeeper::fate_of_current() const {
  const int fd = fifos_.current().read_fd.get();
  struct stat st{};
  if (os_.fstat(fd, &st) >= 0 && st.st_nlink == 0) return "was removed";
  std::error_code ignored;  // in this case its present path stays unknown
  const std::string now = std::filesystem::read_symlink(own_link(fd), ignored);
  if (now.empty()) return "is no longer there";
  const bool is_there = os_.lstat(now.c_str(), &st) >= 0 && st.st_dev == fifos_.current().device &&
                        st.st_ino == fifos_.current().inode;
  // The FIFO has another link left. The check above rules out a name that really ends like this.
  if (!is_there && now.ends_with(" (deleted)")) return "was removed";
  if (now != home_) return "was moved to " + in_quotes(now);
  return is_there ? "is still at " + in_quotes(now) + ", but its path leads elsewhere"
                  : "is covered by what was mounted over its folder";
}

// Repeats the check, because the path may change during it: a change before arm() makes no event.
bool PathKeeper::check_path(bool announced) {
  bool replaced = false;
  for (int attempt = 0; attempt < 10; ++attempt) {
    arm();
    struct stat st{};
    const Fifo& current = fifos_.current();
    const int error = os_.lstat(settings_.path.c_str(), &st);
    if (error >= 0 && st.st_dev == current.device && st.st_ino == current.inode) {
      // This retry is due for another reason than this check.
      const auto due = std::exchange(retry_at_, std::nullopt);
      recovered();
      // If another link is left, slurper can't see that this one is being removed.
      if (st.st_nlink == 0) {
        retry_at_ = Clock::now() + kAboutToGo;
      } else if (announced) {
        retry_at_ = Clock::now() + kSecondLook;
      } else if (!is_watched_) {
        retry_at_ = Clock::now() + kBlindLook;
      } else if (due && *due > Clock::now()) {
        retry_at_ = due;
      }
      return replaced;
    }
    const std::string fate = fate_of_current();
    if (error >= 0) {
      if (const std::optional<Status> reinstated = fifos_.reinstate(st.st_dev, st.st_ino)) {
        if (!*reinstated) {
          fail_at_path(reinstated->error(), fate);
          return replaced;
        }
        events_.report(EventId::FifoReinstated, {{"fifo", Quoted{settings_.path}}, {"fate", fate}});
        replaced = true;
        note_current();
        continue;
      }
    }
    Result<Fifo> next = open_fifo(os_, settings_, 0ms);
    if (!next) {
      fail_at_path(next.error(), fate);
      return replaced;
    }
    adopt(std::move(*next), fate);
    replaced = true;
  }
  retry_at_ = Clock::now() + kFirstRetry;
  return replaced;
}

void PathKeeper::adopt(Fifo next, const std::string& fate) {
  events_.report(next.created ? EventId::FifoRecreated : EventId::FifoReplaced,
                 {{"fifo", Quoted{settings_.path}}, {"fate", fate}});
  report_opened(next, events_);
  fifos_.replace(std::move(next));
  note_current();
}

void PathKeeper::fail_at_path(const Error& error, const std::string& fate) {
  events_.report(EventId::FifoNotAtPath,
                 {{"error", &error}, {"fifo", Quoted{settings_.path}}, {"fate", fate}});
  if (fault_ != error) backoff_.reset();
  fault_ = error;
  const auto wait = backoff_.failed();
  // If something is in the way, its removal makes an event. The end of another slurper's lock, or of a
  // shortage of descriptors, makes none.
  if (!is_watched_) {
    retry_at_ = Clock::now() + kBlindLook;
  } else if (error.kind == ErrorKind::NoInput || error.errnum == ENOENT) {
    retry_at_.reset();
  } else {
    retry_at_ = Clock::now() + wait;
  }
}

void PathKeeper::recovered() {
  fault_.reset();
  events_.report(EventId::FifoBack, {{"fifo", Quoted{settings_.path}}});
}

void PathKeeper::report_closed() {
  for (std::uint64_t closed = fifos_.take_closed(); closed > 0; --closed)
    events_.report(EventId::FifoClosed, {{"fifo", Quoted{settings_.path}}});
}

void report_opened(const Fifo& fifo, EventListener& events) {
  for (const Phrase& note : fifo.lock.notes) events.report(EventId::FifoLockHint, {{"note", &note}});
  if (fifo.pipe_size_refusal)
    events.report(EventId::PipeSizeRefused,
                  {{"error", &*fifo.pipe_size_refusal}, {"size", ByteSize{fifo.pipe_size}}});
}

}  // namespace slurper
