#include "daemon/fifo_keeper.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>
#include <vector>

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
    changes.push_back(fmt::format("its owner is {} now, and was {}", now.owner, before.owner));
  if (now.group != before.group)
    changes.push_back(fmt::format("its group is {} now, and was {}", now.group, before.group));

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

FifoKeeper::FifoKeeper(Os& os, const FifoSettings& settings, Fifos& fifos)
    : os_(os), settings_(settings), fifos_(fifos) {}

bool FifoKeeper::start() {
  Result<FifoWatch> watch = FifoWatch::open();
  if (watch) {
    watch_ = std::move(*watch);
  } else {
    spdlog::warn("{}. That the FIFO is removed or replaced will go unnoticed, ignoring",
                 watch.error().message());
  }
  access_ = current_access();
  arm();
  return look_at_path(false);
}

void FifoKeeper::arm() {
  if (!watch_) return;
  const Status watched = watch_->watch_path(fifos_.current().read_fd.get(), settings_.path);
  if (!watched && !std::exchange(watch_failing_, true)) {
    spdlog::warn("{}. That the FIFO {} is replaced may go unnoticed, ignoring", watched.error().message(),
                 in_quotes(settings_.path));
  } else if (watched) {
    watch_failing_ = false;
  }
}

bool FifoKeeper::look() {
  FifoEvents events;
  if (watch_) events = watch_->read();
  const bool retry = retry_at_ && Clock::now() >= *retry_at_;
  if (events.attributes || events.overflow) look_at_access();
  const bool told = events.path || events.overflow;
  return (told || retry) && look_at_path(told);
}

std::optional<FifoAccess> FifoKeeper::current_access() const {
  struct stat st{};
  if (os_.fstat(fifos_.current().read_fd.get(), &st) < 0) return std::nullopt;
  return FifoAccess{.mode = st.st_mode & 07777, .owner = st.st_uid, .group = st.st_gid};
}

void FifoKeeper::look_at_access() {
  const std::optional<FifoAccess> now = current_access();
  const std::optional<FifoAccess> before = std::exchange(access_, now);
  if (!now || !before || *now == *before) return;
  const bool permitted =
      ::faccessat(AT_FDCWD, own_link(fifos_.current().read_fd.get()).c_str(), R_OK | W_OK, AT_EACCESS) == 0;
  const AccessChange change = describe_change(*before, *now, permitted);
  say(access_changes_, change.harmful ? spdlog::level::warn : spdlog::level::info,
      fmt::format("somebody has changed the FIFO {}: {}. slurper leaves it so", in_quotes(settings_.path),
                  change.text));
}

// What has happened to the one that was at the path.
std::string FifoKeeper::how_lost() const {
  const int fd = fifos_.current().read_fd.get();
  struct stat st{};
  if (os_.fstat(fd, &st) >= 0 && st.st_nlink == 0) return "was removed";
  std::error_code ignored;  // then it is just not known where it is
  const std::string now = std::filesystem::read_symlink(own_link(fd), ignored);
  // With another link left. It may really be called so.
  if (now.ends_with(" (deleted)") && os_.lstat(now.c_str(), &st) < 0) return "was removed";
  return now.empty() || now == settings_.path ? "is no longer there" : "was moved to " + in_quotes(now);
}

// Again and again, since it may change while it is looked at: what happens before arm() makes no event.
bool FifoKeeper::look_at_path(bool told) {
  bool replaced = false;
  for (int attempt = 0; attempt < 10; ++attempt) {
    struct stat st{};
    const Fifo& current = fifos_.current();
    const int error = os_.lstat(settings_.path.c_str(), &st);
    if (error >= 0 && st.st_dev == current.device && st.st_ino == current.inode) {
      arm();  // the folder need not be watched any longer
      recovered();
      // With another link left, that it is being removed can't be seen.
      if (st.st_nlink == 0) {
        retry_at_ = Clock::now() + kAboutToGo;
      } else if (told) {
        retry_at_ = Clock::now() + kSecondLook;
      }
      return replaced;
    }
    const std::string lost = how_lost();
    if (error >= 0) {
      if (const std::optional<Status> reinstated = fifos_.reinstate(st.st_dev, st.st_ino)) {
        if (!*reinstated) {
          fail_at_path(reinstated->error(), lost);
          return replaced;
        }
        say(path_changes_, spdlog::level::warn,
            fmt::format("the FIFO {} {}, and one that was there before is back", in_quotes(settings_.path),
                        lost));
        replaced = true;
        access_ = current_access();
        arm();
        continue;
      }
    }
    Result<Fifo> next = open_fifo(os_, settings_, 0ms);
    if (!next) {
      fail_at_path(next.error(), lost);
      // The folder may be gone, too, and the watch with it. Something may have come before the new watch.
      arm();
      if (os_.lstat(settings_.path.c_str(), &st) == error) return replaced;
      continue;
    }
    take(std::move(*next), lost);
    replaced = true;
  }
  retry_at_ = Clock::now() + kFirstRetry;
  return replaced;
}

void FifoKeeper::take(Fifo next, const std::string& how_lost) {
  say(path_changes_, spdlog::level::warn,
      fmt::format("the FIFO {} {}: {}. Whoever has the old one open is read until it leaves; let it "
                  "open the path anew",
                  in_quotes(settings_.path), how_lost,
                  next.created ? "made it anew" : "another one has taken its place, and is read now"));
  if (next.pipe_size_refusal) {
    spdlog::warn("{}. It has room for {}, going on with that", next.pipe_size_refusal->message(),
                 format_rounded(ByteSize{next.pipe_size}));
  }
  fifos_.replace(std::move(next));
  access_ = current_access();
  arm();
}

void FifoKeeper::fail_at_path(const Error& error, const std::string& how_lost) {
  const std::string fault = error.message();
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
  const bool told = error.kind == ErrorKind::NoInput && watch_ && !watch_failing_;
  retry_at_ = told ? std::nullopt : std::optional(Clock::now() + backoff_);
}

void FifoKeeper::recovered() {
  retry_at_.reset();
  if (fault_.empty()) return;
  fault_.clear();
  say(path_changes_, spdlog::level::warn,
      fmt::format("the FIFO {} is there again, and is read", in_quotes(settings_.path)));
}

void FifoKeeper::report_closed() {
  for (std::uint64_t closed = fifos_.take_closed(); closed > 0; --closed) {
    say(closings_, spdlog::level::info,
        fmt::format("a FIFO that was at {} before has no writer any more and is empty: closed it",
                    in_quotes(settings_.path)));
  }
}

}  // namespace slurper
