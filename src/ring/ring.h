// The ring: bytes that were taken from the FIFO and are not yet in the log, in RAM that outlives the process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/os.h"
#include "base/settings.h"
#include "base/stream_offset.h"
#include "base/uuid.h"
#include "ring/ring_format.h"
#include "ring/ring_relation.h"
#include "slurper/result.h"

namespace slurper {

// One file on a RAM file system, mapped shared, its data twice in a row, so that any run of up to size()
// bytes is one piece of memory. The memory belongs to the file: a process that dies at any instruction leaves
// it as it was.
//
// Threads: the intake calls everything but bytes() and release(), which belong to the log's thread.
// A crash of the process loses nothing; one of the machine loses all.
class Ring {
 public:
  // What was found at `directory`, for the operator.
  struct Opened;

  // Opens the ring of the log `log_id` in `directory` (see open_ring_folder), or makes it, to
  // begin at the log's end. What becomes of a ring that is there depends on how it stands to the log: see
  // ring_relation.h. One that holds what no log has and can't go on is put aside under another name and never
  // deleted. Where it is used, the caller holds the log's end against tail() and the bytes behind it, and
  // releases what the log has. Errors: Busy (another slurper uses it), CantCreate, NoPermission (another
  // user's, too: nothing of that is touched), Io.
  static Result<Opened> open(Os& os, const std::string& directory, const RingSettings& settings,
                             const Uuid& log_id, const Uuid& boot, const LogFacts& log);

  // Reads what the ring at `path` holds, which may have been put aside: nothing of it is changed, and it is
  // locked as long as the result lives. Its declared read has been settled, in memory. Errors: NoInput; Busy
  // (a slurper uses it); Data (it is no ring that this version knows, or contradicts itself); NoPermission,
  // Io.
  struct Salvaged;
  static Result<Salvaged> salvage(Os& os, const std::string& path);

  // Whether this kernel has what a ring needs: Linux 5.14. Errors: Config, since a restart does not help.
  [[nodiscard]] static Status check_kernel(Os& os);

  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;
  ~Ring();

  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] StreamOffset head() const { return {header_->head.load(std::memory_order_acquire)}; }
  [[nodiscard]] StreamOffset tail() const { return {header_->tail.load(std::memory_order_acquire)}; }
  [[nodiscard]] std::uint64_t used() const { return head() - tail(); }
  [[nodiscard]] std::uint64_t room() const { return size_ - used(); }
  [[nodiscard]] std::uint64_t dropped_lines() const {
    return header_->dropped_lines.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t dropped_bytes() const {
    return header_->dropped_bytes.load(std::memory_order_relaxed);
  }
  // The beginning of a line was dropped: what comes up to the next newline must be dropped too.
  [[nodiscard]] bool dropping() const { return header_->dropping.load(std::memory_order_relaxed) != 0; }
  // Counts how often a ring of this log was taken over; the log's index gets the same number.
  [[nodiscard]] std::uint64_t session() const { return header_->session; }
  // Whether the byte before head is a newline. True, too, where nothing has been taken since the ring was
  // last rewound: ask while it holds something, or after it did.
  [[nodiscard]] bool head_is_at_line_start() const;

  // Takes `size` bytes (at most room(), at least 1, and no more than the pipe holds) from the FIFO, so that
  // whenever the process dies each of them is either still in the pipe or here. The declared read: see
  // ring_format.h. The bytes taken, fewer if another reader took some or stopped_by_limit(); or -errno:
  // -EAGAIN another reader was faster, -ENOSPC the ring's file system has no memory left, -EFBIG the limit on
  // the size of files (RLIMIT_FSIZE) ends before the ring's head does. Nothing was read then.
  ssize_t take(int fifo_fd, std::uint64_t size);

  // The same, but the bytes (at most kMaxDrop, whatever room() is) are thrown away, and counted: those that
  // were taken, and the lines that end among them.
  static constexpr std::uint64_t kMaxDrop = ring_format::kScratchBytes;
  ssize_t drop(int fifo_fd, std::uint64_t size);

  // Whether the last read ended at the limit on the size of files, which anyone may lower under a running
  // process (prlimit(2)): what is missing is still in the pipe. It costs a system call.
  [[nodiscard]] bool stopped_by_limit() const;

  // Copies what the pipe holds, `size` bytes (kMaxDrop) at the most, without taking it (tee(2)), to peeked().
  // They stand there until the next peek or drop. The bytes copied, or -errno as take().
  ssize_t peek(int fifo_fd, std::uint64_t size);
  [[nodiscard]] const char* peeked() const { return scratch(); }

  // It has grown beyond `keep` bytes of memory.
  [[nodiscard]] bool is_large(std::uint64_t keep) const { return high_water_ > keep || scratch_used_; }
  // While the ring is empty: gives memory beyond the first `keep` bytes back to the system. What it gave
  // back.
  std::uint64_t give_back(std::uint64_t keep);

  // [from, to) of the stream; both between tail() and head().
  [[nodiscard]] std::span<const char> bytes(StreamOffset from, StreamOffset to) const;
  // The log has everything before `offset`.
  void release(StreamOffset offset) { header_->tail.store(offset.value, std::memory_order_release); }

 private:
  Ring(Os& os, UniqueFd file_fd, std::uint64_t size);
  enum class Mapping { Shared, Private };
  Status map(const std::string& path, Mapping mapping = Mapping::Shared);
  Status prepare_reads(const std::string& path);
  std::optional<bool> recover();
  [[nodiscard]] RingFacts facts(const ring_format::Identity& found,
                                const ring_format::Identity& wanted) const;
  void join(const ring_format::Identity& found, const ring_format::Identity& wanted, const LogFacts& log,
            Opened& opened);
  void settle(std::uint64_t got);
  int back(char* place, std::uint64_t size);
  int back_scratch(std::uint64_t size);
  ssize_t declared_read(int fifo_fd, char* place, std::uint64_t size, ring_format::Fate fate);
  [[nodiscard]] std::uint64_t position(StreamOffset offset) const {
    return (offset.value - header_->origin.load(std::memory_order_relaxed)) % size_;
  }
  [[nodiscard]] char* at(StreamOffset offset) const { return data_ + position(offset); }
  [[nodiscard]] char* scratch() const { return mapping_ + ring_format::kScratchAt; }

  Os& os_;
  UniqueFd file_fd_;
  std::uint64_t size_;
  char* mapping_ = nullptr;  // header, data, data again
  ring_format::Header* header_ = nullptr;
  char* data_ = nullptr;
  std::uint64_t high_water_;          // data beyond this position have no memory: it was given back
  std::uint64_t backed_ = 0;          // data before this position have memory of their own
  bool scratch_used_ = true;          // the scratch may have memory
  std::uint64_t scratch_backed_ = 0;  // its first bytes have
  UniqueFd peek_read_fd_;             // a private pipe for peek()
  UniqueFd peek_write_fd_;
  bool peek_pipe_is_large_ = false;
};

struct Ring::Opened {
  std::unique_ptr<Ring> ring;
  std::string path;
  RingRelation relation = RingRelation::Spent;  // of the ring that was found, or Spent: there was none
  bool in_ram = true;  // false: its file system is on a disk, which makes it slow and wears the disk
  // The last bytes were taken by a read that the process did not live to note.
  bool read_was_cut_short = false;
  std::string quarantined;  // where a ring that can't be used went; empty: nothing was put aside
  std::string quarantine_reason;
  std::vector<std::string> findings;  // what was mended: worth a warning each
  bool size_differs = false;          // it keeps its old size, because it is not empty
};

struct Ring::Salvaged {
  std::unique_ptr<Ring> ring;
  Uuid log_id{};
  Uuid boot_id{};
};

}  // namespace slurper
