// slurper trace, with captures from files, pipes and nowhere.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "cli/program.h"
#include "cli/trace.h"
#include "support/files.h"
#include "trace/capture_builder.h"

namespace slurper::test {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class Trace : public testing::Test {
 protected:
  std::string write(const std::string& bytes, const std::string& name = "x.scap") {
    std::string path = folder_.path() + "/" + name;
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }
  // Closes of descriptors 0 to `count` - 1.
  static std::string sample(int count) {
    CaptureBuilder capture;
    capture.process({.tid = 5, .pid = 5, .name = "app"});
    for (int i = 0; i < count; ++i) capture.event(5, 4, {i64(i)});
    return capture.bytes();
  }

  TempDir folder_;
};

TEST_F(Trace, ShowsACapture) {
  const Outcome outcome = run_slurper({"trace", "-r", write(sample(2))});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.err, IsEmpty());
  EXPECT_THAT(outcome.out, StartsWith("1 "));
  EXPECT_THAT(outcome.out, EndsWith(".000002000 0 app (5) > close fd=1 \n"));
}

TEST_F(Trace, TakesAFilterInOneWordOrInSeveral) {
  const std::string file = write(sample(9));
  const std::string expected = "8\n";
  EXPECT_EQ(
      run_slurper({"trace", "-r", file, "-p", "%evt.num", "(proc.pid=5 or proc.pid=7) and evt.rawarg.fd==7"})
          .out,
      expected);
  EXPECT_EQ(run_slurper({"trace", "-r", file, "-p", "%evt.num", "proc.pid=5", "and", "evt.num=8"}).out,
            expected);
}

TEST_F(Trace, HasOptionsForWhatIsShown) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5, .name = "app"});
  capture.event(5, 6, {i64(0), u32(9)}).event(5, 7, {i64(2), "a\n"}).event(5, 0x8002, {u16(1), u64(17)});
  const std::string file = write(capture.bytes());
  const auto out = [&](std::vector<std::string> options) {
    options.insert(options.begin(), {"trace", "-r", file});
    return run_slurper(options).out;
  };
  EXPECT_THAT(out({"-A"}), HasSubstr("data=\na\n \n"));
  EXPECT_THAT(out({"-x"}), HasSubstr("\t0x0000: 610a\n"));
  EXPECT_THAT(out({"-X"}), HasSubstr("  a.\n"));
  EXPECT_THAT(out({"-b"}), HasSubstr("data=YQo= "));
  EXPECT_THAT(out({"-t", "d"}), StartsWith("1 0.000000000 0 app"));
  EXPECT_THAT(out({"-n", "1"}), EndsWith("> read fd=0 size=9 \n"));
  EXPECT_THAT(out({"--calls"}), HasSubstr("app (5) read(fd=0 size=9 data=a.) = 2 <0.000001000>\n# "));
  EXPECT_THAT(out({"--json"}), StartsWith("{\"evt.cpu\":0,\"evt.dir\":\">\""));
  EXPECT_THAT(out({"-S"}), StartsWith("2 events in 0.000001000 s\n17 records were lost"));
  EXPECT_THAT(out({}), HasSubstr("drops cpu=1 lost=17"));
  EXPECT_THAT(out({"--sysdig"}), Not(HasSubstr("drops")));
}

TEST_F(Trace, ListsItsFieldsIn80Columns) {
  const Outcome outcome = run_slurper({"trace", "--list"});
  EXPECT_EQ(outcome.status, 0);
  std::istringstream lines(outcome.out);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80U) << line;
  for (const Field& field : trace_fields().table())
    EXPECT_THAT("\n" + outcome.out, HasSubstr("\n" + std::string(field.name)));
}

TEST_F(Trace, ReportsWhatItCannotRead) {
  const auto fails = [](const std::string& file, int status, const std::string& why) {
    const Outcome outcome = run_slurper({"trace", "-r", file});
    EXPECT_EQ(outcome.status, status) << file;
    EXPECT_THAT(outcome.out, IsEmpty());
    EXPECT_THAT(outcome.err, StartsWith("slurper: cannot read the capture '" + file + "': " + why));
  };
  fails(folder_.path() + "/none", 66, "No such file or directory");
  fails(write(""), 65, "it is empty. The recorder has written nothing yet");
  fails(write("PK\x03\x04 and so on"), 65,
        "it is no capture: it does not begin as the files of slurper trace");
  fails(folder_.path(), 74, "Is a directory");
}

TEST_F(Trace, ShowsWhatItCanOfADamagedCapture) {
  const std::string whole = sample(9);
  const auto shows = [&](const std::string& bytes, std::size_t events, const std::string& says) {
    const std::string file = write(bytes);
    const Outcome outcome = run_slurper({"trace", "-r", file});
    EXPECT_EQ(outcome.status, 65);
    EXPECT_EQ(static_cast<std::size_t>(std::ranges::count(outcome.out, '\n')), events);
    EXPECT_THAT(outcome.err, StartsWith("slurper: the capture '" + file + "' " + says));
  };
  const std::size_t event_size = sample(2).size() - sample(1).size();
  const std::string last = std::to_string(whole.size() - event_size);
  shows(whole.substr(0, whole.size() - 13), 8,
        "ends in the middle of a record, at offset " + last + ". Everything before it is shown\n");
  std::string damaged = whole;
  const std::size_t place = sample(3).size();
  damaged.replace(place + 4, 4, u32(7));
  shows(
      damaged, 8,
      "is damaged at offset " + std::to_string(place) + ": " + std::to_string(event_size) + "B were skipped");
  CaptureBuilder contradicting;
  const std::size_t record = contradicting.bytes().size();
  contradicting.block(kEventBlock, "short");
  shows(contradicting.bytes(), 0,
        "has a record at offset " + std::to_string(record) + " that contradicts itself. It was skipped\n");
}

TEST_F(Trace, FollowsBytesThroughPipes) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5, .name = "app"});
  capture.event(5, 60).event(5, 61, {i64(0), i64(3), i64(4), u64(9)});
  capture.event(5, 0x8032, {i64(3), u64(9), u32(0)});
  capture.event(5, 8, {i64(4), u32(2)}).event(5, 9, {i64(2), "a\n"});
  capture.event(5, 6, {i64(3), u32(9)}).event(5, 7, {i64(2), "a\n"});
  const std::string file = write(capture.bytes());
  EXPECT_EQ(run_slurper({"trace", "-r", file, "--follow-bytes"}).out,
            "line 1 of pipe 9 (2 bytes at 0): app (5) fd 4 -> app (5) fd 3\n");
  EXPECT_EQ(run_slurper({"trace", "-r", file, "-p", "%evt.type %pipe.offset"}).out, "write 0\nread 0\n");
  EXPECT_EQ(run_slurper({"trace", "-r", file, "-p", "%evt.type", "pipe.offset=0 and evt.type=read"}).out,
            "read\n");
}

// The last bytes of what was compressed are missing.
TEST_F(Trace, ShowsWhatItCanOfACompressedCaptureThatIsCutShort) {
  const std::string file = write(sample(5000)) + ".gz";
  ASSERT_EQ(std::system(("gzip " + file.substr(0, file.size() - 3)).c_str()), 0);  // NOLINT(cert-env33-c)
  std::filesystem::resize_file(file, std::filesystem::file_size(file) - 13);
  const Outcome outcome = run_slurper({"trace", "-r", file});
  EXPECT_EQ(outcome.status, 65);
  EXPECT_THAT(outcome.out, StartsWith("1 "));
  EXPECT_THAT(outcome.err, HasSubstr("slurper: the compressed capture '" + file +
                                     "' is damaged or cut short: nothing can be read after offset "));
}

TEST_F(Trace, ReportsAWrongFilterOrFormat) {
  const std::string file = write(sample(1));
  const auto fails = [&](const std::vector<std::string>& more, const std::string& message) {
    std::vector<std::string> arguments{"trace", "-r", file};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = run_slurper(arguments);
    EXPECT_EQ(outcome.status, 64);
    EXPECT_EQ(outcome.err, "slurper: cannot accept the " + message + "\n");
  };
  fails({"proc.pdi=5"},
        "filter 'proc.pdi=5': at column 1 there is no field 'proc.pdi'. Did you mean 'proc.pid'?");
  fails({"k8s.pod.name=a"},
        "filter 'k8s.pod.name=a': at column 1 there is no field 'k8s.pod.name'. The nearest is 'proc.name'; "
        "slurper trace --list lists all fields");
  fails({"evt.buffer bcontains xyz"},
        "filter 'evt.buffer bcontains xyz': at column 22 'xyz' is not a row of bytes in hexadecimal, as 0aff "
        "is");
  fails({"-p", "%evt.nmu"}, "format '%evt.nmu': there is no field 'evt.nmu'. Did you mean 'evt.num'?");
}

TEST_F(Trace, ShowsTheProcessesOfACapture) {
  CaptureBuilder capture;
  for (const int pid : {5, 6, 7}) capture.process({.tid = pid, .pid = pid, .name = "app"});
  for (const int pid : {5, 6, 7}) capture.event(pid, 4, {i64(pid)}).event(pid, 5, {i64(0)});
  const std::string file = write(capture.bytes());
  const auto count = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"trace", "-r", file};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = run_slurper(arguments);
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    return std::ranges::count(outcome.out, '\n');
  };
  EXPECT_EQ(count({"-p", "5,7"}), 4);
  EXPECT_EQ(count({"-p", "5,7", "evt.dir=<", "or", "proc.pid=6"}), 2) << "the filter is a whole";
}

TEST_F(Trace, WritesItsLinesToAFile) {
  const std::string lines = folder_.path() + "/lines";
  const Outcome outcome = run_slurper({"trace", "-r", write(sample(2)), "-o", lines});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(outcome.out, IsEmpty());
  EXPECT_THAT(content_of(lines), EndsWith(" > close fd=1 \n"));
  EXPECT_EQ(run_slurper({"trace", "-r", write(sample(2)), "-o", "/dev/full"}).status, 74);
}

TEST_F(Trace, RefusesWhatContradictsItself) {
  const std::string file = write(sample(1));
  const auto refuses = [](std::vector<std::string> arguments, const std::string& why) {
    arguments.insert(arguments.begin(), "trace");
    const Outcome outcome = run_slurper(arguments);
    EXPECT_EQ(outcome.status, 64) << why;
    EXPECT_THAT(outcome.err, HasSubstr(why));
    EXPECT_THAT(outcome.out, IsEmpty());
  };
  for (const std::vector<std::string>& recording :
       std::vector<std::vector<std::string>>{{"--fifo", "/x"},
                                             {"--engine", "bpf"},
                                             {"--all-calls"},
                                             {"-w", "/x"},
                                             {"-u", "nobody"},
                                             {"--snaplen", "9"},
                                             {"--env"},
                                             {"--for", "1s"},
                                             {"--size", "1MiB"},
                                             {"-w", "/x", "--until", "evt.num = 1"},
                                             {"-w", "/x", "--rotate", "3", "--for", "1s"},
                                             {"-w", "/x", "-z"}}) {
    std::vector<std::string> both = {"-r", file};
    both.insert(both.end(), recording.begin(), recording.end());
    refuses(both, " makes no sense together with --read");
  }
  refuses({"-r", file, "--", "true"}, "-r: shows a capture and runs no command");
  for (const std::string option : {"--unit", "--fifo"})
    refuses({option, "a", option, "b"},
            "command line: " + option + " may be given once only. See slurper trace --help");
  refuses({"--unit", ""}, "--unit: must not be empty");
  refuses({"--fifo", ""}, "--fifo: must not be empty");
  refuses({"--top", "-n", "3"}, "--top: makes no sense together with -n");
  refuses({"-r", file, "--explain", "-p", "%evt.num"},
          "-p: is the format of lines, which this view does not have");
  refuses({"-r", file, "-o", file}, "is the capture itself. Name another file");
  refuses({"-r", file, "--html", file}, "is the capture itself. Name another file");
  refuses({"-r", file, "--html", "-"}, "--html: needs the name of a file");
  refuses({"--top", "-w", "/x"}, "--top: makes no sense together with --write");
  refuses({"-w", "/x", "-o", "/y"}, "--write: makes no sense together with --output");
  refuses({"-z"}, "-z: makes no sense without --write");
  refuses({"--until", "evt.num = 1"}, "--until: makes no sense without --write");
  for (const std::string option : {"--before", "--after"})
    refuses({"-w", "/x", option, "1s"}, option + ": makes no sense without --until");
  refuses({"-w", "/x", "--memory", "1MiB"}, "--memory: makes no sense without --until");
  refuses({"-w", "/x", "--repeat"}, "--repeat: makes no sense without --until");
  refuses({"--rotate", "3"}, "--rotate: makes no sense without --write");
  refuses({"-w", "/x", "--rotate", "3"}, "--rotate: needs --size or --for");
  refuses({"-w", "/x", "--rotate", "3", "--for", "1s", "--until", "evt.num = 1"},
          "--rotate: makes sense with --until only if there is --repeat");
  refuses({"-w", "/x", "--size", "1MiB", "--until", "evt.num = 1"},
          "--size: makes no sense together with --until");
  refuses({"-w", "/x", "--until", "evt.no = 1"}, "cannot accept the filter 'evt.no = 1'");
  refuses({"-w", "/x", "--until", "evt.num = 1", "--before", "soon"},
          "--before: is no time such as 30s: soon");
  refuses({"-w", "/x", "--until", "evt.num = 1", "--memory", "much"},
          "--memory: is no size such as 100MiB: much");
  refuses({"-r", file, "--json", "--calls"}, "--calls: makes no sense together with --json");
  refuses({"-w", "/x", "--calls"}, "--calls: makes no sense together with --write");
  refuses({"-w", "/x", "-S"}, "--summary: makes no sense together with --write");
  refuses({"-r", file, "-S", "--calls"}, "--calls: makes no sense together with --summary");
  refuses({"-r", file, "-A", "-x"}, "-A: makes no sense together with -x");
  refuses({"-w", "-", "--", "true"}, "-w: - is standard output, which the command has. Name a file");
  refuses({"-w", "-", "-z"}, "-w: - is standard output: a filter, -z, --until and --rotate need a file");
  refuses({"-w", "-", "evt.num = 1"},
          "-w: - is standard output: a filter, -z, --until and --rotate need a file");
  refuses({"--"}, "--: needs a command after it");
  for (const std::string format : {"", "abc", "1 2", "1,,2"})
    refuses({"-p", format}, "or a format with fields, as %evt.num. This is neither: " + format);
  for (const std::string count : {"0", "-3", "x", "99999999999999999999"})
    refuses({"-r", file, "-n", count}, count + " is no number from 1 on");
  refuses({"-r", file, "-s", "-4"}, "-4 is no number from 0 on");
}

TEST_F(Trace, WarnsOfAFilterThatIsNeverTrue) {
  const Outcome outcome = run_slurper({"trace", "-r", write(sample(1)), "evt.num > 5 and evt.num < 3"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.err, StartsWith("slurper: the filter is doubtful: at column "));
}

// `slurper trace … | head` ends quietly.
TEST_F(Trace, AnOutputWithoutAReaderIsNoFailure) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  UniqueFd write_end(ends[1]);
  UniqueFd(ends[0]).reset();
  TraceOptions options;
  options.read_file = write(sample(9));
  const Outcome outcome = capture(
      [&](std::FILE* /*out*/, std::FILE* err) { return trace_command(options, write_end.get(), err); });
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.err, IsEmpty());
}

TEST_F(Trace, AFullDiskIsAFailure) {
  const UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  ASSERT_TRUE(full);
  TraceOptions options;
  options.read_file = write(sample(9));
  const Outcome outcome =
      capture([&](std::FILE* /*out*/, std::FILE* err) { return trace_command(options, full.get(), err); });
  EXPECT_EQ(outcome.status, 74);
  EXPECT_THAT(outcome.err, HasSubstr("No space left on device"));
}

// What has come is shown before the rest is waited for.
TEST_F(Trace, ShowsACaptureWhileItIsWritten) {
  const std::string fifo = folder_.path() + "/fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  TraceOptions options;
  options.read_file = fifo;
  options.format = "%evt.num";
  std::thread viewer([&] { EXPECT_EQ(trace_command(options, write_end.get(), stderr), 0); });
  UniqueFd recorder(::open(fifo.c_str(), O_WRONLY | O_CLOEXEC));
  const std::string bytes = sample(1);
  ASSERT_EQ(::write(recorder.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  std::array<char, 2> line{};
  EXPECT_EQ(::read(read_end.get(), line.data(), line.size()), 2);
  EXPECT_EQ(std::string_view(line.data(), 2), "1\n");
  recorder.reset();
  viewer.join();
}

}  // namespace
}  // namespace slurper::test
