#include "cli/identity.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <array>

#include "cli/program.h"
#include "log/log_files.h"
#include "log/log_index.h"
#include "log/log_writer.h"
#include "ring/ring.h"
#include "sink/sink_log.h"
#include "support/text_of.h"

namespace slurper {
namespace {

using testing::HasSubstr;

class IdentityCommand : public testing::Test {
 protected:
  void SetUp() override {
    LogSettings settings;
    settings.path = paths_.active();
    auto writer = LogWriter::open(kernel(), settings, *boot_);
    ASSERT_TRUE(writer) << test::text_of(writer.error());
    ASSERT_TRUE((*writer)->append(std::string_view("one\n")));
    id_ = (*writer)->log_id();
    ASSERT_TRUE((*writer)->close());
  }
  int run(bool is_new = false) {
    const test::Outcome outcome = test::capture([&](std::FILE* out, std::FILE* err) {
      return identity_command(paths_.active(), ring_.path(), is_new, out, err);
    });
    out_ = outcome.out;
    err_ = outcome.err;
    return outcome.status;
  }
  [[nodiscard]] static std::string machine() {
    const MachineId id = sink_machine_id();
    return "machine  " + (id == MachineId{} ? "unknown" : format(id)) + "\n";
  }
  // A ring of this log and of this boot, which has `text`.
  void make_ring(std::string_view text) {
    const auto ring = Ring::open(kernel(), ring_.path(), {}, id_, *boot_, {.readable_from = 0, .end = 4});
    ASSERT_TRUE(ring) << test::text_of(ring.error());
    if (text.empty()) return;
    std::array<int, 2> fds{};
    ASSERT_EQ(::pipe2(fds.data(), O_CLOEXEC), 0);
    const UniqueFd read_fd(fds[0]);
    const UniqueFd write_fd(fds[1]);
    const auto size = static_cast<ssize_t>(text.size());
    ASSERT_EQ(::write(write_fd.get(), text.data(), text.size()), size);
    ASSERT_EQ(ring->ring->take(read_fd.get(), text.size()), size);
  }

  test::TempDir directory_;
  test::TempDir ring_ = test::TempDir::in_ram();
  LogPaths paths_{directory_ / "messages"};
  Result<Uuid> boot_ = read_boot_id(kernel());
  Uuid id_{};
  std::string out_;
  std::string err_;
};

TEST_F(IdentityCommand, ShowsItAndGivesANewOne) {
  EXPECT_EQ(run(), 0) << err_;
  EXPECT_EQ(out_, "log      " + format(id_) + "\n" + machine());
  EXPECT_EQ(run(true), 0) << err_;
  const auto ids = read_index(kernel(), paths_)->record->ids();
  EXPECT_NE(ids.id, id_);
  const std::string both = "log      " + format(ids.id) + "\nformer   " + format(id_) + "\n" + machine();
  EXPECT_EQ(out_, both);
  EXPECT_EQ(run(), 0) << err_;
  EXPECT_EQ(out_, both);
}

TEST_F(IdentityCommand, FirstTheRingMustBeEmpty) {
  make_ring("two\n");
  EXPECT_EQ(run(true), 75);
  EXPECT_THAT(err_, HasSubstr("cannot give the log '" + paths_.active() + "' a new identity: the ring '" +
                              ring_ / "ring" + "' holds 4B that the log may lack"));
  EXPECT_THAT(err_, HasSubstr("start it without sinks"));
  EXPECT_EQ(run(), 0) << err_;
  EXPECT_EQ(out_, "log      " + format(id_) + "\n" + machine());
}

TEST_F(IdentityCommand, ARingThatIsEmptyOrIsNoneDoesNotMatter) {
  make_ring("");
  EXPECT_EQ(run(true), 0) << err_;
  write_file(ring_ / "ring", "no ring");
  EXPECT_EQ(run(true), 0) << err_;
}

TEST_F(IdentityCommand, NotWhileSlurperRuns) {
  LogSettings settings;
  settings.path = paths_.active();
  const auto writer = LogWriter::open(kernel(), settings, *boot_);
  EXPECT_EQ(run(true), 75);
  EXPECT_THAT(err_, HasSubstr("is writing it"));
  const auto ring = Ring::open(kernel(), ring_.path(), {}, id_, *boot_, {.readable_from = 0, .end = 4});
  ASSERT_TRUE(ring) << test::text_of(ring.error());
  EXPECT_EQ(run(true), 75);
  EXPECT_THAT(err_, HasSubstr("is writing it")) << "not that another slurper uses the ring";
  EXPECT_EQ(run(), 0) << "looking is free";
}

TEST_F(IdentityCommand, WithoutALogThereIsNone) {
  std::filesystem::remove(paths_.index());
  EXPECT_EQ(run(), 66);
  EXPECT_EQ(run(true), 66);
}

}  // namespace
}  // namespace slurper
