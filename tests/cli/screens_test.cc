#include "cli/screens.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <ctime>
#include <stdexcept>
#include <string>

#include "base/fd.h"
#include "support/local_zone.h"
#include "support/wait.h"

namespace slurper {
namespace {

// A terminal of a size, and what was written to it.
class Terminal {
 public:
  Terminal(unsigned short rows, unsigned short columns) {
    int user = -1;
    int program = -1;
    if (::openpty(&user, &program, nullptr, nullptr, nullptr) != 0) throw std::runtime_error("openpty");
    user_ = UniqueFd(user);
    program_ = UniqueFd(program);
    resize(rows, columns);
  }

  void resize(unsigned short rows, unsigned short columns) const {
    const winsize size{.ws_row = rows, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
    EXPECT_EQ(::ioctl(program_.get(), TIOCSWINSZ, &size), 0);
  }
  [[nodiscard]] int fd() const { return program_.get(); }
  // What one call of draw() has written, which is less than a terminal buffers.
  [[nodiscard]] std::string take() const {
    std::array<char, 4096> buffer{};
    const ssize_t count = ::read(user_.get(), buffer.data(), buffer.size());
    return {buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0))};
  }

 private:
  UniqueFd user_;
  UniqueFd program_;
};

class ScreensTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(::setenv("TERM", "xterm", 1), 0); }

  Terminal terminal_{24, 80};
};

TEST_F(ScreensTest, EachRowIsErasedBeforeItIsWritten) {
  Screens screens(terminal_.fd());
  EXPECT_TRUE(screens.draw("one\ntwo\n"));
  EXPECT_EQ(terminal_.take(), "\033[H\033[2J\033[Kone\r\n\033[Ktwo\r\n\033[J");
  EXPECT_TRUE(screens.draw("\nthree"));
  EXPECT_EQ(terminal_.take(), "\033[H\033[K\r\n\033[Kthree\033[J");
}

TEST_F(ScreensTest, FitsTheSizeThatTheTerminalHasNow) {
  const Screens screens(terminal_.fd());
  EXPECT_EQ(screens.size().rows, 23U);  // the cursor stands in the last one
  EXPECT_EQ(screens.size().columns, 80U);
  terminal_.resize(50, 200);
  EXPECT_EQ(screens.size().rows, 49U);
  EXPECT_EQ(screens.size().columns, 200U);
  terminal_.resize(0, 0);  // which knows no size
  EXPECT_EQ(screens.size().rows, 23U);
}

TEST_F(ScreensTest, SendsNoCommandToATerminalThatKnowsNone) {
  for (const char* const name : {"dumb", ""}) {
    ASSERT_EQ(*name == '\0' ? ::unsetenv("TERM") : ::setenv("TERM", name, 1), 0);
    Screens screens(terminal_.fd());
    EXPECT_FALSE(screens.is_terminal());
    EXPECT_TRUE(screens.draw("one\n"));
    EXPECT_EQ(terminal_.take(), "one\r\n\r\n");
  }
}

TEST(TimeOfDay, IsWhatTheLocalClockShows) {
  in_zone("<+0530>-5:30", [] {
    const auto clock = [] {
      const std::time_t now = std::time(nullptr);
      std::tm local{};
      ::localtime_r(&now, &local);
      return fmt::format("{:02}:{:02}:{:02}", local.tm_hour, local.tm_min, local.tm_sec);
    };
    // Unless the second has ended between the two.
    EXPECT_TRUE(test::eventually([&] { return time_of_day() == clock(); })) << time_of_day();
  });
}

}  // namespace
}  // namespace slurper
