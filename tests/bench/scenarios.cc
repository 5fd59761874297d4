#include "bench/scenarios.h"

#include <array>
#include <utility>

namespace slurper::bench {

namespace {

using std::chrono::milliseconds;
using enum Target::Relation;

std::vector<Column> flat_columns() {
  return {
      {.heading = "klines/s", .metric = "lines_per_second", .basis = Basis::Spread, .factor = 1e-3},
      {.heading = "x cat",
       .metric = "lines_per_second",
       .basis = Basis::Ratio,
       .digits = 2,
       .target = Target{AtLeast, 1.4}},
      {.heading = "CPU s/Ml", .metric = "cpu_per_million", .basis = Basis::Spread, .digits = 2},
      {.heading = "x cat",
       .metric = "cpu_per_million",
       .basis = Basis::Ratio,
       .digits = 2,
       .target = Target{AtMost, 0.4}},
      {.heading = "writer %", .metric = "writer_busy_percent"},
  };
}

// With more processes than CPUs, the scheduler decides more than the reader does: reported, not judged.
std::vector<Column> without_targets(std::vector<Column> columns) {
  for (Column& column : columns) column.target.reset();
  return columns;
}

// What a sink costs the intake: nothing, if its destination is down or slow. One that works does work.
std::vector<std::string> sinks_that_wait() {
  return {"down", "slow"};
}

std::vector<Column> forward_columns() {
  return {
      {.heading = "klines/s",
       .metric = "lines_per_second",
       .basis = Basis::Spread,
       .factor = 1e-3,
       .target = Target{AtLeast, 500}},
      {.heading = "x rsyslog", .metric = "lines_per_second", .basis = Basis::Ratio, .digits = 2},
      {.heading = "CPU s/Ml", .metric = "cpu_per_million", .basis = Basis::Spread, .digits = 2},
      {.heading = "RSS MiB", .metric = "resident_mib", .digits = 1},
  };
}

// What tracing costs the process that makes the calls.
struct TraceScenario {
  std::string name;
  std::string title;
  CallPlan calls;
  std::vector<Column> more;  // besides the CPU time of a call
};

Scenario with_and_without_recorder(TraceScenario measured) {
  std::vector<Column> columns = {
      {.heading = "CPU us/call", .metric = "call_us", .basis = Basis::Spread, .digits = 2}};
  columns.insert(columns.end(), measured.more.begin(), measured.more.end());
  return {.name = std::move(measured.name),
          .title = std::move(measured.title),
          .plan = {.calls = measured.calls},
          .columns = std::move(columns),
          .field = Field::Recorders,
          .yardstick = "untraced",
          .judged = {"traced"}};
}

Column lost_records(std::optional<Target> target) {
  return {.heading = "most lost", .metric = "lost", .basis = Basis::Worst, .target = target};
}

Column above_untraced(double limit) {
  return {.heading = "+ us",
          .metric = "call_us",
          .basis = Basis::Above,
          .digits = 2,
          .target = Target{AtMost, limit}};
}

const std::array<Scenario, 18>& all() {
  static const std::array<Scenario, 18> scenarios = {{
      {.name = "flat",
       .title = "one blocking writer, flat out, 3,000,000 lines",
       .plan = {.writers = {.lines = 3'000'000}},
       .columns = flat_columns()},
      {.name = "flat4",
       .title = "four blocking writers, flat out, 750,000 lines each",
       .plan = {.writers = {.writers = 4, .lines = 750'000}},
       .columns = without_targets(flat_columns())},
      {.name = "paced",
       .title = "20,000 lines/s, a line a wake-up, for 6 s",
       .plan = {.writers = {.lines = 120'000, .rate = 20'000}, .latencies = true},
       .columns = {{.heading = "CPU s/Ml", .metric = "cpu_per_million", .basis = Basis::Spread, .digits = 2},
                   {.heading = "x cat",
                    .metric = "cpu_per_million",
                    .basis = Basis::Ratio,
                    .digits = 2,
                    .target = Target{AtMost, 0.5}},
                   {.heading = "p50 us", .metric = "p50_us"},
                   {.heading = "p99 us",
                    .metric = "p99_us",
                    .basis = Basis::Spread,
                    .target = Target{Below, 3000}}}},
      {.name = "burst",
       .title = "an O_NONBLOCK writer, one burst of 200,000 lines flat out",
       .plan = {.writers = {.lines = 200'000, .nonblocking = true}},
       .columns = {{.heading = "refused %", .metric = "refused_percent", .basis = Basis::Spread, .digits = 1},
                   {.heading = "above ram",
                    .metric = "refused_percent",
                    .basis = Basis::AboveRam,
                    .digits = 1,
                    .target = Target{AtMost, 1}},
                   {.heading = "CPU s/Ml", .metric = "cpu_per_million", .basis = Basis::Spread, .digits = 2}},
       .also_in_ram = true},
      {.name = "bursts",
       .title = "an O_NONBLOCK writer, 40 bursts of 5,000 lines, 100 ms apart",
       .plan =
           {.writers = {.lines = 200'000, .nonblocking = true, .burst = 5'000, .pause = milliseconds(100)}},
       .columns =
           {{.heading = "refused %", .metric = "refused_percent", .basis = Basis::Spread, .digits = 2},
            {.heading = "worst", .metric = "refused", .basis = Basis::Worst, .target = Target{AtMost, 0}},
            {.heading = "CPU s/Ml", .metric = "cpu_per_million", .basis = Basis::Spread, .digits = 2}}},
      {.name = "stall",
       .title = "the disk hangs for 5 s, an O_NONBLOCK writer at 50,000 lines/s for 8 s",
       .plan = {.writers = {.lines = 400'000, .rate = 50'000, .nonblocking = true}, .stall = true},
       .columns =
           {{.heading = "refused %", .metric = "refused_percent", .basis = Basis::Spread, .digits = 1},
            {.heading = "worst", .metric = "refused", .basis = Basis::Worst, .target = Target{AtMost, 0}},
            {.heading = "peak MiB", .metric = "peak_mib", .digits = 1}},
       .yardsticks = false},
      {.name = "idle",
       .title = "10 s of silence, 2 s after 200,000 lines; 20 fresh starts",
       .plan = {.writers = {.lines = 200'000}, .idle = true},
       .columns =
           {{.heading = "wake-ups", .metric = "wakeups", .basis = Basis::Worst, .target = Target{AtMost, 0}},
            {.heading = "RSS MiB",
             .metric = "resident_mib",
             .basis = Basis::Worst,
             .digits = 1,
             .target = Target{Below, 12}},
            {.heading = "ready ms",
             .metric = "ready_ms",
             .basis = Basis::Spread,
             .digits = 1,
             .target = Target{Below, 50}}},
       .yardsticks = false},
      {.name = "sinks",
       .title = "slurper with a sink; one blocking writer, flat out, 3,000,000 lines",
       .plan = {.writers = {.lines = 3'000'000}},
       .columns =
           {{.heading = "klines/s", .metric = "lines_per_second", .basis = Basis::Spread, .factor = 1e-3},
            {.heading = "x none",
             .metric = "lines_per_second",
             .basis = Basis::Ratio,
             .digits = 2,
             .target = Target{AtLeast, 0.95}},
            {.heading = "CPU s/Ml", .metric = "whole_cpu_per_million", .basis = Basis::Spread, .digits = 2},
            {.heading = "peak MiB", .metric = "peak_mib", .digits = 1}},
       .field = Field::Sinks,
       .yardstick = "none",
       .judged = sinks_that_wait()},
      {.name = "sinks-paced",
       .title = "slurper with a sink; 20,000 lines/s, a line a wake-up, for 6 s",
       .plan = {.writers = {.lines = 120'000, .rate = 20'000}, .latencies = true},
       .columns =
           {{.heading = "p50 us", .metric = "p50_us"},
            {.heading = "x none", .metric = "p50_us", .basis = Basis::Ratio, .digits = 2},
            {.heading = "p99 us", .metric = "p99_us", .basis = Basis::Spread},
            {.heading = "x none",
             .metric = "p99_us",
             .basis = Basis::Ratio,
             .digits = 2,
             .target = Target{AtMost, 1 / 0.95}},
            {.heading = "CPU s/Ml", .metric = "whole_cpu_per_million", .basis = Basis::Spread, .digits = 2}},
       .field = Field::Sinks,
       .yardstick = "none",
       .judged = sinks_that_wait()},
      {.name = "sinks-idle",
       .title = "slurper with a sink; 10 s of silence, 2 s after 200,000 lines",
       .plan = {.writers = {.lines = 200'000}, .idle = true},
       .columns =
           {{.heading = "wake-ups", .metric = "wakeups", .basis = Basis::Worst, .target = Target{AtMost, 0}},
            {.heading = "RSS MiB", .metric = "resident_mib", .basis = Basis::Worst, .digits = 1}},
       .field = Field::Sinks,
       .yardstick = "none",
       .judged = {"json", "tcp", "exec"}},
      {.name = "forward-json",
       .title = "2,000,000 lines in, as JSON to a file",
       .plan = {.writers = {.lines = 2'000'000, .in_blocks = true}},
       .columns = forward_columns(),
       .field = Field::Forwarders,
       .yardstick = "rsyslog"},
      {.name = "forward-tcp",
       .title = "2,000,000 lines in, as RFC 5424 over TCP to a receiver that counts them",
       .plan = {.writers = {.lines = 2'000'000, .in_blocks = true}},
       .columns = forward_columns(),
       .field = Field::Forwarders,
       .yardstick = "rsyslog",
       .to_receiver = true},
      with_and_without_recorder({.name = "trace",
                                 .title = "1,000,000 writes of 32 bytes to a pipe of 64 KiB that cat reads",
                                 .calls = {.calls = 1'000'000, .pipe_size = 64 << 10},
                                 .more = {{.heading = "x untraced",
                                           .metric = "call_us",
                                           .basis = Basis::Ratio,
                                           .digits = 2,
                                           .target = Target{AtMost, 2}},
                                          lost_records(Target{AtMost, 0})}}),
      with_and_without_recorder({.name = "trace-large",
                                 .title = "1,000,000 writes of 32 bytes to a pipe of 1 MiB that cat reads",
                                 .calls = {.calls = 1'000'000, .pipe_size = 1 << 20},
                                 .more = {above_untraced(0.6), lost_records(std::nullopt)}}),
      with_and_without_recorder({.name = "trace-beside",
                                 .title = "1,000,000 times getppid(2), while another process is traced",
                                 .calls = {.calls = 1'000'000, .traces_another = true},
                                 .more = {above_untraced(0.25)}}),
      with_and_without_recorder(
          {.name = "trace-paced",
           .title = "300,000 events/s: writes of 32 bytes for 5 s",
           .calls = {.calls = 750'000, .pipe_size = 1 << 20, .rate = 150'000},
           .more = {{.heading = "events/s", .metric = "events_per_second", .basis = Basis::Median},
                    {.heading = "CPUs of recorder",
                     .metric = "recorder_cpus",
                     .basis = Basis::Spread,
                     .digits = 2,
                     .target = Target{Below, 0.5}},
                    lost_records(Target{AtMost, 0})}}),
      {.name = "tail",
       .title = "ten minutes of a log of 10 GiB: a week, in compressed segments of 100 MiB",
       .plan = {.log_size = std::uint64_t{10} << 30},
       .columns =
           {{.heading = "CPU s", .metric = "cpu_ms", .basis = Basis::Spread, .digits = 2, .factor = 1e-3},
            {.heading = "x zstdcat",
             .metric = "cpu_ms",
             .basis = Basis::Ratio,
             .digits = 3,
             .target = Target{AtMost, 0.05}},
            {.heading = "wall s", .metric = "wall_ms", .basis = Basis::Spread, .digits = 2, .factor = 1e-3},
            {.heading = "x zstdcat",
             .metric = "wall_ms",
             .basis = Basis::Ratio,
             .digits = 3,
             .target = Target{AtMost, 0.05}}},
       .field = Field::Questions,
       .yardstick = "zstdcat"},
      {.name = "inspect",
       .title = "who has a FIFO open, on a machine with 2,000 processes",
       .plan = {.look = {.processes = 2'000}},
       .columns = {{.heading = "ms", .metric = "wall_ms", .basis = Basis::Spread, .digits = 1},
                   {.heading = "x lsof",
                    .metric = "wall_ms",
                    .basis = Basis::Ratio,
                    .digits = 3,
                    .target = Target{AtMost, 0.1}},
                   {.heading = "CPU ms", .metric = "cpu_ms", .basis = Basis::Spread, .digits = 1},
                   {.heading = "x lsof", .metric = "cpu_ms", .basis = Basis::Ratio, .digits = 3}},
       .field = Field::Lookers,
       .yardstick = "lsof",
       .judged = {"inspect"}},
  }};
  return scenarios;
}

}  // namespace

std::span<const Scenario> scenarios() {
  return all();
}

}  // namespace slurper::bench
