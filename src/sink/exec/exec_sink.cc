#include "sink/exec/exec_sink.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/phrase_id.h"
#include "sink/exec/confirmations.h"
#include "sink/exec/supervised_program.h"
#include "sink/format/format.h"
#include "sink/loop_watch.h"
#include "sink/pipe_feed.h"

namespace slurper {

namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

// The kernel reports no event when a pipe becomes empty.
constexpr milliseconds kFirstLook = 1ms;
constexpr milliseconds kLastLook = 100ms;
// How long the program may take for the contents of the pipe when slurper stops.
constexpr milliseconds kLastChance = 1s;
constexpr milliseconds kForEver = -1ms;

class ExecSink : public Sink {
 public:
  explicit ExecSink(SinkOptions& options);

  Result<std::optional<Reached>> open(const SinkContext& context) override;
  Status deliver(std::span<const Record> batch) override;
  Status flush() override;
  void close() override { program_.end(); }

 private:
  [[nodiscard]] bool confirms() const { return confirmations_.mode() != Confirm::None; }
  [[nodiscard]] bool in_transactions() const { return confirmations_.mode() == Confirm::Transaction; }

  void put_batch(std::span<const Record> batch);
  void put_mark(std::string_view mark, std::uint64_t offset);
  [[nodiscard]] std::size_t writable_lines() const;
  [[nodiscard]] bool batch_is_done() const;
  [[nodiscard]] bool lines_under_way() const;
  [[nodiscard]] bool waits_for_answer() const;
  [[nodiscard]] PhraseId what_is_missing() const;
  void acknowledge();

  Status step(milliseconds timeout);
  Status write_lines();
  void read_answers();
  void take_answer(std::string_view answer);
  [[nodiscard]] std::unexpected<Error> broken(Phrase why) const;
  // `or_else` is the error if the program still runs.
  [[nodiscard]] std::unexpected<Error> ended(Phrase or_else);

  Format format_;
  SupervisedProgram program_;
  Confirmations confirmations_;
  milliseconds confirm_timeout_;

  std::shared_ptr<Acknowledgements> acks_;
  int stop_fd_ = -1;
  PipeFeed feed_;
  LoopWatch loop_;
  bool stopping_ = false;  // slurper stops
  Clock::time_point last_sign_;
  std::optional<Error> error_;  // in the program's answers
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
    Setting{.name = "window_lines",
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

ExecSink::ExecSink(SinkOptions& options)
    : format_(Format::from(options)),
      program_(options.text("path"), options.list("args"), options.duration("close_timeout")),
      confirmations_(static_cast<Confirm>(options.choice("confirm")), options.number("window_lines")),
      confirm_timeout_(options.duration("confirm_timeout")) {
  if (!program_.path().starts_with('/')) options.reject("path", PhraseId::MustBeProgram);
}

std::unexpected<Error> ExecSink::broken(Phrase why) const {
  return fail(ErrorKind::Io, about_file(PhraseId::HandToProgram, program_.path()), std::move(why));
}

std::unexpected<Error> ExecSink::ended(Phrase or_else) {
  return broken(program_.how_it_ended(std::move(or_else)));
}

Result<std::optional<Reached>> ExecSink::open(const SinkContext& context) {
  SupervisedProgram::TakeLine take_answers;
  if (confirms()) take_answers = [this](std::string_view line) { take_answer(line); };
  if (const Status started = program_.start(context, std::move(take_answers)); !started)
    return std::unexpected(started.error());
  context.show({PhraseId::ProgramRuns, {{"pid", static_cast<std::uint64_t>(program_.process().pid())}}});
  acks_ = context.acks;
  stop_fd_ = context.stop_fd;
  feed_.attach(program_.process().stdin_fd());
  confirmations_.begin_program();
  loop_.forget();
  error_.reset();
  stopping_ = false;
  last_sign_ = Clock::now();
  while (!confirmations_.ready() && !stopping_) {
    if (const Status good = step(kForEver); !good) return std::unexpected(good.error());
  }
  return std::nullopt;
}

void ExecSink::put_mark(std::string_view mark, std::uint64_t offset) {
  feed_.text().append(mark) += '\n';
  feed_.end_line(offset);
  confirmations_.add_line(offset, std::nullopt);
}

void ExecSink::put_batch(std::span<const Record> batch) {
  feed_.begin_batch(batch.front().offset());
  confirmations_.begin_batch();
  if (in_transactions()) put_mark(Confirmations::kBegin, batch.front().offset());
  std::string& text = feed_.text();
  for (const Record& record : batch) {
    const std::size_t begin = text.size();
    format_.append(record, text);
    const std::string_view line(text.data() + begin, text.size() - begin - 1);
    if (in_transactions() && (line == Confirmations::kBegin || line == Confirmations::kCommit)) {
      // The program would mistake it for one of our marks.
      confirmations_.reject(record.offset(), PhraseId::ReadsLikeAMark);
      text.resize(begin);
      continue;
    }
    loop_.wrote(line, record);
    feed_.end_line(record.next_offset());
    confirmations_.add_line(record.next_offset(), record.offset());
  }
  if (in_transactions()) put_mark(Confirmations::kCommit, batch.back().next_offset());
}

std::size_t ExecSink::writable_lines() const {
  const std::size_t left = feed_.lines() - feed_.lines_written();
  return confirms() ? std::min(left, confirmations_.allowance(feed_.lines_written())) : left;
}

bool ExecSink::batch_is_done() const {
  return confirms() ? confirmations_.all_answered() : feed_.all_written();
}

bool ExecSink::lines_under_way() const {
  return confirms() ? confirmations_.answered() < feed_.lines_written() : feed_.in_pipe() > 0;
}

bool ExecSink::waits_for_answer() const {
  return confirms() && (!confirmations_.ready() || confirmations_.answered() < feed_.lines_written());
}

// The answer that the program owes.
PhraseId ExecSink::what_is_missing() const {
  if (!confirmations_.ready()) return PhraseId::NotReadyFor;
  return in_transactions() ? PhraseId::NotCommittedFor : PhraseId::NotConfirmedFor;
}

// Rejections in a transaction that was not committed come again with their records.
void ExecSink::acknowledge() {
  const std::uint64_t taken = feed_.taken();
  const std::uint64_t acked = confirms() ? confirmations_.confirmed().value_or(0) : taken;
  for (Rejection& rejection : confirmations_.take_rejections()) {
    if (rejection.offset < acked) acks_->reject(rejection.offset, std::move(rejection.reason));
  }
  acks_->up_to(acked);
}

Status ExecSink::deliver(std::span<const Record> batch) {
  for (const Record& record : batch) {
    if (loop_.closes_loop(record))
      return lines_came_back(about_file(PhraseId::HandToProgram, program_.path()), record,
                             PhraseId::BreakLoopOfProgram);
  }
  put_batch(batch);
  last_sign_ = Clock::now();
  Status good;
  while (good && !stopping_ && !batch_is_done()) good = step(kForEver);
  acknowledge();
  if (batch_is_done()) acks_->release(batch.back().next_offset());
  return good;
}

// Waits until data can move, and moves it: lines to the program, and its output from it.
Status ExecSink::step(milliseconds timeout) {
  if (waits_for_answer()) {
    const auto left = std::chrono::ceil<milliseconds>(last_sign_ + confirm_timeout_ - Clock::now());
    if (left <= 0ms) return broken({what_is_missing(), {{"time", confirm_timeout_}}});
    timeout = timeout == kForEver ? left : std::min(timeout, left);
  }
  const short if_writable = confirmations_.ready() && !stopping_ && writable_lines() > 0 ? POLLOUT : 0;
  const ChildProcess& process = program_.process();
  // poll(2) ignores negative descriptors.
  std::array<pollfd, 5> fds = {{{.fd = process.stdin_fd(), .events = if_writable, .revents = 0},
                                {.fd = process.stdout_fd(), .events = POLLIN, .revents = 0},
                                {.fd = process.stderr_fd(), .events = POLLIN, .revents = 0},
                                {.fd = process.exit_fd(), .events = POLLIN, .revents = 0},
                                {.fd = stopping_ ? -1 : stop_fd_, .events = POLLIN, .revents = 0}}};
  if (::poll(fds.data(), fds.size(), static_cast<int>(timeout.count())) <= 0)
    return {};  // EINTR: the caller polls again
  if (fds[4].revents != 0) stopping_ = true;
  if (fds[1].revents != 0) read_answers();
  if (fds[2].revents != 0) program_.read_errors();
  if (error_) return std::unexpected(*error_);
  // Answers that the program gave before it ended count.
  if (confirms() && confirmations_.ready() && batch_is_done()) return {};
  if (fds[3].revents != 0 || (fds[0].revents & POLLERR) != 0) return ended(PhraseId::ClosedInput);
  if (confirms() && process.stdout_fd() < 0) return ended(PhraseId::ClosedOutput);
  return (fds[0].revents & POLLOUT) != 0 ? write_lines() : Status();
}

Status ExecSink::write_lines() {
  if (!waits_for_answer()) last_sign_ = Clock::now();
  const ssize_t written = feed_.write_some(writable_lines());
  if (written >= 0 || written == -EAGAIN) return {};
  if (written == -EPIPE) return ended(PhraseId::ClosedInput);
  return broken({PhraseId::Errno, {{"errno", Errno{static_cast<int>(-written)}}}});
}

void ExecSink::read_answers() {
  if (program_.read_output()) last_sign_ = Clock::now();
}

void ExecSink::take_answer(std::string_view answer) {
  if (error_) return;  // later answers belong to lines that are delivered again
  Phrase wrong = confirmations_.take_answer(answer, feed_.lines_written());
  if (!wrong.empty()) error_ = broken(std::move(wrong)).error();
}

Status ExecSink::flush() {
  milliseconds pause = kFirstLook;
  std::optional<Clock::time_point> last_chance;
  Status good;
  while (good && lines_under_way()) {
    if (stopping_ && !last_chance) last_chance = Clock::now() + kLastChance;
    if (last_chance && Clock::now() >= *last_chance) break;
    good = step(pause);
    pause = std::min(2 * pause, kLastLook);
  }
  acknowledge();
  return good;
}

}  // namespace

SinkType exec_sink() {
  return {.name = "exec",
          .help = "a program's standard input",
          .make = &make_sink_of<ExecSink>,
          .settings = kSettings};
}

}  // namespace slurper
