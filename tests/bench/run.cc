#include "bench/run.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <numeric>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "base/fd.h"
#include "bench/reader.h"
#include "bench/statistics.h"
#include "bench/surroundings.h"
#include "support/stalled_disk.h"
#include "support/text_of.h"

namespace slurper::bench {

volatile std::sig_atomic_t interrupted = 0;

namespace {

using test::text_of;

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Sent before anything is measured: once it is in the log, the reader works.
constexpr std::string_view kProbe = "PROBE\n";

constexpr seconds kStartPatience(15);
constexpr milliseconds kSettle(300);
constexpr seconds kStopPatience(10);
constexpr seconds kDeadline(180);                      // for the writers and the log
constexpr Moment kInterval(2000), kFineInterval(100);  // between two looks at the log
constexpr seconds kStallDelay(1), kStall(5);
constexpr seconds kRest(2), kSilence(10);
constexpr int kStarts = 20;

// Writes the probe and waits until it is in the log.
bool probe(const fs::path& fifo, const fs::path& out, Reader& reader) {
  const Moment end = now() + kStartPatience;
  bool sent = false;
  while (now() < end && !reader.ended() && interrupted == 0) {
    if (!sent) {
      // Nobody may have opened the FIFO yet, and then this fails.
      const UniqueFd fifo_write_fd(::open(fifo.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
      sent = fifo_write_fd && ::write(fifo_write_fd.get(), kProbe.data(), kProbe.size()) > 0;
    }
    if (size_of(out) >= kProbe.size()) return true;
    std::this_thread::sleep_for(milliseconds(2));
  }
  return false;
}

struct Watched {
  std::vector<Sample> samples;  // one for each growth that was seen
  Moment grown{0};              // when the last was
  bool complete = false;        // the log reached the size of all that was accepted
};

// Watches the log until everything that the writers wrote is there, or no more comes.
Watched watch(const fs::path& out, Reader& reader, Writers& writers, Moment interval, milliseconds patience) {
  Watched watched;
  watched.grown = now();
  std::uint64_t size = size_of(out);
  std::uint64_t expected = 0;
  for (const Moment end = now() + kDeadline; now() < end && !reader.ended() && interrupted == 0;) {
    std::this_thread::sleep_for(interval);
    const std::uint64_t grown_to = size_of(out);
    const Moment seen = now();
    if (grown_to != size) {
      size = grown_to;
      watched.grown = seen;
      watched.samples.push_back({seen, size});
    }
    if (expected == 0 && writers.done()) {
      expected = kProbe.size();
      for (const WriterTally& tally : writers.tallies()) expected += tally.bytes;
    }
    if (expected > 0 && size >= expected) {
      watched.complete = true;
      break;
    }
    if (expected > 0 && seen - watched.grown > patience) break;
  }
  return watched;
}

Verdict check_file(const LineMaker& maker, const fs::path& file, std::span<const std::uint64_t> accepted,
                   std::span<const Sample> samples) {
  const std::uint64_t size = size_of(file);
  const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  void* data = size == 0 ? MAP_FAILED : ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd.get(), 0);
  if (data == MAP_FAILED) return check_lines(maker, {}, accepted);
  std::string_view text(static_cast<const char*>(data), size);
  if (text.starts_with(kProbe)) text.remove_prefix(kProbe.size());
  Verdict verdict = check_lines(maker, text, accepted, samples, size - text.size());
  ::munmap(data, size);
  return verdict;
}

void add_latencies(std::vector<Moment>& latencies, std::map<std::string, double>& metrics) {
  if (latencies.empty()) return;
  std::sort(latencies.begin(), latencies.end());
  const auto percentile = [&](std::size_t percent) {
    return static_cast<double>(latencies[(latencies.size() - 1) * percent / 100].count());
  };
  metrics["p50_us"] = percentile(50);
  metrics["p99_us"] = percentile(99);
  metrics["worst_us"] = percentile(100);
}

// The median time from exec to ready over fresh starts, each with a FIFO, a log and a ring of its own.
Result<double> ready_time(const Peer& peer, const Folders& folders) {
  std::vector<double> times;
  times.reserve(kStarts);
  for (int i = 0; i < kStarts; ++i) {
    const fs::path directory = folders.disk() / fmt::format("start{}", i);
    const fs::path ram = folders.ram() / fmt::format("start{}", i);
    fs::create_directories(directory);
    fs::create_directories(ram);
    const fs::path fifo = directory / "fifo";
    if (::mkfifo(fifo.c_str(), 0600) < 0) return fail_errno(errno, own_words("make a FIFO"));
    const auto took = time_until_ready(
        filled_in(peer.command, {.fifo = fifo, .out = directory / "out", .disk = directory, .ram = ram}),
        directory.native());
    if (!took) return took;
    times.push_back(*took);
    fs::remove_all(ram);
  }
  return median(times);
}

}  // namespace

Result<Outcome> run_once(const LineMaker& maker, const Peer& peer, const RunPlan& plan,
                         const Places& places) {
  ::prctl(PR_SET_TIMERSLACK, 1);  // for the samples
  const Folders folders(places);
  std::optional<test::StalledDisk> disk;
  if (plan.stall) {
    auto created = test::StalledDisk::create(folders.disk());
    if (!created) return std::unexpected(created.error());
    disk.emplace(std::move(*created));
  }
  const fs::path log_directory = peer.log_in_ram ? folders.ram() : disk ? disk->path() : folders.disk();
  const fs::path out = log_directory / "out";
  const fs::path fifo = folders.disk() / "fifo";
  if (::mkfifo(fifo.c_str(), 0600) < 0) return fail_errno(errno, own_words("make a FIFO"));

  std::optional<Receiver> receiver;
  if (peer.receiver) {
    auto started = Receiver::start(*peer.receiver);
    if (!started) return std::unexpected(started.error());
    receiver.emplace(std::move(*started));
  }

  const Filling filling{.fifo = fifo,
                        .out = out,
                        .disk = folders.disk(),
                        .ram = folders.ram(),
                        .port = receiver ? receiver->port() : std::uint16_t{0}};
  auto reader = Reader::start(filled_in(peer.command, filling), folders.disk().native());
  if (!reader) return std::unexpected(reader.error());
  Outcome outcome;
  if (!probe(fifo, out, *reader)) {
    outcome.failure = "the first line never reached the log" + complaint(folders.disk());
    return outcome;
  }
  std::this_thread::sleep_for(kSettle);

  const double reader_cpu_before = reader->cpu_seconds();
  const double busy_before = busy_seconds();
  const Moment began = now();
  auto writers = Writers::start(maker, fifo.native(), plan.writers);
  if (!writers) return std::unexpected(writers.error());
  if (disk) {
    if (auto stalling = disk->stall(kStallDelay, kStall); !stalling) return std::unexpected(stalling.error());
  }
  const auto watched = watch(out, *reader, *writers, plan.latencies ? kFineInterval : kInterval,
                             plan.stall ? milliseconds(kStall * 3) : milliseconds(2000));
  const double reader_cpu = reader->cpu_seconds() - reader_cpu_before;
  const double busy = busy_seconds() - busy_before;
  const double elapsed = static_cast<double>((now() - began).count()) * 1e-6;

  if (reader->ended()) {
    outcome.failure = "the reader ended before its time" + complaint(folders.disk());
    return outcome;
  }
  if (!writers->done()) {
    outcome.failure = interrupted != 0 ? "interrupted" : "the writers never got through";
    return outcome;
  }
  auto& metrics = outcome.metrics;
  metrics["peak_mib"] = reader->peak_resident_mib();
  if (plan.idle) {
    std::this_thread::sleep_for(kRest);
    const std::uint64_t switches = reader->context_switches();
    std::this_thread::sleep_for(kSilence);
    metrics["wakeups"] = static_cast<double>(reader->context_switches() - switches);
  }
  metrics["resident_mib"] = reader->resident_mib();
  const bool left = reader->stop(kStopPatience);

  std::vector<std::uint64_t> accepted;
  std::uint64_t refused = 0;
  double writer_cpu = 0;
  Moment first = began + kDeadline;
  for (const WriterTally& tally : writers->tallies()) {
    if (tally.errnum != 0) outcome.failure = "a writer: " + errno_text(tally.errnum);
    accepted.push_back(tally.accepted);
    refused += tally.refused;
    writer_cpu += tally.cpu_seconds;
    first = std::min(first, tally.first);
  }
  Verdict verdict = check_file(maker, out, accepted,
                               plan.latencies ? std::span(watched.samples) : std::span<const Sample>());
  const auto lines = static_cast<double>(std::accumulate(accepted.begin(), accepted.end(), std::uint64_t{0}));
  const auto attempts = static_cast<double>(plan.writers.lines) * plan.writers.writers;
  const double writing = static_cast<double>((watched.grown - first).count()) * 1e-6;
  metrics["lines_per_second"] = lines / writing;
  metrics["writer_busy_percent"] = writer_cpu / plan.writers.writers / writing * 100;
  metrics["cpu_per_million"] = reader_cpu / lines * 1e6;
  metrics["whole_cpu_per_million"] = (reader->whole_cpu_seconds() - reader_cpu_before) / lines * 1e6;
  metrics["writer_cpu_per_million"] = writer_cpu / lines * 1e6;
  metrics["refused"] = static_cast<double>(refused);
  metrics["refused_percent"] = static_cast<double>(refused) / attempts * 100;
  metrics["lost"] = static_cast<double>(verdict.lost);
  metrics["duplicated"] = static_cast<double>(verdict.duplicated);
  metrics["reordered"] = static_cast<double>(verdict.reordered);
  metrics["torn"] = static_cast<double>(verdict.torn);
  metrics["noise_cpus"] = std::max(0.0, (busy - reader_cpu - writer_cpu) / elapsed);
  add_latencies(verdict.latencies, metrics);

  if (verdict.faults() > 0) {
    outcome.failure = fmt::format("{} lines lost, {} duplicated, {} reordered, {} torn", verdict.lost,
                                  verdict.duplicated, verdict.reordered, verdict.torn);
  } else if (!left) {
    outcome.failure = "the reader did not leave on SIGTERM";
  }
  if (plan.idle && peer.notifies && outcome.failure.empty()) {
    const auto ready = ready_time(peer, folders);
    if (ready) {
      metrics["ready_ms"] = *ready;
    } else {
      outcome.failure = text_of(ready.error());
    }
  }
  return outcome;
}

}  // namespace slurper::bench
