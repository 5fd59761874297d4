// When lines came, over a stop, a SIGKILL and a rotation of the real program.
#include <gmock/gmock.h>

#include <csignal>
#include <thread>

#include "log/log_index.h"
#include "log/time_index.h"
#include "support/daemon.h"

namespace slurper::test {
namespace {

using namespace std::chrono_literals;
using std::chrono::system_clock;

TEST(ArrivalTimes, AreRightOverRestarts) {
  Site site;
  struct Line {
    std::uint64_t offset;
    Timestamp before;  // it was written
    Timestamp after;   // it was in the log
  };
  std::vector<Line> lines;
  const auto write_lines = [&] {
    for (int i = 0; i < 8; ++i) {
      const std::string text = "line " + std::to_string(lines.size()) + "\n";
      Line line{.offset = site.holder.accepted().size(), .before = system_clock::now(), .after = {}};
      ASSERT_TRUE(site.holder.write(text));
      ASSERT_TRUE(site.log.reaches(site.holder.accepted().size()));
      line.after = system_clock::now();
      lines.push_back(line);
      std::this_thread::sleep_for(200ms);  // time has to pass: that is what is measured
    }
  };
  {
    Child slurper = site.start();
    write_lines();
    slurper.signal(SIGUSR1);
    ASSERT_TRUE(eventually([&] { return site.log.segments().size() == 2; }));
    write_lines();
    slurper.kill();
  }
  {
    Child slurper = site.start({"log.compress=zstd"});
    write_lines();
    slurper.signal(SIGTERM);
    ASSERT_TRUE(slurper.exits_with(0)) << slurper.err();
  }
  Child verify(site.verify());
  EXPECT_TRUE(verify.exits_with(0)) << verify.out();
  EXPECT_THAT(verify.out(), testing::Not(testing::HasSubstr("arrival times of")));

  const LogPaths paths(site.disk / "messages");
  const auto index = read_index(kernel(), paths);
  ASSERT_TRUE(index && index->record);
  const StreamOffset end{site.holder.accepted().size()};
  const auto times =
      TimeIndex::open(kernel(), paths, index->record->log_id, {}, {.log_end = end, .head = end});
  EXPECT_THAT(times->take_findings(), testing::IsEmpty());
  for (const Line& line : lines) {
    const auto came = times->find({line.offset});
    ASSERT_TRUE(came);
    EXPECT_GE(came->mark.time, line.before - 1s) << line.offset;
    EXPECT_LE(came->mark.time, line.after) << line.offset;
  }
}

}  // namespace
}  // namespace slurper::test
