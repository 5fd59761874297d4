// The log's file moved, removed, cut and written to by others, at every moment of a write, with and without a
// SIGKILL right after.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>

#include "log/fault_os.h"
#include "log/log_files.h"
#include "log/log_writer.h"
#include "log/stream_of.h"
#include "support/text_of.h"

namespace slurper {
namespace {

using test::text_of;

// Somebody else's hand in the log: before the system call number `at` of one append().
class MeddlingOs : public Os {
 public:
  std::function<void()> meddle;
  int at = 0;
  int calls = 0;
  int fstat(int fd, struct stat* st) override { return now(), Os::fstat(fd, st); }
  int lstat(const char* path, struct stat* st) override { return now(), Os::lstat(path, st); }
  ssize_t write(int fd, const void* data, std::size_t size) override {
    return now(), Os::write(fd, data, size);
  }
  ssize_t pread(int fd, void* data, std::size_t size, off_t offset) override {
    return now(), Os::pread(fd, data, size, offset);
  }
  ssize_t pwrite(int fd, const void* data, std::size_t size, off_t offset) override {
    return now(), Os::pwrite(fd, data, size, offset);
  }
  int rename_noreplace(const char* from, const char* to) override {
    return now(), Os::rename_noreplace(from, to);
  }
  int open(const char* path, int flags, mode_t mode) override { return now(), Os::open(path, flags, mode); }

 private:
  void now() {
    if (++calls == at) meddle();
  }
};

struct Meddling {
  const char* name;
  void (*act)(const std::string& path);
  enum class Takes { Nothing, File, Bytes } takes;  // of what was written before it
};

void append_to(const std::string& path, std::string_view bytes) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
  ASSERT_EQ(::write(fd.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
}

const Meddling meddlings[] = {
    {"Appended", [](const std::string& path) { append_to(path, "somebody else's line\n"); },
     Meddling::Takes::Nothing},
    {"AppendedHalfALine", [](const std::string& path) { append_to(path, "half"); }, Meddling::Takes::Nothing},
    {"AppendedWhatLooksLikeOurs", [](const std::string& path) { append_to(path, "line 3 is\nline 4"); },
     Meddling::Takes::Nothing},
    {"Removed", [](const std::string& path) { std::filesystem::remove(path); }, Meddling::Takes::Bytes},
    {"Moved", [](const std::string& path) { std::filesystem::rename(path, path + ".1"); },
     Meddling::Takes::File},
    {"MovedAndMade",
     [](const std::string& path) {
       std::filesystem::rename(path, path + ".1");
       write_file(path, "");
     },
     Meddling::Takes::File},
    {"MovedAndWrittenTo",
     [](const std::string& path) {
       std::filesystem::rename(path, path + ".1");
       write_file(path, "somebody else's\n");
     },
     Meddling::Takes::File},
    {"CutToNothing", [](const std::string& path) { ASSERT_EQ(::truncate(path.c_str(), 0), 0); },
     Meddling::Takes::Bytes},
    {"CutToAPart", [](const std::string& path) { ASSERT_EQ(::truncate(path.c_str(), 3), 0); },
     Meddling::Takes::Bytes},
    {"Overwritten", [](const std::string& path) { write_file(path, "x\n"); }, Meddling::Takes::Bytes},
    {"CutAndAppended",
     [](const std::string& path) {
       ASSERT_EQ(::truncate(path.c_str(), 0), 0);
       append_to(path,
                 "a much longer line than all that had been in the log before, and then some more of it\n");
     },
     Meddling::Takes::Bytes},
};

class ExternalChangesTest : public testing::TestWithParam<std::tuple<Meddling, bool>> {
 protected:
  ExternalChangesTest() {
    settings_.path = directory_ / "messages";
    settings_.sync.mode = SyncMode::None;
  }

  static std::string line(int number) { return "line " + std::to_string(number) + " is here\n"; }

  std::unique_ptr<LogWriter> open(Os& os) {
    auto writer = LogWriter::open(os, settings_, boot_);
    if (!writer) throw std::runtime_error(text_of(writer.error()));
    return std::move(*writer);
  }
  // As the daemon does it; the ring holds all that was taken and not released.
  std::unique_ptr<LogWriter> start(Os& os) {
    auto writer = open(os);
    const Status agreed =
        writer->reconcile({released_}, std::string_view(taken_).substr(released_), writer->session() + 1);
    EXPECT_TRUE(agreed) << text_of(agreed.error());
    released_ = writer->end().value;
    return writer;
  }
  void drain(LogWriter& writer) {
    while (released_ < taken_.size()) {
      EXPECT_EQ(writer.end().value, released_);
      const auto written = writer.append(std::string_view(taken_).substr(released_));
      ASSERT_TRUE(written) << text_of(written.error());
      released_ += *written;
    }
  }
  // What was written from `offset` on is in the log's own files, in order, once.
  void expect_all_from(std::uint64_t offset) {
    const auto pieces = pieces_of(LogPaths(settings_.path));
    expect_pieces_of(taken_, pieces);
    std::uint64_t next = offset;
    for (const auto& [base, bytes] : pieces) {
      if (base > next) break;
      next = std::max(next, base + bytes.size());
    }
    EXPECT_EQ(next, taken_.size()) << "bytes are missing";
  }

  test::TempDir directory_;
  LogSettings settings_;
  Uuid boot_ = new_uuid();
  std::string taken_;
  std::uint64_t released_ = 0;
};

// Something is done to the file before each of the system calls of an append() in turn. With a kill, the
// process is gone right after that call; the next one has the ring.
TEST_P(ExternalChangesTest, LoseNothingThatIsWrittenAfterwards) {
  const auto [meddling, killed] = GetParam();
  for (int at = 1;; ++at) {
    SCOPED_TRACE("before call " + std::to_string(at));
    std::filesystem::remove_all(directory_.path());
    std::filesystem::create_directory(directory_.path());
    taken_.clear();
    released_ = 0;
    std::uint64_t before = 0;
    bool meddled = false;
    {
      // After a kill nothing is written any more.
      class DyingOs : public MeddlingOs {
       public:
        ssize_t write(int fd, const void* data, std::size_t size) override {
          const ssize_t written = MeddlingOs::write(fd, data, size);
          return dead() ? -EIO : written;
        }
        int rename_noreplace(const char* from, const char* to) override {
          return dead() ? -EIO : MeddlingOs::rename_noreplace(from, to);
        }
        ssize_t pwrite(int fd, const void* data, std::size_t size, off_t offset) override {
          return dead() ? -EIO : MeddlingOs::pwrite(fd, data, size, offset);
        }
        int open(const char* path, int flags, mode_t mode) override {
          return dead() ? -EIO : MeddlingOs::open(path, flags, mode);
        }
        [[nodiscard]] bool dead() const { return dies && at > 0 && calls >= at; }
        bool dies = false;
      } os;
      const auto writer = start(os);
      for (int i = 0; i < 3; ++i) {
        taken_ += line(i);
        drain(*writer);
      }
      before = released_;
      os.meddle = [&] {
        meddled = true;
        meddling.act(settings_.path);
      };
      os.calls = 0;
      os.at = at;
      os.dies = killed;
      taken_ += line(3);
      if (killed) {
        const auto written = writer->append(std::string_view(taken_).substr(released_));
        if (written) released_ += *written;
      } else {
        drain(*writer);
        EXPECT_LE(writer->take_findings().size(), 2U);
      }
    }
    if (!meddled) break;
    MeddlingOs os;
    const auto writer = start(os);
    for (int i = 4; i < 8; ++i) {
      taken_ += line(i);
      drain(*writer);
    }
    switch (meddling.takes) {
      case Meddling::Takes::Nothing:
        expect_all_from(0);
        break;
      case Meddling::Takes::Bytes:
        expect_all_from(before);
        break;
      case Meddling::Takes::File:
        expect_all_from(before + line(3).size());  // which may be in the file that was moved
        EXPECT_EQ(read_file(settings_.path + ".1").substr(0, before), taken_.substr(0, before));
    }
    if (HasFailure()) {
      for (const auto& entry : std::filesystem::directory_iterator(directory_.path()))
        std::cerr << entry.path() << ": "
                  << (entry.path().extension() == ".index" ? "" : read_file(entry.path())) << "\n";
      return;
    }
  }
}

// The same, in a rotation: what is renamed may not be what was looked at.
class ExternalChangesInARotation : public ExternalChangesTest {};

TEST_P(ExternalChangesInARotation, LoseNothingThatIsWrittenAfterwards) {
  const Meddling meddling = std::get<Meddling>(GetParam());
  for (int at = 1;; ++at) {
    SCOPED_TRACE("before call " + std::to_string(at));
    std::filesystem::remove_all(directory_.path());
    std::filesystem::create_directory(directory_.path());
    taken_.clear();
    released_ = 0;
    bool meddled = false;
    MeddlingOs os;
    const auto writer = start(os);
    for (int i = 0; i < 3; ++i) {
      taken_ += line(i);
      drain(*writer);
    }
    const std::uint64_t before = released_;
    os.meddle = [&] {
      meddled = true;
      if (exists(settings_.path)) meddling.act(settings_.path);  // not between two files
    };
    os.calls = 0;
    os.at = at;
    const Status rotated = writer->rotate();
    EXPECT_TRUE(rotated || meddled) << "then it is tried again";
    os.at = 0;
    EXPECT_TRUE(writer->reopen()) << "what was done to the next file is seen now";
    for (int i = 3; i < 7; ++i) {
      taken_ += line(i);
      drain(*writer);
    }
    if (!meddled) break;
    // Once the segment has its name, it was the next one, empty yet, that something was done to.
    const bool harmed =
        meddling.takes != Meddling::Takes::Nothing && !exists(LogPaths(settings_.path).rotated({0}));
    expect_all_from(harmed ? before : 0);
    if (HasFailure()) return;
  }
}

std::string name_of(const testing::TestParamInfo<std::tuple<Meddling, bool>>& info) {
  return std::get<0>(info.param).name;
}
INSTANTIATE_TEST_SUITE_P(Running, ExternalChangesTest,
                         testing::Combine(testing::ValuesIn(meddlings), testing::Values(false)), name_of);
INSTANTIATE_TEST_SUITE_P(Running, ExternalChangesInARotation,
                         testing::Combine(testing::ValuesIn(meddlings), testing::Values(false)), name_of);
// But for the last one: only the process that wrote remembers how its file ended.
INSTANTIATE_TEST_SUITE_P(Killed, ExternalChangesTest,
                         testing::Combine(testing::ValuesIn(std::begin(meddlings), std::end(meddlings) - 1),
                                          testing::Values(true)),
                         name_of);

}  // namespace
}  // namespace slurper
