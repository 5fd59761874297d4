#include "cli/inspect_watch.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/error.h"
#include "base/phrase_id.h"
#include "base/text.h"
#include "cli/inspect.h"
#include "cli/inspect_findings.h"
#include "cli/screens.h"
#include "service/phrase_table.h"

namespace slurper {

namespace {

using Clock = std::chrono::steady_clock;

std::string bar_of(const FillAnswer& answer) {
  if (!answer.fill) return "[??????]";
  return bar(answer.fill->bytes, answer.fill->capacity);
}

const char* access_of(const PipeHolder& holder) {
  switch (holder.open.access) {
    case Access::Read:
      return "r";
    case Access::Write:
      return holder.is_keep_alive ? "keep" : "w";
    case Access::ReadWrite:
      return "rw";
    case Access::None:
      break;
  }
  return "-";
}

// "in write", "stopped".
std::string now_text(const Activity& activity) {
  return activity.call.empty() || activity.kind != Activity::Kind::Asleep ? text_of(activity)
                                                                          : "in " + activity.call;
}

}  // namespace

std::string PipeWatch::screen(const InspectedPipe& pipe, ScreenSize size, double seconds) {
  const PipeFacts& facts = pipe.facts;
  std::string text =
      fmt::format("{}  {}\n{} {}\n", time_of_day(), name_of(facts), bar_of(facts.fill), fill_text(facts));
  for (const Finding& finding : pipe.findings) text += to_lines(finding, std::min(kColumns, size.columns));
  constexpr std::string_view kRow = "{} {:>4} {:<4} {:>8} {:>9} {:>9}  {}\n";
  constexpr std::size_t kProcess = 22;
  text += '\n' + fmt::format(kRow, fitted("PROCESS", kProcess), "FD", "", "", "READ/s", "WRITTEN/s", "NOW");
  const std::map<ProcessId, Moved> moved = moved_since(facts);
  for (const PipeHolder& holder : facts.holders) {
    const auto known = moved.find(holder.open.process);
    const bool is_known = known != moved.end();
    text += fmt::format(
        kRow,
        fitted_process(fmt::format("{} ({})", printable(holder.open.command), holder.open.process.pid),
                       kProcess),
        holder.open.fd, access_of(holder), (holder.open.flags & O_NONBLOCK) != 0 ? "nonblock" : "",
        is_known ? byte_rate(known->second.read, seconds) : "?",
        is_known ? byte_rate(known->second.written, seconds) : "?", now_text(holder.doing));
  }
  return fitted_screen(text, size);
}

// Of each process that the look before has had, too, if /proc tells.
std::map<ProcessId, PipeWatch::Moved> PipeWatch::moved_since(const PipeFacts& facts) {
  std::map<ProcessId, Moved> now;
  std::map<ProcessId, Moved> since;
  for (const auto& [process, known] : facts.processes) {
    if (!known.read || !known.written) continue;
    const Moved& count = now[process] = {.read = *known.read, .written = *known.written};
    const auto before = before_.find(process);
    if (before == before_.end()) continue;
    since[process] = {.read = count.read - std::min(count.read, before->second.read),
                      .written = count.written - std::min(count.written, before->second.written)};
  }
  before_ = std::move(now);
  return since;
}

std::string PipeWatch::line(const InspectedPipe& pipe, const std::string& time, double seconds) {
  const HolderCounts counts = count_holders(pipe.facts);
  const std::map<ProcessId, Moved> moved = moved_since(pipe.facts);
  // A process counts in each of the two at most once, however many descriptors it has.
  std::map<ProcessId, Moved> of_pipe;
  for (const PipeHolder& holder : pipe.facts.holders) {
    const auto known = moved.find(holder.open.process);
    if (known == moved.end()) continue;
    const Access access = holder.open.access;
    Moved& one = of_pipe[holder.open.process];
    if (access == Access::Read || access == Access::ReadWrite) one.read = known->second.read;
    if ((access == Access::Write && !holder.is_keep_alive) || access == Access::ReadWrite)
      one.written = known->second.written;
  }
  Moved all;
  for (const auto& [process, one] : of_pipe) {
    all.read += one.read;
    all.written += one.written;
  }
  const auto rate = [&](const char* verb, std::uint64_t bytes) {
    if (of_pipe.empty()) return std::string();
    return fmt::format(" {} {}", verb, bytes == 0 ? "nothing" : byte_rate(bytes, seconds) + "/s");
  };
  std::string text = fmt::format("{} {} {}; {}{}, {}{}", time, bar_of(pipe.facts.fill), fill_text(pipe.facts),
                                 counted(counts.readers, "reader"), rate("reading", all.read),
                                 counted(counts.writers, "writer"), rate("writing", all.written));
  for (const Finding& finding : pipe.findings) text.append("; ").append(to_text(finding.phrase));
  return text;
}

Status watch_pipes(const std::optional<std::string>& target, int out_fd) {
  Screens screens(out_fd);
  PipeWatch watch;
  constexpr std::chrono::seconds kInterval{1};
  auto drawn = Clock::now();
  for (auto next = drawn;; next = std::max(next + kInterval, Clock::now())) {
    std::this_thread::sleep_until(next);
    const auto now = Clock::now();
    const double seconds = std::chrono::duration<double>(now - drawn).count();
    drawn = now;
    std::string text;
    if (target) {
      const Result<InspectedPipe> pipe = inspect_pipe(*target);
      if (!pipe) return std::unexpected(pipe.error());
      text = screens.is_terminal() ? watch.screen(*pipe, screens.size(), seconds)
                                   : watch.line(*pipe, time_of_day(), seconds);
    } else {
      text = time_of_day() + "\n" + fifos_text(inspect_fifos());
      if (screens.is_terminal()) text = fitted_screen(text, screens.size());
    }
    if (!screens.draw(text)) break;
  }
  if (screens.errnum() == 0) return {};
  return fail_errno(screens.errnum(), PhraseId::WriteStandardOutput);
}

}  // namespace slurper
