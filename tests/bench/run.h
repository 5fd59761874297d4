// One run: a fresh FIFO, one reader, its writers, the numbers.
#pragma once

#include <chrono>
#include <csignal>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "bench/lines.h"
#include "bench/receiver.h"
#include "bench/writers.h"
#include "slurper/result.h"

namespace slurper::bench {

// A program that moves lines from a FIFO to a file.
struct Peer {
  std::string name;
  // For sh. Filled in: {fifo}; {out}; {disk} and {ram}, folders of the run's own on the disk and in memory;
  // {port}, the receiver's.
  std::string command;
  bool log_in_ram = false;  // {out} lies in {ram} too: a disk that nothing is faster than
  bool notifies = false;    // says READY=1 (sd_notify)
  std::optional<Habit> receiver = std::nullopt;  // where it sends lines, too
  std::string config = {};                       // becomes {disk}/config, filled in as well
  bool by_socket = false;                        // makes {fifo} itself, as a unix stream socket
};

// The calls of a process that a recorder may trace.
struct CallPlan {
  std::uint64_t calls = 0;
  int pipe_size = 0;            // each writes 32 bytes to a FIFO of this size that cat reads; 0: getppid(2)
  double rate = 0;              // calls a second; 0: flat out
  bool traces_another = false;  // the recorder traces cat, which sleeps
};

// A look at who has a FIFO open.
struct LookPlan {
  std::uint64_t processes = 0;  // on the machine besides those that are there anyway
};

// What is done with it.
struct RunPlan {
  WriterPlan writers = {};
  CallPlan calls = {};
  std::uint64_t log_size = 0;  // of the log that a question is about; see asked.h
  LookPlan look = {};
  bool latencies = false;  // look at the log's size every 100 microseconds
  bool stall = false;      // the log's disk hangs for five seconds, one second after the first line
  bool idle = false;       // afterwards: count wake-ups in ten seconds of silence, and time 20 starts
};

// Where runs put their files.
struct Places {
  std::filesystem::path disk;
  std::filesystem::path ram;
};

// What came of it.
struct Outcome {
  std::map<std::string, double> metrics;  // empty where the run broke off
  std::string failure;                    // why the run counts as failed; empty: it does not
};

// Set by SIGINT and SIGTERM: a run under way ends soon, as failed, and cleans up.
extern volatile std::sig_atomic_t interrupted;

// Runs `peer` once, in fresh folders below `places`, which are removed again. What the reader wrote is
// checked line by line. An error is one of the benchmark; that a reader fails is an outcome. Metrics:
//
// - lines_per_second: accepted lines over the time from the first write(2) to the log's last growth
// - cpu_per_million: the reader's CPU seconds for a million lines, all threads, start-up not counted
// - whole_cpu_per_million: the reader's with its exit, and its children's
// - writer_cpu_per_million: the writers'
// - writer_busy_percent: how much of that time a writer was busy: at 100 no reader can make it faster
// - refused, refused_percent: lines that the pipe refused with EAGAIN
// - lost, duplicated, reordered, torn: lines, see lines.h
// - p50_us, p99_us, worst_us: from write(2) to visible in the log (RunPlan::latencies)
// - peak_mib, resident_mib: memory, with the pages of a ring that are mapped
// - wakeups, ready_ms: see RunPlan::idle; the median of the starts
// - noise_cpus: CPUs that were busy with other work meanwhile
Result<Outcome> run_once(const LineMaker& maker, const Peer& peer, const RunPlan& plan, const Places& places);

}  // namespace slurper::bench
