#include "sink/exec/supervised_program.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "base/uuid.h"

namespace slurper {

namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

// The rate limit for lines that the program writes.
constexpr std::uint32_t kMessages = 10;
constexpr auto kMessageWindow = 10s;
// The rate limit for messages about processes that a program leaves behind, which may happen at each start.
constexpr auto kLeftWindow = 1min;
// The number of processes that a message names.
constexpr std::size_t kNamed = 5;
// How long the program may take to end after its pipes have.
constexpr milliseconds kExitTime = 1s;
// The time between SIGTERM and SIGKILL.
constexpr milliseconds kTermTime = 2s;
// How long each of up to three waits takes at most once slurper stops. Sinks::stop() waits three seconds.
constexpr milliseconds kLastWait = 800ms;
// The kernel reports no event when a process group becomes empty.
constexpr milliseconds kFirstLook = 1ms;
constexpr milliseconds kLastLook = 100ms;
// Reads of 4 KiB: together the capacity of a pipe. A program that writes without pause must not delay the
// rest.
constexpr int kReadsInARow = 16;

struct WhatWasRead {
  bool anything;
  bool ended;
};

// Calls `take` with each complete line that the pipe holds.
template <typename Take>
WhatWasRead read_lines(int fd, LineCutter& lines, Take take) {
  std::array<char, 4096> bytes{};
  ssize_t count = 1;
  bool anything = false;
  for (int round = 0; round < kReadsInARow && count > 0; ++round) {
    count = ::read(fd, bytes.data(), bytes.size());
    if (count <= 0) break;
    anything = true;
    lines.add({bytes.data(), static_cast<std::size_t>(count)}, take);
  }
  return {.anything = anything, .ended = count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)};
}

// "12 ('sleep'); 13 ('cat')".
std::vector<Phrase> names_of(std::span<const Descendant> processes) {
  std::vector<Phrase> names;
  for (const Descendant& process : processes.first(std::min(processes.size(), kNamed))) {
    names.push_back(
        {PhraseId::ProcessNamed,
         {{"pid", static_cast<std::uint64_t>(process.pid)}, {"command", QuotedText{process.command}}}});
  }
  if (processes.size() > kNamed)
    names.push_back({PhraseId::MoreProcesses, {{"processes", std::uint64_t{processes.size() - kNamed}}}});
  return names;
}

}  // namespace

SupervisedProgram::SupervisedProgram(std::string path, std::vector<std::string> args,
                                     milliseconds end_timeout)
    : program_{.path = std::move(path), .args = std::move(args), .environment = {}},
      end_timeout_(end_timeout),
      messages_(kMessages, kMessageWindow),
      left_in_group_(1, kLeftWindow),
      left_elsewhere_(1, kLeftWindow) {}

Status SupervisedProgram::start(const SinkContext& context, TakeLine take_line) {
  context_ = &context;
  take_line_ = std::move(take_line);
  if (!take_line_) take_line_ = [this](std::string_view line) { report_line(line); };
  mark_ = "SLURPER_START_ID=" + slurper::format(new_uuid());
  program_.environment = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                          "HOME=/",
                          "LANG=C.UTF-8",
                          "SLURPER_SINK=" + context.name,
                          "SLURPER_LOG_ID=" + slurper::format(context.log_id),
                          mark_};
  output_ = errors_ = LineCutter();
  last_words_.clear();
  return child_.start(program_);
}

bool SupervisedProgram::read_output() {
  const WhatWasRead read = read_lines(child_.stdout_fd(), output_, std::cref(take_line_));
  if (read.ended) child_.close_stdout();
  return read.anything;
}

void SupervisedProgram::read_errors() {
  const auto report = [this](std::string_view line) { report_line(line); };
  if (!read_lines(child_.stderr_fd(), errors_, report).ended) return;
  child_.close_stderr();
  if (!errors_.empty()) errors_.flush(report);
}

void SupervisedProgram::report_line(std::string_view line) {
  last_words_ = line;
  const auto refused = messages_.admit(MessageLimit::Clock::now());
  if (!refused) return;
  Phrase said =
      about_file(*refused == 0 ? PhraseId::ProgramSays : PhraseId::ProgramSaysAfterMore, program_.path);
  said.with({"line", printable(line)}).with({"lines", std::uint64_t{*refused}});
  context_->say(Level::Info, std::move(said));
}

Phrase SupervisedProgram::how_it_ended(Phrase or_else) {
  (void)read_output();
  // A program that ends closes its pipes shortly before it has ended.
  pollfd exited = {.fd = child_.exit_fd(), .events = POLLIN, .revents = 0};
  (void)::poll(&exited, 1, static_cast<int>(kExitTime.count()));
  read_errors();
  Phrase how = child_.ask_how_it_ended();
  if (how.empty()) how = std::move(or_else);
  if (last_words_.empty()) return how;
  return {PhraseId::WithLastWords, {{"how", std::move(how)}, {"line", QuotedText{last_words_}}}};
}

void SupervisedProgram::end() {
  child_.close_stdin();
  if (child_.pid() < 0) return child_.kill();
  // A program that still runs, and what it leaves behind, have this long to finish their work. What a
  // program that died leaves behind has no time.
  hurry_from_.reset();
  const auto begin = Clock::now();
  const auto patience = child_.running() ? begin + end_timeout_ : begin;
  wait_for_end(patience);
  if (child_.running()) {
    const auto waited = std::min(end_timeout_, std::chrono::ceil<milliseconds>(Clock::now() - begin));
    context_->say(Level::Warning, about_file(PhraseId::EndsProgram, program_.path).with({"time", waited}));
    child_.signal(SIGTERM);
    if (hurry_from_) hurry_from_ = Clock::now();
    wait_for_end(Clock::now() + kTermTime);
    if (child_.running()) context_->say(Level::Warning, about_file(PhraseId::KillsProgram, program_.path));
  }
  if (!child_.running()) end_group(patience);
  const std::vector<Descendant> elsewhere = descendants().gone;
  child_.kill();
  if (elsewhere.empty()) return;
  if (const auto refused = left_elsewhere_.admit(MessageLimit::Clock::now())) {
    report_processes(PhraseId::LeavesProcesses, elsewhere);
  }
}

void SupervisedProgram::end_group(Clock::time_point patience) {
  std::vector<Descendant> left = wait_for_group(patience);
  if (left.empty()) return;
  const bool reports = left_in_group_.admit(MessageLimit::Clock::now()).has_value();
  if (reports) report_processes(PhraseId::EndsProcesses, left);
  child_.signal(SIGTERM);
  if (hurry_from_) hurry_from_ = Clock::now();
  left = wait_for_group(Clock::now() + kTermTime);
  if (reports && !left.empty()) report_processes(PhraseId::KillsProcesses, left);
}

void SupervisedProgram::report_processes(PhraseId id, std::span<const Descendant> processes) {
  context_->say(Level::Warning, about_file(id, program_.path).with({"processes", names_of(processes)}));
}

// Listens until the program writes something, has ended, slurper stops, or `end` has passed. Its output no
// longer answers anything, but the program must not have to wait for a reader.
void SupervisedProgram::listen_until(Clock::time_point end) {
  const auto left = std::max<milliseconds>(std::chrono::ceil<milliseconds>(end - Clock::now()), 0ms);
  const int stop_fd = hurry_from_ ? -1 : context_->stop_fd;
  std::array<pollfd, 4> fds = {{{.fd = child_.stdout_fd(), .events = POLLIN, .revents = 0},
                                {.fd = child_.stderr_fd(), .events = POLLIN, .revents = 0},
                                {.fd = child_.exit_fd(), .events = POLLIN, .revents = 0},
                                {.fd = stop_fd, .events = POLLIN, .revents = 0}}};
  (void)::poll(fds.data(), fds.size(), static_cast<int>(left.count()));
  if (fds[0].revents != 0) (void)read_output();
  if (fds[1].revents != 0) read_errors();
  if (fds[2].revents != 0) (void)child_.ask_how_it_ended();  // slurper ended it: no news
  if (fds[3].revents != 0) hurry_from_ = Clock::now();
}

// When a wait ends that may last until `patience`.
SupervisedProgram::Clock::time_point SupervisedProgram::end_of(Clock::time_point patience) const {
  return hurry_from_ ? std::min(patience, *hurry_from_ + kLastWait) : patience;
}

void SupervisedProgram::wait_for_end(Clock::time_point patience) {
  while (child_.running()) {
    const bool is_last = Clock::now() >= end_of(patience);
    listen_until(end_of(patience));
    if (is_last) return;
  }
}

// Returns what is left of the process group when the wait ends.
std::vector<Descendant> SupervisedProgram::wait_for_group(Clock::time_point patience) {
  for (milliseconds pause = kFirstLook;; pause = std::min(2 * pause, kLastLook)) {
    std::vector<Descendant> left = descendants().group;
    const auto now = Clock::now();
    if (left.empty() || now >= end_of(patience)) return left;
    listen_until(std::min(end_of(patience), now + pause));
  }
}

}  // namespace slurper
