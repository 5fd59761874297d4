#include "sink/exec/exec_sink.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/message_limit.h"
#include "base/phrase_id.h"
#include "base/text.h"
#include "base/uuid.h"
#include "proc/descendants.h"
#include "sink/exec/child_process.h"
#include "sink/format/format.h"
#include "sink/format/line_cutter.h"
#include "sink/loop_watch.h"
#include "sink/pipe_feed.h"

namespace slurper {

namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

// The rate limit for lines from the program's standard error.
constexpr std::uint32_t kMessages = 10;
constexpr auto kMessageWindow = 10s;
// The kernel reports no event when a pipe becomes empty.
constexpr milliseconds kFirstLook = 1ms;
constexpr milliseconds kLastLook = 100ms;
// How long the program may take for the contents of the pipe when slurper stops.
constexpr milliseconds kLastChance = 1s;
// How long the program may take to end after its pipes have.
constexpr milliseconds kExitTime = 1s;
// The time between SIGTERM and SIGKILL.
constexpr milliseconds kTermTime = 2s;
// The number of processes that a message names.
constexpr std::size_t kNamed = 5;
// The rate limit for messages about processes that a program leaves behind, which may happen at each start.
constexpr auto kLeftWindow = 1min;
// Reads of 4 KiB: together the capacity of a pipe. A program that writes without pause must not delay the
// rest.
constexpr int kReadsInARow = 16;
constexpr milliseconds kForEver = -1ms;

// The marks of rsyslog's omprog.
constexpr std::string_view kBegin = "BEGIN TRANSACTION";
constexpr std::string_view kCommit = "COMMIT TRANSACTION";

enum class Confirm { None, Line, Transaction };

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

Phrase answered(PhraseId id, std::string_view answer) {
  return {id, {{"answer", QuotedText{std::string(answer)}}}};
}

class ExecSink : public Sink {
 public:
  explicit ExecSink(SinkOptions& options);

  Result<std::optional<std::uint64_t>> open(const SinkContext& context) override;
  Result<Delivery> deliver(std::span<const Record> batch) override;
  Result<std::uint64_t> settle() override;
  void close() override;

 private:
  // A line of the batch as the program gets it.
  struct Line {
    std::uint64_t next_offset;
    std::optional<std::size_t> index;  // of its record in the batch; none for a mark
  };

  void put_batch(std::span<const Record> batch);
  void put_mark(std::string_view mark, std::uint64_t offset);
  [[nodiscard]] std::size_t writable_lines() const;
  [[nodiscard]] bool batch_is_done() const;
  [[nodiscard]] bool waits_for_answer() const {
    return confirm_ != Confirm::None && (!ready_ || answered_ < feed_.lines_written());
  }

  [[nodiscard]] bool lines_under_way() const {
    return confirm_ == Confirm::None ? feed_.in_pipe() > 0 : answered_ < feed_.lines_written();
  }
  Result<std::uint64_t> report(const Status& good);

  Status step(milliseconds timeout);
  Status write_lines();
  void read_answers();
  void read_errors();
  void take_answer(std::string_view answer);
  Status judge_answer(std::size_t line, std::string_view answer);
  void say_line(std::string_view line);
  [[nodiscard]] std::unexpected<Error> broken(Phrase why) const;
  // `or_else` is the error if the program still runs.
  [[nodiscard]] std::unexpected<Error> ended(Phrase or_else);
  void say_of(PhraseId id, std::span<const Descendant> processes);
  void listen_until(Clock::time_point end);
  void wait_for_end(Clock::time_point end);
  [[nodiscard]] std::vector<Descendant> wait_for_group(Clock::time_point end);
  void end_group(Clock::time_point patience);
  [[nodiscard]] Descendants descendants() const { return find_descendants(child_.pid(), mark_); }

  Format format_;
  ChildProgram program_;
  Confirm confirm_;
  std::size_t window_;
  milliseconds confirm_timeout_;
  milliseconds close_timeout_;

  const SinkContext* context_ = nullptr;
  MessageLimit messages_{kMessages, kMessageWindow};
  MessageLimit left_in_group_{1, kLeftWindow};
  MessageLimit left_elsewhere_{1, kLeftWindow};
  std::string mark_;  // in the environment of this program and of no other
  ChildProcess child_;
  LineCutter answers_;
  LineCutter errors_;
  PipeFeed feed_;
  LoopWatch loop_;
  bool ready_ = false;     // the program has answered its first OK
  bool stopping_ = false;  // slurper stops
  Clock::time_point last_sign_;
  std::string last_words_;
  std::optional<Error> error_;  // the next call reports it
  std::uint64_t held_ = 0;
  std::uint64_t reported_ = 0;  // the part of held_ that was reported; 0: nothing since open()

  // State of the batch:
  std::vector<Line> lines_;
  std::vector<Rejection> rejected_;
  std::size_t answered_ = 0;   // lines
  std::size_t committed_ = 0;  // lines
};

constexpr std::array<std::string_view, 3> kConfirm = {"none", "line", "transaction"};

constexpr std::array kSettings = {
    kFormatSetting,
    Setting{.name = "path", .help = "the program, an absolute path; required"},
    Setting{.name = "args", .type = Setting::Type::List, .help = "its arguments"},
    Setting{.name = "confirm",
            .type = Setting::Type::Choice,
            .help = "what the program confirms",
            .initial = "none",
            .choices = kConfirm},
    Setting{.name = "window",
            .type = Setting::Type::Number,
            .help = "lines on their way without an answer",
            .initial = "128",
            .min = 1,
            .max = 100'000},
    Setting{.name = "confirm_timeout",
            .type = Setting::Type::Duration,
            .help = "how long an answer may take",
            .initial = "10s",
            .min = 1,
            .max = in_milliseconds(24h)},
    Setting{.name = "close_timeout",
            .type = Setting::Type::Duration,
            .help = "how long the program may run after the end of its input",
            .initial = "5s",
            .max = in_milliseconds(1h)},
};

ExecSink::ExecSink(SinkOptions& options) : format_(Format::from(options)) {
  program_.path = options.text("path");
  program_.args = options.list("args");
  confirm_ = static_cast<Confirm>(options.choice("confirm"));
  window_ = options.number("window");
  confirm_timeout_ = options.duration("confirm_timeout");
  close_timeout_ = options.duration("close_timeout");
  if (!program_.path.starts_with('/')) options.reject("path", PhraseId::MustBeProgram);
}

std::unexpected<Error> ExecSink::broken(Phrase why) const {
  return fail(ErrorKind::Io, about_file(PhraseId::HandToProgram, program_.path), std::move(why));
}

std::unexpected<Error> ExecSink::ended(Phrase or_else) {
  read_answers();
  // A program that ends closes its pipes shortly before it has ended.
  pollfd exited = {.fd = child_.exit_fd(), .events = POLLIN, .revents = 0};
  (void)::poll(&exited, 1, static_cast<int>(kExitTime.count()));
  read_errors();
  Phrase how = child_.ask_how_it_ended();
  if (how.empty()) how = std::move(or_else);
  if (last_words_.empty()) return broken(std::move(how));
  return broken({PhraseId::WithLastWords, {{"how", std::move(how)}, {"line", QuotedText{last_words_}}}});
}

Result<std::optional<std::uint64_t>> ExecSink::open(const SinkContext& context) {
  context_ = &context;
  mark_ = "SLURPER_START_ID=" + slurper::format(new_uuid());
  program_.environment = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                          "HOME=/",
                          "LANG=C.UTF-8",
                          "SLURPER_SINK=" + context.name,
                          "SLURPER_LOG_ID=" + slurper::format(context.log_id),
                          mark_};
  if (const Status started = child_.start(program_); !started) return std::unexpected(started.error());
  feed_.attach(child_.stdin_fd());
  answers_ = errors_ = LineCutter();
  last_words_.clear();
  error_.reset();
  loop_.forget();
  held_ = reported_ = 0;
  lines_.clear();
  answered_ = committed_ = 0;
  stopping_ = false;
  last_sign_ = Clock::now();
  ready_ = confirm_ == Confirm::None;
  while (!ready_ && !stopping_) {
    if (const Status good = step(kForEver); !good) return std::unexpected(good.error());
  }
  return std::nullopt;
}

void ExecSink::put_mark(std::string_view mark, std::uint64_t offset) {
  feed_.text().append(mark) += '\n';
  feed_.end_line(offset);
  lines_.push_back({.next_offset = offset, .index = std::nullopt});
}

void ExecSink::put_batch(std::span<const Record> batch) {
  feed_.begin_batch(batch.front().offset());
  lines_.clear();
  rejected_.clear();
  answered_ = committed_ = 0;
  // Nothing is in flight: everything before this batch is held, or was not for this sink.
  if (!lines_under_way()) held_ = batch.front().offset();
  if (reported_ == 0) reported_ = held_;
  if (confirm_ == Confirm::Transaction) put_mark(kBegin, batch.front().offset());
  std::string& text = feed_.text();
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const std::size_t begin = text.size();
    format_.append(batch[i], text);
    const std::string_view line(text.data() + begin, text.size() - begin - 1);
    if (confirm_ == Confirm::Transaction && (line == kBegin || line == kCommit)) {
      // The program would mistake it for one of our marks.
      rejected_.push_back({.index = i, .reason = PhraseId::ReadsLikeAMark});
      text.resize(begin);
      continue;
    }
    loop_.wrote(line, batch[i]);
    feed_.end_line(batch[i].next_offset());
    lines_.push_back({.next_offset = batch[i].next_offset(), .index = i});
  }
  if (confirm_ == Confirm::Transaction) put_mark(kCommit, batch.back().next_offset());
}

std::size_t ExecSink::writable_lines() const {
  const std::size_t left = feed_.lines() - feed_.lines_written();
  if (confirm_ == Confirm::None) return left;
  const std::size_t unanswered = feed_.lines_written() - answered_;
  return unanswered >= window_ ? 0 : std::min(left, window_ - unanswered);
}

bool ExecSink::batch_is_done() const {
  return confirm_ == Confirm::None ? feed_.all_written() : answered_ == lines_.size();
}

// Returns what is held now. If there is progress to report, an error waits for the next call: that progress
// must not be delivered again.
Result<std::uint64_t> ExecSink::report(const Status& good) {
  if (!good) error_ = good.error();
  const std::uint64_t taken = feed_.taken();
  if (confirm_ == Confirm::None) {
    held_ = std::max(held_, taken);
  } else if (committed_ > 0) {
    held_ = lines_[committed_ - 1].next_offset;
  }
  if (error_ && held_ <= reported_) return std::unexpected(*error_);
  reported_ = held_;
  return held_;
}

Result<Delivery> ExecSink::deliver(std::span<const Record> batch) {
  if (error_) return std::unexpected(*error_);
  for (const Record& record : batch) {
    if (loop_.closes_loop(record))
      return lines_came_back(about_file(PhraseId::HandToProgram, program_.path), record,
                             PhraseId::BreakLoopOfProgram);
  }
  put_batch(batch);
  last_sign_ = Clock::now();
  Status good;
  while (good && !stopping_ && !batch_is_done()) good = step(kForEver);

  const auto held = report(good);
  if (!held) return std::unexpected(held.error());
  // The other rejections come again with their records.
  std::erase_if(rejected_,
                [&](const Rejection& rejection) { return batch[rejection.index].next_offset() > *held; });
  std::ranges::sort(rejected_, {}, &Rejection::index);
  return Delivery{.held = *held, .rejected = std::exchange(rejected_, {})};
}

// Waits until data can move, and moves it: lines to the program, and its output from it.
Status ExecSink::step(milliseconds timeout) {
  if (waits_for_answer()) {
    const auto left = std::chrono::ceil<milliseconds>(last_sign_ + confirm_timeout_ - Clock::now());
    if (left <= 0ms) return broken({PhraseId::NotAnsweredFor, {{"time", confirm_timeout_}}});
    timeout = timeout == kForEver ? left : std::min(timeout, left);
  }
  const short if_writable = ready_ && !stopping_ && writable_lines() > 0 ? POLLOUT : 0;
  // poll(2) ignores negative descriptors.
  std::array<pollfd, 5> fds = {{{.fd = child_.stdin_fd(), .events = if_writable, .revents = 0},
                                {.fd = child_.stdout_fd(), .events = POLLIN, .revents = 0},
                                {.fd = child_.stderr_fd(), .events = POLLIN, .revents = 0},
                                {.fd = child_.exit_fd(), .events = POLLIN, .revents = 0},
                                {.fd = stopping_ ? -1 : context_->stop_fd, .events = POLLIN, .revents = 0}}};
  if (::poll(fds.data(), fds.size(), static_cast<int>(timeout.count())) <= 0)
    return {};  // EINTR: the caller polls again
  if (fds[4].revents != 0) stopping_ = true;
  if (fds[1].revents != 0) read_answers();
  if (fds[2].revents != 0) read_errors();
  if (error_) return std::unexpected(*error_);
  // Answers that the program gave before it ended count.
  if (batch_is_done() && ready_ && confirm_ != Confirm::None) return {};
  if (fds[3].revents != 0 || (fds[0].revents & POLLERR) != 0) return ended(PhraseId::ClosedInput);
  if (confirm_ != Confirm::None && child_.stdout_fd() < 0) return ended(PhraseId::ClosedOutput);
  return (fds[0].revents & POLLOUT) != 0 ? write_lines() : Status();
}

Status ExecSink::write_lines() {
  if (!waits_for_answer()) last_sign_ = Clock::now();
  const ssize_t written = feed_.write_some(writable_lines());
  if (written >= 0 || written == -EAGAIN) return {};
  if (written == -EPIPE) return ended(PhraseId::ClosedInput);
  return broken({PhraseId::Errno, {{"errno", Errno{static_cast<int>(-written)}}}});
}

void ExecSink::read_errors() {
  const auto say = [this](std::string_view line) { say_line(line); };
  std::array<char, 4096> bytes{};
  ssize_t count = 1;
  for (int round = 0; round < kReadsInARow && count > 0; ++round) {
    count = ::read(child_.stderr_fd(), bytes.data(), bytes.size());
    if (count > 0) errors_.add({bytes.data(), static_cast<std::size_t>(count)}, say);
  }
  if (count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR))) return;
  child_.close_stderr();
  if (!errors_.empty()) errors_.flush(say);
}

void ExecSink::say_line(std::string_view line) {
  last_words_ = line;
  const auto refused = messages_.admit(MessageLimit::Clock::now());
  if (!refused) return;
  Phrase said =
      about_file(*refused == 0 ? PhraseId::ProgramSays : PhraseId::ProgramSaysAfterMore, program_.path);
  said.with({"line", printable(line)}).with({"lines", std::uint64_t{*refused}});
  context_->say(Level::Info, std::move(said));
}

void ExecSink::read_answers() {
  std::array<char, 4096> bytes{};
  ssize_t count = 1;
  for (int round = 0; round < kReadsInARow && count > 0; ++round) {
    count = ::read(child_.stdout_fd(), bytes.data(), bytes.size());
    if (count <= 0) break;
    last_sign_ = Clock::now();
    answers_.add({bytes.data(), static_cast<std::size_t>(count)}, [this](std::string_view line) {
      confirm_ == Confirm::None ? say_line(line) : take_answer(line);
    });
  }
  if (count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR))) return;
  child_.close_stdout();
}

void ExecSink::take_answer(std::string_view answer) {
  if (error_) return;  // later answers belong to lines that are delivered again
  // Dots show that the program is alive.
  answer.remove_prefix(std::min(answer.find_first_not_of('.'), answer.size()));
  Status good;
  if (!ready_) {
    ready_ = answer == "OK";
    if (!ready_) good = broken(answered(PhraseId::AnsweredAtStart, answer));
  } else if (answered_ == feed_.lines_written()) {
    good = broken(answered(PhraseId::AnsweredUnasked, answer));
  } else {
    good = judge_answer(answered_, answer);
    if (good) ++answered_;
  }
  if (!good) error_ = good.error();
}

// Interprets the answers of omprog, and one of our own: REJECTED, for a line that must not be delivered
// again.
Status ExecSink::judge_answer(std::size_t line, std::string_view answer) {
  constexpr std::string_view kRejected = "REJECTED";
  const std::optional<std::size_t> index = lines_[line].index;
  const bool within = confirm_ == Confirm::Transaction && index;
  if (answer == "OK") {
    committed_ = line + 1;
  } else if (within && answer == "PREVIOUS_COMMITTED") {
    committed_ = line;
  } else if (index && answer.starts_with(kRejected)) {
    answer.remove_prefix(kRejected.size());
    answer.remove_prefix(std::min(answer.find_first_not_of(": "), answer.size()));
    rejected_.push_back({.index = *index, .reason = own_words(std::string(answer))});
    if (!within) committed_ = line + 1;
  } else if (!within || answer != "DEFER_COMMIT") {
    return broken(answered(PhraseId::Answered, answer));
  }
  return {};
}

Result<std::uint64_t> ExecSink::settle() {
  milliseconds pause = kFirstLook;
  std::optional<Clock::time_point> last_chance;
  Status good;
  while (good && !error_ && lines_under_way()) {
    if (stopping_ && !last_chance) last_chance = Clock::now() + kLastChance;
    if (last_chance && Clock::now() >= *last_chance) break;
    good = step(pause);
    pause = std::min(2 * pause, kLastLook);
  }
  return report(good);
}

// Ends a program that still runs: closes its input, then sends SIGTERM, then SIGKILL. Its process group gets
// the same, since what it leaves behind would pile up with each new start.
void ExecSink::close() {
  child_.close_stdin();
  if (child_.pid() < 0) return child_.kill();
  // A program that still runs, and what it leaves behind, have this long to finish their work. What a
  // program that died leaves behind has no time.
  const auto patience = child_.running() ? Clock::now() + close_timeout_ : Clock::now();
  wait_for_end(patience);
  if (child_.running()) {
    context_->say(Level::Warning,
                  about_file(PhraseId::EndsProgram, program_.path).with({"time", close_timeout_}));
    child_.signal(SIGTERM);
    wait_for_end(Clock::now() + kTermTime);
    if (child_.running()) context_->say(Level::Warning, about_file(PhraseId::KillsProgram, program_.path));
  }
  if (!child_.running()) end_group(patience);
  const std::vector<Descendant> elsewhere = descendants().gone;
  child_.kill();
  if (elsewhere.empty()) return;
  if (const auto refused = left_elsewhere_.admit(MessageLimit::Clock::now())) {
    say_of(PhraseId::LeavesProcesses, elsewhere);
  }
}

void ExecSink::say_of(PhraseId id, std::span<const Descendant> processes) {
  context_->say(Level::Warning, about_file(id, program_.path).with({"processes", names_of(processes)}));
}

void ExecSink::end_group(Clock::time_point patience) {
  std::vector<Descendant> left = wait_for_group(patience);
  if (left.empty()) return;
  const bool says = left_in_group_.admit(MessageLimit::Clock::now()).has_value();
  if (says) say_of(PhraseId::EndsProcesses, left);
  child_.signal(SIGTERM);
  left = wait_for_group(Clock::now() + kTermTime);
  if (says && !left.empty()) say_of(PhraseId::KillsProcesses, left);
}

// Listens until the program writes something, has ended, or `end` has passed. Its output no longer answers
// anything, but the program must not have to wait for a reader.
void ExecSink::listen_until(Clock::time_point end) {
  const auto left = std::max<milliseconds>(std::chrono::ceil<milliseconds>(end - Clock::now()), 0ms);
  std::array<pollfd, 3> fds = {{{.fd = child_.stdout_fd(), .events = POLLIN, .revents = 0},
                                {.fd = child_.stderr_fd(), .events = POLLIN, .revents = 0},
                                {.fd = child_.exit_fd(), .events = POLLIN, .revents = 0}}};
  (void)::poll(fds.data(), fds.size(), static_cast<int>(left.count()));
  if (fds[0].revents != 0) read_answers();
  if (fds[1].revents != 0) read_errors();
  if (fds[2].revents != 0) (void)child_.ask_how_it_ended();  // slurper ended it: no news
}

void ExecSink::wait_for_end(Clock::time_point end) {
  while (child_.running()) {
    const bool is_last = Clock::now() >= end;
    listen_until(end);
    if (is_last) return;
  }
}

// Returns what is left of the process group at `end`.
std::vector<Descendant> ExecSink::wait_for_group(Clock::time_point end) {
  for (milliseconds pause = kFirstLook;; pause = std::min(2 * pause, kLastLook)) {
    std::vector<Descendant> left = descendants().group;
    const auto now = Clock::now();
    if (left.empty() || now >= end) return left;
    listen_until(std::min(end, now + pause));
  }
}

}  // namespace

SinkType exec_sink() {
  return {.name = "exec",
          .help = "a program's standard input",
          .make = &make_sink_of<ExecSink>,
          .settings = kSettings};
}

}  // namespace slurper
