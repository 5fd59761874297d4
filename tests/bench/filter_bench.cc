// What a filter costs beside the parsing of the header that it asks about, line by line. The lines are what a
// syslogd writes: a dozen shapes, with numbers that differ.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "record/record_fields.h"
#include "record/syslog_header.h"

namespace {

using namespace slurper;  // NOLINT(google-build-using-namespace): one file, one subject

constexpr std::size_t kLines = 4096;
constexpr LogId kLog{};
constexpr Timestamp kArrival{std::chrono::seconds(1'800'000'000)};

const std::vector<std::string>& lines() {
  static const std::vector<std::string> all_lines = [] {
    std::mt19937 random(1);
    const auto number = [&] { return 1 + random() % 65'000; };
    std::vector<std::string> all;
    while (all.size() < kLines) {
      const auto add = [&](int priority, std::string_view tag, std::string_view message) {
        all.push_back(fmt::format("<{}>Nov 21 22:14:{:02} gate {}[{}]: {}", priority, random() % 60, tag,
                                  number(), message));
      };
      add(38, "sshd",
          fmt::format("Accepted publickey for deploy from 10.1.{}.7 port {} ssh2: ED25519 SHA256:"
                      "n9Wq8mJm1Z2k3v4Xy5Q6w7E8r9T0y1U2i3O4p5A6s7D",
                      number() % 256, number()));
      add(86, "sshd", "pam_unix(sshd:session): session opened for user deploy(uid=1000) by (uid=0)");
      add(38, "sshd",
          fmt::format("Failed password for invalid user admin from 192.0.2.{} port {} ssh2", number() % 256,
                      number()));
      add(30, "systemd", "logrotate.service: Deactivated successfully, consumed 1.204s CPU time.");
      add(78, "CRON", "(root) CMD (   cd / && run-parts --report /etc/cron.hourly)");
      add(22, "postfix/smtpd",
          fmt::format("connect from mail-{}.example.com[198.51.100.{}]", number(), number() % 256));
      add(4, "kernel", "usb 1-1: device descriptor read/64, error -71");
      add(85, "sudo", "deploy : TTY=pts/0 ; PWD=/srv ; USER=root ; COMMAND=/usr/bin/systemctl restart app");
      add(27, "nginx",
          fmt::format("{}#0: *{} connect() failed (111: Connection refused) while connecting to upstream, "
                      "client: 203.0.113.{}, server: _, request: \"GET /api/items?page={} HTTP/1.1\"",
                      number(), number(), number() % 256, number()));
      add(30, "app",
          fmt::format("level=info trace={:016x} msg=\"request served\" status=200 ms={}", number(),
                      number() % 900));
    }
    all.resize(kLines);
    return all;
  }();
  return all_lines;
}

Record record_of(const std::string& line) {
  return {kLog, 0, line.size() + 1, line, Part::Whole, kArrival, &parse_syslog_header};
}

void parse(benchmark::State& state) {
  std::size_t i = 0;
  for (auto _ : state) {
    const Record record = record_of(lines()[i++ % kLines]);
    benchmark::DoNotOptimize(&record.header());
  }
}
BENCHMARK(parse);

// Of records whose header is parsed, as it is for the next sink: the filter alone.
void ask(benchmark::State& state, const char* text) {
  const auto filter = RecordFilter::compile(text, record_fields());
  if (!filter) std::abort();
  std::vector<Record> records;
  records.reserve(kLines);
  for (const std::string& line : lines()) {
    records.push_back(record_of(line));
    (void)records.back().header();  // now, not while it is measured
  }
  std::size_t i = 0;
  std::size_t wanted = 0;
  for (auto _ : state) wanted += filter->matches(records[i++ % kLines]) ? 1 : 0;
  state.counters["wanted"] = static_cast<double>(wanted) / static_cast<double>(state.iterations());
}
BENCHMARK_CAPTURE(ask, severity, "severity <= warning");
BENCHMARK_CAPTURE(ask, program, "program = sshd");
BENCHMARK_CAPTURE(ask, program_in, "program in (sshd, sudo)");
BENCHMARK_CAPTURE(ask, contains, "msg contains 'session opened'");
BENCHMARK_CAPTURE(ask, icontains, "msg icontains 'session opened'");
BENCHMARK_CAPTURE(ask, glob, "msg glob '*session opened*'");
BENCHMARK_CAPTURE(ask, matches_literal, "msg matches 'session opened'");
BENCHMARK_CAPTURE(ask, matches, "msg matches 'from [0-9.]+ port [0-9]+'");
BENCHMARK_CAPTURE(ask, example,
                  "severity <= warning and program in (sshd, sudo) and not msg contains \"session opened\"");
BENCHMARK_CAPTURE(ask, noise,
                  "severity <= info and program in (sshd, sudo) and not msg contains \"session opened\"");

// On the raw line: nothing is parsed.
void ask_raw(benchmark::State& state, const char* text) {
  const auto filter = RecordFilter::compile(text, record_fields());
  if (!filter) std::abort();
  std::size_t i = 0;
  for (auto _ : state) benchmark::DoNotOptimize(filter->matches(record_of(lines()[i++ % kLines])));
}
BENCHMARK_CAPTURE(ask_raw, length, "length > 200");
BENCHMARK_CAPTURE(ask_raw, contains, "raw contains 'session opened'");

void compile(benchmark::State& state) {
  for (auto _ : state)
    benchmark::DoNotOptimize(RecordFilter::compile(
        "severity <= warning and program in (sshd, sudo) and not msg contains \"session opened\"",
        record_fields()));
}
BENCHMARK(compile);

}  // namespace
