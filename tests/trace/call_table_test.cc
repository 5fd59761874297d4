#include "trace/call_table.h"

#include <gtest/gtest.h>

#include <set>

#include "trace/compat_calls.h"

namespace slurper {
namespace {

TEST(CallTable, EveryParameterHasAKnownTypeAndSymbols) {
  for (std::uint16_t type = 0; type < 500; ++type) {
    const EventInfo* const event = event_info(type);
    if (event == nullptr) continue;
    EXPECT_EQ(event->type, type);
    EXPECT_FALSE(event->name.empty()) << type;
    EXPECT_LE(event->classic_params, event->params.size()) << type;
    for (const Param& param : event->params) {
      EXPECT_FALSE(param.name.empty()) << event->name;
      EXPECT_EQ(param.name.find(' '), std::string_view::npos) << event->name << ' ' << param.name;
    }
  }
}

TEST(CallTable, AnExitFollowsItsEnter) {
  for (std::uint16_t type = 0; type < 500; type = static_cast<std::uint16_t>(type + 2)) {
    const EventInfo* const enter = event_info(type);
    const EventInfo* const exit = event_info(static_cast<std::uint16_t>(type + 1));
    ASSERT_EQ(enter != nullptr && !enter->is_single, exit != nullptr) << type;
    if (exit == nullptr) continue;
    EXPECT_TRUE(exit->is_exit);
    EXPECT_FALSE(enter->is_exit);
    EXPECT_EQ(enter->name, exit->name);
  }
}

TEST(CallTable, CallsLeadToTheirEvents) {
  std::set<std::uint16_t> numbers;
  for (const Call& call : calls()) {
    EXPECT_NE(event_info(call.event), nullptr) << call.name;
    if (call.number == kNoNumber) continue;
    EXPECT_TRUE(numbers.insert(call.number).second) << call.name;
    EXPECT_EQ(find_call(call.number), &call);
  }
  EXPECT_EQ(find_call("openat")->event, 306);
  EXPECT_EQ(find_call("setresuid")->event, 192);
  EXPECT_EQ(find_call("accept4")->event, 248);
  EXPECT_EQ(find_call("dup3")->event, 124);
  EXPECT_EQ(find_call(std::uint16_t{436})->name, "close_range");
  EXPECT_EQ(find_call(std::uint16_t{60000}), nullptr);
}

TEST(CallTable, GenericCallsHaveTheirNames) {
  EXPECT_EQ(generic_name(72, 74), "fsync");
  EXPECT_EQ(generic_name(0, 436), "close_range");
  EXPECT_EQ(generic_name(0, 60000), "");
}

TEST(CallTable, CallsOf32BitProgramsHaveTheirNames) {
  EXPECT_EQ(compat_call_name(0), "restart_syscall");
  EXPECT_EQ(compat_call_name(4), "write");
  EXPECT_EQ(compat_call_name(224), "gettid");
  EXPECT_EQ(compat_call_name(403), "clock_gettime64");
  EXPECT_EQ(compat_call_name(450), "set_mempolicy_home_node");
  for (const int number : {222, 223, 285, 415, 451, 60000})
    EXPECT_EQ(compat_call_name(static_cast<std::uint16_t>(number)), "") << number;
}

TEST(CallTable, FlagsAreThoseOfOpen) {
  const Param& flags = event_info(2)->params[1];
  ASSERT_NE(flags.symbols, nullptr);
  EXPECT_EQ(flags.symbols->symbols.front().name, "O_LARGEFILE");
  EXPECT_EQ(event_info(2)->params[2].base, NumberBase::Octal);
}

}  // namespace
}  // namespace slurper
