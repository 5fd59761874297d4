// The real logrotate on a live log, with create and with copytruncate.

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "support/daemon.h"
#include "support/lines.h"

namespace slurper::test {
namespace {

constexpr int kRotations = 12;

class Logrotate : public testing::Test {
 protected:
  void SetUp() override {
    if (!Child(Program{.argv = {"logrotate", "--version"}, .env = {}}).exits_with(0))
      GTEST_SKIP() << "logrotate is not installed";
  }
  static void configure(const Site& site, const std::string& how) {
    std::ofstream(site.disk / "logrotate.conf")
        << site.disk / "messages" << " {\n  rotate 100\n  nocompress\n  su root root\n  " << how << "\n}\n";
  }
  void rotate(const Site& site) {
    Child logrotate(Program{
        .argv = {"logrotate", "--force", "--state", site.disk / "state", site.disk / "logrotate.conf"},
        .env = {}});
    ASSERT_TRUE(logrotate.exits_with(0)) << logrotate.err();
  }
  // All of logrotate's files, oldest first, and the log.
  static std::string everything(const Site& site) {
    std::string all;
    for (int i = 100; i > 0; --i) {
      const LogStream old(fmt::format("{}.{}", site.disk / "messages", i));
      if (std::filesystem::exists(fmt::format("{}.{}", site.disk / "messages", i))) all += old.bytes();
    }
    return all + LogStream(site.disk / "messages").bytes();
  }
};

// Nothing is lost, doubled or torn under the heaviest flow, and each line is in one file.
TEST_F(Logrotate, CreateAndHupUnderFlow) {
  Site site;
  LineWriter writer(site.fifo, {});
  Child slurper = site.start();
  configure(site, fmt::format("create 0640\n  postrotate\n    kill -HUP {}\n  endscript", slurper.pid()));
  for (int i = 0; i < kRotations; ++i) {
    const std::uint64_t before = writer.lines();
    rotate(site);
    ASSERT_TRUE(slurper.said("settings reloaded", i + 1)) << slurper.err();
    ASSERT_TRUE(eventually([&] { return writer.lines() > before + 1000; }));
  }
  ASSERT_TRUE(writer.finish());
  slurper.signal(SIGTERM);
  ASSERT_TRUE(slurper.exits_with(0)) << slurper.err();
  LineChecker checker;
  checker.feed(everything(site));
  const LineReport report = checker.finish({{writer.lines()}});
  EXPECT_TRUE(report.clean()) << report.text();
  EXPECT_EQ(report.bytes, writer.bytes());
  EXPECT_TRUE(std::filesystem::exists(fmt::format("{}.{}", site.disk / "messages", kRotations)));
  Child verify(site.verify());
  EXPECT_TRUE(verify.exits_with(0)) << verify.out() << slurper.err();
}

// Without a signal, too: slurper sees it by itself.
TEST_F(Logrotate, CreateWithoutASignal) {
  Site site;
  Child slurper = site.start();
  configure(site, "create 0640");
  int line = 0;
  for (int i = 1; i <= 3; ++i) {
    rotate(site);
    ASSERT_TRUE(eventually([&] {
      EXPECT_TRUE(site.holder.write(fmt::format("line {}\n", line++)));
      return slurper.err().find("moved away") != std::string::npos &&
             std::filesystem::file_size(site.disk / "messages") > 0;
    })) << slurper.err();
  }
  slurper.signal(SIGTERM);
  ASSERT_TRUE(slurper.exits_with(0)) << slurper.err();
  EXPECT_EQ(difference(site.holder.accepted(), everything(site)), "");
}

// While nothing is written, copytruncate loses nothing either; and the offsets go on.
TEST_F(Logrotate, CopytruncateOfAQuietLog) {
  Site site;
  configure(site, "copytruncate");
  for (int life = 0; life < 3; ++life) {
    Child slurper = site.start();
    for (int i = 0; i < 4; ++i) {
      ASSERT_TRUE(site.holder.write(fmt::format("line {} of life {}\nand half of one", i, life)));
      ASSERT_TRUE(eventually([&] { return everything(site) == site.holder.accepted(); })) << slurper.err();
      if (i == 3) slurper.kill();  // and the next one finds a log that was cut
      rotate(site);
    }
  }
  Child slurper = site.start();
  slurper.signal(SIGTERM);
  ASSERT_TRUE(slurper.exits_with(0)) << slurper.err();
  EXPECT_EQ(difference(site.holder.accepted(), everything(site)), "");
  EXPECT_TRUE(slurper.said(fmt::format("everything up to offset {}", site.holder.accepted().size())))
      << slurper.err();
}

// Nothing comes afterwards that it could be seen by.
TEST_F(Logrotate, BeforeTheEnd) {
  for (const auto& [how, said] : {std::pair("copytruncate", "another process cut its file to nothing"),
                                  std::pair("create 0640", "its file was moved away")}) {
    Site site;
    Child slurper = site.start();
    configure(site, how);
    ASSERT_TRUE(site.holder.write("line\n"));
    ASSERT_TRUE(site.log.reaches(5));
    rotate(site);
    slurper.signal(SIGTERM);
    ASSERT_TRUE(slurper.exits_with(0)) << slurper.err();
    EXPECT_TRUE(slurper.said(said)) << slurper.err();
    Child verify(site.verify());
    EXPECT_TRUE(verify.exits_with(0)) << verify.out();
  }
}

// What slurper writes between logrotate's copy and its cut is lost, as with any program. Nothing else is: no
// line comes twice, and all that is written after the last cut is there.
TEST_F(Logrotate, CopytruncateUnderFlowLosesOnlyWhatItCuts) {
  Site site;
  LineWriter writer(site.fifo, {});
  Child slurper = site.start();
  configure(site, "copytruncate");
  for (int i = 0; i < kRotations; ++i) {
    rotate(site);
    const std::uint64_t before = writer.lines();
    ASSERT_TRUE(eventually([&] { return writer.lines() > before + 1000; }));
  }
  ASSERT_TRUE(writer.finish());
  slurper.signal(SIGTERM);
  ASSERT_TRUE(slurper.exits_with(0)) << slurper.err();
  EXPECT_TRUE(slurper.said(fmt::format("everything up to offset {}", writer.bytes()))) << slurper.err();
  LineChecker checker;
  checker.feed(everything(site));
  const LineReport report = checker.finish({{writer.lines()}});
  fmt::print("{}\n", report.text());
  EXPECT_EQ(report.reordered + report.invented, 0U) << report.text();
  EXPECT_LE(report.torn, static_cast<std::uint64_t>(kRotations)) << report.text();
  Child verify(site.verify());
  EXPECT_TRUE(verify.exits_with(0)) << verify.out() << slurper.err();
}

}  // namespace
}  // namespace slurper::test
