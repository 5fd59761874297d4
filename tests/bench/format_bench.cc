// What it costs to write a record, in each format; and JSON as the library would write it.
#include <benchmark/benchmark.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/uuid.h"
#include "record/syslog_names.h"
#include "sink/format/format.h"
#include "sink/format/timestamps.h"
#include "sink/options.h"

namespace slurper {
namespace {

constexpr LogId kLog = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

void parse(std::string_view line, Timestamp arrival, SyslogHeader& header) {
  header = {.format = HeaderFormat::Rfc3164,
            .facility = 4,
            .severity = 6,
            .timestamp = arrival,
            .host = "web-17",
            .program = "sshd",
            .pid = "271828",
            .message_id = {},
            .structured_data = {},
            .message = line.substr(41)};
}

// Lines of 150 bytes, parsed already: that is another's cost.
struct Batch {
  Batch() {
    const Timestamp now(std::chrono::seconds(1'800'000'000) + std::chrono::microseconds(123'456));
    for (std::uint64_t i = 0; i < 1000; ++i) {
      lines.push_back(
          "<38>Nov 21 22:14:15 web-17 sshd[271828]: Accepted publickey for \"backup\" from 192.0.2.17 "
          "port 50022 ssh2: ED25519 SHA256:" +
          std::to_string(1'000'000'000'000'000'000 + i) + "/qQzT0pUvL3s");
    }
    for (std::uint64_t i = 0; i < lines.size(); ++i)
      (void)records.emplace_back(kLog, i * 150, i * 150 + 150, lines[i], Part::Whole, now, &parse).header();
  }
  std::vector<std::string> lines;
  std::vector<Record> records;
};

template <typename Append>
void measure(benchmark::State& state, Append append) {
  const Batch batch;
  std::string out;
  for (auto unused : state) {
    (void)unused;
    out.clear();
    for (const Record& record : batch.records) append(record, out);
    benchmark::DoNotOptimize(out.data());
  }
  const auto lines = static_cast<std::int64_t>(batch.records.size());
  state.SetItemsProcessed(state.iterations() * lines);
  state.counters["bytes"] = static_cast<double>(out.size()) / static_cast<double>(lines);
}

void with_format(benchmark::State& state, const std::string& text) {
  const SinkSettings settings{
      .name = "bench",
      .type = "bench",
      .place = {},
      .options = {{.name = "format", .values = {text}, .is_list = false, .place = {}}}};
  ConfiguredOptions options(settings, {kFormatSetting});
  const Format format = Format::from(options);
  measure(state, [&](const Record& record, std::string& out) { format.append(record, out); });
}

void by_library(benchmark::State& state) {
  measure(state, [](const Record& record, std::string& out) {
    const SyslogHeader& header = record.header();
    std::string time(30, '\0');
    time.resize(static_cast<std::size_t>(put_rfc3339(time.data(), *header.timestamp, 6) - time.data()));
    nlohmann::json line = {{"time", time},
                           {"host", header.host},
                           {"program", header.program},
                           {"pid", header.pid},
                           {"facility", facility_name(*header.facility)},
                           {"severity", severity_name(*header.severity)},
                           {"msg", header.message},
                           {"arrival", time},
                           {"log_id", format(record.log_id())},
                           {"offset", record.offset()}};
    out += line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    out += '\n';
  });
}

BENCHMARK_CAPTURE(with_format, raw, "raw");
BENCHMARK_CAPTURE(with_format, json, "json");
BENCHMARK(by_library);
BENCHMARK_CAPTURE(with_format, rfc5424, "rfc5424");
BENCHMARK_CAPTURE(with_format, rfc3164, "rfc3164");
BENCHMARK_CAPTURE(with_format, line_template, "{time} {host} {program}[{pid}]: {msg}");

}  // namespace
}  // namespace slurper
