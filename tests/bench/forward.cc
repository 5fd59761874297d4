#include "bench/forward.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "base/fd.h"
#include "bench/reader.h"
#include "bench/surroundings.h"

namespace slurper::bench {

namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kStartPatience(15);
constexpr milliseconds kSettle(700);
constexpr seconds kStopPatience(10);
constexpr seconds kDeadline(180);
constexpr seconds kQuiet(4);  // longer than any of them keeps lines back
constexpr milliseconds kInterval(2);

std::uint64_t lines_in(const fs::path& file) {
  const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  std::vector<char> buffer(1 << 20);
  std::uint64_t lines = 0;
  for (ssize_t size = 0; (size = ::read(fd.get(), buffer.data(), buffer.size())) > 0;)
    lines += static_cast<std::uint64_t>(std::count(buffer.begin(), buffer.begin() + size, '\n'));
  return lines;
}

struct Arrived {
  std::uint64_t lines = 0;
  Moment last{0};
};

// Waits until all lines of the writers have arrived, or no more come.
Arrived watch(Reader& reader, Writers& writers, const Receiver* receiver, const fs::path& out) {
  std::uint64_t seen = 0;
  std::optional<std::uint64_t> expected;
  Moment last = now();
  for (const Moment end = now() + kDeadline; now() < end && !reader.ended() && interrupted == 0;) {
    std::this_thread::sleep_for(kInterval);
    const std::uint64_t there = receiver != nullptr ? receiver->tally().lines : size_of(out);
    if (there != seen) {
      seen = there;
      last = now();
    }
    if (!expected && writers.done()) {
      expected = 0;
      for (const WriterTally& tally : writers.tallies()) *expected += tally.accepted;
    }
    // How large a file is once it is complete only its writer knows.
    if (expected && ((receiver != nullptr && seen >= *expected) || now() - last > kQuiet)) break;
  }
  return {.lines = receiver != nullptr ? seen : lines_in(out), .last = last};
}

bool takes_lines(const std::string& input, Reader& reader) {
  for (const Moment end = now() + kStartPatience; now() < end && !reader.ended() && interrupted == 0;) {
    if (open_for_writing(input)) return true;
    std::this_thread::sleep_for(kInterval);
  }
  return false;
}

}  // namespace

Result<Outcome> run_forward(const LineMaker& maker, const Peer& peer, const RunPlan& plan,
                            const Places& places) {
  const Folders folders(places);
  Filling filling{.fifo = folders.disk() / "in",
                  .out = folders.disk() / "out",
                  .disk = folders.disk(),
                  .ram = folders.ram()};
  if (!peer.by_socket && ::mkfifo(filling.fifo.c_str(), 0600) < 0)
    return fail_errno(errno, own_words("make a FIFO"));
  std::optional<Receiver> receiver;
  if (peer.receiver) {
    auto started = Receiver::start(*peer.receiver);
    if (!started) return std::unexpected(started.error());
    receiver.emplace(std::move(*started));
    filling.port = receiver->port();
  }
  std::ofstream(folders.disk() / "config") << filled_in(peer.config, filling);

  auto reader = Reader::start(filled_in(peer.command, filling), folders.disk().native());
  if (!reader) return std::unexpected(reader.error());
  Outcome outcome;
  if (!takes_lines(filling.fifo.native(), *reader)) {
    outcome.failure = "it never took a line" + complaint(folders.disk());
    return outcome;
  }
  std::this_thread::sleep_for(kSettle);

  const double cpu_before = reader->cpu_seconds();
  const double busy_before = busy_seconds();
  const Moment began = now();
  auto writers = Writers::start(maker, filling.fifo.native(), plan.writers);
  if (!writers) return std::unexpected(writers.error());
  const Arrived arrived = watch(*reader, *writers, receiver ? &*receiver : nullptr, filling.out);
  const double cpu = reader->cpu_seconds() - cpu_before;
  const double busy = busy_seconds() - busy_before;
  const double elapsed = static_cast<double>((now() - began).count()) * 1e-6;
  if (reader->ended() || !writers->done()) {
    outcome.failure =
        interrupted != 0 ? "interrupted" : "it did not take all lines" + complaint(folders.disk());
    return outcome;
  }
  auto& metrics = outcome.metrics;
  metrics["resident_mib"] = reader->resident_mib();
  (void)reader->stop(kStopPatience);

  const WriterTally tally = writers->tallies().front();
  const auto lines = static_cast<double>(tally.accepted);
  metrics["lines_per_second"] = lines / (static_cast<double>((arrived.last - tally.first).count()) * 1e-6);
  metrics["cpu_per_million"] = cpu / lines * 1e6;
  metrics["noise_cpus"] = std::max(0.0, (busy - cpu - tally.cpu_seconds) / elapsed);
  if (tally.errnum != 0) {
    outcome.failure = "the writer: " + errno_text(tally.errnum);
  } else if (arrived.lines != tally.accepted) {
    outcome.failure = fmt::format("{} lines written, {} arrived", tally.accepted, arrived.lines);
  }
  return outcome;
}

}  // namespace slurper::bench
