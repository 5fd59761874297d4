#include "sink/replay.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/file_kind.h"
#include "base/lock_file.h"
#include "base/phrase_id.h"
#include "base/uuid.h"
#include "proc/lock_holder.h"
#include "sink/dead_letter.h"
#include "sink/letter_origins.h"
#include "sink/letter_reader.h"
#include "sink/sink_log.h"

namespace slurper {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kLook = 20ms;
constexpr mode_t kFolderMode = 0700;
constexpr std::uint64_t kLinesBetweenTimes = 1000;  // fewer than TimeIndex keeps in memory

// What a replay reports of its sink. The lines are as old as they are, so that they wait is no news; and what
// slurper does about a sink that fails, a replay does not do.
class ReplayEvents final : public EventListener {
 public:
  ReplayEvents(EventListener& next, std::chrono::milliseconds patience) : next_(next), patience_(patience) {}

  void on_event(const Event& event) noexcept override {
    switch (event.id) {
      case EventId::SinkFails:
        return report_failure(event);
      case EventId::SinkLags:
      case EventId::SinkCaughtUp:
      case EventId::SinkStillFails:
      case EventId::SinkStops:
      case EventId::SinkWorks:
        return;
      default:
        next_.on_event(event);
    }
  }

 private:
  void report_failure(const Event& event) noexcept {
    const Error* error = nullptr;
    Quoted sink;
    for (const EventArgument& argument : event.arguments) {
      if (const auto* const named = std::get_if<Quoted>(&argument.value)) sink = *named;
      if (const auto* const failure = std::get_if<const Error*>(&argument.value)) error = *failure;
    }
    if (error == nullptr) return;
    try {
      const Phrase text = as_phrase(*error, PhraseId::ReplayTriesAgain).with({"time", patience_});
      next_.report(EventId::SinkWarning, {{"sink", sink}, {"text", &text}});
    } catch (...) {
      // Memory has run out: the replay goes on without these words.
    }
  }

  EventListener& next_;
  const std::chrono::milliseconds patience_;
};

LogSettings settings_of_replay(const LogSettings& log, const std::string& path) {
  LogSettings settings;
  settings.path = path;
  settings.mode = log.mode;
  settings.group = log.group;
  settings.sync = log.sync;
  return settings;
}

}  // namespace

struct Replay::Site {
  std::unique_ptr<LogWriter> writer;
  std::unique_ptr<TimeIndex> times;
  std::unique_ptr<DeadLetters> foreign;
  std::uint64_t unwritten_times = 0;
};

Replay::Replay(ReplayPlan plan)
    : plan_(std::move(plan)),
      log_(plan_.log.path),
      folder_(log_.replay(plan_.sink.name)),
      letters_(folder_ + "/letters"),
      unpacked_(folder_ + "/unpacked"),
      paths_(folder_ + "/log") {
  plan_.sink.dead_letters = dead_letters();
  plan_.sink.options.start = StartAt::Beginning;
  plan_.sink.options.source.filter.reset();
  plan_.sink.options.source.log_is_complete = true;
}

std::unexpected<Error> Replay::failed(int errnum, PhraseId what, const std::string& path) const {
  return fail_errno(errnum, about_file(what, path));
}

bool Replay::exists(const std::string& path) const {
  struct stat st{};
  return plan_.os.lstat(path.c_str(), &st) == 0;
}

Result<ReplayReport> Replay::run() {
  if (!exists(folder_) && !exists(dead_letters())) return ReplayReport();
  if (Status made = make_folder(); !made) return std::unexpected(std::move(made.error()));
  const Result<LockFile> lock = LockFile::acquire(plan_.os, folder_ + "/lock", ::geteuid());
  if (!lock && lock.error().kind == ErrorKind::Busy) return another_replay_runs();
  if (!lock) return std::unexpected(lock.error());
  const Result<bool> taken = take_letters();
  if (!taken) return std::unexpected(taken.error());
  Status done;
  if (*taken) done = unpack();
  if (done && exists(paths_.index())) done = deliver();
  if (done) done = remove_folder();
  if (!done) return std::unexpected(std::move(done.error()));
  return report_;
}

std::unexpected<Error> Replay::another_replay_runs() const {
  const auto holder = flock_holder(folder_ + "/lock");
  return fail(ErrorKind::Busy, {PhraseId::ReplayDeadLetters, {{"sink", QuotedText{plan_.sink.name}}}},
              {PhraseId::AnotherReplayRuns,
               {{"process", holder ? fmt::format("process {}", *holder) : "its process is not visible"}}});
}

Status Replay::make_folder() {
  const int made = plan_.os.mkdir(folder_.c_str(), kFolderMode);
  if (made < 0 && made != -EEXIST) return failed(-made, PhraseId::MakeReplayFolder, folder_);
  return {};
}

// Returns whether there are letters that are not unpacked. Those of an earlier replay come first: a log that
// is complete, then a file that was not unpacked to its end.
Result<bool> Replay::take_letters() {
  if (exists(letters_)) return true;
  if (exists(paths_.index())) return false;
  struct stat st{};
  if (plan_.os.lstat(dead_letters().c_str(), &st) >= 0 && !S_ISREG(st.st_mode)) {
    report_.in_the_way = what_stands_at(dead_letters(), st.st_mode);
    return false;
  }
  const int moved = plan_.os.rename_noreplace(dead_letters().c_str(), letters_.c_str());
  if (moved == -ENOENT) return false;
  if (moved < 0) return failed(-moved, PhraseId::ReadDeadLetters, dead_letters());
  for (const std::string& folder : {folder_, log_.directory()}) {
    if (const int synced = sync_directory(plan_.os, folder.c_str()); synced < 0)
      return failed(-synced, PhraseId::ReadDeadLetters, dead_letters());
  }
  return true;
}

// A log that was not complete when the process was killed.
Status Replay::clear_log() {
  std::error_code error;
  std::filesystem::directory_iterator entries(folder_, error);
  for (const auto& entry : entries) {
    const std::string name = entry.path().filename();
    if (name == "letters" || name == "lock") continue;
    if (const int removed = plan_.os.unlink(entry.path().c_str()); removed < 0)
      return failed(-removed, PhraseId::MakeReplayFolder, folder_);
  }
  return error ? Status(failed(error.value(), PhraseId::MakeReplayFolder, folder_)) : Status();
}

Result<Replay::Site> Replay::open_log() {
  const Result<Uuid> boot = read_boot_id(plan_.os);
  if (!boot) return std::unexpected(boot.error());
  Site site;
  auto writer = LogWriter::open(plan_.os, settings_of_replay(plan_.log, paths_.active()), *boot);
  if (!writer) return std::unexpected(std::move(writer.error()));
  site.writer = std::move(*writer);
  const StreamOffset end = site.writer->end();
  site.times = TimeIndex::open(plan_.os, paths_, site.writer->log_ids(), site.writer->access(),
                               {.log_end = end, .head = end});
  site.foreign = std::make_unique<DeadLetters>(plan_.os, dead_letters(), site.writer->access(), plan_.render);
  return site;
}

// Makes the log of the letters. The file gets another name when the log is complete and durable; before, a
// crash makes the next replay begin anew.
Status Replay::unpack() {
  if (Status cleared = clear_log(); !cleared) return cleared;
  LetterReader letters(plan_.os, letters_);
  Result<Site> site = open_log();
  if (!site) return std::unexpected(std::move(site.error()));
  for (std::uint64_t number = 1;; ++number) {
    const auto line = letters.next();
    if (!line) return std::unexpected(line.error());
    if (!*line) break;
    if (Status unpacked = unpack_line(**line, number, letters.is_ended(), *site); !unpacked) return unpacked;
  }
  site->times->write();
  if (Status closed = site->writer->close(); !closed) return closed;
  if (Status synced = site->foreign->sync(); !synced) return synced;
  if (const int renamed = plan_.os.rename(letters_.c_str(), unpacked_.c_str()); renamed < 0)
    return failed(-renamed, PhraseId::ReadDeadLetters, letters_);
  return {};
}

Status Replay::unpack_line(std::string_view text, std::uint64_t number, bool is_ended, Site& site) {
  if (text.empty()) return {};  // earlier versions ended a line with it that was cut short
  std::optional<DeadLetter> letter = parse_dead_letter(text);
  if (!is_ended && is_torn_dead_letter(text)) {
    report_.is_torn = true;
    return {};
  }
  if (!letter) {
    report_.foreign.push_back(number);
    return site.foreign->append_line(std::string(text) + '\n');
  }
  if (letter->arrival) {
    site.times->mark({.offset = site.writer->end(), .time = *letter->arrival});
    if (++site.unwritten_times % kLinesBetweenTimes == 0) site.times->write();
  }
  letter->line += '\n';
  for (std::string_view left = letter->line; !left.empty();) {
    const Result<std::size_t> written = site.writer->append(left);
    if (!written) return std::unexpected(written.error());
    left.remove_prefix(*written);
  }
  return {};
}

Status Replay::deliver() {
  Result<Site> site = open_log();
  if (!site) return std::unexpected(std::move(site.error()));
  LogWriter& writer = *site->writer;
  writer.publish();
  const SinkLog log{.os = plan_.os,
                    .paths = paths_,
                    .ids = writer.log_ids(),
                    .machine = sink_machine_id(),
                    .access = writer.access(),
                    .sync = plan_.log.sync,
                    .feed = writer.feed(),
                    .times = *site->times};
  LetterOrigins origins(plan_.os, unpacked_);
  plan_.sink.origin_of = [&origins](const Record& record) { return origins.of(record); };
  ReplayEvents events(plan_.events, plan_.patience);
  SinkRunner runner(log, plan_.sink, events, plan_.render);
  Status watched = runner.start();
  if (watched) watched = watch(runner, writer.end());
  (void)runner.stop(Clock::time_point::max());
  report_.delivered = runner.status().records;
  return watched;
}

// Returns when the destination has, or has refused, everything before `end`.
Status Replay::watch(const SinkRunner& runner, StreamOffset end) {
  const Phrase what(PhraseId::ReplayDeadLetters, {{"sink", QuotedText{plan_.sink.name}}});
  std::optional<std::uint64_t> refused_before;
  std::uint64_t reached = 0;
  for (auto progress_at = Clock::now();;) {
    const SinkStatus status = runner.status();
    if (status.has_begun) {
      if (!refused_before) refused_before = status.rejected;
      report_.refused = status.rejected - *refused_before;
      if (status.acked >= end.value) return {};
    }
    const auto now = Clock::now();
    if (std::exchange(reached, status.acked) != status.acked || !status.failing) progress_at = now;
    if (status.stopped || (status.failing && now - progress_at >= plan_.patience)) {
      const Error failure = status.failure.value_or(Error{});
      return fail(failure.kind, what, as_phrase(failure), PhraseId::RepeatReplay);
    }
    if (plan_.wait(kLook))
      return fail(ErrorKind::Busy, what, PhraseId::ReplayInterrupted, PhraseId::RepeatReplay);
  }
}

// Renames it first, so that a crash leaves all of it or nothing that a replay would continue.
Status Replay::remove_folder() {
  const std::string done = folder_ + '~';  // no sink's name has this character
  std::error_code ignored;                 // what is left takes room, and no more
  std::filesystem::remove_all(done, ignored);
  if (const int renamed = plan_.os.rename(folder_.c_str(), done.c_str()); renamed < 0)
    return failed(-renamed, PhraseId::MakeReplayFolder, folder_);
  std::filesystem::remove_all(done, ignored);
  return {};
}

}  // namespace slurper
