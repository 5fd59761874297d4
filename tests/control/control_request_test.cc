#include "control/control_request.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace slurper {
namespace {

using namespace std::chrono_literals;
using Kind = RewindTo::Kind;

std::string refusal(const std::string& members) {
  const auto request = parse_request("{\"version\":1," + members + "}");
  return request ? "good" : request.error();
}

TEST(ControlRequest, IsReadBackAsItWasWritten) {
  const std::vector<ControlRequest> requests = {
      {},
      {.verb = ControlVerb::Rotate},
      {.verb = ControlVerb::Reload},
      {.verb = ControlVerb::Pause, .sink = "relp"},
      {.verb = ControlVerb::Resume, .sink = "\"\\\n\u20ac"},
      {.verb = ControlVerb::Rewind, .sink = "a", .to = {.kind = Kind::Beginning}},
      {.verb = ControlVerb::Rewind, .sink = "a", .to = {.kind = Kind::End}},
      {.verb = ControlVerb::Rewind, .sink = "a", .to = {.kind = Kind::Offset, .offset = {~std::uint64_t{0}}}},
      {.verb = ControlVerb::Rewind,
       .sink = "a",
       .to = {.kind = Kind::Time, .time = Timestamp(1'764'504'000'123ms)}},
      {.verb = ControlVerb::SetLevel, .level = Level::Error}};
  for (const ControlRequest& request : requests) {
    std::string line = to_request(request);
    ASSERT_TRUE(line.ends_with('\n'));
    line.pop_back();
    const auto again = parse_request(line);
    ASSERT_TRUE(again) << line << again.error();
    EXPECT_EQ(*again, request) << line;
  }
}

TEST(ControlRequest, NeedsWhatItsVerbIsAbout) {
  const std::string sink = R"(this verb needs the name of a sink: "sink":"relp")";
  for (const char* const verb : {"pause", "resume", "rewind"}) {
    EXPECT_EQ(refusal(std::string("\"verb\":\"") + verb + "\""), sink);
    EXPECT_EQ(refusal(std::string("\"verb\":\"") + verb + "\",\"sink\":7"), sink);
  }
  const std::string place =
      R"(rewind needs one place: "offset":NUMBER, "time":MILLISECONDS, "to":"beginning" or "to":"end")";
  for (const char* const to :
       {"", R"(,"offset":-1)", R"(,"offset":1.5)", R"(,"offset":18446744073709551616)", R"(,"to":"middle")",
        R"(,"to":1)", R"(,"time":"now")", R"(,"time":18446744073709551615)", R"(,"offset":1,"to":"end")"})
    EXPECT_EQ(refusal(std::string(R"("verb":"rewind","sink":"a")") + to), place) << to;
  const std::string level = R"(level needs "level":"debug", "info", "warning" or "error")";
  EXPECT_EQ(refusal(R"("verb":"level")"), level);
  EXPECT_EQ(refusal(R"("verb":"level","level":"loud")"), level);
  EXPECT_EQ(refusal(R"("verb":"level","level":"debug")"), "good");
  // Members that it does not know are ignored.
  EXPECT_EQ(refusal(R"("verb":"rotate","sink":[[1]],"new":{})"), "good");
}

TEST(ControlRequest, OnlyAQuestionChangesNothing) {
  EXPECT_FALSE(changes_something(ControlVerb::GetStatus));
  EXPECT_TRUE(changes_something(ControlVerb::SetLevel));
}

TEST(ControlAnswer, IsOneLineWhateverItSays) {
  EXPECT_EQ(to_outcome("rotated\n\x1b"), R"({"version":1,"outcome":"rotated\u000a\u001b"})");
  EXPECT_EQ(to_refusal("no", Refusal::NoPermission), R"({"version":1,"error":"no","reason":"permission"})");
  EXPECT_EQ(to_refusal("no"), R"({"version":1,"error":"no"})");
}

}  // namespace
}  // namespace slurper
