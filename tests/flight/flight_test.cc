// What the flight recorder keeps, and what is left of it after a SIGKILL.
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <thread>

#include "flight/flight_os.h"
#include "flight/flight_recorder.h"
#include "flight/flight_view.h"
#include "support/temp_dir.h"
#include "support/text_of.h"

namespace slurper {
namespace {

namespace fs = std::filesystem;
using test::text_of;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

// On a busy machine any call may take so long that its text says it.
std::string without_duration(const std::string& text) {
  static const std::regex duration(" after [0-9.]+ s$");
  return std::regex_replace(text, duration, "");
}

class FlightTest : public testing::Test {
 protected:
  [[nodiscard]] FlightHistory history(const std::string& path) const {
    auto read = read_flight(kernel(), path);
    EXPECT_TRUE(read) << text_of(read.error());
    if (!read || !*read) return {};
    return **read;
  }
  [[nodiscard]] std::vector<std::string> texts() const {
    std::vector<std::string> texts;
    for (const FlightEntry& entry : history(flight_path(ram_.path())).entries)
      texts.push_back(without_duration(entry.text));
    return texts;
  }
  void keep() {
    const Status kept = recorder_.keep_in(kernel(), ram_.path());
    ASSERT_TRUE(kept) << text_of(kept.error());
  }

  test::TempDir ram_ = test::TempDir::in_ram();
  FlightRecorder recorder_;
  FlightOs os_{recorder_};
};

TEST_F(FlightTest, NamesTheFilesOfCallsAndSaysHowTheyEnded) {
  const std::string file = ram_ / "messages";
  const UniqueFd fd(os_.open(file.c_str(), O_RDWR | O_CREAT, 0600));
  ASSERT_TRUE(fd);
  keep();  // what came before is not lost
  EXPECT_EQ(os_.write(fd.get(), "line\n", 5), 5);
  char data[3];
  EXPECT_EQ(os_.pread(fd.get(), data, 3, 1), 3);
  EXPECT_EQ(os_.fdatasync(fd.get()), 0);
  EXPECT_EQ(os_.rename(file.c_str(), (file + ".1").c_str()), 0);
  EXPECT_EQ(os_.write(fd.get(), "x", 1), 1);
  EXPECT_LT(os_.write(1000, "x", 1), 0);
  recorder_.note("the log can't be written \x1b[2J");
  EXPECT_EQ(os_.unlink(file.c_str()), -ENOENT);
  EXPECT_THAT(texts(),
              ElementsAre(StartsWith("open('" + file + "') = "), "write('" + file + "', 5) = 5",
                          "pread('" + file + "', 3 at 1) = 3", StartsWith("fdatasync('" + file + "') = 0"),
                          "rename('" + file + "', '" + file + ".1') = 0", "write('" + file + ".1', 1) = 1",
                          "write(descriptor 1000, 1) = EBADF (Bad file descriptor)",
                          "the log can't be written \\x1b[2J",
                          "unlink('" + file + "') = ENOENT (No such file or directory)"));
}

TEST_F(FlightTest, LeavesOutWhatOnlyLooks) {
  keep();
  struct stat st{};
  const UniqueFd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(os_.lstat("/", &st), 0);
  EXPECT_EQ(os_.lstat("/missing", &st), -ENOENT);
  EXPECT_EQ(os_.fstat(fd.get(), &st), 0);
  EXPECT_THAT(texts(), IsEmpty());
  EXPECT_EQ(os_.lstat("/dev/null/x", &st), -ENOTDIR);
  EXPECT_LT(os_.fionread(fd.get()), 0);
  EXPECT_EQ(os_.fstat(-1, &st), -EBADF);
  EXPECT_THAT(texts(), ElementsAre("lstat('/dev/null/x') = ENOTDIR (Not a directory)",
                                   StartsWith("ioctl(descriptor "), StartsWith("fstat() = EBADF")));
}

TEST_F(FlightTest, OutlivesASigkillAndTellsItFromAnEnd) {
  const std::string path = ram_ / "file";
  const pid_t child = fork();
  if (child == 0) {
    FlightRecorder recorder;
    FlightOs os(recorder);
    if (!recorder.keep_in(kernel(), ram_.path())) _exit(1);
    const int fd = os.open(path.c_str(), O_WRONLY | O_CREAT, 0600);
    recorder.note("ready");
    std::thread([&] {
      (void)os.write(fd, "last words", 10);
      (void)::kill(::getpid(), SIGKILL);
    }).join();
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  const FlightHistory killed = history(flight_path(ram_.path()));
  EXPECT_EQ(killed.pid, child);
  EXPECT_FALSE(killed.ended);
  ASSERT_THAT(killed.entries, SizeIs(3));
  EXPECT_TRUE(killed.entries[1].is_message);
  EXPECT_EQ(without_duration(killed.entries[2].text), "write('" + path + "', 10) = 10");
  EXPECT_NE(killed.entries[2].thread, killed.entries[0].thread);
  EXPECT_LE(killed.entries[0].at, killed.entries[2].at);
  EXPECT_THAT(flight_time(killed.entries[2].at), testing::MatchesRegex("..:..:..[.]......"));

  // The next one keeps that.
  {
    FlightRecorder next;
    ASSERT_TRUE(next.keep_in(kernel(), ram_.path()));
    EXPECT_FALSE(history(flight_path(ram_.path())).ended);
  }
  EXPECT_TRUE(history(flight_path(ram_.path())).ended);
  EXPECT_EQ(history(former_flight_path(ram_.path())).pid, child);
}

TEST_F(FlightTest, KeepsTheLastCallsAndMessages) {
  keep();
  const UniqueFd fd(os_.open("/dev/null", O_WRONLY));
  for (int i = 0; i < 10'000; ++i) EXPECT_EQ(os_.write(fd.get(), "x", 1), 1);
  for (int i = 0; i < 300; ++i) recorder_.note(fmt::format("message {}", i));
  recorder_.note(std::string(1000, 'z'));
  const std::vector<std::string> all = texts();
  EXPECT_EQ(std::ranges::count(all, "write('/dev/null', 1) = 1"), 4096);
  EXPECT_EQ(std::ranges::count_if(all, [](const std::string& text) { return text.starts_with("message "); }),
            127);
  EXPECT_THAT(all.back(), std::string(224, 'z'));
  EXPECT_EQ(all[all.size() - 2], "message 299");
}

// The name of what is open stays, however many files are opened after it.
TEST_F(FlightTest, KeepsTheNamesThatAreInUse) {
  keep();
  const UniqueFd fd(os_.open("/dev/null", O_WRONLY));
  for (int i = 0; i < 3000; ++i) {
    EXPECT_EQ(os_.unlink(fmt::format("/missing/{}", i).c_str()), -ENOENT);
    if (i % 100 == 0) {
      EXPECT_EQ(os_.write(fd.get(), "x", 1), 1);
    }
  }
  EXPECT_EQ(os_.write(fd.get(), "x", 1), 1);
  const std::vector<std::string> all = texts();
  EXPECT_EQ(all.back(), "write('/dev/null', 1) = 1");
  EXPECT_THAT(all, Contains("unlink('/missing/2999') = ENOENT (No such file or directory)"));
  EXPECT_THAT(all, Contains("unlink() = ENOENT (No such file or directory)")) << "its name has fallen out";
  // A long path is known by its end.
  const std::string folder(200, 'd');
  EXPECT_EQ(os_.unlink(("/missing/" + folder + "/end").c_str()), -ENOENT);
  EXPECT_THAT(texts().back(), AllOf(StartsWith("unlink('dddd"), HasSubstr("ddd/end') = ENOENT")));
}

// A number that had a name, and is a pipe's now.
TEST_F(FlightTest, GivesNoNameThatWasAnothers) {
  keep();
  const int fd = UniqueFd(os_.open("/dev/null", O_WRONLY)).get();
  int fds[2];
  ASSERT_EQ(os_.pipe2(fds, 0), 0);
  const UniqueFd read_fd(fds[0]);
  const UniqueFd write_fd(fds[1]);
  ASSERT_TRUE(fds[0] == fd || fds[1] == fd);
  EXPECT_EQ(os_.write(fds[1], "x", 1), 1);
  EXPECT_THAT(texts().back(), StartsWith("write(descriptor "));
}

TEST_F(FlightTest, TellsAThreadWhatItDidItself) {
  keep();
  EXPECT_THAT(recorder_.lately(3), IsEmpty());
  for (const char* path : {"/missing/1", "/missing/2", "/missing/3", "/missing/4"}) (void)os_.unlink(path);
  std::thread([&] { (void)os_.unlink("/missing/other"); }).join();
  EXPECT_THAT(recorder_.lately(2),
              ElementsAre(HasSubstr("/missing/3"),
                          StartsWith("unlink('/missing/4') = ENOENT (No such file or directory)")));
  std::thread([&] { EXPECT_THAT(recorder_.lately(9), IsEmpty()); }).join();
}

// Read while four threads write: nothing is torn.
TEST_F(FlightTest, CanBeReadWhileItIsWritten) {
  keep();
  std::atomic<bool> stop = false;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      const std::string path = fmt::format("/missing/{0}{0}{0}{0}", i);
      while (!stop) {
        (void)os_.unlink(path.c_str());
        recorder_.note(std::string(200, static_cast<char>('a' + i)));
      }
    });
  }
  std::size_t whole = 0;
  while (whole < 5000) {
    for (const FlightEntry& entry : history(flight_path(ram_.path())).entries) {
      ++whole;
      if (entry.is_message) {
        EXPECT_EQ(std::set(entry.text.begin(), entry.text.end()).size(), 1U) << entry.text;
      } else {
        EXPECT_THAT(entry.text,
                    testing::MatchesRegex("unlink[(]'/missing/(0000|1111|2222|3333)'[)] = ENOENT .*"));
      }
    }
    if (HasFailure()) break;
  }
  stop = true;
}

// Fails the call that it is told to.
class FailingOs : public Os {
 public:
  int fallocate(int fd, int mode, off_t offset, off_t size) override {
    return fails == "fallocate" ? -ENOSPC : Os::fallocate(fd, mode, offset, size);
  }
  int rename(const char* from, const char* to) override {
    return fails == "rename" ? -EIO : Os::rename(from, to);
  }
  int open(const char* path, int flags, mode_t mode) override {
    return fails == "open" ? -EACCES : Os::open(path, flags, mode);
  }
  ssize_t pread(int fd, void* data, std::size_t size, off_t offset) override {
    return fails == "pread" ? -EIO : Os::pread(fd, data, size, offset);
  }
  std::string fails;
};

TEST_F(FlightTest, RecordsInItsOwnMemoryIfThereIsNoFile) {
  for (const char* call : {"fallocate", "rename", "open"}) {
    FailingOs os;
    os.fails = call;
    const Status kept = recorder_.keep_in(os, ram_.path());
    ASSERT_FALSE(kept) << call;
    EXPECT_THAT(text_of(kept.error()),
                StartsWith("cannot keep slurper's own last events in '" + (ram_ / "events") + "': "));
    EXPECT_FALSE(fs::exists(ram_ / "events")) << call;
    (void)os_.unlink("/missing/1");
    EXPECT_THAT(recorder_.lately(1), SizeIs(1));
  }
}

TEST_F(FlightTest, SaysWhyAFileIsNotRead) {
  const auto why = [&](Os& os) {
    const auto read = read_flight(os, flight_path(ram_.path()));
    return read ? std::string(*read ? "read" : "none") : text_of(read.error());
  };
  EXPECT_EQ(why(kernel()), "none");
  keep();
  EXPECT_EQ(why(kernel()), "read");
  FailingOs os;
  for (const char* call : {"open", "pread"}) {
    os.fails = call;
    EXPECT_THAT(why(os), StartsWith("cannot read slurper's own last events in '"));
  }
  const std::string path = flight_path(ram_.path());
  fs::resize_file(path, 1000);
  EXPECT_THAT(why(kernel()), HasSubstr("it is cut short, or this version of slurper did not write it"));
  fs::remove(path);
  std::ofstream(path) << std::string(sizeof(flight_format::File), 'x');
  EXPECT_THAT(why(kernel()), HasSubstr("it is cut short, or this version of slurper did not write it"));
}

}  // namespace
}  // namespace slurper
