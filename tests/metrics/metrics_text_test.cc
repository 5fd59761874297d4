#include "metrics/metrics_text.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <set>
#include <sstream>

#include "base/text.h"
#include "metrics/promtool.h"
#include "metrics/some_snapshot.h"
#include "support/files.h"
#include "support/temp_dir.h"

namespace slurper {
namespace {

using namespace std::chrono_literals;
using test::hostile_snapshot;
using test::promtool_says;
using test::report_of;
using test::some_snapshot;
using testing::HasSubstr;
using testing::Not;

std::string text_of(const Snapshot& snapshot) {
  return to_metrics_text(snapshot, report_of(snapshot));
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// What names a series: the line up to its value.
std::vector<std::string> series_of(const std::string& text) {
  std::vector<std::string> series;
  for (const std::string& line : lines_of(text)) {
    if (!line.starts_with('#')) series.push_back(line.substr(0, line.rfind(' ')));
  }
  return series;
}

TEST(MetricsText, HasEachFigureOfTheSnapshot) {
  const std::string text = text_of(some_snapshot());
  for (const char* line :
       {R"(slurper_build_info{log="/var/log/messages",version="1.2.3"} 1)",
        R"(slurper_fifo_info{log="/var/log/messages",fifo="/run/fifo"} 1)",
        R"(slurper_start_time_seconds{log="/var/log/messages"} 1600000000.5)",
        R"(slurper_healthy{log="/var/log/messages"} 0)",
        R"(slurper_alert_active{log="/var/log/messages",alert="sink-fails",subject="'relp'"} 1)",
        R"(slurper_received_bytes_total{log="/var/log/messages"} 3648)",
        R"(slurper_logged_bytes_total{log="/var/log/messages"} 1000)",
        R"(slurper_logged_lines_total{log="/var/log/messages"} 50)",
        R"(slurper_synced_bytes_total{log="/var/log/messages"} 900)",
        R"(slurper_unsynced_bytes{log="/var/log/messages"} 100)",
        R"(slurper_last_sync_timestamp_seconds{log="/var/log/messages"} 1700000000.25)",
        R"(slurper_discarded_lines_total{log="/var/log/messages",reason="ring_full"} 7)",
        R"(slurper_discarded_bytes_total{log="/var/log/messages",reason="ring_full"} 700)",
        R"(slurper_ledger_balanced{log="/var/log/messages"} 1)",
        R"(slurper_pipe_size_bytes{log="/var/log/messages"} 1048576)",
        R"(slurper_pipe_held_bytes{log="/var/log/messages"} 100)",
        R"(slurper_pipe_held_bytes_max{log="/var/log/messages"} 5000)",
        R"(slurper_pipe_headroom_bytes{log="/var/log/messages"} 520092)",
        R"(slurper_pipe_full_total{log="/var/log/messages"} 3)",
        R"(slurper_pipe_full_seconds_total{log="/var/log/messages"} 1.5)",
        R"(slurper_eofs_avoided_total{log="/var/log/messages"} 6)",
        R"(slurper_writer_connects_total{log="/var/log/messages"} 9)",
        R"(slurper_writers{log="/var/log/messages"} 2)",
        R"(slurper_second_readers{log="/var/log/messages"} 1)",
        R"(slurper_second_readers_total{log="/var/log/messages"} 5)",
        R"(slurper_taken_by_others_bytes_total{log="/var/log/messages"} 12)",
        R"(slurper_ring_size_bytes{log="/var/log/messages"} 67108864)",
        R"(slurper_ring_held_bytes{log="/var/log/messages"} 2048)",
        R"(slurper_ring_held_bytes_max{log="/var/log/messages"} 4096)",
        R"(slurper_quarantined_bytes{log="/var/log/messages"} 77)",
        R"(slurper_log_segments{log="/var/log/messages"} 3)",
        R"(slurper_log_segments_bytes{log="/var/log/messages"} 12345)",
        R"(slurper_log_rotations_total{log="/var/log/messages"} 4)",
        R"(slurper_sink_lag_bytes{log="/var/log/messages",sink="relp"} 600)",
        R"(slurper_sink_lag_seconds{log="/var/log/messages",sink="relp"} 2.5)",
        R"(slurper_sink_sent_bytes_total{log="/var/log/messages",sink="relp"} 32)",
        R"(slurper_sink_sent_lines_total{log="/var/log/messages",sink="relp"} 31)",
        R"(slurper_sink_in_flight{log="/var/log/messages",sink="relp"} 33)",
        R"(slurper_sink_refused_lines_total{log="/var/log/messages",sink="relp"} 35)",
        R"(slurper_sink_missed_bytes_total{log="/var/log/messages",sink="relp"} 36)",
        R"(slurper_sink_retries_total{log="/var/log/messages",sink="relp"} 34)",
        R"(slurper_sink_state{log="/var/log/messages",sink="relp",state="failing"} 1)",
        R"(slurper_sink_state{log="/var/log/messages",sink="relp",state="working"} 0)"})
    EXPECT_THAT(text, HasSubstr('\n' + std::string(line) + '\n'));
  EXPECT_THAT(text, Not(HasSubstr("slurper_metrics_written")));
}

TEST(MetricsText, HasHistogramsAsPrometheusCountsThem) {
  const std::string text = text_of(some_snapshot());
  for (const char* line : {R"(slurper_sync_duration_seconds_bucket{log="/var/log/messages",le="0.0001"} 11)",
                           R"(slurper_sync_duration_seconds_bucket{log="/var/log/messages",le="0.00025"} 11)",
                           R"(slurper_sync_duration_seconds_bucket{log="/var/log/messages",le="0.001"} 13)",
                           R"(slurper_sync_duration_seconds_bucket{log="/var/log/messages",le="3600"} 13)",
                           R"(slurper_sync_duration_seconds_bucket{log="/var/log/messages",le="+Inf"} 14)",
                           R"(slurper_sync_duration_seconds_sum{log="/var/log/messages"} 1.5)",
                           R"(slurper_sync_duration_seconds_count{log="/var/log/messages"} 14)",
                           R"(slurper_log_latency_seconds_count{log="/var/log/messages"} 25)",
                           R"(slurper_sink_latency_seconds_count{log="/var/log/messages",sink="relp"} 47)"})
    EXPECT_THAT(text, HasSubstr('\n' + std::string(line) + '\n'));
}

TEST(MetricsText, OmitsWhatIsUnknown) {
  Snapshot snapshot = some_snapshot();
  snapshot.log.synced_at = {};
  snapshot.alerts.clear();
  snapshot.sinks.clear();
  const std::string text = text_of(snapshot);
  EXPECT_THAT(text, Not(HasSubstr("slurper_last_sync_timestamp_seconds{")));
  EXPECT_THAT(text, Not(HasSubstr("slurper_alert_active{")));
  EXPECT_THAT(text, Not(HasSubstr("slurper_sink_")));
  EXPECT_THAT(text, HasSubstr("slurper_healthy{log=\"/var/log/messages\"} 1\n"));
}

TEST(MetricsText, SaysInAFileWhenThatWasWritten) {
  const Snapshot snapshot = some_snapshot();
  EXPECT_THAT(
      to_textfile_text(snapshot, report_of(snapshot), std::chrono::system_clock::time_point(1234500ms)),
      HasSubstr("\nslurper_metrics_written_timestamp_seconds{log=\"/var/log/messages\"} 1234.5\n"));
}

// A sink that has changed in a reload waits for its former self, which ends: two sinks with one name.
TEST(MetricsText, HasNoSeriesTwice) {
  Snapshot snapshot = some_snapshot();
  snapshot.ending_sinks = {snapshot.sinks.front(), {.name = "gone", .has_begun = true}};
  snapshot.alerts.push_back(snapshot.alerts.front());
  const std::string text = text_of(snapshot);
  const auto series = series_of(text);
  EXPECT_EQ(std::set<std::string>(series.begin(), series.end()).size(), series.size());
  EXPECT_THAT(text, HasSubstr(R"(,sink="relp",state="failing"} 1)"));
  EXPECT_THAT(text, HasSubstr(R"(,sink="gone",state="ending"} 1)"));
}

TEST(MetricsText, EscapesAndRepairsWhateverAPathOrANameContains) {
  const std::string text = text_of(hostile_snapshot());
  EXPECT_TRUE(is_utf8(text));
  EXPECT_THAT(text, HasSubstr("fifo=\"/run/\\\"\\\\\\n\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("log=\"/var/\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd}\\\",x=\\\"\""));
  for (const std::string& line : lines_of(text))
    EXPECT_TRUE(line.starts_with("slurper_") || line.starts_with("# ")) << line;
  const auto series = series_of(text);
  EXPECT_EQ(std::set<std::string>(series.begin(), series.end()).size(), series.size())
      << "two names that differ in what is no UTF-8 are one";
}

TEST(MetricsText, IsWhatPromtoolAccepts) {
  ASSERT_EQ(test::fetch_promtool(), "");
  const test::TempDir folder = test::TempDir::in_ram();
  for (const Snapshot& snapshot : {some_snapshot(), hostile_snapshot(), Snapshot()}) {
    test::write_file(folder / "x.prom",
                     to_textfile_text(snapshot, report_of(snapshot), std::chrono::system_clock::now()));
    EXPECT_EQ(promtool_says(folder / "x.prom"), "");
  }
  // And it does object to what is wrong.
  test::write_file(folder / "x.prom", "x_total{a=\"\xff\"} 1\n");
  EXPECT_NE(promtool_says(folder / "x.prom"), "");
}

}  // namespace
}  // namespace slurper
