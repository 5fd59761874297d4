#include "control/intake_desk.h"

#include <gtest/gtest.h>

#include <new>
#include <thread>

namespace slurper {
namespace {

using namespace std::chrono_literals;

constexpr auto kForever = 1h;

// The intake's thread: it waits, is woken, and looks at the desk.
class Intake {
 public:
  explicit Intake(IntakeDesk& desk)
      : thread_([&desk](const std::stop_token& stop) {
          while (!stop.stop_requested()) {
            desk.serve();
            std::this_thread::yield();
          }
        }) {}
  [[nodiscard]] std::thread::id id() const { return thread_.get_id(); }

 private:
  std::jthread thread_;
};

TEST(IntakeDesk, HasJobsRunByTheOtherThread) {
  int wakes = 0;
  IntakeDesk desk([&wakes] { ++wakes; });
  const Intake intake(desk);
  for (int i = 1; i <= 100; ++i) {
    std::thread::id ran_by;
    ASSERT_TRUE(desk.run([&] { ran_by = std::this_thread::get_id(); }, kForever));
    EXPECT_EQ(ran_by, intake.id());
    EXPECT_EQ(wakes, i);
  }
}

TEST(IntakeDesk, RunsTheJobsOfSeveralThreads) {
  IntakeDesk desk([] {});
  const Intake intake(desk);
  int jobs = 0;  // changed by the intake's thread alone
  {
    std::vector<std::jthread> askers;
    for (int i = 0; i < 4; ++i) {
      askers.emplace_back([&] {
        for (int job = 0; job < 100; ++job) EXPECT_TRUE(desk.run([&] { ++jobs; }, kForever));
      });
    }
  }
  EXPECT_EQ(jobs, 400);
}

TEST(IntakeDesk, NeverRunsAJobThatWasGivenUp) {
  IntakeDesk desk([] {});
  bool has_run = false;
  EXPECT_FALSE(desk.run([&] { has_run = true; }, 1ms));
  desk.serve();
  EXPECT_FALSE(has_run);
  const Intake intake(desk);
  EXPECT_TRUE(desk.run([&] { has_run = true; }, kForever));
  EXPECT_TRUE(has_run);
}

TEST(IntakeDesk, SurvivesAJobForWhichMemoryRunsOut) {
  IntakeDesk desk([] {});
  const Intake intake(desk);
  EXPECT_TRUE(desk.run([] { throw std::bad_alloc(); }, kForever));
  EXPECT_TRUE(desk.run([] {}, kForever));
}

TEST(IntakeDesk, RefusesWhoWaitsWhenItCloses) {
  IntakeDesk* opened = nullptr;
  std::jthread closer;
  IntakeDesk desk([&] { closer = std::jthread([&] { opened->close(); }); });
  opened = &desk;
  EXPECT_FALSE(desk.run([] {}, kForever));
  closer.join();
  EXPECT_FALSE(desk.run([] {}, kForever));
}

}  // namespace
}  // namespace slurper
