#include "intake/path_keeper.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <memory>
#include <utility>

#include "support/recorded_messages.h"
#include "support/temp_dir.h"

namespace slurper {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

AccessChange mode_change(mode_t before, mode_t now, bool permitted = true) {
  return describe_change({.mode = before}, {.mode = now}, permitted);
}

TEST(FifoAccess, WhatOpensItToAllIsHarmful) {
  const AccessChange change = mode_change(0600, 0666);
  EXPECT_TRUE(change.harmful);
  EXPECT_THAT(change.text, AllOf(HasSubstr("0666 now, and was 0600"), HasSubstr("take lines away"),
                                 HasSubstr("write lines into it"), Not(HasSubstr("refused"))));
  EXPECT_THAT(mode_change(0600, 0602).text, Not(HasSubstr("take lines away")));
  EXPECT_THAT(mode_change(0666, 0667).text, Not(HasSubstr("take lines away"))) << "it was so before";
}

TEST(FifoAccess, WhatLocksOutIsHarmful) {
  EXPECT_THAT(mode_change(0660, 0640).text, HasSubstr("writers that open it from now on may be refused"));
  EXPECT_THAT(mode_change(0660, 0060, false).text, HasSubstr("slurper could not open it at its next start"));
  const AccessChange owner = describe_change({.mode = 0600, .owner = 1}, {.mode = 0600, .owner = 2}, true);
  EXPECT_TRUE(owner.harmful);
  EXPECT_THAT(owner.text, AllOf(HasSubstr("its owner is bin now, and was daemon"), Not(HasSubstr("mode"))));
  const AccessChange group = describe_change({.group = 0}, {.group = 3999999999}, true);
  EXPECT_THAT(group.text, HasSubstr("its group is gid 3999999999 now, and was root: "));
}

TEST(FifoAccess, WhatHarmsNobodyIsNot) {
  EXPECT_FALSE(mode_change(0600, 0660).harmful);
  EXPECT_FALSE(mode_change(0666, 0622).harmful) << "readers are locked out, which is as it should be";
  EXPECT_EQ(mode_change(0600, 0660).text, "its mode is 0660 now, and was 0600");
}

// As within unlink(2): its event has come, and the name is still found.
class AboutToGoOs : public Os {
 public:
  // The next `looks` find at `path` what is there now, with `links` links.
  void freeze(const std::string& path, int looks, nlink_t links) {
    path_ = path;
    ASSERT_EQ(Os::lstat(path.c_str(), &frozen_), 0);
    frozen_.st_nlink = links;
    looks_ = looks;
  }
  [[nodiscard]] int looks_left() const { return looks_; }

  int lstat(const char* path, struct stat* st) override {
    if (looks_ == 0 || path_ != path) return Os::lstat(path, st);
    --looks_;
    *st = frozen_;
    return 0;
  }

 private:
  std::string path_;
  struct stat frozen_{};
  int looks_ = 0;
};

class PathKeeperTest : public testing::Test {
 protected:
  PathKeeperTest() {
    settings_.path = directory_ / "fifo";
    RingSettings ring;
    ring.size.bytes = 4 << 20;
    ring_ = std::move(Ring::open(kernel(), ram_.path(), ring, new_uuid(), new_uuid(), {})->ring);
    intake_ = std::make_unique<Intake>(kernel(), *ring_, WhenFull::Block);
    fifo_set_ = std::make_unique<FifoSet>(kernel(), *intake_, loop_, std::move(*open_fifo(os_, settings_)));
    path_keeper_ = std::make_unique<PathKeeper>(os_, settings_, *fifo_set_, loop_, messages_.listener(),
                                                [this] { replaced_ = true; });
  }
  // As the daemon does it. Whether another FIFO is read then.
  bool wait_and_look() {
    std::chrono::nanoseconds limit = 10s;
    if (const auto retry_at = path_keeper_->retry_at())
      limit = std::max<std::chrono::nanoseconds>(*retry_at - PathKeeper::Clock::now(), 0ns);
    loop_.wait(limit);
    path_keeper_->check_due();
    return std::exchange(replaced_, false);
  }

  test::TempDir directory_;
  test::TempDir ram_ = test::TempDir::in_ram();
  FifoSettings settings_;
  EventLoop loop_ = std::move(*EventLoop::create());
  AboutToGoOs os_;
  std::unique_ptr<Ring> ring_;
  std::unique_ptr<Intake> intake_;
  std::unique_ptr<FifoSet> fifo_set_;
  test::RecordedMessages messages_;
  bool replaced_ = false;
  std::unique_ptr<PathKeeper> path_keeper_;
};

TEST_F(PathKeeperTest, WhatIsBeingRemovedIsLookedAtUntilItIsGone) {
  EXPECT_FALSE(path_keeper_->start());
  EXPECT_FALSE(path_keeper_->retry_at()) << "nothing to look at again";
  os_.freeze(settings_.path, 20, 0);
  std::filesystem::remove(settings_.path);
  while (os_.looks_left() > 0) {
    EXPECT_FALSE(wait_and_look());
    ASSERT_TRUE(path_keeper_->retry_at()) << "it would never be noticed";
  }
  EXPECT_TRUE(wait_and_look());
  EXPECT_TRUE(std::filesystem::is_fifo(settings_.path));
}

TEST_F(PathKeeperTest, AStartAmidARemovalLooksAgain) {
  os_.freeze(settings_.path, 1, 0);
  std::filesystem::remove(settings_.path);
  EXPECT_FALSE(path_keeper_->start());
  EXPECT_TRUE(wait_and_look());
  EXPECT_TRUE(std::filesystem::is_fifo(settings_.path));
}

TEST_F(PathKeeperTest, WhatHasAnotherLinkIsLookedAtTwice) {
  std::filesystem::create_hard_link(settings_.path, directory_ / "other name");
  EXPECT_FALSE(path_keeper_->start());
  os_.freeze(settings_.path, 1, 1);
  std::filesystem::remove(settings_.path);
  EXPECT_FALSE(wait_and_look());
  EXPECT_TRUE(wait_and_look());
  EXPECT_THAT(messages_.text(), HasSubstr("fifo' was removed: recreated it"));
  EXPECT_TRUE(std::filesystem::is_fifo(settings_.path));
}

TEST_F(PathKeeperTest, WhatStaysIsNotLookedAtAThirdTime) {
  EXPECT_FALSE(path_keeper_->start());
  std::filesystem::permissions(settings_.path, std::filesystem::perms::owner_all);
  EXPECT_FALSE(wait_and_look());
  EXPECT_TRUE(path_keeper_->retry_at());
  EXPECT_FALSE(wait_and_look());
  EXPECT_FALSE(path_keeper_->retry_at());
}

TEST(ReportOpened, SaysWhatAnOpenHasGoneOnWithout) {
  test::RecordedMessages messages;
  Fifo fifo;
  report_opened(fifo, messages.listener());
  EXPECT_EQ(messages.text(), "");
  fifo.pipe_size = 4096;
  fifo.pipe_size_refusal = Error{
      ErrorKind::NoPermission, EPERM, own_words("make the pipe larger"), own_words("not permitted"), {}};
  fifo.lock.notes.push_back(own_words("process 7 ('cat') holds it"));
  report_opened(fifo, messages.listener());
  EXPECT_EQ(messages.text(),
            "2: FIFO lock: process 7 ('cat') holds it\n"
            "2: cannot make the pipe larger: not permitted. The pipe keeps its size of 4.00KiB\n");
}

}  // namespace
}  // namespace slurper
