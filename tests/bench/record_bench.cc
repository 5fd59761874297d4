// What it costs to cut a stream into records, and to read their headers. Machines are noisy: the yardstick, a
// loop of memchr() over the same lines, must run in between.
//
//   record_bench --benchmark_enable_random_interleaving=true --benchmark_repetitions=9
//                --benchmark_report_aggregates_only=true
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "record/framer.h"
#include "record/syslog_header.h"

namespace slurper {
namespace {

constexpr LogId kLogId{};
constexpr std::size_t kBatch = 1024;  // records
constexpr Timestamp kArrival =
    std::chrono::sys_days(std::chrono::year(2026) / 11 / 21) + std::chrono::hours(12);

// Lines whose sizes are spread evenly around `average`, from two fifths of it to eight fifths: with 150, 60
// to 240 bytes. `size` bytes of them.
std::string lines_of(std::size_t average, std::size_t size) {
  std::string text;
  std::uint32_t random = 1;
  while (text.size() < size) {
    random = random * 1664525 + 1013904223;
    const std::size_t least = average * 2 / 5;
    text.append(least + (random >> 8) % (average * 6 / 5) - 1, 'x').push_back('\n');
  }
  return text;
}

// The average line, and KiB of them: more than a branch predictor can learn by heart, and does with a
// buffer's worth that comes again and again; and more than any cache holds.
void sizes(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"line", "KiB"});
  for (const int line : {20, 60, 150, 1000}) bench->Args({line, 8 << 10});
  bench->Args({150, 256 << 10});
}

void count(benchmark::State& state, const std::string& text, std::uint64_t lines) {
  state.SetBytesProcessed(static_cast<std::int64_t>(text.size()) * state.iterations());
  state.SetItemsProcessed(static_cast<std::int64_t>(lines) * state.iterations());
}

std::string text_for(const benchmark::State& state) {
  return lines_of(static_cast<std::size_t>(state.range(0)), static_cast<std::size_t>(state.range(1)) << 10);
}

void find_with_memchr(benchmark::State& state) {
  const std::string text = text_for(state);
  const char* const end = text.data() + text.size();
  std::uint64_t lines = 0;
  for (auto _ : state) {
    lines = 0;
    for (const char* at = text.data(); at < end; ++lines) {
      at = static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at))) + 1;
      benchmark::DoNotOptimize(at);
    }
  }
  count(state, text, lines);
}
BENCHMARK(find_with_memchr)->Apply(sizes);

// The framer that anybody would write first.
void cut_with_memchr(benchmark::State& state) {
  const std::string text = text_for(state);
  const char* const end = text.data() + text.size();
  std::vector<Record> records;
  records.reserve(kBatch);
  std::uint64_t lines = 0;
  for (auto _ : state) {
    lines = 0;
    for (const char* at = text.data(); at < end; ++lines) {
      const auto* const newline =
          static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at)));
      const auto offset = static_cast<std::uint64_t>(at - text.data());
      const auto size = static_cast<std::size_t>(newline - at);
      if (records.size() == kBatch) records.clear();
      records.emplace_back(kLogId, offset, offset + size + 1, std::string_view(at, size), Part::Whole,
                           kArrival, &parse_syslog_header);
      at = newline + 1;
    }
    benchmark::DoNotOptimize(records.data());
    benchmark::ClobberMemory();
  }
  count(state, text, lines);
}
BENCHMARK(cut_with_memchr)->Apply(sizes);

void cut_with_framer(benchmark::State& state) {
  const std::string text = text_for(state);
  std::vector<Record> records;
  records.reserve(kBatch);
  std::uint64_t lines = 0;
  for (auto _ : state) {
    Framer framer(kLogId, {}, StreamOffset{0});
    std::string_view left = text;
    lines = 0;
    while (!left.empty()) {
      records.clear();
      left.remove_prefix(framer.cut(left, {.time = kArrival}, kBatch, records));
      lines += records.size();
      benchmark::DoNotOptimize(records.data());
      benchmark::ClobberMemory();
    }
  }
  count(state, text, lines);
}
BENCHMARK(cut_with_framer)->Apply(sizes);

// Lines as a machine writes them: times go on, programs and pids change.
std::vector<std::string> lines_like(const char* format) {
  static constexpr std::array<const char*, 5> kPrograms = {"sshd", "systemd-logind", "postfix/smtpd", "CRON",
                                                           "kernel"};
  std::vector<std::string> lines;
  for (unsigned i = 0; i < 1000; ++i) {
    lines.push_back(fmt::format(
        fmt::runtime(format), fmt::arg("pri", i % 192), fmt::arg("day", 1 + i % 28),
        fmt::arg("minute", i / 60 % 60), fmt::arg("second", i % 60), fmt::arg("micros", i * 997 % 1'000'000),
        fmt::arg("program", kPrograms.at(i % kPrograms.size())), fmt::arg("pid", 100 + i * 37 % 30000)));
    lines.back() +=
        " a message of about a hundred bytes, which no parser needs to look at: " + std::string(i % 60, 'x');
  }
  return lines;
}

void parse(benchmark::State& state, const char* format) {
  const std::vector<std::string> lines = lines_like(format);
  std::size_t bytes = 0;
  for (const std::string& line : lines) bytes += line.size();
  for (auto _ : state) {
    for (const std::string& line : lines) {
      SyslogHeader header;
      parse_syslog_header(line, kArrival, header);
      benchmark::DoNotOptimize(header);
    }
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(lines.size()) * state.iterations());
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes) * state.iterations());
}
BENCHMARK_CAPTURE(parse, rfc3164, "Nov 21 11:{minute:02}:{second:02} host {program}[{pid}]:");
BENCHMARK_CAPTURE(parse, rfc3164_pri, "<{pri}>Nov 21 11:{minute:02}:{second:02} host {program}[{pid}]:");
BENCHMARK_CAPTURE(parse, rfc3164_local, "<{pri}>Nov 21 11:{minute:02}:{second:02} {program}[{pid}]:");
BENCHMARK_CAPTURE(parse, rfc3164_busybox,
                  "Nov 21 11:{minute:02}:{second:02} host auth.info {program}[{pid}]:");
// Each line of another day than the one before, none of which is remembered: the price of asking the zone.
BENCHMARK_CAPTURE(parse, rfc3164_any_hour, "Nov {day:02} 11:{minute:02}:00 host {program}[{pid}]:");
BENCHMARK_CAPTURE(parse, iso,
                  "2026-11-21T11:{minute:02}:{second:02}.{micros:06}+01:00 host {program}[{pid}]:");
BENCHMARK_CAPTURE(
    parse, rfc5424,
    "<{pri}>1 2026-11-21T11:{minute:02}:{second:02}.{micros:06}+01:00 host {program} {pid} - -");
BENCHMARK_CAPTURE(parse, rfc5424_sd,
                  "<{pri}>1 2026-11-21T11:{minute:02}:{second:02}.{micros:06}Z host {program} {pid} ID47 "
                  "[timeQuality tzKnown=\"1\" isSynced=\"0\"][meta sequenceId=\"{micros}\"]");
BENCHMARK_CAPTURE(parse, none, "{program} {pid}");

// A sink's whole way to the fields of its lines.
void cut_and_parse(benchmark::State& state) {
  std::string text;
  std::uint64_t lines = 0;
  for (const std::string& line : lines_like("Nov 21 11:{minute:02}:{second:02} host {program}[{pid}]:")) {
    text += line + '\n';
    ++lines;
  }
  std::vector<Record> records;
  for (auto _ : state) {
    Framer framer(kLogId, {}, StreamOffset{0});
    records.clear();
    benchmark::DoNotOptimize(framer.cut(text, {.time = kArrival}, lines, records));
    for (const Record& record : records) benchmark::DoNotOptimize(record.header().message);
  }
  count(state, text, lines);
}
BENCHMARK(cut_and_parse);

}  // namespace
}  // namespace slurper
