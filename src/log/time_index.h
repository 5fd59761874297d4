// TimeIndex: when the bytes of a log came, within half a second, across restarts.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/os.h"
#include "base/thread_owner.h"
#include "log/log_ids.h"
#include "log/recent_arrivals.h"
#include "log/segment_name.h"
#include "log/slot_file.h"
#include "log/time_index_format.h"
#include "log/times_file.h"
#include "slurper/result.h"

namespace slurper {

// A sparse list of marks, by offset. The intake makes them, the log's thread writes them to a file beside the
// log, and any thread looks them up. Only the times depend on it: if the file can't be written, marks stay in
// memory and get sparser; if the file is damaged, or another log's, a new one begins.
//
// A SIGKILL loses the marks that were not in the file yet: their bytes were not in the log either. Bytes that
// are recovered from a ring get the time of the recovery. The file is never synced: a loss of power may lose
// times of bytes that the log has. The clock may be set back, so the marks are ordered by their offsets
// alone.
class TimeIndex {
 public:
  // The stream at the start.
  struct Stream {
    StreamOffset log_end;  // bytes between here and head were recovered from a ring
    StreamOffset head;     // no byte has ever come beyond
  };

  // Opens the times of the log `log`, or begins them (with `access`). `os` outlives it.
  [[nodiscard]] static std::unique_ptr<TimeIndex> open(Os& os, LogPaths paths, const LogIds& log,
                                                       const FileAccess& access, const Stream& stream);

  // The intake's thread. Never waits for the disk.

  // Call this before bytes are read from the FIFO, because the log may have them at once. They will begin at
  // `head`, at `now`. Makes a mark if the last one is old. Allocates nothing.
  void coming(StreamOffset head, RecentArrivals::Clock::time_point now);
  // Offsets never go back. A mark for the same offset replaces the last one.
  void mark(const TimeMark& mark);

  // The log's thread.

  [[nodiscard]] bool has_unwritten() const { return has_unwritten_.load(); }
  // Call this before bytes that were marked are written to the log.
  void write();
  // The file may have been removed together with the log's folder: makes it again, with all its marks.
  void follow_path();
  // What was found at the start, and what has failed since: each is reported once, as one sentence.
  [[nodiscard]] std::vector<Phrase> take_findings() { return std::exchange(findings_, {}); }

  // Any thread.

  // The log begins at `offset`: the next write() may forget earlier marks.
  void forget_before(StreamOffset offset);

  struct Found {
    TimeMark mark;                     // the last one up to the offset: at most half a second off
    std::optional<StreamOffset> next;  // the offset of the mark after it; empty: it is the newest
  };
  // Empty if the offset is before the first mark, or if the file can't be read.
  [[nodiscard]] std::optional<Found> find(StreamOffset offset) const;
  // When the byte at `offset` came, by the steady clock: to the microsecond if it has come lately, or else as
  // find() knows it. Empty if it is unknown.
  [[nodiscard]] std::optional<RecentArrivals::Arrival> arrival(StreamOffset offset) const;
  // The offset of the newest mark.
  [[nodiscard]] StreamOffset newest() const { return {newest_.load()}; }

  static constexpr std::size_t kMaxUnwritten = 16384;  // more than two hours of a log that can't be written

 private:
  static constexpr std::chrono::seconds kFinest{1};
  static constexpr std::chrono::hours kCoarsest{24};

  TimeIndex(Os& os, LogPaths paths, const LogIds& log, const FileAccess& access)
      : os_(os), paths_(std::move(paths)), log_(log), access_(access) {
    writing_.reserve(kMaxUnwritten);
    unwritten_.reserve(kMaxUnwritten);
  }

  Result<std::shared_ptr<TimesFile>> load(const Stream& stream);
  // Makes a new file, with the entries of `from`, if there is one, from `first` on.
  Result<std::shared_ptr<TimesFile>> begin_anew(const TimesFile* from, std::uint64_t first);
  void rewrite_if_worth_it();
  void rewrite_without_what_is_forgotten();
  void thin_out();
  void failed(const Error& error);

  Os& os_;
  const LogPaths paths_;
  const LogIds log_;
  const FileAccess access_;

  // The intake uses these.
  ThreadOwner intake_;
  Timestamp last_time_{};
  bool marked_ = false;

  // The log's thread uses these.
  std::vector<TimeMark> writing_;  // with room for all of unwritten_
  std::vector<Phrase> findings_;
  bool failing_ = false;
  bool is_lost_ = false;    // its file must be made again
  StreamOffset forgotten_;  // the last offset for which a rewrite was considered

  std::atomic<bool> has_unwritten_{false};
  std::atomic<std::uint64_t> forget_before_{0};
  std::atomic<std::uint64_t> newest_{0};
  RecentArrivals recent_;

  mutable std::mutex mutex_;                // protects what follows; never held during a wait for the disk
  std::shared_ptr<TimesFile> file_;         // empty: it could not be made yet
  std::vector<TimeMark> unwritten_;         // with room for kMaxUnwritten: a mark allocates nothing
  std::chrono::seconds spacing_ = kFinest;  // of what has been thinned out
};

}  // namespace slurper
