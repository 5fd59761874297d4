// The metrics of the real program: they agree with the status, with the log, and with what the writers count.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "control/control_client.h"
#include "support/daemon.h"
#include "support/files.h"
#include "support/http.h"
#include "support/kill_at.h"
#include "support/text_of.h"

namespace slurper::test {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;

class MetricsOfSlurper : public testing::Test {
 protected:
  Site site_;
  std::uint16_t port_ = free_port();
  const std::string file_ = site_.disk / "slurper.prom";

  [[nodiscard]] std::string listen() const { return fmt::format("metrics.listen=127.0.0.1:{}", port_); }
  [[nodiscard]] std::vector<std::string> to_file() const {
    return {"metrics.textfile=" + file_, "metrics.interval=1s"};
  }
  [[nodiscard]] std::string series(const std::string& name, const std::string& labels = {}) const {
    return fmt::format("{}{{log=\"{}\"{}}}", name, site_.disk / "messages", labels);
  }
  [[nodiscard]] std::string scrape() const { return body_of(http_get(port_, "/metrics")); }
  [[nodiscard]] std::uint64_t number(const std::string& text, const std::string& name,
                                     const std::string& labels = {}) const {
    const std::string value = value_of(text, series(name, labels));
    EXPECT_NE(value, "") << series(name, labels) << " is not in:\n" << text;
    return value.empty() ? 0 : static_cast<std::uint64_t>(std::stod(value));
  }
  // Scrapes until a value is as wanted.
  [[nodiscard]] bool becomes(const std::string& name, std::uint64_t wanted) const {
    return eventually([&] { return number(scrape(), name) == wanted; });
  }
  [[nodiscard]] StatusReport status() const {
    const auto answered = ask_status(site_.ram / "control", kDeadline);
    EXPECT_TRUE(answered) << text_of(answered.error());
    return answered ? answered->report : StatusReport();
  }
  static void stop(Child& slurper) {
    slurper.signal(SIGTERM);
    EXPECT_TRUE(slurper.exits_with(0)) << slurper.err();
  }
};

TEST_F(MetricsOfSlurper, AgreeWithTheStatusAndTheLog) {
  site_.sinks = {"file:" + (site_.disk / "copy") + "?name=copy&start=beginning"};
  Child slurper = site_.start({listen()});
  std::size_t lines = 0;
  for (; site_.holder.accepted().size() < 3'000'000; ++lines)
    ASSERT_TRUE(eventually([&] { return site_.holder.write(fmt::format("line {} of many\n", lines)); }));
  const std::uint64_t bytes = site_.holder.accepted().size();
  ASSERT_TRUE(site_.log.reaches(bytes));
  ASSERT_TRUE(becomes("slurper_synced_bytes_total", bytes));
  ASSERT_TRUE(eventually(
      [&] { return number(scrape(), "slurper_sink_sent_bytes_total", ",sink=\"copy\"") == bytes; }));
  const std::string text = scrape();
  const StatusReport report = status();
  EXPECT_EQ(number(text, "slurper_received_bytes_total"), bytes);
  EXPECT_EQ(report.ledger.received, bytes);
  EXPECT_EQ(number(text, "slurper_logged_bytes_total"), bytes);
  EXPECT_EQ(report.log.end, bytes);
  EXPECT_EQ(number(text, "slurper_logged_lines_total"), lines);
  EXPECT_EQ(report.log.lines, lines);
  EXPECT_EQ(number(text, "slurper_unsynced_bytes"), 0U);
  EXPECT_EQ(number(text, "slurper_ledger_balanced"), 1U);
  EXPECT_EQ(number(text, "slurper_healthy"), report.is_healthy() ? 1U : 0U);
  EXPECT_EQ(number(text, "slurper_pipe_held_bytes_max"), report.fifo.most_held);
  EXPECT_EQ(number(text, "slurper_ring_held_bytes_max"), report.ring.most_held);
  EXPECT_EQ(number(text, "slurper_pipe_full_total"), report.fifo.times_full);
  EXPECT_EQ(number(text, "slurper_log_latency_seconds_count"), lines) << "each line has a latency";
  EXPECT_EQ(number(text, "slurper_sink_latency_seconds_count", ",sink=\"copy\""), lines);
  EXPECT_EQ(number(text, "slurper_sink_sent_lines_total", ",sink=\"copy\""), lines);
  EXPECT_EQ(number(text, "slurper_sink_state", ",sink=\"copy\",state=\"working\""), 1U);
  EXPECT_GT(number(text, "slurper_sync_duration_seconds_count"), 0U);
  EXPECT_THAT(http_get(port_, "/"), AllOf(HasSubstr("\r\nContent-Type: text/html; charset=utf-8\r\n"),
                                          HasSubstr("<h1 class=\"healthy\">healthy</h1>"),
                                          HasSubstr(fmt::format("offset {}", bytes))));
  stop(slurper);
  EXPECT_FALSE(connect_to_port(port_));
}

// What the pipe took is what the log's counter says in the end, and at no time does it go back or run ahead.
TEST_F(MetricsOfSlurper, AccountForEachByteOverKillsUnderLoad) {
  LineWriter writer(site_.fifo, {.per_second = 20'000});
  const std::uint64_t kills = count_from_env("SLURPER_KILLS", 10, 4);
  std::uint64_t logged = 0;
  for (std::uint64_t kill = 0; kill <= kills; ++kill) {
    Child slurper = site_.start({listen()});
    const std::uint64_t at_start = writer.bytes();
    for (int scrapes = 0; scrapes < 5 || writer.bytes() == at_start; ++scrapes) {
      const std::string text = scrape();
      const std::uint64_t now = number(text, "slurper_logged_bytes_total");
      EXPECT_GE(now, logged) << "it went back";
      EXPECT_LE(now, writer.bytes()) << "it ran ahead";
      EXPECT_EQ(number(text, "slurper_ledger_balanced"), 1U);
      logged = now;
    }
    if (kill < kills) {
      slurper.kill();
      continue;
    }
    ASSERT_TRUE(writer.finish());
    EXPECT_TRUE(becomes("slurper_logged_bytes_total", writer.bytes()));
    EXPECT_EQ(status().log.end, writer.bytes());
    stop(slurper);
  }
  EXPECT_EQ(site_.log.end(), writer.bytes());
}

TEST_F(MetricsOfSlurper, KnowAfterAKillWhatWasDropped) {
  const std::vector<std::string> settings = {"ring.size=4MiB", "ring.when_full=drop", listen()};
  const auto labels = std::string(",reason=\"ring_full\"");
  std::uint64_t lines = 0;
  std::uint64_t bytes = 0;
  {
    Child slurper = site_.start(settings);
    {
      const StalledThreads stalled(slurper.pid());
      const std::string line = std::string(999, '.') + '\n';
      while (site_.holder.accepted().size() < (8U << 20))
        ASSERT_TRUE(eventually([&] { return site_.holder.write(line); }));
    }
    // Each byte that the pipe took was logged or dropped.
    ASSERT_TRUE(eventually([&] {
      const std::string text = scrape();
      lines = number(text, "slurper_discarded_lines_total", labels);
      bytes = number(text, "slurper_discarded_bytes_total", labels);
      return bytes + number(text, "slurper_logged_bytes_total") == site_.holder.accepted().size();
    }));
    EXPECT_GT(lines, 0U);
    EXPECT_EQ(status().dropped.bytes, bytes);
    slurper.kill();
  }
  Child slurper = site_.start(settings);
  const std::string text = scrape();
  EXPECT_EQ(number(text, "slurper_discarded_lines_total", labels), lines);
  EXPECT_EQ(number(text, "slurper_discarded_bytes_total", labels), bytes);
  stop(slurper);
}

TEST_F(MetricsOfSlurper, CountWritersAndTheEndsOfFileThatNoReaderSaw) {
  site_.holder = FifoHolder(site_.disk / "other");  // it would be a writer all the time
  Child slurper = site_.start({listen()});
  for (std::uint64_t writers = 1; writers <= 3; ++writers) {
    Child writer(
        {.argv = {"sh", "-c", "exec 7>\"$1\"; echo x >&7; exec sleep 1000", "sh", site_.fifo}, .env = {}});
    ASSERT_TRUE(becomes("slurper_writers", 1));
    EXPECT_EQ(number(scrape(), "slurper_writer_connects_total"), writers);
    writer.kill();
    ASSERT_TRUE(becomes("slurper_writers", 0));
    EXPECT_TRUE(becomes("slurper_eofs_avoided_total", writers));
  }
  stop(slurper);
}

// Lines are read all the same, and the metrics are served when the port is free.
TEST_F(MetricsOfSlurper, WaitForAPortThatIsInUse) {
  Site other;
  Child first = other.start({listen()});
  Child second = site_.start({listen()});
  EXPECT_TRUE(second.said("cannot listen at '127.0.0.1:")) << second.err();
  ASSERT_TRUE(site_.holder.write("a line\n"));
  EXPECT_TRUE(site_.log.reaches(7));
  stop(first);
  EXPECT_TRUE(second.said("serving the metrics at http://127.0.0.1:")) << second.err();
  EXPECT_TRUE(eventually([&] { return !value_of(scrape(), series("slurper_healthy")).empty(); }));
  stop(second);
}

// Each client does its worst, and more come than there are places; not one line is late or lost because of
// it.
TEST_F(MetricsOfSlurper, AreServedAndLinesAreReadWhileClientsDoTheirWorst) {
  LineWriter writer(site_.fifo, {.per_second = 20'000});
  Child slurper = site_.start({listen()});
  std::atomic<bool> ends = false;
  std::atomic<int> attacks = 0;
  std::vector<std::jthread> attackers;
  for (int i = 0; i < 3; ++i) {
    attackers.emplace_back([&, i] {
      std::vector<UniqueFd> held;
      while (!ends) {
        UniqueFd fd = connect_to_port(port_, 4096);
        if (!fd) continue;
        if (i == 0) (void)send_bytes(fd.get(), std::string(20'000, '\xff') + "\r\n\r\n");
        if (i == 1) (void)send_bytes(fd.get(), "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
        held.push_back(std::move(fd));
        if (held.size() > 40) held.clear();
        ++attacks;
      }
    });
  }
  std::uint64_t answers = 0;
  EXPECT_TRUE(eventually([&] {
    answers += value_of(scrape(), series("slurper_healthy")).empty() ? 0 : 1;
    return answers >= 5 && attacks >= 100;
  })) << answers
      << " answers, " << attacks << " attacks";
  ends = true;
  attackers.clear();
  ASSERT_TRUE(writer.finish());
  EXPECT_TRUE(site_.log.reaches(writer.bytes()));
  EXPECT_TRUE(becomes("slurper_logged_bytes_total", writer.bytes()));
  EXPECT_EQ(number(scrape(), "slurper_pipe_full_total"), status().fifo.times_full);
  stop(slurper);
}

TEST_F(MetricsOfSlurper, OfAFileAreOldAfterAKillAndNewAfterAStart) {
  const auto written = [&] {
    const std::string value =
        value_of(content_of(file_), series("slurper_metrics_written_timestamp_seconds"));
    return value.empty() ? 0.0 : std::stod(value);
  };
  {
    Child slurper = site_.start(to_file());
    ASSERT_TRUE(eventually([&] { return written() > 0; })) << slurper.err();
    const double first = written();
    ASSERT_TRUE(eventually([&] { return written() > first; })) << "it is written again and again";
    slurper.kill();
  }
  const double last = written();
  EXPECT_GT(last, 1.7e9);
  EXPECT_EQ(written(), last) << "it stays, and says how old it is";
  write_file(file_ + ".tmp", "# HELP slurper_hea");  // as a kill leaves it
  Child slurper = site_.start(to_file());
  ASSERT_TRUE(eventually([&] { return written() > last; })) << slurper.err();
  ASSERT_TRUE(site_.holder.write("a line\n"));
  EXPECT_TRUE(
      eventually([&] { return value_of(content_of(file_), series("slurper_received_bytes_total")) == "7"; }));
  EXPECT_FALSE(std::filesystem::exists(file_ + ".tmp"));
  stop(slurper);
  EXPECT_FALSE(std::filesystem::exists(file_)) << "a clean stop leaves no stale metrics";
}

TEST_F(MetricsOfSlurper, KeepTheirSettingsUntilARestart) {
  const std::string settings = site_.disk / "slurper.toml";
  const auto configure = [&](const std::string& metrics) {
    write_file(settings,
               fmt::format("[fifo]\npath = \"{}\"\n[ring]\ndirectory = \"{}\"\n[log]\npath = \"{}\"\n{}",
                           site_.fifo, site_.ram.path(), site_.disk / "messages", metrics));
  };
  configure(fmt::format("[metrics]\nlisten = \"127.0.0.1:{}\"\n", port_));
  Child slurper({.argv = {slurper_binary(), "run", "-c", settings}, .env = {}});
  ASSERT_TRUE(slurper.said("ready: ")) << slurper.err();
  configure("");
  slurper.signal(SIGHUP);
  EXPECT_TRUE(slurper.said(
      "these settings have changed, and take effect after a restart (systemctl restart slurper): "
      "metrics.listen"))
      << slurper.err();
  EXPECT_NE(scrape(), "");
  configure("[metrics]\nlisten = \"localhost:9127\"\n");
  slurper.signal(SIGHUP);
  EXPECT_TRUE(
      slurper.said("slurper.toml:8:10': metrics.listen is \"localhost:9127\", but must be an IP address "
                   "and a port. Write \"127.0.0.1:9127\" or \"[::1]:9127\". The settings are unchanged"))
      << slurper.err();
  EXPECT_NE(scrape(), "");
  stop(slurper);
}

}  // namespace
}  // namespace slurper::test
