#include "watch/pipe_users.h"

#include <gmock/gmock.h>

#include "support/recorded_messages.h"

namespace slurper {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

auto statement(MessageLevel level, const std::string& part) {
  return AllOf(Field(&test::RecordedMessage::level, level),
               Field(&test::RecordedMessage::text, HasSubstr(part)));
}
auto debug(const std::string& part) {
  return statement(MessageLevel::Debug, part);
}
auto info(const std::string& part) {
  return statement(MessageLevel::Info, part);
}
auto warning(const std::string& part) {
  return statement(MessageLevel::Warning, part);
}

constexpr pid_t kParent = 77;

class PipeUsersTest : public testing::Test {
 protected:
  static OpenDescriptor holder(pid_t pid, const std::string& command, Access access, int fd = 3) {
    return {.process = {.pid = pid, .start_time = 1},
            .parent = 1,
            .command = command,
            .fd = fd,
            .access = access};
  }
  std::vector<test::RecordedMessage> observe(const FifoEvents& events, std::vector<OpenDescriptor> open,
                                             bool settled = true, bool short_read = false,
                                             bool nothing_was_read = false) {
    holders_.open = std::move(open);
    now_ += 1s;
    users_.observe({.events = events,
                    .holders = holders_,
                    .settled = settled,
                    .short_read = short_read,
                    .nothing_was_read = nothing_was_read});
    return messages_.take();
  }

  MessageLimit::Clock::time_point now_{};
  test::RecordedMessages messages_{[this] { return now_; }};
  PipeUsers users_{"/run/fifo", kParent, messages_.listener()};
  OpenDescriptors holders_;
  const OpenDescriptor cat_ = holder(10, "cat", Access::Read);
  const OpenDescriptor rsyslogd_ = holder(20, "rsyslogd", Access::ReadWrite);
  const OpenDescriptor shell_ = holder(30, "sh", Access::Write);
};

TEST_F(PipeUsersTest, WritersComeAndGoByName) {
  EXPECT_THAT(observe({.opens = 1}, {rsyslogd_}), ElementsAre(info("writer connected: 'rsyslogd' (pid 20)")));
  EXPECT_THAT(observe({.opens = 1}, {rsyslogd_, shell_}),
              ElementsAre(info("writer connected: 'sh' (pid 30)")));
  EXPECT_THAT(observe({.write_closes = 1}, {shell_}), ElementsAre(info("writer left: 'rsyslogd' (pid 20)")));
  EXPECT_THAT(observe({.write_closes = 1}, {}), ElementsAre(info("last writer left: 'sh' (pid 30)")));
  EXPECT_EQ(users_.second_readers(), 0U) << "one that can write, too, is no second reader";
}

TEST_F(PipeUsersTest, CountsWritersAndHowOftenNoneIsLeft) {
  const auto expect = [this](std::uint64_t connects, std::uint64_t last_ones) {
    EXPECT_EQ(users_.writer_connects(), connects);
    EXPECT_EQ(users_.last_writers_left(), last_ones);
  };
  (void)observe({.opens = 2}, {rsyslogd_, shell_});
  expect(2, 0);
  (void)observe({.write_closes = 1}, {shell_});
  expect(2, 0);
  (void)observe({.write_closes = 1}, {});
  expect(2, 1);
  (void)observe({.opens = 1, .write_closes = 1}, {});
  expect(3, 2);
  (void)observe({}, {});
  expect(3, 2);
  (void)observe({.opens = 1, .read_closes = 1}, {});
  expect(3, 2);
}

TEST_F(PipeUsersTest, CountsAnInvisibleWriterWhenItLeaves) {
  holders_.others_hidden = true;
  (void)observe({.opens = 2}, {});
  EXPECT_EQ(users_.writer_connects(), 0U) << "it may be a reader";
  (void)observe({.write_closes = 1}, {});
  EXPECT_EQ(users_.writer_connects(), 1U);
  EXPECT_EQ(users_.last_writers_left(), 0U) << "another process has it open";
  (void)observe({.write_closes = 1}, {});
  EXPECT_EQ(users_.writer_connects(), 2U);
  EXPECT_EQ(users_.last_writers_left(), 1U);
}

TEST_F(PipeUsersTest, WhereNotAllAreSeenNobodyIsTheLast) {
  holders_.unseen = {7, 8, 9};
  (void)observe({.opens = 1}, {shell_});
  EXPECT_THAT(observe({.write_closes = 1}, {}), ElementsAre(info("writer left: 'sh'")));
}

TEST_F(PipeUsersTest, ASecondReaderIsNamedOnce) {
  EXPECT_THAT(observe({.opens = 1}, {cat_}),
              ElementsAre(AllOf(warning("'cat' (pid 10) also reads the FIFO '/run/fifo'"),
                                warning("missing from the log"))));
  EXPECT_THAT(observe({.opens = 1}, {cat_, holder(10, "cat", Access::Read, 4)}), IsEmpty());
  EXPECT_THAT(observe({}, {cat_}), IsEmpty());
  EXPECT_THAT(observe({.read_closes = 2}, {}), ElementsAre(info("second reader left: 'cat' (pid 10)")));
  EXPECT_EQ(users_.second_readers(), 1U);
}

// An operator's `cat` that was ended at once, or a shell that was about to run one.
// What it has taken is noticed in the look that finds it gone, or in the next one.
TEST_F(PipeUsersTest, AShortReadIsThatOfTheReaderThatHasJustLeft) {
  (void)observe({.opens = 1}, {cat_});
  EXPECT_THAT(observe({.read_closes = 1}, {}, true, true),
              ElementsAre(info("second reader left: 'cat' (pid 10)")));
  EXPECT_THAT(observe({}, {}, true, true), testing::IsEmpty());
  EXPECT_EQ(messages_.alerts(), "ANOTHER READER TAKES LINES FROM THE FIFO: 'cat' (pid 10) has read it");
  (void)observe({}, {}, true, true);
  EXPECT_THAT(messages_.alerts(), HasSubstr("a process that can't be seen reads it"));
}

TEST_F(PipeUsersTest, ASecondReaderThatHasTakenNothingIsForgottenWhenItLeaves) {
  const auto nothing_read = [&](const FifoEvents& events, std::vector<OpenDescriptor> open) {
    return observe(events, std::move(open), true, false, true);
  };
  EXPECT_THAT(nothing_read({.opens = 1}, {cat_}), ElementsAre(warning("'cat' (pid 10) also reads the FIFO")));
  EXPECT_EQ(messages_.alerts(), "ANOTHER READER TAKES LINES FROM THE FIFO: 'cat' (pid 10) reads it");
  EXPECT_THAT(nothing_read({.read_closes = 1}, {}), ElementsAre(info("second reader left: 'cat' (pid 10)")));
  EXPECT_EQ(messages_.alerts(), "all well");
  EXPECT_EQ(users_.second_readers(), 1U) << "it counts all the same";
  // What took something stays, although the last one took nothing.
  (void)observe({.opens = 1}, {cat_});
  (void)nothing_read({.read_closes = 1}, {});
  (void)nothing_read({.opens = 1}, {holder(11, "less", Access::Read)});
  (void)nothing_read({.read_closes = 1}, {});
  EXPECT_EQ(messages_.alerts(), "ANOTHER READER TAKES LINES FROM THE FIFO: 'less' (pid 11) has read it");
  users_.forget_second_readers();
  EXPECT_EQ(messages_.alerts(), "all well");
  // One that was never seen.
  (void)nothing_read({.opens = 1, .read_closes = 1}, {});
  EXPECT_EQ(messages_.alerts(), "all well");
  (void)observe({.opens = 1, .read_closes = 1}, {});
  EXPECT_THAT(messages_.alerts(), HasSubstr("has had it open for reading"));
}

TEST_F(PipeUsersTest, TheSamePidLaterIsAnotherCulprit) {
  (void)observe({.opens = 1}, {cat_});
  OpenDescriptor later = cat_;
  later.process.start_time = 2;
  EXPECT_THAT(observe({.opens = 1, .read_closes = 1}, {later}), SizeIs(2));
  EXPECT_EQ(users_.second_readers(), 2U);
}

TEST_F(PipeUsersTest, ASecondReaderThatWasTooQuickIsReportedWithoutAName) {
  EXPECT_THAT(observe({.opens = 1, .read_closes = 1}, {}),
              ElementsAre(AllOf(warning("for reading only and closed it"), warning("it was gone too soon"))));
  EXPECT_EQ(users_.second_readers(), 1U);
}

TEST_F(PipeUsersTest, ASecondReaderThatMayNotBeSeenIsReportedWhenItLeaves) {
  holders_.unseen = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  EXPECT_THAT(observe({.opens = 1}, {}, false), IsEmpty());
  EXPECT_TRUE(users_.expects_more());
  EXPECT_THAT(observe({}, {}), ElementsAre(AllOf(debug("a process opened the FIFO"), debug("9 processes"))));
  EXPECT_FALSE(users_.expects_more());
  EXPECT_THAT(observe({.read_closes = 1}, {}), ElementsAre(warning("for reading only and closed it")));
  EXPECT_THAT(observe({.read_closes = 1}, {}), IsEmpty())
      << "it was there before slurper, and is known to nobody";
}

// As the service sees each start of the machine and each restart of rsyslog.
TEST_F(PipeUsersTest, ThoseThatCantBeSeenAndCanWriteAreNoNews) {
  holders_.others_hidden = true;
  const auto none_above_debug = testing::Each(Field(&test::RecordedMessage::level, MessageLevel::Debug));
  for (int i = 0; i < 50; ++i) {
    EXPECT_THAT(observe({.opens = 1}, {}, false), IsEmpty());
    EXPECT_THAT(observe({}, {}), none_above_debug);
    EXPECT_THAT(observe({.write_closes = 1}, {}), none_above_debug);
    EXPECT_THAT(observe({.opens = 1, .write_closes = 1}, {}), none_above_debug);
  }
  EXPECT_EQ(users_.second_readers(), 0U);
  EXPECT_THAT(observe({}, {shell_}), ElementsAre(info("writer connected")))
      << "they used up no other's messages";
  EXPECT_THAT(observe({.opens = 1, .read_closes = 1}, {shell_}), ElementsAre(warning("for reading only")));
}

TEST_F(PipeUsersTest, TheEventMayComeBeforeTheDescriptor) {
  EXPECT_THAT(observe({.opens = 1}, {}, false), IsEmpty());
  EXPECT_TRUE(users_.expects_more());
  EXPECT_THAT(observe({}, {cat_}, false), ElementsAre(warning("'cat'")));
  EXPECT_FALSE(users_.expects_more());
  EXPECT_THAT(observe({}, {cat_}), IsEmpty());
}

TEST_F(PipeUsersTest, TheServiceManagerHoldsItInAnyWay) {
  EXPECT_THAT(
      observe({.opens = 3}, {holder(1, "systemd", Access::Read), holder(1, "systemd", Access::ReadWrite),
                             holder(kParent, "systemd", Access::Read)}),
      IsEmpty());
  EXPECT_THAT(observe({.write_closes = 1, .read_closes = 2}, {}), IsEmpty());
  EXPECT_THAT(observe({}, {holder(5, "systemd", Access::Read)}), ElementsAre(warning("'systemd' (pid 5)")))
      << "a name is easily taken";
  EXPECT_THAT(observe({}, {holder(kParent, "bash", Access::Read)}), testing::Contains(warning("'bash'")));
}

// busybox syslogd opens it anew every second.
TEST_F(PipeUsersTest, AWriterThatOpensItAgainAndAgainIsNoNews) {
  (void)observe({.opens = 1}, {shell_});
  for (int i = 0; i < 1000; ++i) EXPECT_THAT(observe({.opens = 1, .write_closes = 1}, {shell_}), IsEmpty());
}

TEST_F(PipeUsersTest, ManyThatComeAndGoAreReportedNowAndThen) {
  std::size_t said = 0;
  for (pid_t pid = 100; pid < 5100; ++pid) {
    said += observe({.opens = 1}, {holder(pid, "logger", Access::Write)}).size();
    said += observe({.write_closes = 1}, {}).size();
    said += observe({.opens = 1, .write_closes = 1}, {}).size();
  }
  EXPECT_GE(said, 10U);
  EXPECT_LE(said, 60U) << "in four hours";
}

TEST_F(PipeUsersTest, AShortReadIsReportedIfNoSecondReaderIsSeen) {
  holders_.others_hidden = true;
  EXPECT_THAT(observe({}, {}, true, true),
              ElementsAre(AllOf(warning("takes lines from the FIFO"), warning("hidden from slurper"))));
  (void)observe({.opens = 1}, {cat_});
  now_ += 1h;
  EXPECT_THAT(observe({}, {cat_}, true, true), IsEmpty()) << "it has been named";
}

TEST_F(PipeUsersTest, AfterAnOverflowOnlyWhatIsSeenCounts) {
  EXPECT_THAT(observe({.opens = 5, .read_closes = 5, .overflow = true}, {cat_}),
              ElementsAre(warning("'cat'")));
  EXPECT_FALSE(users_.expects_more());
}

TEST_F(PipeUsersTest, NamesAreShownSafely) {
  EXPECT_THAT(observe({}, {holder(10, "\x1b[2J'\n", Access::Read)}),
              ElementsAre(warning("'\\x1b[2J\\'\\x0a' (pid 10)")));
}

}  // namespace
}  // namespace slurper
