#include "sink/runner.h"

#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <random>
#include <utility>

#include "base/error.h"
#include "base/event_loop.h"
#include "base/phrase_id.h"
#include "base/start_thread.h"
#include "base/text.h"

namespace slurper {

namespace {

using namespace std::chrono_literals;

constexpr auto kFirstRetry = 100ms;
constexpr auto kSayAgain = 60s;  // another reason for the same failure
constexpr auto kLag = 60s;       // age of the oldest waiting record that is worth a warning
constexpr auto kCaughtUp = 5s;
constexpr auto kShortestSync = 1s;  // between syncs of the cursor: each costs a disk flush
// If CPUs are scarce, the intake and the log come first: what a sink has not read yet waits safely in the
// log. For measurements see docs/performance.md.
constexpr int kNicer = 10;
constexpr StreamOffset kFarAway{~std::uint64_t{0}};

PhraseId reason_of(Gap why) {
  switch (why) {
    case Gap::Moved:
      return PhraseId::GapMoved;
    case Gap::Cut:
      return PhraseId::GapCut;
    case Gap::Damaged:
      return PhraseId::GapDamaged;
    case Gap::None:
    case Gap::Removed:
    case Gap::PowerLoss:
      break;
  }
  return PhraseId::GapRemoved;
}

// A plug-in's own words may contain anything.
Phrase escaped(const Phrase& reason) {
  return reason.id() == PhraseId::Text ? own_words(printable(reason.arguments().front().value.text()))
                                       : reason;
}

bool ends_a_line(const Record& record) {
  return record.part() == Part::Whole || record.part() == Part::Last;
}

// Returns at least half of `backoff`. The jitter keeps many clients from returning to a recovered
// destination all at once.
std::chrono::milliseconds with_jitter(std::chrono::milliseconds backoff) {
  thread_local std::minstd_rand random{std::random_device{}()};
  std::uniform_int_distribution<std::int64_t> spread(backoff.count() / 2, backoff.count());
  return std::chrono::milliseconds(spread(random));
}

}  // namespace

std::span<const Setting> RunnerOptions::settings() {
  using Type = Setting::Type;
  static constexpr std::array<std::string_view, 2> kStarts = {"end", "beginning"};
  static constexpr std::uint64_t kMiB = 1 << 20;
  static constexpr std::array kSettings = {
      Setting{.name = "filter", .help = "which lines the sink gets"},
      Setting{.name = "start",
              .type = Type::Choice,
              .help = "where a sink without a cursor begins",
              .initial = "end",
              .choices = kStarts},
      Setting{.name = "max_line",
              .type = Type::Size,
              .help = "a longer line comes in parts",
              .initial = "64KiB",
              .min = 480,
              .max = 16 * kMiB},
      Setting{.name = "crlf",
              .type = Type::Flag,
              .help = "a CR before the newline belongs to the line's end",
              .initial = "false"},
      Setting{.name = "batch_lines",
              .type = Type::Number,
              .help = "lines of a batch",
              .initial = "1000",
              .min = 1,
              .max = 1'000'000},
      Setting{.name = "batch_bytes",
              .type = Type::Size,
              .help = "bytes of the log that are read for a batch",
              .initial = "1MiB",
              .min = 1,
              .max = 64 * kMiB},
      Setting{.name = "batch_time",
              .type = Type::Duration,
              .help = "how long a batch's first line waits",
              .initial = "50ms",
              .max = in_milliseconds(1h)},
      Setting{.name = "retry_max",
              .type = Type::Duration,
              .help = "the longest wait before a failed sink is tried again",
              .initial = "30s",
              .min = in_milliseconds(kFirstRetry),
              .max = in_milliseconds(1h)},
  };
  return kSettings;
}

RunnerOptions RunnerOptions::from(SinkOptions& options) {
  RunnerOptions taken;
  taken.start = static_cast<StartAt>(options.choice("start"));
  taken.retry_max = options.duration("retry_max");
  RecordSource::Options& source = taken.source;
  source.framing.max_line = options.number("max_line");
  source.framing.crlf = options.flag("crlf");
  source.batch_lines = options.number("batch_lines");
  source.batch_bytes = options.number("batch_bytes");
  source.batch_time = options.duration("batch_time");
  if (const std::string text = options.text("filter"); options.has("filter")) {
    const auto filter = RecordFilter::compile(text, record_fields());
    if (filter) {
      source.filter = *filter;
      if (const auto& warning = filter->warning()) {
        options.warn("filter", {PhraseId::FilterIsDoubtful,
                                {{"finding", warning->finding()}, {"advice", warning->advice}}});
      }
    } else {
      options.reject("filter", filter.error().finding(), filter.error().advice);
    }
  }
  return taken;
}

SinkRunner::SinkRunner(const SinkLog& log, PreparedSink sink, EventListener& events, PhraseRenderer render)
    : log_(log),
      name_(sink.name),
      options_(sink.options),
      make_sink_(std::move(sink.make)),
      events_(events),
      listener_(log.feed),
      began_at_(log.feed.end()),
      dead_letters_(log.os, log.paths.dead_letters(sink.name), log.access, render),
      source_(log.os, log.paths, log.feed, log.times, log.id, options_.source),
      context_{.name = name_,
               .log_id = log.id,
               .stop_fd = -1,
               .say = [this](Level level, const Phrase& text) { this->say(level, text); }},
      backoff_(kFirstRetry, options_.retry_max) {}

SinkRunner::~SinkRunner() {
  (void)stop(Clock::time_point::max());
}

Status SinkRunner::start() {
  Result<UniqueFd> stop_fd = make_eventfd();
  if (!stop_fd) return std::unexpected(stop_fd.error());
  stop_fd_ = std::move(*stop_fd);
  context_.stop_fd = stop_fd_.get();
  Result<std::thread> thread = start_thread<std::thread>("sink-" + name_, [this] {
    (void)::pthread_setname_np(::pthread_self(), ("sink-" + name_).substr(0, 15).c_str());
    // On Linux this applies to this thread only (nice(2)), and to threads that it starts. Best effort: a
    // sandbox may refuse it.
    (void)::nice(kNicer);
    run();
    ended_ = true;
  });
  if (!thread) return std::unexpected(std::move(thread.error()));
  thread_ = std::move(*thread);
  return {};
}

void SinkRunner::finish() {
  finishing_ = true;
  listener_.wake();
}

void SinkRunner::request_stop() {
  stopping_ = true;
  (void)::eventfd_write(stop_fd_.get(), 1);  // fails before start(), when no one waits
  listener_.wake();
}

bool SinkRunner::stop(Clock::time_point deadline) {
  request_stop();
  if (!thread_.joinable()) return true;
  // std::thread can't be joined with a deadline.
  while (!ended_ && deadline != Clock::time_point::max()) {
    if (Clock::now() >= deadline) return false;
    std::this_thread::sleep_for(1ms);
  }
  thread_.join();
  return true;
}

void SinkRunner::resume() {
  resumed_ = true;
  listener_.wake();
}

SinkStatus SinkRunner::status() const {
  const std::lock_guard lock(failure_mutex_);
  return {.name = name_,
          .held = held_,
          .records = records_,
          .rejected = rejected_,
          .missed = missed_,
          .has_begun = has_begun_,
          .failing = failing_,
          .stopped = stopped_,
          .lagging = lagging_,
          .failure = failure_};
}

void SinkRunner::say(Level level, const Phrase& text) const {
  constexpr std::array kEvents = {EventId::SinkDebug, EventId::SinkInfo, EventId::SinkWarning,
                                  EventId::SinkError};
  events_.report(kEvents[static_cast<std::size_t>(level)], {{"sink", Quoted{name_}}, {"text", &text}});
}

ByteSize SinkRunner::behind() const {
  const std::uint64_t end = log_.feed.end().value;
  return {end - std::min<std::uint64_t>(end, held_)};
}

void SinkRunner::run() {
  while (!stopping_) {
    bool works = false;
    try {
      if (log_.feed.renewals() != renewals_) renew_cursor();
      const Status status = turn();
      works = status.has_value();
      if (stopping_) break;
      if (!works) failed(status.error());
      if (!works && status.error().kind == ErrorKind::Loop && !finishing_) {
        wait_for_resume();
        continue;
      }
    } catch (...) {
      // There is too little memory even to report this. The status shows it now, a message later.
      failing_ = true;
      events_.report(EventId::SinkHasNoMemory, {{"sink", Quoted{name_}}});
      backoff_.failed();
      tear_down();
    }
    if (finishing_ && (!works || (is_open_ && is_done()))) break;
    if (!works) wait(Clock::now() + with_jitter(backoff_.wait()), kFarAway);
  }
  close_sink();
  if (!cursor_ || !cursor_->record()) return;  // the sink has no beginning yet
  try {
    if (log_.feed.renewals() != renewals_) renew_cursor();
    if (const Status saved = save_cursor(true); !saved)
      say(Level::Warning, as_phrase(saved.error(), PhraseId::MayRepeatLines));
  } catch (...) {
    // The cursor stays as it was, so lines are delivered again.
  }
}

// Performs one step. An exception (memory has run out, or a plug-in has a bug) costs this sink its state in
// memory, and it starts again at its cursor, as after a SIGKILL.
Status SinkRunner::turn() {
  try {
    return is_open_ ? step() : open_sink();
  } catch (...) {
    const WhatWasThrown thrown;
    tear_down();
    return fail(thrown.is_shortage() ? ErrorKind::Busy : ErrorKind::Internal, PhraseId::RunTheSink,
                own_words(thrown.text()));
  }
}

void SinkRunner::close_sink() noexcept {
  if (!is_open_) return;
  is_open_ = false;
  try {
    sink_->close();
  } catch (...) {
    sink_.reset();  // it is unknown what it still has
  }
}

void SinkRunner::tear_down() noexcept {
  close_sink();
  sink_.reset();
  cursor_.reset();
}

Status SinkRunner::open_cursor() {
  if (cursor_) return {};
  Result<CursorFile> cursor = CursorFile::open(log_.os, log_.paths, name_, log_.id, log_.access);
  if (!cursor) return std::unexpected(cursor.error());
  for (const auto& damage : cursor->damage())
    say(Level::Warning, {PhraseId::CursorSlotDamaged, {{"damage", damage}}});
  if (const auto& record = cursor->record()) {
    held_ = record->offset.value;
    rejected_ = record->rejected;
    missed_ = record->missed;
    delivered_ = record->delivered;
    set_by_hand_ = record->set_by_hand;
  }
  cursor_.emplace(std::move(*cursor));
  return {};
}

// Opens the sink and continues at the offset that the destination has reached.
Status SinkRunner::open_sink() {
  const auto stops = [this] { return stopping_.load(); };
  // The cursor comes first: the sink's beginning must be recorded even if its type does not exist yet.
  if (Status opened = open_cursor(); !opened) return opened;
  if (!cursor_->record()) {
    // This is durable, however long it takes to connect. What is written before the first delivery must not
    // be skipped, and what retention removes until then counts as missed.
    const Result<StreamOffset> begin =
        options_.start == StartAt::End ? source_.line_begin(began_at_, stops) : source_.oldest();
    if (!begin) return std::unexpected(begin.error());
    held_ = begin->value;
    if (Status saved = save_cursor(true); !saved) return saved;
  }
  has_begun_ = true;
  if (!sink_) {
    Result<std::unique_ptr<Sink>> made = make_sink_();
    if (!made) return std::unexpected(made.error());
    sink_ = std::move(*made);
  }
  const auto opened = sink_->open(context_);
  if (!opened) return std::unexpected(opened.error());
  is_open_ = true;
  linger_until_.reset();
  line_in_parts_.reset();
  whole_lines_ = {};
  const Result<StreamOffset> begin = where_to_resume(*opened);
  if (!begin) return std::unexpected(begin.error());
  held_ = begin->value;
  handed_ = *begin;
  if (Status found = source_.seek(handed_, stops); !found) return found;
  if (log_.feed.end().value <= held_) works();
  return {};
}

// Returns the offset to continue at: the cursor, or the destination's answer if it has one. After the last
// record that the destination took there may be any number of lines that the filter rejected. So an answer
// before the cursor is normal, unless it is also before the end of that record: then the destination has
// lost what it had.
Result<StreamOffset> SinkRunner::where_to_resume(std::optional<std::uint64_t> answer) {
  const StreamOffset noted = cursor_->record()->offset;  // for a split line, its beginning
  if (const StreamOffset end = log_.feed.end(); noted > end) {
    return fail(ErrorKind::Data, PhraseId::ContinueAtCursor,
                {PhraseId::CursorBeyondLog, {{"offset", noted.value}, {"end", end.value}}},
                {PhraseId::RestoreLogOrSetCursor, {{"command", how_to_set_cursor(log_.paths, name_)}}});
  }
  if (!answer || set_by_hand_) return noted;
  const StreamOffset has{*answer};
  const auto instead = check_answer(has, noted);
  if (!instead) return std::unexpected(instead.error());
  if (*instead) return **instead;
  if (has < noted && delivered_ && has >= *delivered_) return noted;
  const auto before = std::exchange(delivered_, has);
  if (has >= noted) return has;
  // Save it at once: a later failure must not bring back the cursor that is too far ahead.
  held_ = has.value;
  if (Status saved = save_cursor(true); !saved) {
    held_ = noted.value;
    delivered_ = before;
    return std::unexpected(std::move(saved.error()));
  }
  passed_once_ = std::max(passed_once_, noted);
  if (before) {
    went_back_ = true;
    say(Level::Warning, {PhraseId::DestinationWentBack, {{"before", before->value}, {"now", has.value}}});
  }
  return has;
}

// Another writer of the destination can forge its answer, and a wrong one would skip what was never
// delivered. Returns the offset to use instead of the answer, if there is one.
Result<std::optional<StreamOffset>> SinkRunner::check_answer(StreamOffset answer, StreamOffset noted) const {
  const auto wrong = [&](Phrase why) {
    return fail(ErrorKind::Data, PhraseId::ContinueAfterAnswer, why.with({"answer", answer.value}),
                {PhraseId::CheckDestination, {{"command", how_to_set_cursor(log_.paths, name_)}}});
  };
  if (const StreamOffset end = log_.feed.end(); answer > end)
    return wrong({PhraseId::AnswerBeyondLog, {{"end", end.value}}});
  const Result<RecordSource::Place> place = source_.place_of(answer, [this] { return stopping_.load(); });
  // A damaged segment can't prove that the answer is wrong.
  if (!place && place.error().kind == ErrorKind::Data) return std::nullopt;
  if (!place) return std::unexpected(place.error());
  if (place->begins_a_record) return std::nullopt;
  // The cursor is at the beginning of that line, so nothing is skipped, and at most this line is delivered
  // again. Such an answer is correct if max_line has changed since.
  if (place->line == noted) return noted;
  return wrong({PhraseId::AnswerInLine, {{"line", place->line.value}}});
}

// Reads what the log has, and delivers it as soon as a batch is worth it.
Status SinkRunner::step() {
  const auto missing = source_.read();
  if (!missing && missing.error().kind == ErrorKind::Data) {
    const RecordSource::Missing skipped = source_.skip_damaged();
    if (skipped.bytes == 0)
      return std::unexpected(missing.error());  // not the error of a segment: it would recur at once
    say(Level::Error, as_phrase(missing.error(), PhraseId::LogNotAllReadable));
    note_gap(skipped);
    return {};
  }
  if (!missing) return std::unexpected(missing.error());
  note_gap(*missing);

  const auto now = Clock::now();
  if (source_.has_news()) {
    if (!linger_until_) linger_until_ = now + options_.source.batch_time;
    if (!source_.is_full() && !finishing_ && now < *linger_until_) {
      wait(*linger_until_, source_.full_at());
      return {};
    }
    linger_until_.reset();
    return deliver();
  }
  if (handed_.value <= held_) {
    watch_lag(std::chrono::system_clock::now());
  } else {
    if (finishing_ || now >= settle_due_) return settle();
    wait(settle_due_, source_.read_up_to() + 1);
    return {};
  }
  const bool sync_is_due = cursor_unsaved_ && now >= sync_due_;
  if (sync_is_due) return save_cursor(true);
  wait(cursor_unsaved_ ? sync_due_ : Clock::time_point::max(), source_.read_up_to() + 1);
  return {};
}

// Whether the destination has every complete line of the log.
bool SinkRunner::is_done() const {
  return source_.read_up_to() >= log_.feed.end() && !source_.has_news() && handed_.value <= held_;
}

Status SinkRunner::deliver() {
  while (!stopping_) {
    const std::span<const Record> batch = source_.take();
    if (batch.empty()) break;
    watch_lag(batch.front().arrival());
    note_handed(batch);
    const Result<Delivery> delivery = sink_->deliver(batch);
    if (!delivery) return std::unexpected(delivery.error());
    if (Status taken = take(batch, *delivery); !taken) return taken;
  }
  // What the filter rejected needs no acknowledgement.
  if (handed_.value > held_) return {};
  if (!source_.in_parts()) line_in_parts_.reset();  // a gap has replaced the rest of the line
  return note_held(source_.position());
}

// A split line resumes at its first part, so that it splits identically.
void SinkRunner::note_handed(std::span<const Record> batch) {
  handed_ = StreamOffset{batch.back().next_offset()};
  if (ends_a_line(batch.back())) return line_in_parts_.reset();
  const auto end = std::find_if(batch.rbegin(), batch.rend(), ends_a_line);
  if (end != batch.rbegin() && (end != batch.rend() || batch.front().part() == Part::First))
    line_in_parts_ = StreamOffset{end.base()->offset()};
}

// Notes the end of the last line that the destination has, which is its answer when it is next asked.
void SinkRunner::note_delivered(StreamOffset held) {
  if (whole_lines_ == StreamOffset{}) return;
  delivered_ = std::max(delivered_.value_or(StreamOffset{}), std::min(held, whole_lines_));
}

Status SinkRunner::settle() {
  const Result<std::uint64_t> held = sink_->settle();
  if (!held) return std::unexpected(held.error());
  works();
  note_delivered(StreamOffset{*held});
  return note_held(*held >= handed_.value ? source_.position() : StreamOffset{*held});
}

Status SinkRunner::take(std::span<const Record> batch, const Delivery& delivery) {
  for (const Rejection& rejection : delivery.rejected) {
    if (Status kept = dead_letters_.append(name_, batch[rejection.index], rejection.reason); !kept)
      return kept;
  }
  if (!delivery.rejected.empty() && rejected_ == 0) {
    say(Level::Warning, about_file(PhraseId::LineRefused, dead_letters_.path())
                            .with({"reason", escaped(delivery.rejected.front().reason)}));
  }
  settle_due_ = Clock::now() + delivery.settle_after;
  rejected_ += delivery.rejected.size();
  records_ += batch.size() - delivery.rejected.size();
  for (std::size_t i = batch.size(); i-- > 0;) {
    const auto is_it = [i](const Rejection& rejection) { return rejection.index == i; };
    if (!ends_a_line(batch[i]) || std::ranges::any_of(delivery.rejected, is_it)) continue;
    whole_lines_ = StreamOffset{batch[i].next_offset()};
    break;
  }
  note_delivered(StreamOffset{delivery.held});
  // A batch that was accepted is not a batch that was delivered: a server that resets every connection also
  // accepts one each time.
  if (delivery.held > held_) works();
  return note_held(StreamOffset{delivery.held});
}

Status SinkRunner::note_held(StreamOffset held) {
  if (held.value <= held_) return {};
  held_ = held.value;
  set_by_hand_ = false;
  return save_cursor(Clock::now() >= sync_due_);
}

Status SinkRunner::save_cursor(bool surely) {
  const bool syncs = surely && log_.sync.mode != SyncMode::None;
  CursorRecord record = cursor_->record().value_or(CursorRecord{});
  record.offset = line_in_parts_ ? std::min(*line_in_parts_, StreamOffset{held_}) : StreamOffset{held_};
  record.rejected = rejected_;
  record.missed = missed_;
  record.delivered = delivered_;
  record.set_by_hand = set_by_hand_;
  if (Status written = cursor_->write(record, syncs ? Durability::Synced : Durability::Cached); !written)
    return written;
  cursor_unsaved_ = !surely;
  if (surely) sync_due_ = Clock::now() + std::max<Clock::duration>(log_.sync.period, kShortestSync);
  return {};
}

// Moves the cursor to the log's new folder after a replacement. A failure is retried without limit: the sink
// needs the file only at the next start.
void SinkRunner::renew_cursor() {
  const std::uint64_t renewals = log_.feed.renewals();
  const Status renewed = cursor_ ? cursor_->follow_path(log_.paths, log_.access) : Status();
  if (renewed) {
    renewals_ = renewals;
    renewal_failure_.reset();
  } else if (renewed.error() != renewal_failure_) {
    say(Level::Error, as_phrase(renewed.error(), PhraseId::CursorNotMoved));
    renewal_failure_ = renewed.error();
  }
}

void SinkRunner::note_gap(const RecordSource::Missing& missing) {
  if (missing.bytes == 0) return;
  // The sink did not miss this: the log never held it durably, and most of it was never handed out.
  if (missing.why == Gap::PowerLoss) {
    return say(Level::Info, {PhraseId::ContinuesAfterLoss, {{"offset", missing.up_to.value}}});
  }
  const StreamOffset from{missing.up_to.value - missing.bytes};
  const StreamOffset passed_up_to = std::clamp(passed_once_, from, missing.up_to);
  if (passed_up_to > from && went_back_) {
    say(Level::Error, {PhraseId::CannotDeliverAgain,
                       {{"from", from.value},
                        {"to", passed_up_to.value},
                        {"size", ByteSize{passed_up_to - from}},
                        {"reason", Phrase(reason_of(missing.why))}}});
  } else if (passed_up_to > from) {
    say(Level::Info, {PhraseId::PassedIsGone, {{"from", from.value}, {"to", passed_up_to.value}}});
  }
  if (passed_up_to == missing.up_to) return;
  missed_ += missing.up_to - passed_up_to;
  say(Level::Error,
      {PhraseId::CameTooLate,
       {{"size", ByteSize{missing.up_to - passed_up_to}}, {"reason", Phrase(reason_of(missing.why))}}});
}

void SinkRunner::watch_lag(Timestamp oldest) {
  const auto age = std::chrono::system_clock::now() - oldest;
  if (age > kLag && !lagging_) {
    lagging_ = true;
    events_.report(EventId::SinkLags, {{"sink", Quoted{name_}},
                                       {"behind", behind()},
                                       {"age", std::chrono::duration_cast<std::chrono::seconds>(age)}});
  } else if (age < kCaughtUp && lagging_) {
    lagging_ = false;
    events_.report(EventId::SinkCaughtUp, {{"sink", Quoted{name_}}});
  }
}

void SinkRunner::failed(const Error& error) {
  close_sink();
  const auto now = Clock::now();
  const bool is_news = set_failure(error);
  failing_ = true;
  const bool is_first = !std::exchange(failure_is_told_, true);
  if (is_first) failing_since_ = now;
  if (error.kind == ErrorKind::Loop) {
    // Before the report: whoever reads it may resume the sink at once. An earlier request was not about
    // this loop.
    resumed_ = false;
    stopped_ = true;
    return events_.report(EventId::SinkStops, {{"sink", Quoted{name_}}, {"error", &error}});
  }
  if (is_first) backoff_.reset();
  backoff_.failed();
  if (!is_first && (!is_news || now < say_again_))
    return events_.report(EventId::SinkStillFails, {{"sink", Quoted{name_}}, {"error", &error}});
  say_again_ = now + kSayAgain;
  events_.report(
      EventId::SinkFails,
      {{"sink", Quoted{name_}}, {"error", &error}, {"retry", std::string_view(format(options_.retry_max))}});
}

// A loop lasts until an administrator breaks it.
void SinkRunner::wait_for_resume() {
  while (!resumed_ && !stopping_ && !finishing_) wait(Clock::time_point::max(), kFarAway);
  stopped_ = false;
  if (resumed_) events_.report(EventId::SinkResumes, {{"sink", Quoted{name_}}});
}

// Returns whether the failure differs from the one before.
bool SinkRunner::set_failure(std::optional<Error> failure) {
  const std::lock_guard lock(failure_mutex_);
  std::swap(failure_, failure);
  return failure_ != failure;
}

void SinkRunner::works() {
  if (!failing_) return;
  failing_ = false;
  if (!std::exchange(failure_is_told_, false)) failing_since_ = Clock::now();
  (void)set_failure({});
  events_.report(EventId::SinkWorks,
                 {{"sink", Quoted{name_}}, {"after", Clock::now() - failing_since_}, {"behind", behind()}});
}

void SinkRunner::wait(Clock::time_point deadline, StreamOffset wanted) {
  if (!stopping_ && !finishing_) (void)listener_.wait_until(wanted, deadline);
}

}  // namespace slurper
