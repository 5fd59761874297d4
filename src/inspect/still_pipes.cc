#include "inspect/still_pipes.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <thread>
#include <vector>

namespace slurper {

namespace {

using std::chrono::milliseconds;

// What a process's reading would change: its read calls, and what the pipe holds.
struct Sample {
  std::uint64_t bytes = 0;
  std::uint64_t emptied = 0;  // slots
  bool is_full = false;
  std::vector<std::uint64_t> reads;
  bool is_reading = false;
  bool operator==(const Sample&) const = default;
};

Sample sample_of(const PipeFacts& facts, const std::optional<PipeFill>& fill) {
  Sample sample;
  if (fill) sample.bytes = fill->bytes;
  if (fill) sample.emptied = fill->emptied.value_or(0);
  sample.is_full = fill && fill->is_full();
  for (const PipeHolder& holder : facts.holders) {
    if (holder.open.access != Access::Read) continue;
    sample.is_reading = sample.is_reading || holder.doing.reads_it;
    sample.reads.push_back(facts.processes.at(holder.open.process).reads.value_or(0));
  }
  return sample;
}

FillAnswer fill_now(const PipeFacts& facts, const std::optional<KernelLook>& look) {
  if (facts.kernel && look) {
    const auto same = std::ranges::find_if(look->pipes, [&](const auto& pipe) {
      return pipe.second.device == facts.kernel->device && pipe.second.inode == facts.kernel->inode;
    });
    return same == look->pipes.end() ? FillAnswer{} : fill_of(same->second);
  }
  std::vector<OpenDescriptor> open;
  for (const PipeHolder& holder : facts.holders) open.push_back(holder.open);
  return ask_fill(open, facts.id);
}

struct Watched {
  PipeFacts* facts;
  Sample first;
  bool has_changed = false;
};

}  // namespace

void look_at_processes(PipeFacts& facts) {
  facts.processes.clear();
  for (const PipeHolder& holder : facts.holders) {
    const ProcessId process = holder.open.process;
    if (!facts.processes.contains(process)) facts.processes.emplace(process, process_facts(process));
  }
  std::map<ProcessId, std::vector<int>> fds;
  for (const PipeHolder& holder : facts.holders) fds[holder.open.process].push_back(holder.open.fd);
  for (PipeHolder& holder : facts.holders)
    holder.doing = activity_of(facts.processes.at(holder.open.process), fds.at(holder.open.process));
}

// A reader that gathers lines sleeps between its reads, and one that is slow leaves the pipe full most of the
// time: only a longer look tells them from one that has stopped.
void watch_full_pipes(std::span<PipeFacts> pipes, KernelPipes* kernel) {
  constexpr int kRounds = 4;
  constexpr milliseconds kPause{50};
  std::vector<Watched> watched;
  for (PipeFacts& facts : pipes)
    if (facts.fill.fill && facts.fill.fill->is_full())
      watched.push_back({.facts = &facts, .first = sample_of(facts, facts.fill.fill)});
  const auto has_changed = [](const Watched& one) { return one.has_changed; };
  for (int round = 0; round < kRounds && !std::ranges::all_of(watched, has_changed); ++round) {
    std::this_thread::sleep_for(kPause);
    const std::optional<KernelLook> look = kernel != nullptr ? kernel->look() : std::nullopt;
    for (Watched& one : watched) {
      if (one.has_changed) continue;
      const FillAnswer fill = fill_now(*one.facts, look);
      look_at_processes(*one.facts);
      one.has_changed = sample_of(*one.facts, fill.fill) != one.first;
    }
  }
  for (const Watched& one : watched) one.facts->stands_still = !one.has_changed && !one.first.is_reading;
}

}  // namespace slurper
