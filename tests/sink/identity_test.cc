// A log that was copied with its machine, or restored from a snapshot, and destinations that can be asked.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>
#include <map>
#include <mutex>

#include "log/line_begin.h"
#include "log/log_writer.h"
#include "log/new_identity.h"
#include "sink/registry.h"
#include "sink/runner.h"
#include "support/files.h"
#include "support/recorded_messages.h"
#include "support/temp_dir.h"
#include "support/text_of.h"
#include "support/wait.h"

namespace slurper {
namespace {

using test::eventually;
using test::text_of;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

// As the journal: each line has the log's id, its offset, its checksum and the machine.
struct Journal {
  struct Last {
    std::uint64_t end = 0;
    std::uint32_t checksum = 0;
    MachineId machine{};
  };
  std::mutex mutex;
  std::map<LogId, Last> last;
  std::vector<std::string> lines;

  std::vector<std::string> all() {
    const std::lock_guard lock(mutex);
    return lines;
  }
};

class JournalSink : public Sink {
 public:
  explicit JournalSink(Journal& journal) : journal_(journal) {}
  Result<std::optional<Reached>> open(const SinkContext& context) override {
    context_ = &context;
    const std::lock_guard lock(journal_.mutex);
    const auto found = journal_.last.find(context.log_id);
    if (found == journal_.last.end()) return Reached(0);
    return Reached(found->second.end, found->second.checksum, found->second.machine);
  }
  Status deliver(std::span<const Record> batch) override {
    const std::lock_guard lock(journal_.mutex);
    for (const Record& record : batch) {
      journal_.lines.emplace_back(record.raw());
      journal_.last[context_->log_id] = {.end = record.next_offset(),
                                         .checksum = context_->checksum(record),
                                         .machine = context_->machine_id};
    }
    context_->acks->up_to(batch.back().next_offset());
    return {};
  }
  void close() override {}

 private:
  Journal& journal_;
  const SinkContext* context_ = nullptr;
};

// A machine with a log in `folder`, and its sinks.
class Machine {
 public:
  Machine(std::string folder, std::uint8_t id) : folder_(std::move(folder)) { machine_.fill(id); }

  // `text` is in the log before the sink first looks.
  void start(Journal& journal, std::string_view text = {}) {
    ASSERT_TRUE(open_log());
    if (!text.empty()) write(text);
    PreparedSink sink{.name = "journal", .type = "test", .options = {}, .make = [&journal] {
                        return std::make_unique<JournalSink>(journal);
                      }};
    sink.options.start = StartAt::Beginning;
    sink.options.retry_max = kFirstRetry;
    run(std::move(sink));
  }
  // The file sink, into the folder's file "copy".
  void start_file() {
    ASSERT_TRUE(open_log());
    const SinkSettings settings{
        .name = "copy",
        .type = "file",
        .place = "here",
        .options = {{.name = "path", .values = {folder_ + "/copy"}, .is_list = false, .place = "here"},
                    {.name = "start", .values = {"beginning"}, .is_list = false, .place = "here"},
                    {.name = "format", .values = {"raw"}, .is_list = false, .place = "here"}}};
    auto prepared = prepare_sinks({&settings, 1});
    ASSERT_TRUE(prepared) << text_of(prepared.error());
    run(std::move(prepared->front().prepared));
  }
  void write(std::string_view text) {
    const auto written = writer_->append(text);
    ASSERT_TRUE(written) << text_of(written.error());
    ASSERT_EQ(*written, text.size());
    writer_->publish();
  }
  // Delivers all that the log has, and stops.
  void finish() {
    runner_->finish();
    EXPECT_TRUE(eventually([&] { return runner_->ended(); })) << said();
    stop();
  }
  void stop() {
    (void)runner_->stop(std::chrono::steady_clock::time_point::max());
    runner_.reset();
    EXPECT_TRUE(writer_->close());
    times_.reset();
    writer_.reset();
  }
  // The sink stops, and names the command.
  bool fails() {
    return eventually([&] { return said().contains("slurper identity --new"); });
  }
  void give_identity() {
    const auto given = give_new_identity(kernel(), paths());
    ASSERT_TRUE(given) << text_of(given.error());
  }
  [[nodiscard]] std::string said() const { return messages_.text(); }
  [[nodiscard]] LogPaths paths() const { return LogPaths(folder_ + "/messages"); }
  [[nodiscard]] std::string copy() const { return test::content_of(folder_ + "/copy"); }

 private:
  bool open_log() {
    LogSettings settings;
    settings.path = folder_ + "/messages";
    auto writer = LogWriter::open(kernel(), settings, Uuid{1});
    EXPECT_TRUE(writer) << text_of(writer.error());
    if (!writer) return false;
    writer_ = std::move(*writer);
    writer_->publish();
    times_ = TimeIndex::open(kernel(), writer_->paths(), writer_->log_ids(), {},
                             {.log_end = writer_->end(), .head = writer_->end()});
    return true;
  }
  void run(PreparedSink sink) {
    const SinkLog log{.os = kernel(),
                      .paths = writer_->paths(),
                      .ids = writer_->log_ids(),
                      .machine = machine_,
                      .access = {},
                      .sync = {},
                      .feed = writer_->feed(),
                      .times = *times_};
    runner_ = std::make_unique<SinkRunner>(log, std::move(sink), messages_.listener(),
                                           [](const Phrase& phrase) { return text_of(phrase); });
    ASSERT_TRUE(runner_->start());
  }

  const std::string folder_;
  MachineId machine_{};
  std::unique_ptr<LogWriter> writer_;
  std::unique_ptr<TimeIndex> times_;
  test::RecordedMessages messages_;
  std::unique_ptr<SinkRunner> runner_;
};

class Identity : public testing::Test {
 protected:
  Identity() { std::filesystem::create_directory(disk_ / "first"); }
  void copy(const char* from, const char* to) {
    std::filesystem::remove_all(disk_ / to);
    std::filesystem::copy(disk_ / from, disk_ / to, std::filesystem::copy_options::recursive);
  }

  test::TempDir disk_;
  Journal journal_;
};

TEST_F(Identity, TheLogOfAClonedMachine) {
  Machine first(disk_ / "first", 1);
  first.start(journal_);
  first.write("one\n");
  first.finish();
  copy("first", "second");
  first.start(journal_);
  first.write("two\n");
  first.finish();

  Machine second(disk_ / "second", 2);
  second.start(journal_, "a line of the clone\n");
  ASSERT_TRUE(second.fails());
  EXPECT_THAT(second.said(), AllOf(HasSubstr("machine 01010101-"), HasSubstr("machine 02020202-"),
                                   HasSubstr("give the log a new identity: slurper identity --new '" +
                                             second.paths().active() + "'")));
  second.stop();
  EXPECT_THAT(journal_.all(), ElementsAre("one", "two")) << "nothing came, and nothing was skipped";
  second.give_identity();
  second.start(journal_);
  second.write("another\n");
  second.finish();
  second.start(journal_);
  second.write("a last one\n");
  second.finish();
  first.start(journal_);
  first.write("three\n");
  first.finish();
  EXPECT_THAT(journal_.all(),
              ElementsAre("one", "two", "a line of the clone", "another", "a last one", "three"));
}

// The destination has the lines that were written after the snapshot.
TEST_F(Identity, ASnapshotThatWasRestored) {
  for (const std::string after : {"lost\n", "lost, and longer than what comes after the snapshot\n"}) {
    journal_.lines.clear();
    std::filesystem::remove_all(disk_ / "first");
    std::filesystem::create_directory(disk_ / "first");
    Machine machine(disk_ / "first", 1);
    machine.start(journal_);
    machine.write("one\n");
    machine.finish();
    copy("first", "snapshot");
    machine.start(journal_);
    machine.write(after);
    machine.finish();
    copy("snapshot", "first");
    machine.start(journal_, "new1\nnew2\n");
    ASSERT_TRUE(machine.fails());
    machine.stop();
    machine.give_identity();
    machine.start(journal_);
    machine.finish();
    machine.start(journal_);
    machine.write("new3\n");
    machine.finish();
    EXPECT_THAT(journal_.all(),
                ElementsAre("one", after.substr(0, after.size() - 1), "new1", "new2", "new3"));
  }
}

// Nothing was delivered since: the destination has nothing of the new id, and has lost nothing.
TEST_F(Identity, ANewOneMovesNoSink) {
  Machine machine(disk_ / "first", 1);
  machine.start(journal_);
  machine.write("one\n");
  machine.finish();
  for (int i = 0; i < 2; ++i) {
    machine.give_identity();
    machine.start(journal_);
    machine.finish();
  }
  machine.start(journal_);
  machine.write("two\n");
  machine.finish();
  EXPECT_THAT(journal_.all(), ElementsAre("one", "two"));
  EXPECT_EQ(machine.said(), "");
}

TEST_F(Identity, AFileGoesOnAtTheSameByte) {
  Machine machine(disk_ / "first", 1);
  machine.start_file();
  machine.write("one\n");
  machine.finish();
  // As a SIGKILL may leave it: the file has more than the runner's cursor says.
  const std::string behind = test::read_file(machine.paths().cursor("copy"));
  machine.start_file();
  machine.write("two\n");
  machine.finish();
  test::write_file(machine.paths().cursor("copy"), behind);
  machine.give_identity();
  machine.start_file();
  machine.write("three\n");
  machine.finish();
  EXPECT_EQ(machine.copy(), "one\ntwo\nthree\n");
  EXPECT_EQ(machine.said(), "");
  copy("first", "second");
  Machine second(disk_ / "second", 2);
  second.give_identity();
  second.start_file();
  second.write("four\n");
  second.finish();
  // Its settings name the clone's folder.
  EXPECT_EQ(second.copy(), "one\ntwo\nthree\nfour\n");
}

}  // namespace
}  // namespace slurper
