// slurper-pipes itself, and programs in its place that are no good.
#include "inspect/kernel_pipes.h"

#include <gmock/gmock.h>

#include "inspect/pipe_records.h"
#include "inspect/pipe_site.h"

namespace slurper::test {
namespace {

using testing::SizeIs;

class KernelPipesTest : public PipeSite {
 protected:
  // As slurper-pipes, a shell script.
  void replace_by(const std::string& script) {
    const std::string program = folder_ / "program";
    write_file(program, "#!/bin/bash\n" + script + "\n");
    ASSERT_EQ(::chmod(program.c_str(), 0700), 0);
    ::setenv("SLURPER_PIPES_PROGRAM", program.c_str(), 1);
  }
};

TEST_F(KernelPipesTest, ShowWhatTheKernelCounts) {
  if (!may_use_bpf()) GTEST_SKIP() << "BPF may not be used here";
  hold();
  const Child reader = holder("5<");
  const Child writer = holder("6>");
  const UniqueFd handle_fd(::open(fifo_.c_str(), O_PATH | O_CLOEXEC));
  std::optional<KernelPipes> kernel = KernelPipes::start(handle_fd.get());
  ASSERT_TRUE(kernel);
  const std::string half(2049, 'x');
  for (std::uint32_t count = 0; count <= 16; ++count) {
    const std::optional<KernelLook> look = kernel->look();
    ASSERT_TRUE(look);
    const KernelPipe* const pipe = look->wanted();
    ASSERT_NE(pipe, nullptr);
    EXPECT_EQ(pipe->slots_used(), count);
    EXPECT_EQ(pipe->bytes, count * half.size());
    EXPECT_EQ(pipe->slots, 16U);
    EXPECT_EQ(pipe->readers, 2U);
    EXPECT_EQ(pipe->writers, 2U);
    EXPECT_EQ(pipe->unfound_readers, 0U);
    EXPECT_EQ(pipe->unfound_writers, 0U);
    EXPECT_TRUE(pipe->is_named);
    const auto is_readers = [&](const KernelDescriptor& one) {
      return one.pid == reader.pid() && one.fd == 5;
    };
    EXPECT_EQ(std::ranges::count_if(look->descriptors, is_readers), 1);
    const ssize_t written = ::write(own_fd_.get(), half.data(), half.size());
    EXPECT_EQ(written, count < 16 ? 2049 : -1);
  }
}

TEST_F(KernelPipesTest, ReadFlagsAsTheKernelHasThem) {
  if (!may_use_bpf()) GTEST_SKIP() << "BPF may not be used here";
  hold();
  const UniqueFd handle_fd(::open(fifo_.c_str(), O_PATH | O_CLOEXEC));
  std::optional<KernelPipes> kernel = KernelPipes::start(handle_fd.get());
  ASSERT_TRUE(kernel);
  const auto flags = [&] {
    const std::optional<KernelLook> look = kernel->look();
    const auto is_own = [&](const KernelDescriptor& one) {
      return one.pid == ::getpid() && one.fd == own_fd_.get();
    };
    const auto own = std::ranges::find_if(look->descriptors, is_own);
    return own == look->descriptors.end() ? -1 : own->flags & (O_ACCMODE | O_NONBLOCK | O_CLOEXEC);
  };
  EXPECT_EQ(flags(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
  ASSERT_EQ(::fcntl(own_fd_.get(), F_SETFD, 0), 0);
  EXPECT_EQ(flags(), O_RDWR | O_NONBLOCK);
}

TEST_F(KernelPipesTest, ThatAreMissingAreNone) {
  ::setenv("SLURPER_PIPES_PROGRAM", "/nonexistent", 1);
  EXPECT_FALSE(KernelPipes::start(-1));
}

TEST_F(KernelPipesTest, ThatEndAtOnceGiveNoAnswer) {
  replace_by("exit 77");
  std::optional<KernelPipes> kernel = KernelPipes::start(-1);
  ASSERT_TRUE(kernel);
  EXPECT_FALSE(kernel->look());
  EXPECT_FALSE(kernel->look());
}

TEST_F(KernelPipesTest, ThatHangAreGivenUp) {
  replace_by("exec sleep 1000");
  std::optional<KernelPipes> kernel = KernelPipes::start(-1);
  ASSERT_TRUE(kernel);
  EXPECT_FALSE(kernel->look());
  EXPECT_FALSE(kernel->look()) << "it is not waited for again";
}

TEST_F(KernelPipesTest, ThatTalkNonsenseGiveNoAnswer) {
  write_file(folder_ / "answer", std::string(200, 'x') + end_of_answer());
  replace_by("cat '" + (folder_ / "answer") + "'; exec sleep 1000");
  std::optional<KernelPipes> kernel = KernelPipes::start(-1);
  ASSERT_TRUE(kernel);
  EXPECT_FALSE(kernel->look());
}

// The look goes on, by /proc.
TEST_F(KernelPipesTest, ThatFailLeaveTheFactsOfProc) {
  replace_by("exit 77");
  hold();
  const Child reader = holder("5<");
  const PipeFacts facts = look();
  EXPECT_FALSE(facts.kernel);
  EXPECT_THAT(facts.holders, SizeIs(2));
}

}  // namespace
}  // namespace slurper::test
