// The page in a real browser. check_web_page.py says what is checked.
#include <gtest/gtest.h>

#include "metrics/hostile_report.h"
#include "metrics/web_page.h"
#include "support/in_browser.h"
#include "support/temp_dir.h"

namespace slurper::test {
namespace {

class WebPageInBrowser : public testing::Test {
 protected:
  void SetUp() override {
    if (!has_browser()) GTEST_SKIP() << "chromium or python3 is not installed";
  }

  void check(const std::string& what, const StatusReport& report) {
    EXPECT_EQ(complaint_of(SLURPER_CHECK_WEB_PAGE, what, web_page(report), folder_.path()), "");
  }

  TempDir folder_;
};

StatusReport long_report() {
  StatusReport report = some_report();
  report.fifo.path = "/run/" + std::string(200, 'f');
  report.log.end = report.ledger.received = ~std::uint64_t{0};
  for (StatusReport::Rate& rate : report.rates) rate.bytes_per_second = rate.lines_per_second = 2'000'000'000;
  for (int i = 0; i < 30; ++i) report.fifo.writers.push_back("'a-program-with-a-long-name' (pid 4194304)");
  for (const char* const state : {"working", "lagging", "stopped", "starting"}) {
    StatusReport::Sink sink = report.sinks.front();
    sink.name = std::string("a-sink-with-a-rather-long-name-that-is-") + state;
    sink.state = state;
    sink.cursor = sink.lines = 18'446'744'073'709'551;
    report.sinks.push_back(sink);
  }
  return report;
}

TEST_F(WebPageInBrowser, FitsAPhoneAndADesktop) {
  check("fits", some_report());
  check("fits", long_report());
}

TEST_F(WebPageInBrowser, HostileTextsDoNothing) {
  check("hostile", hostile_report());
}

TEST_F(WebPageInBrowser, AsksForItselfAgain) {
  check("refresh", some_report());
}

}  // namespace
}  // namespace slurper::test
