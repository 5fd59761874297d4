// The metrics, the alerting rules and the dashboard with a real Prometheus.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <re2/re2.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "e2e/real_prometheus.h"
#include "support/daemon.h"
#include "support/files.h"
#include "support/http.h"

namespace slurper::test {
namespace {

using nlohmann::json;
using testing::IsEmpty;
using testing::Not;

constexpr const char* kRules = SLURPER_SOURCE "/docs/metrics/alerts.yml";
constexpr const char* kRulesTest = SLURPER_SOURCE "/tests/metrics/alerts_test.yml";
constexpr const char* kDashboard = SLURPER_SOURCE "/docs/metrics/dashboard.json";
constexpr const char* kPage = SLURPER_SOURCE "/docs/metrics.md";

// What the group of `pattern` matches.
std::set<std::string> all_matches(const std::string& text, const char* pattern) {
  std::set<std::string> found;
  re2::StringPiece rest(text);
  const RE2 expression(pattern);
  for (std::string match; RE2::FindAndConsume(&rest, expression, &match);) found.insert(match);
  return found;
}

// A metric and its type for each match.
std::map<std::string, std::string> types_in(const std::string& text, const char* pattern) {
  std::map<std::string, std::string> found;
  re2::StringPiece rest(text);
  const RE2 expression(pattern);
  std::string name;
  for (std::string type; RE2::FindAndConsume(&rest, expression, &name, &type);) found[name] = type;
  return found;
}

// Of the page's table.
std::map<std::string, std::string> documented() {
  return types_in(read_file(kPage), R"((?m)^\| `(slurper_\w+)` \| (\w+) \|)");
}

std::map<std::string, std::string> exposed(const std::string& text) {
  return types_in(text, R"((?m)^# TYPE (\S+) (\w+)$)");
}

// The expressions of the dashboard, for all instances and logs.
std::vector<std::string> dashboard_expressions() {
  const json dashboard = json::parse(read_file(kDashboard));
  std::vector<std::string> expressions;
  for (const json& panel : dashboard.at("panels")) {
    for (const json& target : panel.value("targets", json::array())) {
      std::string expression = target.at("expr");
      RE2::GlobalReplace(&expression, R"(\$(instance|log)\b)", ".*");
      // Several scrapes, on a slow machine too.
      RE2::GlobalReplace(&expression, R"(\$__rate_interval\b)", "1m");
      EXPECT_EQ(expression.find('$'), std::string::npos) << expression;
      expressions.push_back(expression);
    }
  }
  return expressions;
}

bool has_a_figure(const json& result) {
  return std::ranges::any_of(result, [](const json& one) {
    return std::isfinite(std::stod(one.at("value").at(1).get<std::string>()));
  });
}

class PrometheusTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { RealPrometheus::fetch(); }
};

TEST_F(PrometheusTest, TakesTheRules) {
  RealPrometheus::expect_promtool({"check", "rules", kRules});
}

TEST_F(PrometheusTest, EachAlertFiresWhenItShouldAndOnlyThen) {
  RealPrometheus::expect_promtool({"test", "rules", kRulesTest});
  // There is a test for each.
  const std::set<std::string> alerts = all_matches(read_file(kRules), R"(- alert: (\w+))");
  EXPECT_GT(alerts.size(), 12U);
  EXPECT_EQ(all_matches(read_file(kRulesTest), R"(ALERTS\{alertname=.(\w+))"), alerts);
}

TEST_F(PrometheusTest, RulesAndDashboardUseMetricsThatThePageHas) {
  const std::map<std::string, std::string> page = documented();
  for (const char* const file : {kRules, kRulesTest, kDashboard}) {
    const std::set<std::string> used = all_matches(read_file(file), R"(\b(slurper_\w+))");
    EXPECT_THAT(used, Not(IsEmpty())) << file;
    for (std::string name : used) {
      RE2::Replace(&name, "_bucket$", "");
      EXPECT_TRUE(page.contains(name)) << file << ": " << name;
    }
  }
  // And the dashboard shows all of them, except for the time at which a text file was written.
  const std::string dashboard = read_file(kDashboard);
  for (const auto& [name, type] : page)
    EXPECT_TRUE(dashboard.find(name) != std::string::npos ||
                name == "slurper_metrics_written_timestamp_seconds")
        << name;
}

// Grafana takes a panel without a title or a unit, and one on top of another, without a word.
TEST_F(PrometheusTest, EachPanelOfTheDashboardHasAPlaceOfItsOwn) {
  const json dashboard = json::parse(read_file(kDashboard));
  std::set<int> ids;
  std::map<std::pair<int, int>, std::string> taken;
  for (const json& panel : dashboard.at("panels")) {
    const std::string title = panel.at("title");
    EXPECT_NE(title, "");
    EXPECT_TRUE(ids.insert(panel.at("id").get<int>()).second) << title;
    const auto place = [&](const char* name) { return panel.at("gridPos").at(name).get<int>(); };
    EXPECT_LE(place("x") + place("w"), 24) << title;
    for (int x = place("x"); x < place("x") + place("w"); ++x) {
      for (int y = place("y"); y < place("y") + place("h"); ++y) {
        const auto [cell, is_free] = taken.emplace(std::pair(x, y), title);
        ASSERT_TRUE(is_free) << title << " lies on " << cell->second;
      }
    }
    if (panel.at("type") != "row") {
      EXPECT_FALSE(panel.at("targets").empty()) << title;
      EXPECT_NE(panel.at("fieldConfig").at("defaults").value("unit", ""), "") << title;
      for (const json& target : panel.at("targets"))
        EXPECT_EQ(target.at("datasource").at("uid"), "${datasource}") << title;
    }
  }
}

// A slurper with a sink that works, one whose destination is down, and a second reader, as Prometheus sees
// it.
class ScrapeTest : public PrometheusTest {
 protected:
  void SetUp() override {
    site_.sinks = {"file:" + (site_.disk / "archive") + "?name=archive",
                   fmt::format("syslog+tcp://127.0.0.1:{}?name=central", free_port())};
    slurper_.emplace(site_.start({fmt::format("metrics.listen=127.0.0.1:{}", port_),
                                  "metrics.textfile=" + textfile_, "metrics.interval=1s", "log.sync=100ms"}));
    writer_.emplace(site_.fifo, LineWriter::Plan{.per_second = 200});
  }

  // The rules as they are, but for the time that a condition must last.
  [[nodiscard]] std::string impatient_rules() const {
    std::string rules = read_file(kRules);
    EXPECT_GT(RE2::GlobalReplace(&rules, R"(\bfor: \w+)", "for: 1s"), 5);
    const std::string path = site_.disk / "alerts.yml";
    write_file(path, rules);
    return path;
  }

  [[nodiscard]] RealPrometheus prometheus() const {
    return RealPrometheus(std::filesystem::path(site_.disk / "prometheus"),
                          fmt::format(R"(global:
  scrape_interval: 1s
  evaluation_interval: 1s
rule_files:
  - {}
scrape_configs:
  - job_name: slurper
    static_configs:
      - targets: ["127.0.0.1:{}", "127.0.0.1:{}"]
)",
                                      impatient_rules(), port_, free_port()));
  }

  const std::uint16_t port_ = free_port();
  Site site_;
  const std::string textfile_ = site_.disk / "slurper.prom";
  std::optional<Child> slurper_;
  std::optional<LineWriter> writer_;
};

TEST_F(ScrapeTest, ExposesWhatThePageSays) {
  const std::string textfile_only = "slurper_metrics_written_timestamp_seconds";
  std::map<std::string, std::string> page = documented();
  ASSERT_GT(page.size(), 30U);
  // An alert and a time of a sync are there once there was one.
  std::map<std::string, std::string> found;
  EXPECT_TRUE(eventually([&] { return (found = exposed(content_of(textfile_))) == page; }))
      << json(found).dump() << "\n"
      << json(page).dump();
  page.erase(textfile_only);
  EXPECT_TRUE(eventually([&] { return (found = exposed(body_of(http_get(port_, "/metrics")))) == page; }))
      << json(found).dump() << "\n"
      << json(page).dump();
}

TEST_F(ScrapeTest, ServesThePageForABrowser) {
  const std::string title = fmt::format("<title>DEGRADED: {}</title>", site_.disk / "messages");
  EXPECT_TRUE(eventually([&] { return http_get(port_, "/").find(title) != std::string::npos; }))
      << http_get(port_, "/");
}

TEST_F(ScrapeTest, AlertsFireAndTheDashboardShowsFigures) {
  const Child second({.argv = {"cat", site_.fifo}, .env = {}});
  const RealPrometheus prometheus = this->prometheus();

  // Those of which the causes are here, and no others.
  const std::set<std::string> expected = {"SlurperDown", "SlurperSecondReader", "SlurperSinkFailing",
                                          "SlurperUnhealthy"};
  const auto firing = [&] {
    std::set<std::string> names;
    for (const json& alert : prometheus.alerts()) {
      if (alert.at("state") == "firing") names.insert(alert.at("labels").at("alertname"));
    }
    return names;
  };
  std::set<std::string> names;
  EXPECT_TRUE(eventually([&] { return std::ranges::includes(names = firing(), expected); }))
      << json(prometheus.alerts()).dump(1) << prometheus.said();
  for (const json& alert : prometheus.alerts()) {
    for (const json& text : alert.at("annotations")) {
      EXPECT_EQ(text.get<std::string>().find("<no value>"), std::string::npos) << text;
      EXPECT_EQ(text.get<std::string>().find("error expanding"), std::string::npos) << text;
    }
  }

  for (const std::string& expression : dashboard_expressions()) {
    json result;
    EXPECT_TRUE(eventually([&] { return has_a_figure(result = prometheus.query(expression)); }))
        << expression << ": " << result.dump(1);
  }
  // Slurper itself adds up, as Prometheus has stored it.
  EXPECT_TRUE(has_a_figure(prometheus.query("slurper_ledger_balanced == 1")));
  names = firing();
  for (const char* const quiet :
       {"SlurperLedgerOff", "SlurperLinesDiscarded", "SlurperPipeFull", "SlurperSinkStopped",
        "SlurperSinkMissed", "SlurperNoWriter", "SlurperQuarantine", "SlurperRestarts"})
    EXPECT_FALSE(names.contains(quiet)) << quiet;
}

}  // namespace
}  // namespace slurper::test
