#include "recorder/recording.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <map>
#include <sstream>

#include "support/daemon.h"
#include "support/files.h"
#include "support/temp_dir.h"

namespace slurper::test {

Pipe::Pipe() {
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  read_end.reset(ends[0]);
  write_end.reset(ends[1]);
}

std::string no_recorder(const std::string& engine) {
  static std::map<std::string, std::string> known;
  const auto [found, is_new] = known.try_emplace(engine);
  if (!is_new) return found->second;
  const TempDir folder;
  const Recorded tried = record({"--engine", engine, "-w", folder / "tried", "--", "/bin/true"});
  // Any other failure is one of the tests.
  for (const char* const reason : {"CAP_BPF", "no BTF", "in a container", "cannot trace process"})
    if (tried.status != 0 && tried.err.contains(reason)) found->second = tried.err;
  return found->second;
}

Program recorder(const std::vector<std::string>& arguments) {
  Program program{.argv = {SLURPER_RECORDER}, .env = {}};
  program.argv.insert(program.argv.end(), arguments.begin(), arguments.end());
  return program;
}

std::vector<std::string> traced(const std::vector<std::string>& arguments) {
  std::vector<std::string> all = {SLURPER_TRACED};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return all;
}

Recorded record(const std::vector<std::string>& arguments) {
  Child child(recorder(arguments));
  const auto status = child.wait();
  Recorded recorded;
  recorded.status = status && WIFEXITED(*status) ? WEXITSTATUS(*status) : -1;
  recorded.out = child.out();
  recorded.err = child.err();
  return recorded;
}

namespace {

template <typename Number>
Number number_at(const std::string& bytes, std::size_t at) {
  Number number{};
  std::memcpy(&number, bytes.data() + at, sizeof number);
  return number;
}

RecordedEvent event_in(const std::string& block, bool has_flags) {
  RecordedEvent event;
  std::size_t at = 8;
  event.cpu = number_at<std::uint16_t>(block, at);
  at += 2;
  if (has_flags) {
    event.flags = number_at<std::uint32_t>(block, at);
    at += 4;
  }
  event.time = number_at<std::uint64_t>(block, at);
  event.tid = number_at<std::uint64_t>(block, at + 8);
  event.type = number_at<std::uint16_t>(block, at + 20);
  const auto count = number_at<std::uint32_t>(block, at + 22);
  std::size_t value_at = at + 26 + 2 * std::size_t{count};
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto size = number_at<std::uint16_t>(block, at + 26 + 2 * std::size_t{i});
    event.params.push_back(block.substr(value_at, size));
    value_at += size;
  }
  return event;
}

}  // namespace

std::int64_t RecordedEvent::number(std::size_t param) const {
  std::int64_t value = 0;
  if (param < params.size())
    std::memcpy(&value, params[param].data(), std::min(sizeof value, params[param].size()));
  return value;
}

std::vector<RecordedEvent> events_of(const std::string& path) {
  constexpr std::uint32_t kEvent = 0x216;
  constexpr std::uint32_t kFlaggedEvent = 0x217;
  const std::string bytes = read_file(path);
  std::vector<RecordedEvent> events;
  for (std::size_t at = 0; at + 12 <= bytes.size();) {
    const auto type = number_at<std::uint32_t>(bytes, at);
    const auto size = number_at<std::uint32_t>(bytes, at + 4);
    if (size < 12 || at + size > bytes.size()) break;
    if (type == kEvent || type == kFlaggedEvent)
      events.push_back(event_in(bytes.substr(at, size), type == kFlaggedEvent));
    at += size;
  }
  return events;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::string output_of(const std::vector<std::string>& argv) {
  Child child({.argv = argv, .env = {}});
  EXPECT_TRUE(child.exits_with(0)) << argv.front() << ": " << child.err();
  return child.out();
}

namespace {

std::vector<std::string> lines_of(std::vector<std::string> argv, const std::vector<std::string>& arguments) {
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return test::lines_of(output_of(argv));
}

}  // namespace

std::vector<std::string> sysdig(const std::string& path, const std::vector<std::string>& arguments) {
  return lines_of({"sysdig", "-r", path}, arguments);
}

std::vector<std::string> slurper(const std::string& path, const std::vector<std::string>& arguments) {
  return lines_of({slurper_binary(), "trace", "-r", path}, arguments);
}

std::vector<std::string> RecorderSite::slurper_lines(const std::vector<std::string>& arguments) const {
  return slurper(capture_, arguments);
}

void RecorderSite::SetUp() {
  if (const std::string why = no_recorder(engine_); !why.empty()) GTEST_SKIP() << why;
}

Program RecorderSite::recorder(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), {"--engine", engine_});
  return test::recorder(arguments);
}

Recorded RecorderSite::record(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), {"--engine", engine_});
  return test::record(arguments);
}

Recorded RecorderSite::record_program(const std::vector<std::string>& task) const {
  return record(arguments({"-w", capture_}, traced(task)));
}

std::vector<std::string> RecorderSite::arguments(std::vector<std::string> options,
                                                 const std::vector<std::string>& program) {
  options.emplace_back("--");
  options.insert(options.end(), program.begin(), program.end());
  return options;
}

std::string RecorderSite::make_fifo() const {
  std::string path = folder_ / "fifo";
  EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
  return path;
}

bool RecorderSite::attached() const {
  return eventually(
      [this] { return std::filesystem::exists(capture_) && std::filesystem::file_size(capture_) > 0; });
}

}  // namespace slurper::test
