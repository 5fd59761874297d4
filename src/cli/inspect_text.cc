#include "cli/inspect_text.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <iterator>
#include <set>
#include <string_view>

#include "base/accounts.h"
#include "base/text.h"
#include "base/wrap.h"
#include "cli/inspect_findings.h"
#include "service/phrase_table.h"

namespace slurper {

namespace {

constexpr mode_t kPermissions = 07777;

std::string local_time(std::chrono::sys_seconds time) {
  const std::time_t seconds = time.time_since_epoch().count();
  std::tm local{};
  std::array<char, 32> text{};
  ::localtime_r(&seconds, &local);
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &local)};
}

std::string mode_text(const OpenDescriptor& open) {
  std::string text;
  switch (open.access) {
    case Access::Read:
      text = "read";
      break;
    case Access::Write:
      text = "write";
      break;
    case Access::ReadWrite:
      text = "both";
      break;
    case Access::None:
      return "O_PATH";
  }
  return (open.flags & O_NONBLOCK) != 0 ? text + " nonblock" : text;
}

std::string user_of(const ProcessFacts& process) {
  return process.user ? user_name(*process.user) : "?";
}

// What is not in the row.
std::string remarks_on(const PipeFacts& facts, const PipeHolder& holder) {
  const ProcessFacts& process = facts.processes.at(holder.open.process);
  std::vector<std::string> remarks;
  if (!process.has_ended) remarks.push_back(fmt::format("opened after {}", local_time(process.started)));
  if (!process.group.unit.empty()) remarks.push_back("unit " + printable(process.group.unit));
  if (!process.group.container.empty()) remarks.push_back("container " + printable(process.group.container));
  if (holder.is_keep_alive) remarks.emplace_back("slurper's keep-alive writer: it never writes");
  if (holder.inherited_from)
    remarks.push_back(fmt::format("inherited from pid {}", holder.inherited_from->pid));
  if (process.in_other_mounts)
    remarks.push_back(fmt::format("in another mount namespace, as {}", in_quotes(holder.path)));
  return fmt::format("{}", fmt::join(remarks, "; "));
}

// A row has no room for the section of the manual.
std::string now_text(const Activity& activity) {
  std::string text = text_of(activity);
  if (text.ends_with("(2)")) text.resize(text.size() - 3);
  return text;
}

constexpr std::string_view kRow = "{:>7} {} {} {:>4} {:<14} {}\n";
constexpr std::size_t kName = 15;
constexpr std::size_t kUser = 9;

std::string holders_text(const PipeFacts& facts) {
  if (facts.holders.empty()) return {};
  std::string text =
      fmt::format(kRow, "PID", fitted("NAME", kName), fitted("USER", kUser), "FD", "OPEN FOR", "NOW");
  for (const PipeHolder& holder : facts.holders) {
    text += fmt::format(kRow, holder.open.process.pid, fitted(printable(holder.open.command), kName),
                        fitted(user_of(facts.processes.at(holder.open.process)), kUser), holder.open.fd,
                        mode_text(holder.open), now_text(holder.doing));
    text += wrap("        ", remarks_on(facts, holder), kColumns);
  }
  return text;
}

std::string state_text(const PipeFacts& facts) {
  std::string text = "holds " + fill_text(facts);
  if (facts.fill.fill && facts.fill.fill->has_room)
    text += *facts.fill.fill->has_room ? "; a writer has room now" : "; a writer has no room now";
  if (facts.fill.fill && !facts.fill.fill->slots_used())
    text += fmt::format("; slots used: unknown, of {}", facts.fill.fill->slots());
  text += fmt::format("; mode {:04o}, owner {}, group {}", facts.mode & kPermissions, user_name(facts.owner),
                      group_name(facts.group));
  return text;
}

std::string limits_text(const PipeFacts& facts) {
  return fmt::format("a user without privileges may enlarge a pipe to {}, and all pipes together to {}",
                     format_rounded(ByteSize{facts.max_size}),
                     facts.user_pages_soft == 0 ? "any size" : counted(facts.user_pages_soft, "page"));
}

Finding::Level level_of(const Findings& findings) {
  return findings.empty() ? Finding::Level::Ok : findings.front().level;
}

}  // namespace

std::string name_of(const PipeFacts& facts) {
  if (facts.is_anonymous) return fmt::format("pipe {}", facts.id.inode);
  if (!facts.path.empty()) return "FIFO " + in_quotes(facts.path);
  // The path that a holder knows it by leads to another file here, or to none.
  return facts.holders.empty() ? fmt::format("FIFO {}", facts.id.inode)
                               : "FIFO " + in_quotes(facts.holders.front().path) + ", not at that path here";
}

HolderCounts count_holders(const PipeFacts& facts) {
  std::set<ProcessId> readers;
  std::set<ProcessId> writers;
  for (const PipeHolder& holder : facts.holders) {
    const Access access = holder.open.access;
    if (access == Access::Read || access == Access::ReadWrite) readers.insert(holder.open.process);
    if ((access == Access::Write && !holder.is_keep_alive) || access == Access::ReadWrite)
      writers.insert(holder.open.process);
  }
  return {.readers = readers.size(), .writers = writers.size()};
}

std::string pipe_text(const InspectedPipe& pipe) {
  const PipeFacts& facts = pipe.facts;
  std::string text = name_of(facts) + "\n";
  for (const Finding& finding : pipe.findings) text += to_lines(finding);
  text += "\n" + wrap("", state_text(facts), kColumns);
  if (facts.max_size > 0) text += wrap("", limits_text(facts), kColumns);
  if (!facts.holders.empty()) text += "\n" + holders_text(facts);
  return text;
}

std::string fifos_text(const std::vector<InspectedPipe>& pipes) {
  if (pipes.empty()) return "no process that could be looked at has a FIFO open\n";
  constexpr std::size_t kPath = 42;
  constexpr std::string_view kFifoRow = "{} {:>7} {:>7} {:<8} {}\n";
  std::string text = fmt::format(kFifoRow, fitted("FIFO", kPath), "READERS", "WRITERS", "USED", "HOLDS");
  std::vector<const InspectedPipe*> order;
  for (const InspectedPipe& pipe : pipes) order.push_back(&pipe);
  std::ranges::stable_sort(order, [](const InspectedPipe* one, const InspectedPipe* other) {
    const auto key = [](const InspectedPipe* pipe) {
      return std::pair(level_of(pipe->findings),
                       pipe->facts.fill.fill ? pipe->facts.fill.fill->percent() : 0);
    };
    return key(one) > key(other);
  });
  for (const InspectedPipe* const pipe : order) {
    const PipeFacts& facts = pipe->facts;
    const HolderCounts counts = count_holders(facts);
    const auto& fill = facts.fill.fill;
    const std::string path =
        facts.path.empty() && !facts.holders.empty() ? facts.holders.front().path : facts.path;
    text += fmt::format(kFifoRow, fitted_path(printable(path), kPath), counts.readers, counts.writers,
                        fill ? bar(fill->bytes, fill->capacity) : "?",
                        fill ? format_rounded(ByteSize{fill->bytes}) : "?");
    if (level_of(pipe->findings) != Finding::Level::Ok)
      text += wrap("    ", to_text(pipe->findings.front().phrase), kColumns);
  }
  return text;
}

}  // namespace slurper
