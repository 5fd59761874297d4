// slurper trace --html: the file that holds the page.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/program.h"
#include "trace/capture_builder.h"

namespace slurper::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class TracePageFile : public testing::Test {
 protected:
  [[nodiscard]] std::string path(const std::string& name) const { return folder_.path() + "/" + name; }
  std::string write(const std::string& bytes, const std::string& name) {
    std::ofstream(path(name), std::ios::binary) << bytes;
    return path(name);
  }
  static std::string read(const std::string& path) {
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }
  std::string capture() {
    CaptureBuilder capture;
    capture.process({.tid = 5, .pid = 5, .name = "app"}).event(5, 4, {i64(3)}).event(5, 5, {i64(-9)});
    return write(capture.bytes(), "x.scap");
  }

  TempDir folder_;
};

TEST_F(TracePageFile, IsForItsOwnerAlone) {
  const std::string page = write("old", "page.html");
  std::filesystem::permissions(page, std::filesystem::perms(0644));
  const Outcome outcome = run_slurper({"trace", "-r", capture(), "evt.failed = true", "--html", page});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.out + outcome.err, IsEmpty());
  EXPECT_EQ(std::filesystem::status(page).permissions(), std::filesystem::perms(0600));
  EXPECT_THAT(read(page), StartsWith("<!DOCTYPE html>"));
  EXPECT_THAT(read(page), HasSubstr("\"filter\":\"evt.failed = true\""));
}

TEST_F(TracePageFile, IsNoSymbolicLink) {
  const std::string target = write("precious", "target");
  std::filesystem::create_symlink(target, path("page.html"));
  const Outcome outcome = run_slurper({"trace", "-r", capture(), "--html", path("page.html")});
  EXPECT_EQ(outcome.status, 73);
  EXPECT_EQ(outcome.err, "slurper: cannot create the page '" + path("page.html") +
                             "': it is a symbolic link. Name another\n");
  EXPECT_EQ(read(target), "precious");
}

TEST_F(TracePageFile, StaysIfThereIsNoCapture) {
  const std::string page = write("old", "page.html");
  EXPECT_EQ(run_slurper({"trace", "-r", write("no capture", "x"), "--html", page}).status, 65);
  EXPECT_EQ(run_slurper({"trace", "-r", path("missing"), "--html", page}).status, 66);
  EXPECT_EQ(read(page), "old");
}

TEST_F(TracePageFile, OfADamagedCaptureHasWhatCanBeRead) {
  CaptureBuilder builder;
  builder.process({.tid = 5, .pid = 5, .name = "app"}).event(5, 4, {i64(3)}).event(5, 5, {i64(-9)});
  const std::string cut = write(builder.bytes().substr(0, builder.bytes().size() - 5), "x.scap");
  const Outcome outcome = run_slurper({"trace", "-r", cut, "--html", path("page.html")});
  EXPECT_EQ(outcome.status, 65);
  EXPECT_THAT(outcome.err, HasSubstr("ends in the middle of a record"));
  EXPECT_THAT(read(path("page.html")), HasSubstr("\"names\":[\"close\"]"));
}

TEST_F(TracePageFile, SaysThatTheDiskIsFull) {
  const Outcome outcome = run_slurper({"trace", "-r", capture(), "--html", "/dev/full"});
  EXPECT_EQ(outcome.status, 74);
  EXPECT_EQ(outcome.err,
            "slurper: cannot write the page '/dev/full': No space left on device. It is incomplete. Make "
            "room, or name another file, and run the command again\n");
}

TEST_F(TracePageFile, IsMadeOfACaptureAlone) {
  EXPECT_THAT(run_slurper({"trace", "--html", path("page.html")}).err,
              HasSubstr("--html: makes no sense without --read"));
  EXPECT_THAT(run_slurper({"trace", "-r", capture(), "--html", path("page.html"), "--json"}).err,
              HasSubstr("--json: makes no sense together with --html"));
}

}  // namespace
}  // namespace slurper::test
