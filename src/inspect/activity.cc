#include "inspect/activity.h"

#include <fmt/format.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cstddef>

#include "trace/call_table.h"

namespace slurper {

namespace {

constexpr std::size_t kNone = 6;  // there are six arguments

// Which arguments of a call are the descriptors that it reads from and writes to.
struct MovingCall {
  long number;
  std::size_t from = kNone;
  std::size_t to = kNone;
};
constexpr std::array kMovingCalls = {
    MovingCall{.number = SYS_read, .from = 0},         MovingCall{.number = SYS_readv, .from = 0},
    MovingCall{.number = SYS_preadv2, .from = 0},      MovingCall{.number = SYS_write, .to = 0},
    MovingCall{.number = SYS_writev, .to = 0},         MovingCall{.number = SYS_pwritev2, .to = 0},
    MovingCall{.number = SYS_vmsplice, .to = 0},       MovingCall{.number = SYS_splice, .from = 0, .to = 2},
    MovingCall{.number = SYS_tee, .from = 0, .to = 1}, MovingCall{.number = SYS_sendfile, .from = 1, .to = 0},
};

Activity::Kind kind_of(char state) {
  switch (state) {
    case 'R':
      return Activity::Kind::Running;
    case 'S':
    case 'D':
      return Activity::Kind::Asleep;
    case 'T':
      return Activity::Kind::Stopped;
    case 't':
      return Activity::Kind::Traced;
    case 'Z':
    case 'X':
      return Activity::Kind::Zombie;
    default:
      return Activity::Kind::Unknown;
  }
}

Activity activity_of(const ThreadFacts& thread, std::span<const int> pipe_fds) {
  Activity activity{.kind = kind_of(thread.state)};
  if (!thread.call) return activity;
  const Call* const call = find_call(static_cast<std::uint16_t>(thread.call->number));
  activity.call = call != nullptr ? std::string(call->name) : fmt::format("call {}", thread.call->number);
  const auto moving =
      std::ranges::find(kMovingCalls, static_cast<long>(thread.call->number), &MovingCall::number);
  if (moving == kMovingCalls.end()) return activity;
  const auto is_of_pipe = [&](std::size_t argument) {
    if (argument == kNone) return false;
    const auto fd = static_cast<int>(thread.call->arguments.at(argument));
    const bool is_of_it = std::ranges::find(pipe_fds, fd) != pipe_fds.end();
    if (is_of_it) activity.fd = fd;
    return is_of_it;
  };
  activity.reads_it = is_of_pipe(moving->from);
  activity.writes_it = is_of_pipe(moving->to);
  return activity;
}

}  // namespace

Activity activity_of(const ProcessFacts& process, std::span<const int> pipe_fds) {
  if (process.has_ended) return {.kind = Activity::Kind::Gone};
  Activity chosen;
  for (const ThreadFacts& thread : process.threads) {
    const Activity activity = activity_of(thread, pipe_fds);
    if (activity.reads_it || activity.writes_it) return activity;
    // A main thread that has ended leaves a zombie, and the others continue.
    if (chosen.kind == Activity::Kind::Unknown || chosen.kind == Activity::Kind::Zombie) chosen = activity;
  }
  return chosen;
}

std::string text_of(const Activity& activity) {
  const std::string in = activity.call.empty() ? "" : fmt::format(" in {}(2)", activity.call);
  switch (activity.kind) {
    case Activity::Kind::Gone:
      return "gone";
    case Activity::Kind::Running:
      return "running";
    case Activity::Kind::Asleep:
      return "asleep" + in;
    case Activity::Kind::Stopped:
      return "stopped";
    case Activity::Kind::Traced:
      return "stopped by a tracer";
    case Activity::Kind::Zombie:
      return "a zombie";
    case Activity::Kind::Unknown:
      break;
  }
  return "?";
}

}  // namespace slurper
