// What slurper trace keeps of a recording. The recordings are pipes that the tests fill.
#include "cli/trace_keep.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>
#include <thread>

#include "base/text.h"
#include "cli/program.h"
#include "cli/trace.h"
#include "support/files.h"
#include "trace/capture_builder.h"
#include "trace/own_events.h"

namespace slurper::test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class TraceKeep : public testing::Test {
 protected:
  // The end of a pipe from which these bytes come, and then nothing, until end_recording().
  UniqueFd stream_of(std::string bytes) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    writer_ = std::thread([this, bytes = std::move(bytes), fd = UniqueFd(ends[1])]() mutable {
      for (std::string_view rest = bytes; !rest.empty();) {
        const ssize_t count = ::write(fd.get(), rest.data(), rest.size());
        if (count <= 0) break;
        rest.remove_prefix(static_cast<std::size_t>(count));
      }
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return ended_; });
    });
    return UniqueFd(ends[0]);
  }
  void end_recording() {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }
  void TearDown() override {
    end_recording();
    if (writer_.joinable()) writer_.join();
  }

  // `keep` gets the files and the way to end the recording.
  Outcome keep(const CaptureFiles::Options& files,
               const std::function<int(CaptureFiles&, const std::function<void()>&, std::FILE*)>& keep) {
    return capture([&](std::FILE* /*out*/, std::FILE* err) {
      CaptureFiles all(files);
      if (const auto created = all.create(); !created) {
        std::fputs(created.error().text.c_str(), err);
        return created.error().status;
      }
      return keep(all, [this] { end_recording(); }, err);
    });
  }
  Outcome keep_incident(const CaptureBuilder& recording, const CaptureFiles::Options& files,
                        const std::function<void(IncidentOptions&)>& change = {}) {
    auto until = compile_trace_filter("evt.res = EPIPE", stderr);
    IncidentOptions options{.until = std::move(**until)};
    if (change) change(options);
    return keep(files, [&](CaptureFiles& all, const std::function<void()>& end, std::FILE* err) {
      return keep_incidents(stream_of(recording.bytes()), std::move(options), all, end, err);
    });
  }
  Outcome keep_files(const CaptureBuilder& recording, const CaptureFiles::Options& files,
                     RotationOptions options) {
    end_recording();
    return keep(files, [&](CaptureFiles& all, const std::function<void()>& end, std::FILE* err) {
      return keep_newest(stream_of(recording.bytes()), std::move(options), all, end, err);
    });
  }

  static void write_call(CaptureBuilder& capture, std::int64_t result) {
    capture.event(5, 8, {i64(3), u32(1)}).event(5, 9, {i64(result), "x"});
  }
  // A write each second, of which those in `broken` fail.
  static CaptureBuilder seconds(int count, const std::vector<int>& broken) {
    CaptureBuilder capture;
    capture.process({.tid = 5, .pid = 5, .name = "app"}).file(5, 3, "/run/fifo");
    for (int i = 0; i < count; ++i) {
      capture.pause(1s - 2us);
      write_call(capture, std::ranges::count(broken, i) != 0 ? -32 : i);
    }
    return capture;
  }
  // The results in a file, and that each is of the file that was opened before it began.
  std::string results(const std::string& name) const {
    const Outcome outcome = run_slurper(
        {"trace", "-r", folder_ / name, "-p", "%evt.rawres", "evt.dir = < and fd.name = /run/fifo"});
    EXPECT_EQ(outcome.err, "");
    std::string line = outcome.out;
    std::ranges::replace(line, '\n', ' ');
    return line;
  }
  [[nodiscard]] std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path()))
      names.push_back(entry.path().filename());
    std::ranges::sort(names);
    return names;
  }

  TempDir folder_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ended_ = false;
  std::thread writer_;
};

TEST_F(TraceKeep, TheSecondsAroundAnIncident) {
  const Outcome outcome =
      keep_incident(seconds(40, {20}), {.path = folder_ / "x"}, [](IncidentOptions& options) {
        options.before = 3s;
        options.after = 2s;
      });
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(results("x"), "17 18 19 -32 21 22 ");
  EXPECT_THAT(outcome.err, HasSubstr("slurper: an event has matched: wrote '" + (folder_ / "x") +
                                     "' with 3s before it and 2s after it, "));
}

// The recording is quiet after it, and goes on.
TEST_F(TraceKeep, AnIncidentEndsThoughNothingFollows) {
  const Outcome outcome = keep_incident(seconds(5, {4}), {.path = folder_ / "x"},
                                        [](IncidentOptions& options) { options.after = 10ms; });
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(results("x"), "0 1 2 3 -32 ");
  EXPECT_THAT(outcome.err, HasSubstr(" with 4s before it and 0 after it, "));
}

// The state of the pipe at the failure comes after the event that matches.
TEST_F(TraceKeep, WhatBelongsToTheEventIsThere) {
  CaptureBuilder recording = seconds(5, {4});
  recording.event_at_once(5, kPipeEvent, {i64(3), u64(77), u32(0), u32(16), u32(0), u32(1)});
  keep_incident(recording, {.path = folder_ / "x"}, [](IncidentOptions& options) { options.after = 0ms; });
  EXPECT_THAT(run_slurper({"trace", "-r", folder_ / "x"}).out,
              HasSubstr("pipe fd=3(<f>/run/fifo) slots=0/16 readers=0 writers=1"));
}

TEST_F(TraceKeep, SaysThatMoreDidNotFitIntoMemory) {
  const Outcome outcome =
      keep_incident(seconds(40, {20}), {.path = folder_ / "x"}, [](IncidentOptions& options) {
        options.memory = ByteSize{300};
        options.after = 0ms;
      });
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.err, HasSubstr("slurper: it should begin 10s before the event, and more did not fit "
                                     "into 300B of memory. Raise --memory\n"));
  EXPECT_THAT(results("x"), testing::EndsWith(" 19 -32 "));
}

TEST_F(TraceKeep, LeavesNoFileIfNothingMatches) {
  end_recording();
  const Outcome outcome = keep_incident(seconds(5, {}), {.path = folder_ / "x"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.err, "slurper: no event has matched, so nothing was written\n");
  EXPECT_THAT(files(), IsEmpty());
}

// It was refused, and has said so.
TEST_F(TraceKeep, SaysNothingIfThereWasNoRecording) {
  const Outcome outcome =
      keep({.path = folder_ / "x"}, [&](CaptureFiles& all, const std::function<void()>& end, std::FILE* err) {
        end_recording();
        auto until = compile_trace_filter("evt.res = EPIPE", err);
        return keep_incidents(stream_of(""), {.until = std::move(**until)}, all, end, err);
      });
  EXPECT_EQ(outcome.err, "");
  EXPECT_THAT(files(), IsEmpty());
}

TEST_F(TraceKeep, TheRecordingEndsInAnIncident) {
  end_recording();
  const Outcome outcome = keep_incident(seconds(5, {4}), {.path = folder_ / "x"},
                                        [](IncidentOptions& options) { options.after = 1h; });
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(results("x"), "0 1 2 3 -32 ");
}

TEST_F(TraceKeep, EachIncidentInAFileOfItsOwn) {
  write_file(folder_ / "x.7", "of the day before");
  write_file(folder_ / "x.other", "no number");
  end_recording();
  const Outcome outcome = keep_incident(
      seconds(40, {10, 12, 30}), {.path = folder_ / "x", .is_numbered = true}, [](IncidentOptions& options) {
        options.before = 3s;
        options.repeat = true;
      });
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(files(), ElementsAre("x.10", "x.7", "x.8", "x.9", "x.other"));
  EXPECT_EQ(results("x.8"), "7 8 9 -32 11 ");
  EXPECT_EQ(results("x.9"), "-32 13 ") << "what x.8 has is not repeated";
  EXPECT_EQ(results("x.10"), "27 28 29 -32 31 ");
}

TEST_F(TraceKeep, OverwritesNoIncident) {
  write_file(folder_ / "x", "the incident of yesterday");
  const Outcome outcome = keep_incident(seconds(5, {4}), {.path = folder_ / "x", .may_overwrite = false});
  EXPECT_EQ(outcome.status, 73);
  EXPECT_THAT(outcome.err, HasSubstr("it exists, and what was caught before is not overwritten"));
  EXPECT_EQ(read_file(folder_ / "x"), "the incident of yesterday");
}

// Of other names, whatever they look like, it neither counts nor removes one.
TEST_F(TraceKeep, FilesWithOtherNamesAreLeftAlone) {
  for (const char* name : {"x.18446744073709551615", "x.007", "x.20261129000", "x.2.gz"})
    write_file(folder_ / name, "of someone else");
  std::filesystem::create_directory(folder_ / "x.5");
  keep_files(seconds(12, {}), {.path = folder_ / "x", .is_numbered = true, .keep = 1}, {.age = 5s});
  EXPECT_THAT(files(),
              ElementsAre("x.007", "x.18446744073709551615", "x.2.gz", "x.20261129000", "x.3", "x.5"));
}

TEST_F(TraceKeep, ARecordingOfNothingLeavesNoFile) {
  const Outcome outcome = keep({.path = folder_ / "x",
                                .is_numbered = true,
                                .keep = 1,
                                .compression = CaptureOutput::Compression::Gzip},
                               [&](CaptureFiles& all, const std::function<void()>& end, std::FILE* err) {
                                 end_recording();
                                 return keep_newest(stream_of(""), {.age = 5s}, all, end, err);
                               });
  EXPECT_EQ(outcome.err, "");
  EXPECT_THAT(files(), IsEmpty());
}

TEST_F(TraceKeep, KeepsTheNewestIncidents) {
  write_file(folder_ / "x.3", "of the day before");
  end_recording();
  keep_incident(seconds(40, {10, 20, 30}), {.path = folder_ / "x", .is_numbered = true, .keep = 2},
                [](IncidentOptions& options) { options.repeat = true; });
  EXPECT_THAT(files(), ElementsAre("x.5", "x.6"));
}

TEST_F(TraceKeep, AFullDiskEndsIt) {
  const Outcome outcome = keep_incident(seconds(5, {4}), {.path = "/dev/full"});
  EXPECT_EQ(outcome.status, 74);
  EXPECT_THAT(outcome.err, HasSubstr("slurper: cannot write the capture /dev/full: No space left on device"));
  EXPECT_TRUE(std::filesystem::exists("/dev/full"));
}

TEST_F(TraceKeep, KnowsAtOnceThatAFileCannotBeCreated) {
  const Outcome outcome = keep_incident(seconds(5, {4}), {.path = folder_ / "none/x"});
  EXPECT_EQ(outcome.status, 73);
  EXPECT_THAT(outcome.err, HasSubstr("cannot create the capture '" + (folder_ / "none/x") + "'"));
}

TEST_F(TraceKeep, ManyFilesByAge) {
  const Outcome outcome =
      keep_files(seconds(12, {}), {.path = folder_ / "x", .is_numbered = true, .keep = 3}, {.age = 5s});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.err, "slurper: the newest file is '" + (folder_ / "x.3") + "'\n");
  EXPECT_THAT(files(), ElementsAre("x.1", "x.2", "x.3"));
  EXPECT_EQ(results("x.1"), "0 1 2 3 4 ");
  EXPECT_EQ(results("x.2"), "5 6 7 8 9 ");
  EXPECT_EQ(results("x.3"), "10 11 ");
}

TEST_F(TraceKeep, TheNewestFilesBySizeLoseNothing) {
  const CaptureBuilder recording = seconds(100, {});
  const Outcome outcome =
      keep_files(recording, {.path = folder_ / "x", .is_numbered = true}, {.size = 2000, .age = {}});
  EXPECT_EQ(outcome.status, 0);
  std::string all;
  const std::size_t count = files().size();
  EXPECT_GT(count, 3U);
  for (std::size_t i = 1; i <= count; ++i) all += results("x." + std::to_string(i));
  std::string expected;
  for (int i = 0; i < 100; ++i) expected += std::to_string(i) + ' ';
  EXPECT_EQ(all, expected);
}

TEST_F(TraceKeep, TheSizeIsThatOfTheFile) {
  const Outcome outcome = keep_incident(
      seconds(40, {20}), {.path = folder_ / "x", .compression = CaptureOutput::Compression::Gzip});
  EXPECT_THAT(
      outcome.err,
      HasSubstr(", " + format_rounded(ByteSize{std::filesystem::file_size(folder_ / "x")}) + " in all\n"));
}

std::optional<TraceFilter> failures() {
  return *compile_trace_filter("evt.rawres < 0", stderr);
}

TEST_F(TraceKeep, TheEventsThatMatch) {
  const Outcome outcome =
      keep({.path = folder_ / "x"}, [&](CaptureFiles& all, const std::function<void()>& end, std::FILE* err) {
        end_recording();
        return keep_matching(stream_of(seconds(40, {10, 20}).bytes()), std::move(*failures()), 0, all, end,
                             err);
      });
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(results("x"), "-32 -32 ");
  EXPECT_EQ(outcome.err, "slurper: wrote '" + (folder_ / "x") +
                             "': " + format_rounded(ByteSize{std::filesystem::file_size(folder_ / "x")}) +
                             ", matching events: 2 of 80, lost records: 0\n");
}

TEST_F(TraceKeep, TheEventsThatMatchUntilTheFileIsFull) {
  const Outcome outcome =
      keep({.path = folder_ / "x"}, [&](CaptureFiles& all, const std::function<void()>& end, std::FILE* err) {
        return keep_matching(stream_of(seconds(40, {10, 20}).bytes()), std::move(*failures()), 1, all, end,
                             err);
      });
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.err, HasSubstr("matching events: 0 of 0, ")) << "the tables are larger";
}

TEST_F(TraceKeep, EachFileHasWhatMatches) {
  keep_files(seconds(12, {1, 8}), {.path = folder_ / "x", .is_numbered = true},
             {.age = 5s, .filter = failures()});
  EXPECT_EQ(results("x.1"), "-32 ");
  EXPECT_EQ(results("x.2"), "-32 ");
  EXPECT_EQ(results("x.3"), "");
}

// It matches another filter.
TEST_F(TraceKeep, AnIncidentIsWrittenAsWhatMatches) {
  keep_incident(seconds(12, {9}), {.path = folder_ / "y"}, [](IncidentOptions& options) {
    options.after = 10ms;
    options.filter = *compile_trace_filter("evt.rawres = 7 or evt.num = 15", stderr);
  });
  EXPECT_EQ(results("y"), "7 ");
  EXPECT_EQ(run_slurper({"trace", "-r", folder_ / "y", "-p", "%evt.dir %evt.type"}).out,
            "> write\n< write\n");
}

TEST_F(TraceKeep, CompressedFilesAreWhole) {
  keep_files(seconds(12, {}),
             {.path = folder_ / "x", .is_numbered = true, .compression = CaptureOutput::Compression::Gzip},
             {.age = 5s});
  EXPECT_EQ(read_file(folder_ / "x.1").substr(0, 2), "\x1f\x8b");
  EXPECT_EQ(results("x.1"), "0 1 2 3 4 ");
  EXPECT_EQ(results("x.3"), "10 11 ");
}

}  // namespace
}  // namespace slurper::test
