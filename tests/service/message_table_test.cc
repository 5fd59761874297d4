#include "service/message_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace slurper {
namespace {

using namespace std::chrono_literals;

TEST(MessageTable, HasNamesThatAreTheirOwn) {
  std::set<std::string_view> names;
  for (const MessageEntry& entry : message_table()) {
    EXPECT_TRUE(names.insert(entry.name).second) << entry.name;
    EXPECT_EQ(entry.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_."), std::string_view::npos)
        << entry.name;
  }
}

// An operator who is woken up by a message finds its cause and its remedy on the page of messages.
TEST(MessageTable, EveryFaultHasACauseAndARemedy) {
  for (const MessageEntry& entry : message_table()) {
    const bool is_fault = entry.level >= MessageLevel::Warning && !entry.clears;
    if (entry.shown == Shown::Never || !is_fault) continue;
    EXPECT_NE(entry.cause, "") << entry.name;
    EXPECT_NE(entry.remedy, "") << entry.name;
  }
}

TEST(MessageTable, WhatDependsOnAnAlertHasOne) {
  for (const MessageEntry& entry : message_table()) {
    const bool needs_raise = entry.shown == Shown::WhenRaised || entry.shown == Shown::WhenChanged;
    EXPECT_TRUE(!needs_raise || entry.raises) << entry.name;
    EXPECT_TRUE(entry.shown != Shown::WhenCleared || entry.clears) << entry.name;
    EXPECT_TRUE(entry.shown != Shown::Never || entry.raises || entry.clears || entry.clears_all)
        << entry.name;
    EXPECT_TRUE(entry.shown == Shown::Never || !entry.words.empty()) << entry.name;
  }
}

// Its own words tell a message from all others: the sinks' and the log's, which only introduce another's
// text, have the fewest.
TEST(MessageTable, EveryMessageHasWordsOfItsOwn) {
  for (const MessageEntry& entry : message_table()) {
    if (entry.shown == Shown::Never) continue;
    std::size_t own = 0;
    bool inside = false;
    for (const char c : entry.words) {
      inside = (inside || c == '{') && c != '}';
      own += inside ? 0 : 1;
    }
    EXPECT_GE(own, 7U) << entry.name;
  }
}

// An alert that nothing clears would be shown for ever; only a start that finds another ring folder may.
TEST(MessageTable, EveryAlertIsRaisedAndCleared) {
  std::set<Alert> raised;
  std::set<Alert> cleared = {Alert::RingElsewhere};
  for (const MessageEntry& entry : message_table()) {
    if (entry.raises) raised.insert(*entry.raises);
    if (entry.clears) cleared.insert(*entry.clears);
    if (entry.clears_all) cleared.insert(Alert::SinkHangs);
  }
  EXPECT_EQ(raised, cleared);
  EXPECT_EQ(raised.size(), static_cast<std::size_t>(Alert::SinkLags) + 1);
}

std::string rendered(std::string_view words, std::initializer_list<EventArgument> arguments) {
  return render(words, {.id = EventId::Ready, .arguments = {arguments.begin(), arguments.size()}});
}

TEST(Render, ShowsEachTypeItsOwnWay) {
  EXPECT_EQ(rendered("{a} {b} {c}", {{"a", "text"}, {"b", Quoted{"it's\n"}}, {"c", std::uint64_t{12}}}),
            "text 'it\\'s\\x0a' 12");
  EXPECT_EQ(rendered("{a} at {b}", {{"a", ByteSize{1536}}, {"b", StreamOffset{77}}}), "1.50KiB at 77");
  EXPECT_EQ(
      rendered("{a} and {b}", {{"a", std::chrono::seconds(5)}, {"b", std::chrono::nanoseconds(1230ms)}}),
      "5 s and 1.2 s");
}

TEST(Render, ShowsAnErrorInParts) {
  const Error error{ErrorKind::Io, 0, own_words("write 'x'"), own_words("the disk is full"),
                    own_words("Make room")};
  const auto shown = [&](std::string_view words) { return rendered(words, {{"e", &error}}); };
  EXPECT_EQ(shown("{e}!"), "cannot write 'x': the disk is full. Make room!");
  EXPECT_EQ(shown("{e.} It waits"), "cannot write 'x': the disk is full. Make room. It waits");
  EXPECT_EQ(shown("{e.why}"), "the disk is full");
}

TEST(Render, LeavesWhatItDoesNotKnow) {
  EXPECT_EQ(rendered("{missing} {", {}), "{missing} ");
  EXPECT_EQ(rendered("", {}), "");
}

}  // namespace
}  // namespace slurper
