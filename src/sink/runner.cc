#include "sink/runner.h"

#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/error.h"
#include "base/event_loop.h"
#include "base/phrase_id.h"
#include "base/start_thread.h"
#include "base/text.h"

namespace slurper {

namespace {

using namespace std::chrono_literals;

// If CPUs are scarce, the intake and the log come first: what a sink has not read yet waits safely in the
// log. For measurements see docs/performance.md.
constexpr int kNicer = 10;
constexpr StreamOffset kFarAway{~std::uint64_t{0}};

// A plug-in's own words may contain anything.
Phrase escaped(const Phrase& reason) {
  return reason.id() == PhraseId::Text ? own_words(printable(reason.arguments().front().value.text()))
                                       : reason;
}

}  // namespace

SinkRunner::SinkRunner(const SinkLog& log, PreparedSink sink, EventListener& events, PhraseRenderer render)
    : log_(log),
      name_(sink.name),
      options_(sink.options),
      make_sink_(std::move(sink.make)),
      events_(events),
      render_(render),
      source_(log.os, log.paths, log.feed, log.times, log_.ids.id, options_.source),
      // Nothing after the log's end at this moment is old.
      progress_(
          log_, name_, source_, log.feed.end(), options_.on_reset, [this] { return stopping_.load(); },
          [this](Level level, const Phrase& text) { say(level, text); }),
      health_(name_, log.feed, progress_.acked(), options_.retry_max, events),
      dead_letters_(log.os, sink.dead_letters.empty() ? log.paths.dead_letters(sink.name) : sink.dead_letters,
                    log.access, render),
      origin_of_(std::move(sink.origin_of)),
      window_([this](RecordBatch batch) { source_.recycle(std::move(batch)); }),
      context_{.name = name_,
               .log_id = log.ids.id,
               .former_log_id = log.ids.former,
               .machine_id = log.machine,
               .checksum = &record_checksum,
               .acks = nullptr,
               .wake_fd = -1,
               .stop_fd = -1,
               .say = [this](Level level, const Phrase& text) { say(level, text); },
               .show = [this](const Phrase& text) { show(text, false); },
               .show_problem = [this](const Phrase& text) { show(text, true); }} {}

SinkRunner::~SinkRunner() {
  (void)stop(Clock::time_point::max());
}

Status SinkRunner::start() {
  for (UniqueFd* const fd : {&stop_fd_, &wake_fd_}) {
    Result<UniqueFd> made = make_eventfd();
    if (!made) return std::unexpected(made.error());
    *fd = std::move(*made);
  }
  context_.stop_fd = stop_fd_.get();
  context_.wake_fd = wake_fd_.get();
  listener_ = std::make_unique<LogFeed::Listener>(log_.feed, wake_fd_.get());
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

// The writes below fail before start(), when no one waits.
void SinkRunner::finish() {
  finish_at_ = log_.feed.end().value;
  finishing_ = true;
  (void)::eventfd_write(wake_fd_.get(), 1);
}

void SinkRunner::request_stop() {
  stopping_ = true;
  (void)::eventfd_write(stop_fd_.get(), 1);
  (void)::eventfd_write(wake_fd_.get(), 1);
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
  (void)::eventfd_write(wake_fd_.get(), 1);
}

SinkStatus SinkRunner::status() const {
  SinkStatus status{.name = name_,
                    .records = records_,
                    .bytes = bytes_,
                    .in_flight = in_flight_,
                    .latency = std::chrono::milliseconds(latency_),
                    .latencies = latencies_.counts(),
                    .paused = paused_};
  progress_.fill(status);
  health_.fill(status);
  const std::lock_guard lock(shown_mutex_);
  status.shown = shown_;
  status.has_problem = shows_problem_;
  return status;
}

void SinkRunner::say(Level level, const Phrase& text) const {
  constexpr std::array kEvents = {EventId::SinkDebug, EventId::SinkInfo, EventId::SinkWarning,
                                  EventId::SinkError};
  events_.report(kEvents[static_cast<std::size_t>(level)], {{"sink", Quoted{name_}}, {"text", &text}});
}

void SinkRunner::show(const Phrase& text, bool is_problem) {
  std::string words = text.empty() ? std::string() : render_(escaped(text));
  const std::lock_guard lock(shown_mutex_);
  std::swap(shown_, words);
  shows_problem_ = is_problem;
}

void SinkRunner::run() {
  while (!stopping_) {
    bool works = false;
    try {
      progress_.follow_log();
      serve_order();
      if (paused_ && !is_open_) {
        rest();
        if (finishing_) break;
        wait(Clock::time_point::max(), kFarAway);
        continue;
      }
      if (wait_for_resume()) continue;
      const Status status = turn();
      works = status.has_value();
      if (stopping_) break;
      if (!works) {
        if (paused_) given_back_ += window_.records();
        close_sink();
        // Before the report: whoever reads it may resume the sink at once. An earlier request was not about
        // this loop.
        is_stopped_ = status.error().kind == ErrorKind::Loop;
        if (is_stopped_) resumed_ = false;
        health_.failed(status.error());
        if (is_stopped_ && !finishing_) continue;
      }
    } catch (...) {
      health_.out_of_memory();
      tear_down();
    }
    if (finishing_ && (!works || (is_open_ && is_done()))) break;
    if (!works) wait(Clock::now() + health_.pause(), kFarAway);
  }
  abandon_orders();
  close_sink();
  try {
    progress_.follow_log();
    if (const Status saved = progress_.sync_at_end(); !saved)
      say(Level::Warning, as_phrase(saved.error(), PhraseId::MayRepeatLines));
  } catch (...) {
    // The cursor stays as it was, so lines are delivered again.
  }
  sink_.reset();  // on its own thread
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

// The records in flight stay valid until the sink is closed.
void SinkRunner::close_sink() noexcept {
  if (!is_open_) return;
  is_open_ = false;
  acks_->detach();
  try {
    sink_->close();
  } catch (...) {
    sink_.reset();  // it is unknown what it still has
  }
  {
    const std::lock_guard lock(shown_mutex_);
    shown_.clear();
    shows_problem_ = false;
  }
  window_.clear();
  handed_.clear();
  in_flight_ = 0;
}

void SinkRunner::tear_down() noexcept {
  close_sink();
  sink_.reset();
  progress_.close();
}

// Opens the sink and continues at the offset that the destination has reached. The cursor comes first: the
// sink's beginning must be recorded even if its type does not exist yet.
Status SinkRunner::open_sink() {
  if (Status opened = progress_.open(options_.start); !opened) return opened;
  if (!sink_) {
    Result<std::unique_ptr<Sink>> made = make_sink_();
    if (!made) return std::unexpected(made.error());
    sink_ = std::move(*made);
  }
  acks_ = std::make_shared<AckQueue>(wake_fd_.get());
  context_.acks = acks_;
  const auto opened = sink_->open(context_);
  if (!opened) {
    show({}, false);
    acks_->detach();
    return std::unexpected(opened.error());
  }
  is_open_ = true;
  has_borders_ = sink_->border() != 0;
  source_.set_border(sink_->border());
  linger_until_.reset();
  line_.reset();
  is_flushed_ = false;
  const Result<StreamOffset> begin = progress_.resume_at(*opened);
  if (!begin) return std::unexpected(begin.error());
  if (Status found = source_.seek(*begin, [this] { return stopping_.load(); }); !found) return found;
  if (log_.feed.end() <= *begin) health_.works();
  return {};
}

// Hands over what the log has as soon as a batch is worth it, and waits for more or for acknowledgements.
Status SinkRunner::step() {
  if (std::exchange(has_waited_, false)) {
    if (Status worked = sink_->work(); !worked) return worked;
    if (Status taken = take_acks(); !taken) return taken;
  }
  const bool is_full = window_is_full();
  const auto now = Clock::now();
  if (paused_ && (window_.empty() || now >= pause_due_)) return leave_off();
  const bool may_deliver =
      !paused_ && !is_full && !has_finished_reading() && (now >= next_delivery_ || finishing_);
  if (may_deliver) {
    if (Status read = read_log(); !read) return read;
    if (source_.has_news()) {
      if (!linger_until_) linger_until_ = now + options_.source.batch_time;
      if (source_.is_full() || finishing_ || now >= *linger_until_) {
        linger_until_.reset();
        return deliver();
      }
      wait(*linger_until_, source_.full_at());
      return {};
    }
  }
  StreamOffset wanted = kFarAway;
  if (may_deliver) wanted = has_borders_ ? source_.full_at() : source_.read_up_to() + 1;
  auto deadline = now < next_delivery_ ? next_delivery_ : Clock::time_point::max();
  if (!window_.empty()) {
    if (!is_flushed_ && (finishing_ || paused_ || is_full || now >= flush_due_)) return flush();
    if (paused_) deadline = std::min(deadline, pause_due_);
    if (!is_flushed_) deadline = std::min(deadline, flush_due_);
    health_.watch_lag(handed_.front().arrival);
    deadline = std::min(deadline, health_.lag_due(handed_.front().arrival));
  } else {
    if (may_deliver) health_.watch_lag(std::chrono::system_clock::now());
    if (now >= progress_.sync_due()) return progress_.sync();
    deadline = std::min(deadline, progress_.sync_due());
  }
  wait(deadline, wanted);
  return {};
}

Status SinkRunner::read_log() {
  const auto missing = source_.read();
  if (!missing && missing.error().kind == ErrorKind::Data) {
    const RecordSource::Missing skipped = source_.skip_damaged();
    if (skipped.bytes == 0)
      return std::unexpected(missing.error());  // not the error of a segment: it would recur at once
    say(Level::Error, as_phrase(missing.error(), PhraseId::LogNotAllReadable));
    progress_.note_gap(skipped);
    return {};
  }
  if (!missing) return std::unexpected(missing.error());
  progress_.note_gap(*missing);
  return {};
}

// What is written after finish() is not this runner's.
bool SinkRunner::has_finished_reading() const {
  return finishing_ && source_.position().value >= finish_at_;
}

// Whether the destination has every complete line up to where finish() found the log's end.
bool SinkRunner::is_done() const {
  const bool at_end = source_.read_up_to().value >= finish_at_ && !source_.has_news();
  return window_.empty() && (has_finished_reading() || at_end);
}

Status SinkRunner::deliver() {
  while (!stopping_ && !has_order_ && !window_is_full() && !has_finished_reading() &&
         (Clock::now() >= next_delivery_ || finishing_)) {
    RecordBatch batch = source_.take();
    if (batch.empty()) {
      source_.recycle(std::move(batch));
      break;
    }
    const auto now = Clock::now();
    health_.watch_lag(batch.records.front().arrival());
    if (options_.max_rate != 0) {
      const auto bytes = static_cast<double>(batch.end() - batch.begin());
      const std::chrono::duration<double> takes(bytes / static_cast<double>(options_.max_rate));
      next_delivery_ = std::max(now, next_delivery_) + std::chrono::ceil<Clock::duration>(takes);
    }
    const RecordBatch& handed = window_.add(std::move(batch));
    const Record& first = handed.records.front();
    const auto arrival = log_.times.arrival({first.offset()});
    handed_.push_back({.end = {handed.end()},
                       .at = now,
                       .arrival = first.arrival(),
                       .arrived = arrival ? std::optional(arrival->time) : std::nullopt,
                       .records = handed.records.size()});
    note_handed(handed.records);
    is_flushed_ = false;
    const Status delivered = sink_->deliver(handed.records);
    flush_due_ = Clock::now() + sink_->flush_after();
    const Status taken = take_acks();
    if (!delivered) return delivered;
    if (!taken) return taken;
  }
  return window_.empty() ? note_position() : Status();
}

Status SinkRunner::flush() {
  is_flushed_ = true;
  const Status flushed = sink_->flush();
  const Status taken = take_acks();
  return flushed ? taken : flushed;
}

// What was acknowledged before an error counts.
Status SinkRunner::take_acks() {
  const Status reported = acks_->take(window_);
  const Status settled = settle();
  in_flight_ = window_.records();
  return settled ? reported : settled;
}

// Removes what the destination has, or has refused, from the window's front.
Status SinkRunner::settle() {
  Status good;
  bool any = false;
  while (const auto settled = window_.front()) {
    if (settled->refused != nullptr) {
      good = keep_refused(*settled);
      if (!good) break;
    } else {
      refused_in_a_row_ = 0;
      records_ += settled->records;
      bytes_ += settled->bytes;
      if (settled->line_end) progress_.delivered(*settled->line_end);
    }
    window_.pop(*settled);
    any = true;
    while (!handed_.empty() && handed_.front().end <= settled->end) {
      const auto now = Clock::now();
      const Handed& handed = handed_.front();
      latency_ = std::chrono::ceil<std::chrono::milliseconds>(now - handed.at).count();
      if (handed.arrived) latencies_.observe(now - *handed.arrived, handed.records);
      handed_.pop_front();
    }
  }
  if (!any) return good;
  // A batch that was accepted is not a batch that was delivered: a server that resets every connection also
  // accepts one each time.
  health_.works();
  const Status noted = note_position();
  return good ? noted : good;
}

// Moves the cursor to the first record in flight. What the filter rejected needs no acknowledgement. If a gap
// has replaced the rest of a split line, the line has ended.
Status SinkRunner::note_position() {
  // Only at the beginning of a block, so that the same batches come again.
  if (has_borders_)
    return progress_.reach(window_.empty() ? source_.position() : window_.batch_begin(), std::nullopt);
  if (window_.empty() && !source_.in_parts()) line_.reset();
  return progress_.reach(window_.empty() ? source_.position() : window_.begin(), line_);
}

// A line of which the log has only a part resumes at its first part, so that it splits identically.
void SinkRunner::note_handed(const std::vector<Record>& batch) {
  const auto ends = [](const Record& record) { return ends_a_line(record.part()); };
  if (ends(batch.back())) return line_.reset();
  const auto end = std::find_if(batch.rbegin(), batch.rend(), ends);
  if (end != batch.rend() || batch.front().part() == Part::First) line_ = StreamOffset{end.base()->offset()};
}

// A destination that refuses whatever it gets is not right about each line: its settings are wrong, or the
// sink's.
Status SinkRunner::keep_refused(const DeliveryWindow::Settled& record) {
  const Phrase reason = escaped(*record.reason);
  if (options_.reject_limit != 0 && refused_in_a_row_ >= options_.reject_limit) {
    return fail(ErrorKind::Config, PhraseId::DeliverLines,
                {PhraseId::RefusesAllLines, {{"lines", refused_in_a_row_}, {"reason", reason}}});
  }
  const Record letter = origin_of_ ? origin_of_(*record.refused) : *record.refused;
  if (Status kept = dead_letters_.append(name_, letter, *record.reason); !kept) return kept;
  ++refused_in_a_row_;
  if (progress_.rejected_ever() == 0)
    say(Level::Warning, about_file(PhraseId::LineRefused, dead_letters_.path()).with({"reason", reason}));
  progress_.rejected();
  return {};
}

// A loop lasts until an administrator breaks it. Returns whether the sink still waits for that.
bool SinkRunner::wait_for_resume() {
  if (!is_stopped_ || finishing_) return false;
  if (!resumed_) {
    wait(Clock::time_point::max(), kFarAway);
    return true;
  }
  is_stopped_ = false;
  health_.resumes();
  return false;
}

// At the end, only acknowledgements are waited for.
void SinkRunner::wait(Clock::time_point deadline, StreamOffset wanted) {
  if (stopping_ || (finishing_ && window_.empty())) return;
  (void)listener_->wait_until(wanted, deadline);
  has_waited_ = true;
}

}  // namespace slurper
