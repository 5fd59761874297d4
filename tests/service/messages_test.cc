// What of the events becomes a message, and which alerts they change.
#include "service/messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "support/recorded_messages.h"

namespace slurper {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class MessagesTest : public testing::Test {
 protected:
  MessagesTest() { messages_.keep_nothing(); }
  void report(EventId id, std::initializer_list<EventArgument> arguments = {}) {
    messages_.listener().report(id, arguments);
  }
  auto take() { return messages_.take(); }
  static auto says(MessageLevel level, const std::string& text) {
    return testing::AllOf(Field(&test::RecordedMessage::level, level),
                          Field(&test::RecordedMessage::text, text));
  }

  MessageLimit::Clock::time_point now_{};
  test::RecordedMessages messages_{[this] { return now_; }};
  const Error full_{ErrorKind::Io, 0, own_words("write the log"), own_words("No space left on device"), {}};
  const Error broken_{ErrorKind::Io, 0, own_words("write the log"), own_words("Input/output error"), {}};
};

TEST_F(MessagesTest, AFailureThatLastsIsReportedOnceAndItsEndOnce) {
  for (int i = 0; i < 3; ++i) report(EventId::LogSyncFailed, {{"error", &full_}});
  EXPECT_THAT(take(),
              ElementsAre(Field(&test::RecordedMessage::text,
                                HasSubstr("cannot write the log: No space left on device. What was"))));
  EXPECT_EQ(messages_.alerts(), "THE LOG CAN'T BE SYNCED: No space left on device");
  report(EventId::LogSyncFailed, {{"error", &broken_}});
  EXPECT_THAT(take(), IsEmpty()) << "the status shows the other cause";
  EXPECT_EQ(messages_.alerts(), "THE LOG CAN'T BE SYNCED: Input/output error");
  for (int i = 0; i < 3; ++i) report(EventId::LogSyncedAgain);
  EXPECT_THAT(take(), ElementsAre(says(MessageLevel::Info, "syncing the log again")));
  EXPECT_EQ(messages_.alerts(), "all well");
}

TEST_F(MessagesTest, AnotherCauseIsNewsIfTheTableSaysSo) {
  report(EventId::PathNotWatched, {{"error", &full_}, {"fifo", Quoted{"f"}}});
  report(EventId::PathNotWatched, {{"error", &full_}, {"fifo", Quoted{"f"}}});
  EXPECT_THAT(take(), SizeIs(1));
  report(EventId::PathNotWatched, {{"error", &broken_}, {"fifo", Quoted{"f"}}});
  EXPECT_THAT(take(), SizeIs(1));
}

TEST_F(MessagesTest, AnAlertIsEachSinksOwn) {
  report(EventId::SinkStillFails, {{"sink", Quoted{"a"}}, {"error", &full_}});
  report(EventId::SinkHasNoMemory, {{"sink", Quoted{"b"}}});
  EXPECT_EQ(messages_.alerts(),
            "A SINK FAILS: 'a': cannot write the log: No space left on device; A SINK FAILS: 'b'");
  report(EventId::SinkWorks,
         {{"sink", Quoted{"a"}}, {"after", std::chrono::nanoseconds(1s)}, {"behind", ByteSize{5}}});
  EXPECT_EQ(messages_.alerts(), "A SINK FAILS: 'b'");
  EXPECT_THAT(take(), ElementsAre(says(MessageLevel::Warning,
                                       "the sink 'a' works again, after 1.0 s; 5B wait for it")));
}

TEST_F(MessagesTest, OneEventMayClearOneAlertAndRaiseAnother) {
  report(EventId::SinkStillFails, {{"sink", Quoted{"a"}}, {"error", &full_}});
  report(EventId::SinkStops, {{"sink", Quoted{"a"}}, {"error", &broken_}});
  EXPECT_EQ(messages_.alerts(),
            "A SINK HAS STOPPED UNTIL SIGHUP: 'a': cannot write the log: Input/output error");
}

TEST_F(MessagesTest, WhatRepeatsIsReportedNowAndThen) {
  for (int i = 0; i < 1000; ++i) report(EventId::WriterCame, {{"process", "'sh' (pid 1)"}});
  const auto shown = take();
  ASSERT_THAT(shown, SizeIs(5));
  EXPECT_EQ(shown[0].text, "writer connected: 'sh' (pid 1)");
  EXPECT_THAT(shown[4].text, testing::EndsWith(". Further messages like this are rate-limited"));
  report(EventId::LastWriterLeft, {{"process", "'sh' (pid 1)"}});
  EXPECT_THAT(take(), SizeIs(1)) << "the others have limits of their own";
  now_ += 1min;
  report(EventId::WriterCame, {{"process", "'sh' (pid 2)"}});
  EXPECT_THAT(take(), ElementsAre(Field(&test::RecordedMessage::text,
                                        HasSubstr("(pid 2). There were 995 more like this"))));
}

TEST_F(MessagesTest, AnErrorIsFollowedByTheCallsThatLedToIt) {
  std::string calls = "write('log', 5) = ENOSPC (No space left on device)";
  test::RecordedMessages messages([this] { return now_; }, [&] { return calls; });
  messages.keep_nothing();
  const auto fail = [&] {
    messages.listener().report(EventId::LogSyncFailed, {{"error", &full_}});
    messages.listener().report(EventId::LogSyncedAgain);
  };
  const auto calls_said = [&] {
    std::vector<std::string> said;
    for (const test::RecordedMessage& message : messages.take()) {
      if (message.text.starts_with("the last calls before that: ")) said.push_back(message.text);
    }
    return said;
  };
  messages.listener().report(EventId::RingNotInRam, {{"ring", Quoted{"r"}}});
  EXPECT_THAT(calls_said(), IsEmpty()) << "a warning";
  fail();
  EXPECT_THAT(calls_said(), ElementsAre("the last calls before that: " + calls));
  for (int i = 0; i < 9; ++i) fail();
  EXPECT_THAT(calls_said(), SizeIs(1)) << "they are limited";
  now_ += 1min;
  calls.clear();
  fail();
  EXPECT_THAT(calls_said(), IsEmpty()) << "none is known";
}

TEST_F(MessagesTest, EveryThreadMayReport) {
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 100; ++j) {
        report(EventId::Reloaded);
        report(EventId::SinkStillFails, {{"sink", Quoted{"a"}}, {"error", &full_}});
      }
    });
  }
  threads.clear();
  EXPECT_THAT(take(), SizeIs(400));
}

}  // namespace
}  // namespace slurper
