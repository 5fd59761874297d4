#include "sink/stdout/stdout_sink.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <pty.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <csignal>
#include <future>
#include <string>

#include "sink/sink_site.h"
#include "support/temp_dir.h"
#include "support/text_of.h"
#include "support/wait.h"

namespace slurper {
namespace {

using test::text_of;

using namespace std::string_literals;
using test::eventually;
using testing::EndsWith;
using testing::HasSubstr;

// While it lives, `fd` is standard output: the sink needs it no longer than it is opened.
class AsStdout {
 public:
  explicit AsStdout(int fd) : kept_(::dup(STDOUT_FILENO)) {
    (void)std::fflush(stdout);
    (void)::dup2(fd, STDOUT_FILENO);
  }
  AsStdout(const AsStdout&) = delete;
  AsStdout& operator=(const AsStdout&) = delete;
  ~AsStdout() { (void)::dup2(kept_.get(), STDOUT_FILENO); }

 private:
  UniqueFd kept_;
};

struct Pair {
  UniqueFd reader;
  UniqueFd writer;
};

Pair make_pipe(int flags = O_CLOEXEC) {
  int fds[2] = {-1, -1};
  EXPECT_EQ(::pipe2(fds, flags), 0);
  return {.reader = UniqueFd(fds[0]), .writer = UniqueFd(fds[1])};
}

std::string read_some(int fd, std::size_t size) {
  std::string text(size, '\0');
  const ssize_t count = ::read(fd, text.data(), size);
  text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  return text;
}

class StdoutSinkTest : public testing::Test {
 public:
  StdoutSinkTest() {
    (void)::signal(SIGPIPE, SIG_IGN);
    make({});
  }

 protected:
  void make(const SinkSite::Pairs& options) {
    auto sink = site_.make(stdout_sink(), options);
    ASSERT_TRUE(sink) << text_of(sink.error());
    sink_ = std::move(*sink);
  }
  Result<std::optional<Reached>> open_on(int fd) {
    const AsStdout redirected(fd);
    return site_.open(*sink_);
  }

  SinkSite site_;
  std::unique_ptr<Sink> sink_;
};

TEST_F(StdoutSinkTest, LinesArriveAndAreHeldWhenTheyHaveBeenRead) {
  const Pair pipe = make_pipe();
  ASSERT_EQ(open_on(pipe.writer.get()).value(), std::nullopt);
  (void)site_.records({"before, filtered out"});
  const auto batch = site_.records({"first", "second"});
  EXPECT_EQ(site_.deliver(*sink_, batch)->acked, batch[0].offset());
  EXPECT_EQ(read_some(pipe.reader.get(), 8), "first\nse");
  const auto more = site_.records({"third"});
  const std::uint64_t second = more[0].offset() - 7;
  EXPECT_EQ(site_.deliver(*sink_, more)->acked, second);
  auto settled = std::async(std::launch::async, [&] { return site_.flush(*sink_); });
  EXPECT_EQ(read_some(pipe.reader.get(), 100), "cond\nthird\n");
  EXPECT_EQ(settled.get().value(), more[0].next_offset());
}

TEST_F(StdoutSinkTest, StandardOutputStaysAsItIsForOthers) {
  const Pair pipe = make_pipe();
  ASSERT_TRUE(open_on(pipe.writer.get()));
  EXPECT_EQ(::fcntl(pipe.writer.get(), F_GETFL) & O_NONBLOCK, 0);
}

// Also if it is non-blocking from the start, which makes other programs fail with EAGAIN.
TEST_F(StdoutSinkTest, AReaderThatTakesItsTimeGetsEverything) {
  for (const int flags : {0, O_NONBLOCK}) {
    const Pair pipe = make_pipe(O_CLOEXEC | flags);
    ASSERT_TRUE(open_on(pipe.writer.get()));
    // More than the pipe holds, and a line that is longer than it.
    std::vector<std::string> lines(2000, std::string(100, 'x'));
    lines.emplace_back(200'000, 'y');
    lines.emplace_back("end");
    std::string expected;
    for (const std::string& line : lines) expected += line + '\n';
    const auto batch = site_.records(lines);
    auto delivered = std::async(std::launch::async, [&] { return site_.deliver(*sink_, batch); });
    std::string got;
    while (got.size() < expected.size()) {
      pollfd readable = {.fd = pipe.reader.get(), .events = POLLIN, .revents = 0};
      ASSERT_EQ(::poll(&readable, 1, 30'000), 1);
      got += read_some(pipe.reader.get(), 4099);
    }
    EXPECT_TRUE(got == expected);
    ASSERT_TRUE(delivered.get());
    EXPECT_EQ(site_.flush(*sink_).value(), batch.back().next_offset());
  }
}

TEST_F(StdoutSinkTest, AReaderThatReadsNothingHoldsNoStopUp) {
  const Pair pipe = make_pipe();
  ASSERT_TRUE(open_on(pipe.writer.get()));
  const auto batch = site_.records(std::vector<std::string>(2000, std::string(100, 'x')));
  auto delivered = std::async(std::launch::async, [&] { return site_.deliver(*sink_, batch); });
  ASSERT_TRUE(eventually([&] {  // full
    pollfd writable = {.fd = pipe.writer.get(), .events = POLLOUT, .revents = 0};
    return ::poll(&writable, 1, 0) == 0;
  }));
  site_.stop();
  EXPECT_EQ(delivered.get()->acked, batch.front().offset());
  EXPECT_EQ(site_.flush(*sink_).value(), batch.front().offset());
  // No line has been torn, so that what reads on later has whole ones.
  EXPECT_THAT(read_some(pipe.reader.get(), 1 << 20), EndsWith("x\n"));
}

TEST_F(StdoutSinkTest, WhatIsInThePipeIsWaitedForAWhileAtTheEnd) {
  const Pair pipe = make_pipe();
  ASSERT_TRUE(open_on(pipe.writer.get()));
  const auto batch = site_.records({"x"});
  ASSERT_TRUE(site_.deliver(*sink_, batch));
  site_.stop();
  EXPECT_EQ(site_.flush(*sink_).value(), batch[0].offset());
  EXPECT_EQ(read_some(pipe.reader.get(), 10), "x\n");
  EXPECT_EQ(site_.flush(*sink_).value(), batch[0].next_offset());
}

TEST_F(StdoutSinkTest, AReaderThatHasGoneIsAnErrorUntilAnotherComes) {
  const auto dir = test::TempDir::in_ram();
  const std::string path = dir / "fifo";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  UniqueFd reader(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  const UniqueFd writer(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  ASSERT_TRUE(open_on(writer.get()));
  const auto batch = site_.records({"one", "two"});
  ASSERT_TRUE(site_.deliver(*sink_, batch));
  EXPECT_EQ(read_some(reader.get(), 4), "one\n");
  reader.reset();
  const auto flushed = site_.flush(*sink_);
  ASSERT_FALSE(flushed);
  EXPECT_EQ(site_.acked(), batch[1].offset()) << "what was read does not come again";
  EXPECT_EQ(text_of(flushed.error()),
            "cannot write to standard output: Broken pipe. The sink continues as soon as a process reads "
            "there");
  const auto delivered = site_.deliver(*sink_, batch);
  ASSERT_FALSE(delivered);
  EXPECT_EQ(delivered.error().errnum, EPIPE);
  sink_->close();
  EXPECT_EQ(open_on(writer.get()).error().errnum, EPIPE);
  sink_->close();
  reader.reset(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  ASSERT_TRUE(open_on(writer.get()));
  EXPECT_TRUE(site_.deliver(*sink_, batch));
  EXPECT_THAT(read_some(reader.get(), 100), EndsWith("one\ntwo\n"));
}

// Of a line that is longer than PIPE_BUF a piece may be there already.
TEST_F(StdoutSinkTest, APieceOfALineIsEndedBeforeTheNext) {
  const Pair pipe = make_pipe();
  ASSERT_EQ(::fcntl(pipe.writer.get(), F_SETPIPE_SZ, 4096), 4096);
  ASSERT_TRUE(open_on(pipe.writer.get()));
  const auto batch = site_.records({std::string(5000, 'x')});
  auto delivered = std::async(std::launch::async, [&] { return site_.deliver(*sink_, batch); });
  ASSERT_TRUE(eventually([&] {
    pollfd readable = {.fd = pipe.reader.get(), .events = POLLIN, .revents = 0};
    return ::poll(&readable, 1, 0) == 1;
  }));
  site_.stop();
  ASSERT_TRUE(delivered.get());
  EXPECT_EQ(read_some(pipe.reader.get(), 10'000), std::string(4096, 'x'));
  sink_->close();

  SinkSite another;
  const AsStdout redirected(pipe.writer.get());
  ASSERT_TRUE(another.open(*sink_));
  ASSERT_TRUE(another.deliver(*sink_, another.records({"y"})));
  EXPECT_EQ(read_some(pipe.reader.get(), 100), "\ny\n");
}

TEST_F(StdoutSinkTest, OnATerminalNothingIsAnOrder) {
  int controller = -1;
  int terminal = -1;
  ASSERT_EQ(::openpty(&controller, &terminal, nullptr, nullptr, nullptr), 0);
  const UniqueFd controller_fd(controller);
  const UniqueFd terminal_fd(terminal);
  ASSERT_TRUE(open_on(terminal));
  const auto batch = site_.records({"a\tb\x1b[31m\r\0\x7f"s, "\u009b31m \x9b \u00fc\\'\""});
  EXPECT_EQ(site_.deliver(*sink_, batch)->acked, batch.back().next_offset());
  EXPECT_EQ(read_some(controller, 1000), "a\tb#033[31m#015#000#177\r\n#302#23331m #233 \u00fc\\'\"\r\n");
}

TEST_F(StdoutSinkTest, ElsewhereBytesAreAsTheyCame) {
  const auto dir = test::TempDir::in_ram();
  const UniqueFd file(::open((dir / "out").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  ASSERT_EQ(::write(file.get(), "before\n", 7), 7);
  ASSERT_TRUE(open_on(file.get()));
  const auto batch = site_.records({"\x1b[31m\xff"});
  EXPECT_EQ(site_.deliver(*sink_, batch)->acked, batch.back().next_offset());
  EXPECT_EQ(site_.flush(*sink_).value(), batch.back().next_offset());
  EXPECT_EQ(::lseek(file.get(), 0, SEEK_SET), 0);
  EXPECT_EQ(read_some(file.get(), 100), "before\n\x1b[31m\xff\n");
}

TEST_F(StdoutSinkTest, ASocketAsAServiceManagerGivesIt) {
  int fds[2] = {-1, -1};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
  UniqueFd reader(fds[0]);
  const UniqueFd writer(fds[1]);
  ASSERT_TRUE(open_on(writer.get()));
  EXPECT_TRUE(site_.deliver(*sink_, site_.records({"line"})));
  EXPECT_EQ(read_some(reader.get(), 100), "line\n");
  reader.reset();
  EXPECT_EQ(site_.deliver(*sink_, site_.records({"line"})).error().errnum, EPIPE);
}

TEST_F(StdoutSinkTest, AFullDeviceIsAnError) {
  const UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  ASSERT_TRUE(open_on(full.get()));
  EXPECT_THAT(text_of(site_.deliver(*sink_, site_.records({"x"})).error()),
              HasSubstr("No space left on device"));
}

TEST_F(StdoutSinkTest, WithoutAStandardOutputItSaysSo) {
  const AsStdout redirected(STDERR_FILENO);
  (void)::close(STDOUT_FILENO);
  EXPECT_EQ(text_of(site_.open(*sink_).error()),
            "cannot use standard output: Bad file descriptor. Start slurper with a standard output");
}

TEST_F(StdoutSinkTest, FormatsAreTold) {
  make({{"format", "{offset} {msg}"}});
  const Pair pipe = make_pipe();
  ASSERT_TRUE(open_on(pipe.writer.get()));
  ASSERT_TRUE(site_.deliver(*sink_, site_.records({"a", "b"})));
  EXPECT_EQ(read_some(pipe.reader.get(), 100), "0 a\n2 b\n");
}

}  // namespace
}  // namespace slurper
