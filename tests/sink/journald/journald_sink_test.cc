// What can be seen without a journald; the rest is tests/e2e/journald_case.sh.
#include "sink/journald/journald_sink.h"

#include <gmock/gmock.h>

#include "sink/sink_site.h"
#include "support/text_of.h"

namespace slurper {
namespace {

using test::text_of;

using testing::HasSubstr;

TEST(JournaldSinkTest, Settings) {
  EXPECT_TRUE(SinkSite().make(journald_sink(), {}));
  EXPECT_TRUE(SinkSite().make(journald_sink(), {{"exactly_once", "false"}, {"give_up", "1h"}}));
  EXPECT_THAT(text_of(SinkSite().make(journald_sink(), {{"give_up", "0"}}).error()),
              HasSubstr("give_up of the sink 'test' is \"0\", but must be a time from 1s to 1d"));
  EXPECT_THAT(text_of(SinkSite().make(journald_sink(), {{"format", "raw"}}).error()),
              HasSubstr("It has: exactly_once, give_up"));
}

TEST(JournaldSinkTest, WhatWasNeverOpenedIsClosed) {
  auto sink = SinkSite().make(journald_sink(), {});
  ASSERT_TRUE(sink);
  (*sink)->close();
}

}  // namespace
}  // namespace slurper
