#include "log/housekeeper.h"

#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/phrase_id.h"
#include "base/start_thread.h"
#include "log/compress.h"

namespace slurper {

namespace {

// From ioprio_set(2), which names no header that C++ may include: linux/ioprio.h is the kernel's own, and
// since 6.1.192 it has a parameter named `class`.
constexpr int kIoprioWhoProcess = 1;
constexpr int kIoprioClassIdle = 3;
constexpr int kIoprioClassShift = 13;

constexpr std::chrono::seconds kRest{1};  // after what was thrown: mostly there is no memory

// Best effort: if the kernel or a sandbox refuses, the work is done at the usual priority.
void lower_priority() {
  constexpr int kLowest = 19;
  // To Linux a thread is a process of its own here, and 0 the calling one (setpriority(2), ioprio_set(2)).
  (void)setpriority(PRIO_PROCESS, 0, kLowest);
  (void)syscall(SYS_ioprio_set, kIoprioWhoProcess, 0, kIoprioClassIdle << kIoprioClassShift);
}

}  // namespace

Result<std::unique_ptr<Housekeeper>> Housekeeper::start(Os& os, const LogPaths& paths, const Options& options,
                                                        HousekeeperListener& listener) {
  try {
    return std::make_unique<Housekeeper>(os, paths, options, listener);
  } catch (const std::system_error& error) {
    return no_thread("housekeeper", error);
  }
}

Housekeeper::Housekeeper(Os& os, LogPaths paths, const Options& options, HousekeeperListener& listener)
    : os_(os),
      paths_(std::move(paths)),
      listener_(listener),
      options_(options),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

Housekeeper::~Housekeeper() {
  thread_.request_stop();
  thread_.join();
}

void Housekeeper::set_options(const Options& options) {
  const std::lock_guard lock(mutex_);
  new_options_ = options;
}

void Housekeeper::notify(StreamOffset active_base) {
  {
    const std::lock_guard lock(mutex_);
    work_before_ = active_base;
  }
  notified_.notify_one();
}

void Housekeeper::make_room(StreamOffset active_base) {
  {
    const std::lock_guard lock(mutex_);
    make_room_before_ = active_base;
  }
  notified_.notify_one();
}

Housekeeper::Counters Housekeeper::counters() const {
  return {.compressed = compressed_,
          .removed = removed_,
          .leftovers_removed = leftovers_removed_,
          .failures = failures_,
          .segments = segments_,
          .segment_bytes = segment_bytes_};
}

void Housekeeper::run(const std::stop_token& stop) {
  (void)pthread_setname_np(pthread_self(), "housekeeper");  // only for people who look
  lower_priority();
  // Whatever was asked for before the stop is looked at, though the stop may come before this thread has run
  // at all: what a crash has left is removed at the next end of slurper at the latest.
  for (;;) {
    try {
      serve(stop);
      return;
    } catch (...) {
      fell(WhatWasThrown().text());
      std::unique_lock lock(mutex_);
      (void)notified_.wait_for(lock, stop, kRest, [] { return false; });
      if (stop.stop_requested()) return;
    }
  }
}

// What is thrown costs it all that it knows, as a new start would: what it had begun is resolved and done
// again.
void Housekeeper::fell(const char* why) noexcept {
  resolved_ = false;
  given_up_.clear();
  {
    const std::lock_guard lock(mutex_);
    if (!work_before_) work_before_ = working_before_;
  }
  try {
    report_failure({.kind = ErrorKind::Busy,
                    .what = PhraseId::TidySegments,
                    .why = own_words(why),
                    .advice = PhraseId::SlurperTriesAgain});
  } catch (...) {
    // Not even this can be said; it is counted.
  }
}

void Housekeeper::serve(const std::stop_token& stop) {
  for (;;) {
    std::optional<StreamOffset> active_base;
    std::optional<StreamOffset> make_room_before;
    {
      std::unique_lock lock(mutex_);
      if (!notified_.wait(lock, stop, [&] { return work_before_ || make_room_before_; })) return;
      active_base = std::exchange(work_before_, std::nullopt);
      make_room_before = std::exchange(make_room_before_, std::nullopt);
      if (const auto options = std::exchange(new_options_, std::nullopt)) options_ = *options;
    }
    const std::uint64_t failures = failures_;
    if (active_base) working_before_ = active_base;
    if (make_room_before) remove_oldest(*make_room_before);
    if (active_base) work(*active_base, stop);
    working_before_.reset();
    if (active_base && failures_ == failures && given_up_.empty()) listener_.on_all_kept();
  }
}

void Housekeeper::work(StreamOffset active_base, const std::stop_token& stop) {
  if (!std::exchange(resolved_, true)) resolve(active_base, stop);
  // Listed once: there may be 50,000, and nothing is added before `active_base` meanwhile.
  auto segments = list(active_base);
  if (!segments) return;
  count(*segments);
  // A limit on files can be kept at once, and spares compressing what goes anyway. One on bytes has to wait
  // until all is compressed: before that it would take more than it must.
  const RetentionLimits files_only{.keep_files = options_.limits.keep_files};
  bool retaining = true;
  if (options_.compress != Compression::None) {
    retaining = retain(*segments, files_only);
    compress(*segments, stop);
  }
  if (retaining && !stop.stop_requested()) (void)retain(*segments, options_.limits);  // has been reported
  count(*segments);
}

void Housekeeper::count(const std::vector<Segment>& segments) {
  std::uint64_t bytes = 0;
  for (const Segment& segment : segments) bytes += segment.stored;
  segments_ = segments.size();
  segment_bytes_ = bytes;
}

void Housekeeper::resolve(StreamOffset active_base, const std::stop_token& stop) {
  const Leftovers leftovers = resolve_leftovers(os_, paths_, active_base, stop);
  for (const std::string& path : leftovers.removed) {
    ++leftovers_removed_;
    listener_.on_leftover_removed(path);
  }
  for (const Error& failure : leftovers.failures) report_failure(failure);
}

std::optional<std::vector<Segment>> Housekeeper::list(StreamOffset active_base) {
  auto segments = list_segments(os_, paths_);
  if (!segments) {
    report_failure(segments.error());
    return std::nullopt;
  }
  std::erase_if(*segments, [&](const Segment& segment) { return segment.base >= active_base; });
  return std::move(*segments);
}

// Takes out of `segments` what is gone. Whether it is worth trying again before the next rotation.
bool Housekeeper::retain(std::vector<Segment>& segments, const RetentionLimits& limits) {
  if (limits.keep_files == 0 && limits.keep_size.bytes == 0) return true;
  const RetentionOutcome outcome = carry_out(os_, paths_, plan_retention(segments, limits));
  segments.erase(segments.begin(), segments.begin() + static_cast<std::ptrdiff_t>(outcome.gone));
  for (const Segment& segment : outcome.removed) {
    ++removed_;
    listener_.on_removed(segment);
  }
  if (outcome.failure) report_failure(*outcome.failure);
  return !outcome.failure;
}

void Housekeeper::remove_oldest(StreamOffset active_base) {
  const auto segments = list(active_base);
  if (!segments) return;
  const RetentionOutcome outcome = carry_out(os_, paths_, plan_room(*segments));
  for (const Segment& segment : outcome.removed) {
    ++removed_;
    listener_.on_removed_for_room(segment);
  }
  if (outcome.failure) report_failure(*outcome.failure);
}

// Puts the compressed ones in their places in `segments`.
void Housekeeper::compress(std::vector<Segment>& segments, const std::stop_token& stop) {
  for (Segment& segment : segments) {
    if (segment.compressed || given_up_.contains(segment.base)) continue;
    if (stop.stop_requested() || !compress_one(segment, stop)) break;
  }
  // One that was there both ways has been written anew.
  const auto again = std::ranges::unique(segments, [](const Segment& one, const Segment& other) {
    return one.base == other.base && one.compressed && other.compressed;
  });
  segments.erase(again.begin(), again.end());
}

// Whether the next one is worth trying.
bool Housekeeper::compress_one(Segment& segment, const std::stop_token& stop) {
  const auto compressed = compress_segment(os_, paths_, segment, stop);
  if (!compressed) {
    // Another process has removed it since it was listed: so be it.
    if (compressed.error().errnum == ENOENT) return true;
    report_failure(compressed.error());
    const int errnum = compressed.error().errnum;
    if (errnum == ENOSPC || errnum == EDQUOT) return false;
    given_up_.insert(segment.base);
    return true;
  }
  const std::optional<Segment>& done = *compressed;
  if (!done) return false;  // cancelled
  ++compressed_;
  listener_.on_compressed(segment, *done);
  segment = *done;
  return true;
}

void Housekeeper::report_failure(const Error& error) {
  ++failures_;
  listener_.on_housekeeping_failed(error);
}

}  // namespace slurper
