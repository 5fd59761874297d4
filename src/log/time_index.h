// TimeIndex: when the bytes of a log came, within half a second, over restarts.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/os.h"
#include "base/thread_owner.h"
#include "log/segment_name.h"
#include "log/slot_file.h"
#include "log/time_index_format.h"
#include "slurper/result.h"

namespace slurper {

// A sparse list of marks, by offset. The intake makes them, the log's thread writes them to a file beside the
// log, any thread looks them up. Nothing depends on it: if the file can't be written, marks stay in memory
// and get sparser; if it is damaged, or not this log's, it is begun anew.
//
// A SIGKILL takes the marks that were not yet in the file with it: those of bytes that the log had not
// either. Bytes that are taken over from a ring get the time of that, which is later than theirs. The file is
// never synced: a loss of power may take times that the log has the bytes of. The clock may be set back:
// marks are in order of their offsets alone.
class TimeIndex {
 public:
  // Of the stream when it is opened.
  struct Stream {
    StreamOffset log_end;  // bytes between here and head were taken over from a ring
    StreamOffset head;     // nothing has ever come beyond
  };

  // Opens the times of the log `log_id`, or begins them (with `access`). `os` outlives it.
  [[nodiscard]] static std::unique_ptr<TimeIndex> open(Os& os, LogPaths paths, const Uuid& log_id,
                                                       const FileAccess& access, const Stream& stream);

  // The intake's thread. Never waits for the disk.

  // Allocates nothing. Bytes are about to be taken from the FIFO, which will be those from `head` on: before
  // that, since the log may have them at once. Makes a mark if the last one is old.
  void coming(StreamOffset head);
  // Offsets never go back. A mark for the same one replaces it.
  void mark(const TimeMark& mark);

  // The log's thread.

  [[nodiscard]] bool has_unwritten() const { return has_unwritten_.load(); }
  // To be called before bytes that were marked are written to the log.
  void write();
  // The file may have been removed, with the log's folder: makes it again, with all that it said.
  void follow_path();
  // What was found when it was opened, or has gone wrong since, said once each: one sentence.
  [[nodiscard]] std::vector<Phrase> take_findings() { return std::exchange(findings_, {}); }

  // Any thread.

  // The log begins at `offset`: what is before it may be forgotten, with the next write().
  void forget_before(StreamOffset offset);

  struct Found {
    TimeMark mark;  // the last one that is not behind the offset: half a second off at most
    std::optional<StreamOffset> next;  // of the mark behind that; nothing: it is the newest
  };
  // Nothing if the offset is before the first mark, or if the file can't be read.
  [[nodiscard]] std::optional<Found> find(StreamOffset offset) const;
  // Of the newest mark.
  [[nodiscard]] StreamOffset newest() const { return {newest_.load()}; }

  static constexpr std::size_t kMaxUnwritten = 16384;  // more than two hours of a log that can't be written

 private:
  static constexpr std::chrono::seconds kFinest{1};
  static constexpr std::chrono::hours kCoarsest{24};

  struct File {
    UniqueFd fd;
    std::atomic<std::uint64_t> entries{0};
  };

  TimeIndex(Os& os, LogPaths paths, const Uuid& log_id, const FileAccess& access)
      : os_(os), paths_(std::move(paths)), log_id_(log_id), access_(access) {
    writing_.reserve(kMaxUnwritten);
    unwritten_.reserve(kMaxUnwritten);
  }

  Result<std::shared_ptr<File>> load(const Stream& stream);
  Result<std::shared_ptr<File>> begin_anew(const File* from, std::uint64_t first);
  Status copy(const File& from, std::uint64_t first, File& to);
  void rewrite_if_worth_it();
  void rewrite_without_what_is_forgotten();
  void thin_out();
  Status append(File& file, std::span<const TimeMark> marks);
  void failed(const Error& error);

  Os& os_;
  const LogPaths paths_;
  const Uuid log_id_;
  const FileAccess access_;

  // The intake's.
  ThreadOwner intake_;
  Timestamp last_time_{};
  bool marked_ = false;

  // The log thread's.
  std::vector<TimeMark> writing_;  // with room for all of unwritten_
  std::vector<Phrase> findings_;
  bool failing_ = false;
  bool is_lost_ = false;    // its file is to be made again
  StreamOffset forgotten_;  // up to where it has been looked at

  std::atomic<bool> has_unwritten_{false};
  std::atomic<std::uint64_t> forget_before_{0};
  std::atomic<std::uint64_t> newest_{0};

  mutable std::mutex mutex_;                // of what follows; never held while the disk is waited for
  std::shared_ptr<File> file_;              // empty: it could not be made yet
  std::vector<TimeMark> unwritten_;         // with room for kMaxUnwritten: a mark allocates nothing
  std::chrono::seconds spacing_ = kFinest;  // of what has been thinned out
};

// What a file of times looks like, for people: nothing if it is well, otherwise what is wrong with it.
// Fails with NoInput if there is none.
[[nodiscard]] Result<std::optional<Phrase>> inspect_times(Os& os, const LogPaths& paths, const Uuid& log_id);

}  // namespace slurper
