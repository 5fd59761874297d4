// The page in a real browser. browser.py drives it, and check_page.py says what is checked.
#include <gtest/gtest.h>

#include "support/in_browser.h"
#include "support/temp_dir.h"
#include "trace/page_site.h"

namespace slurper {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)

class PageInBrowser : public testing::Test {
 protected:
  void SetUp() override {
    if (!has_browser()) GTEST_SKIP() << "chromium or python3 is not installed";
  }

  void check(const std::string& what, const std::string& page) {
    EXPECT_EQ(complaint_of(SLURPER_CHECK_PAGE, what, page, folder_.path()), "");
  }

  TempDir folder_;
};

TEST_F(PageInBrowser, IsSearchedZoomedAndClicked) {
  check("use", page_of(conversation()));
}

TEST_F(PageInBrowser, AHostileCaptureDoesNothing) {
  CaptureBuilder capture;
  const std::string hostile(kHostile);
  capture.process({.tid = 5, .pid = 5, .name = hostile}).file(5, 3, hostile);
  capture.event(5, kReadEnter, {i64(3), u32(10)}).event(5, kReadExit, {i64(3), hostile});
  capture.event(5, kReadEnter, {i64(3), u32(10)}).event(5, kReadExit, {i64(-5), hostile});
  capture.fd(5, 4, FdType::Fifo, sized(hostile), 99);
  capture.event(5, kWriteEnter, {i64(4), u32(10)}).event(5, kWriteExit, {i64(-32), hostile});
  check("hostile", page_of(capture));
}

TEST_F(PageInBrowser, AFindingJumpsToItsProof) {
  check("findings", page_of(conversation()));
}

TEST_F(PageInBrowser, ASleepingCallLeadsToWhatItWaitsFor) {
  check("waits", page_of(chain_of_waits()));
}

TEST_F(PageInBrowser, ManyEventsAreAggregated) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5}).file(5, 3, "/var/log/messages");
  for (int i = 0; i < 60'000; ++i)
    capture.event(5, kReadEnter, {i64(3), u32(300)}).event(5, kReadExit, {i64(i % 100 == 0 ? -5 : 1), "x"});
  check("aggregated", page_of(capture));
}

TEST_F(PageInBrowser, WhatWentThroughPipesIsDrawnOfManyEventsToo) {
  check("flows", page_of(busy_pipes(2, 40'000)));
}

TEST_F(PageInBrowser, AnEmptyCaptureSaysSo) {
  check("empty", page_of(CaptureBuilder()));
}

}  // namespace
}  // namespace slurper
