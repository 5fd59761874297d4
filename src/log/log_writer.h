// LogWriter: the one writer of a log, its rotation and its recovery.
#pragma once

#include <sys/stat.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/os.h"
#include "base/settings.h"
#include "base/stream_offset.h"
#include "log/file_change.h"
#include "log/log_end.h"
#include "log/log_feed.h"
#include "log/log_index.h"
#include "log/log_position.h"
#include "log/rotation_state.h"
#include "log/segment_name.h"
#include "slurper/result.h"

namespace slurper {

// What a ring knows of its log.
struct RingWitness {
  Uuid log_id{};
  StreamOffset tail;  // the log was written up to here
  StreamOffset
      head;  // the ring holds the bytes from tail to here; the log may have those of one write(2) already
  std::uint64_t session = 0;
};

// Appends the stream's bytes to the active segment, whose size is the commit record: nothing else is noted
// for a write, and end() after a crash is the segment's base plus its size. Rotates between two lines only.
//
// A rotation goes through the states of rotation_state.h, and open() resolves each of them.
//
// Other processes may move, remove, cut or write to the log's file at any time. Each append() looks at the
// file before and after its write, and once a second at the paths of the file and of the index. The stream
// always resumes at end(), and the index notes each range of it that is gone. (docs/log-format.md, "When it
// fails")
//
// Its work is in four files: log_recovery.cc has the start, external_changes.cc what other processes do to
// the file, log_identity.cc what they do to the folder, and log_writer.cc the rest. That one is long because
// append, sync and rotation rely on one order of writes to the segment, the folder and the index.
//
// Belongs to one thread at a time. Holds the lock on the log as long as it lives.
class LogWriter {
 public:
  // Opens the log at settings.path, or makes it, and resolves whatever state a crash left.
  //
  // `boot` is the identity of this boot. If the log was last opened in another one, the rest of its last line
  // will never come, so a newline ends that line; and unless the log was closed, the stream continues beyond
  // all that may have been written and lost.
  //
  // `ring` is what a ring of this boot knows of the log. It stands in for an index that is gone, and shows if
  // the index is an old copy.
  static Result<std::unique_ptr<LogWriter>> open(Os& os, const LogSettings& settings, const Uuid& boot,
                                                 const std::optional<RingWitness>& ring = std::nullopt);

  // Reconciles the log's end with the inherited ring of this boot. The log was written up to `tail`, and
  // `pending` comes next; the log may have the bytes of one write(2) of it already. readable_from() must not
  // be behind the end of `pending`. Afterwards end() is in [tail, tail + pending.size()], and all bytes of
  // the log are the stream's. Begins the ring's `session`; one that is more than one ahead of session() shows
  // that the log came back from a backup.
  Status reconcile(StreamOffset tail, std::span<const char> pending, std::uint64_t session);
  // From this offset on, the files are open, so that reconcile() can tell the stream's bytes from others'.
  [[nodiscard]] StreamOffset readable_from() const { return moved_fd_ ? moved_base_ : position_.base(); }
  [[nodiscard]] std::uint64_t session() const { return record_.session; }

  // For readers in this process: which file the log is written to, and how far. publish() updates it.
  [[nodiscard]] LogFeed& feed() { return feed_; }
  void publish();

  // What open(), append() and the others found and did since the last call, for the operator: one sentence
  // each.
  [[nodiscard]] std::vector<Phrase> take_findings() { return std::exchange(findings_, {}); }

  [[nodiscard]] const LogPaths& paths() const { return paths_; }
  [[nodiscard]] FileAccess access() const { return {.mode = settings_.mode, .group = group_}; }
  [[nodiscard]] const Uuid& log_id() const { return record_.log_id; }
  [[nodiscard]] LogIds log_ids() const { return record_.ids(); }
  [[nodiscard]] StreamOffset active_base() const { return position_.base(); }
  [[nodiscard]] StreamOffset end() const { return position_.written(); }  // the process's death can't undo it
  [[nodiscard]] StreamOffset synced() const { return position_.synced(); }  // a loss of power can't undo it
  // Segments before it are complete, and the index on the disk says so.
  [[nodiscard]] StreamOffset indexed_base() const {
    const auto& record = index_.record();
    return record ? record->active_base : StreamOffset{};
  }
  [[nodiscard]] std::uint64_t rotations() const { return rotations_; }
  // The path of the segment before the active one; empty if it did not end by a rotation of this writer.
  [[nodiscard]] const std::string& rotated_to() const { return rotated_to_; }

  // Writes the first bytes of `data`, which is not empty, at end(), and returns how many: fewer than all if
  // the kernel took fewer, or if a segment ends; call again for the rest. After a failure nothing of `data`
  // is in the log beyond end().
  Result<std::size_t> append(std::span<const char> data);

  // Syncs what is not synced yet: fdatasync(2).
  Status sync();

  // Syncs, unless that is switched off, and notes that the log ends here: after a loss of power from now on
  // the stream resumes at the same offset. append() may follow.
  Status close();

  // Ends the active segment at the next line boundary: now, or in a later append().
  Status rotate();

  // When the active segment is due for rotation by age; nothing while it is empty, its age does not matter,
  // or its rotation was asked for. The clock may have been set back since a segment was begun: that one
  // counts as begun now.
  [[nodiscard]] std::optional<std::chrono::system_clock::time_point> rotation_due();

  // Why the last rotation failed, once. The log then keeps growing in the same segment.
  std::optional<Error> take_rotation_failure() { return std::exchange(rotation_failure_, std::nullopt); }

  // Goes on in a new file if the active segment's path shows another file, or none (logrotate moved it).
  // Returns whether it did.
  Result<bool> reopen();

  // Sets new limits, which hold from the next append() on. The path, mode and group stay.
  void set_limits(const LogSettings& settings);

 private:
  static constexpr std::size_t kLastBytes = 64;
  static constexpr std::uint64_t kReserve = std::uint64_t{256} << 20;  // one sync of the index for each

  LogWriter(Os& os, const LogSettings& settings, LogPaths paths, LogIndex index);

  // log_recovery.cc
  Status recover(const Uuid& boot, const std::optional<RingWitness>& ring);
  Result<StreamOffset> end_of_rotated(StreamOffset limit);
  struct RotationLook {
    RotationFacts facts;
    std::uint64_t active_size = 0;
    std::vector<std::string>
        rotated;  // the paths that `rotated_exists` is about; the original if `active_is_copy`
  };
  Result<RotationLook> look_at_rotation();
  Status resolve_rotation(const std::optional<RingWitness>& ring);
  Result<std::optional<struct stat>> stat_active();
  Status quarantine_rival(const std::string& loser, const std::string& rotated);
  Status open_without_index(const std::optional<RingWitness>& ring, std::uint64_t active_size);
  Status take_identity_from(const RingWitness& ring, std::uint64_t active_size);
  Result<bool> active_is_copy_of(const std::string& rotated);
  Status resume_behind_backup(StreamOffset tail);
  Status find_moved_file();
  Status close_torn_line();
  Status resume_after_reboot();
  Result<EndFacts> look_at_end(StreamOffset tail, std::span<const char> pending);
  Status go_on_at(StreamOffset tail, std::span<const char> pending);
  void note_cut(StreamOffset tail);
  Status leave_cut_file(StreamOffset tail);
  Result<std::size_t> written_of(std::span<const char> pending, StreamOffset from);

  // log_identity.cc
  Status follow_identity();

  // external_changes.cc
  enum class Patience { None, OneLook };
  Result<FileChange> change_of(const struct stat& st);
  Status follow_file();
  Result<bool> follow_path(Patience patience);
  Status follow_truncation();
  Status end_polluted(std::uint64_t foreign);
  Status quarantine();
  Result<bool> has_landed(std::span<const char> written);
  Status settle_rotated(const std::string& rotated);
  Result<std::string> quarantine_file() { return quarantine_file(paths_.active()); }
  Result<std::string> quarantine_file(const std::string& path);
  void remember(std::span<const char> written);
  void leave_file(NoteKind why);

  Status prepare();
  // What an empty file that is there gets: slurper may have been killed between its creation and its mode.
  enum class EmptyFile { AsItIs, WithAccess };
  Status open_active(EmptyFile empty = EmptyFile::AsItIs);
  Status begin_segment();
  Status finish_rotation();
  Status reserve(std::uint64_t bytes);
  Status write_index();
  Status sync_folder();
  Status set_own_size(std::uint64_t size);
  [[nodiscard]] Result<bool> file_has(int fd, std::uint64_t at, std::span<const char> bytes);
  [[nodiscard]] std::size_t fitting(std::span<const char> data) const;
  [[nodiscard]] bool rotation_wanted(std::size_t incoming);
  Status set_access(int fd);
  [[nodiscard]] bool durable() const { return settings_.sync.mode != SyncMode::None; }

  Os& os_;
  LogSettings settings_;
  LogPaths paths_;
  LogIndex index_;
  gid_t group_ = static_cast<gid_t>(-1);
  IndexRecord record_;
  dev_t active_device_ = 0;
  std::atomic<bool> occupied_{false};  // by the thread that is in it: OneAtATime
  LogFeed feed_;
  std::vector<Phrase> findings_;

  UniqueFd active_fd_;     // empty only between the states of a rotation that failed halfway
  bool restored_ = false;  // while opening: it is an old copy of the log
  UniqueFd moved_fd_;      // while opening: the segment before it, where that was moved away meanwhile
  StreamOffset moved_base_;
  LogPosition position_;
  bool at_line_start_ = true;
  std::string last_bytes_;  // with room for what remember() puts there; of the segment: whether a file that
                            // has grown still holds what was written
  bool rotate_requested_ = false;
  bool index_stale_ = false;      // the index must be written before the next byte
  bool folder_unsynced_ = false;  // the active segment's name may not survive a loss of power
  StreamOffset synced_reserve_;   // what the index on the disk says of it for sure
  bool path_was_missing_ = false;
  std::chrono::steady_clock::time_point next_look_;
  std::uint64_t rotations_ = 0;
  std::string rotated_to_;
  std::chrono::steady_clock::time_point next_rotation_attempt_;
  std::optional<Error> rotation_failure_;
};

}  // namespace slurper
