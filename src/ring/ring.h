// The ring: bytes that were read from the FIFO and are not yet in the log, in RAM that outlives the process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/contract.h"
#include "base/fd.h"
#include "base/os.h"
#include "base/settings.h"
#include "base/stream_offset.h"
#include "base/thread_owner.h"
#include "base/uuid.h"
#include "ring/ring_format.h"
#include "ring/ring_relation.h"
#include "slurper/result.h"

namespace slurper {

// One file on a RAM file system, mapped shared. Its data are mapped twice in a row, so that any run of up to
// size() bytes is one piece of memory. The memory belongs to the file: whenever the process dies, at any
// instruction, the ring stays as it was.
//
// ring.cc is one file, since opening, reading and recovery share one order of stores to the header, which
// must be seen whole.
//
// Threads: the intake calls everything but bytes() and release(), which belong to the log's thread. A crash
// of the process loses nothing; a crash of the machine loses everything.
class Ring {
 public:
  // What a start found in `directory`, for the operator.
  struct Opened;

  // Opens the ring of the log `log_id` in `directory` (see open_ring_folder). Creates it at the log's end if
  // it is missing. What happens to an existing ring depends on how it relates to the log: see
  // ring_relation.h. A ring that holds what no log has and can't continue is quarantined under another name
  // and never deleted. If the existing ring is used, the caller compares the log's end with tail() and the
  // bytes after it, and releases what the log has. Errors: Busy (another slurper uses it), CantCreate,
  // NoPermission (also if it is another user's, which stays untouched), Io.
  static Result<Opened> open(Os& os, const std::string& directory, const RingSettings& settings,
                             const Uuid& log_id, const Uuid& boot, const LogFacts& log);

  // Reads the contents of the ring at `path`, which may be quarantined. Changes nothing in the file, and
  // locks it as long as the result lives. The declared read is settled in memory. Errors: NoInput; Busy (a
  // slurper uses it); Data (this version does not know it as a ring, or it contradicts itself); NoPermission,
  // Io.
  struct Salvaged;
  static Result<Salvaged> salvage(Os& os, const std::string& path);

  // Checks that this kernel has what a ring needs: Linux 5.14. Errors: Config, because a restart does not
  // help.
  [[nodiscard]] static Status check_kernel(Os& os);

  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;
  ~Ring();

  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] StreamOffset head() const { return {header_->head.load(std::memory_order_acquire)}; }
  [[nodiscard]] StreamOffset tail() const { return {header_->tail.load(std::memory_order_acquire)}; }
  // Reads tail first: the log's thread may advance it meanwhile, but never beyond a head that is read later.
  [[nodiscard]] std::uint64_t used() const {
    const StreamOffset tail_now = tail();
    return head() - tail_now;
  }
  [[nodiscard]] std::uint64_t room() const { return size_ - used(); }
  [[nodiscard]] std::uint64_t dropped_lines() const {
    return header_->dropped_lines.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t dropped_bytes() const {
    return header_->dropped_bytes.load(std::memory_order_relaxed);
  }
  // The beginning of a line was dropped: everything up to the next newline must be dropped, too.
  [[nodiscard]] bool dropping() const { return header_->dropping.load(std::memory_order_relaxed) != 0; }
  // Counts how often a ring of this log was inherited. The log's index gets the same number.
  [[nodiscard]] std::uint64_t session() const { return header_->session; }
  // Records the path of the log that the ring belongs to, absolute and as configured. A kill in between, or a
  // path of more than 3,572 bytes, leaves none.
  void note_log(const std::string& path);
  // Whether the byte before head is a newline. Also true if nothing has been read since the ring was last
  // rewound: so call it while the ring holds something, or after it did.
  [[nodiscard]] bool head_is_at_line_start() const;

  // Moves `size` bytes (at most room(), at least 1, and no more than the pipe holds) from the FIFO into the
  // ring. Whenever the process dies, each of them is either still in the pipe or here: the declared read, see
  // ring_format.h. Returns the number of bytes moved, which is smaller if another reader took some or if
  // stopped_by_limit(); or -errno, and then nothing was read: -EAGAIN another reader was faster, -ENOSPC the
  // ring's file system has no memory left, -EFBIG the limit on the size of files (RLIMIT_FSIZE) ends before
  // the ring's head.
  ssize_t take(int fifo_fd, std::uint64_t size);

  // Does the same, but discards the bytes (at most kMaxDrop, whatever room() is), and counts them and the
  // lines that end among them.
  static constexpr std::uint64_t kMaxDrop = ring_format::kScratchBytes;
  ssize_t drop(int fifo_fd, std::uint64_t size);

  // Whether the last read ended at the limit on the size of files, which another process may lower at any
  // time (prlimit(2)): the rest is still in the pipe. Costs a system call.
  [[nodiscard]] bool stopped_by_limit() const;

  // Copies `size` bytes (at most kMaxDrop) of what the pipe holds to peeked(), and leaves them in the pipe
  // (tee(2)). They stay there until the next peek or drop. Returns the number of bytes copied, or -errno as
  // take().
  ssize_t peek(int fifo_fd, std::uint64_t size);
  [[nodiscard]] const char* peeked() const { return scratch(); }

  // Whether the ring has grown beyond `keep` bytes of memory.
  [[nodiscard]] bool is_large(std::uint64_t keep) const { return high_water_ > keep || scratch_used_; }
  // Gives memory beyond the first `keep` bytes back to the system, and returns how many bytes that was. Call
  // this while the ring is empty.
  std::uint64_t give_back(std::uint64_t keep);

  // The bytes [from, to) of the stream; both offsets are between tail() and head().
  [[nodiscard]] std::span<const char> bytes(StreamOffset from, StreamOffset to) const;
  // Frees the bytes before `offset`, which is between tail() and head(): the log has them.
  void release(StreamOffset offset) {
    SLURPER_ASSERT(tail() <= offset && offset <= head());
    header_->tail.store(offset.value, std::memory_order_release);
  }

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
  ThreadOwner intake_;
  UniqueFd file_fd_;
  std::uint64_t size_;
  char* mapping_ = nullptr;  // header, data, data again
  ring_format::Header* header_ = nullptr;
  char* data_ = nullptr;
  std::uint64_t high_water_;          // data beyond this position have no memory: it was given back
  std::uint64_t backed_ = 0;          // data before this position have memory of their own
  bool scratch_used_ = true;          // the scratch may have memory
  std::uint64_t scratch_backed_ = 0;  // so many of its first bytes have memory
  UniqueFd peek_read_fd_;             // a private pipe for peek()
  UniqueFd peek_write_fd_;
  bool peek_pipe_is_large_ = false;
};

struct Ring::Opened {
  std::unique_ptr<Ring> ring;
  std::string path;
  RingRelation relation = RingRelation::Spent;  // of the existing ring, or Spent: there was none
  bool in_ram = true;  // false: its file system is on a disk, which slows the ring and wears the disk
  // The process died after its last read and before it noted that read.
  bool read_was_cut_short = false;
  std::string quarantined;  // the path that an unusable ring was renamed to; empty: nothing was quarantined
  Phrase quarantine_reason;
  std::vector<Phrase> findings;  // what was repaired: each is worth a warning
  bool size_differs = false;     // it keeps its old size, because it is not empty
};

struct Ring::Salvaged {
  std::unique_ptr<Ring> ring;
  Uuid log_id{};
  Uuid boot_id{};
};

}  // namespace slurper
