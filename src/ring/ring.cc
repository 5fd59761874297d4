#include "ring/ring.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/quarantine_file.h"
#include "ring/declared_read.h"
#include "ring/quarantine.h"
#include "ring/ring_file.h"
#include "ring/ring_folder.h"
#include "ring/ring_state.h"
#include "ring/ring_upgrade.h"

namespace slurper {

namespace {

using ring_format::Fate;
using ring_format::Header;
using ring_format::Identity;
using ring_format::kHeaderBytes;
using ring_format::kScratchAt;
using ring_format::kScratchBytes;

// Keeps the compiler from moving a store across this point. The processor needs no fence: the stores of a
// killed process are in the page cache in the order in which its instructions retired.
void before_the_next_store() {
  std::atomic_signal_fence(std::memory_order_seq_cst);
}

}  // namespace

Ring::Ring(Os& os, UniqueFd file_fd, std::uint64_t size)
    : os_(os), file_fd_(std::move(file_fd)), size_(size), high_water_(size) {}

Ring::~Ring() {
  if (mapping_ != nullptr) ::munmap(mapping_, kHeaderBytes + 2 * size_);
}

Status Ring::map(const std::string& path, Mapping mapping) {
  const std::size_t once = kHeaderBytes + size_;
  void* reserved =
      ::mmap(nullptr, once + size_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (reserved == MAP_FAILED) return ring_failure(errno, PhraseId::UseRing, path);
  mapping_ = static_cast<char*>(reserved);
  const int fd = file_fd_.get();
  const int flags =
      mapping == Mapping::Shared ? MAP_SHARED | MAP_FIXED : MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE;
  if (::mmap(mapping_, once, PROT_READ | PROT_WRITE, flags, fd, 0) == MAP_FAILED ||
      ::mmap(mapping_ + once, size_, PROT_READ | PROT_WRITE, flags, fd, kHeaderBytes) == MAP_FAILED) {
    return ring_failure(errno, PhraseId::UseRing, path);
  }
  header_ = reinterpret_cast<Header*>(mapping_);
  data_ = mapping_ + kHeaderBytes;
  return {};
}

// If there are no pages to act on, the kernel only reports whether it supports the advice (madvise(2)).
Status Ring::check_kernel(Os& os) {
  if (os.madvise(nullptr, 0, MADV_POPULATE_WRITE) != -EINVAL) return {};
  return fail(ErrorKind::Config, PhraseId::UseRings, PhraseId::KernelTooOld);
}

RingFacts Ring::facts(const Identity& found, const Identity& wanted) const {
  return {.this_log = std::memcmp(found.log_id, wanted.log_id, sizeof found.log_id) == 0,
          .this_boot = std::memcmp(found.boot_id, wanted.boot_id, sizeof found.boot_id) == 0,
          .size = size_,
          .origin = header_->origin.load(),
          .tail = header_->tail.load(),
          .head = header_->head.load(),
          .session = header_->session};
}

// Settles the ring's declared read, and determines its relation to the log. If it can be used, inherits it.
void Ring::join(const Identity& found, const Identity& wanted, const LogFacts& log, Opened& opened) {
  RingFacts ring = facts(found, wanted);
  bool whole = offsets_are_sound(ring);
  if (whole && ring.this_log && ring.this_boot) {
    const std::optional<bool> cut_short = recover();
    whole = cut_short.has_value();
    opened.read_was_cut_short = cut_short.value_or(false);
    ring = facts(found, wanted);
  } else if (whole && header_->declared.offset == ring.head) {
    // slurper must not settle the read of a ring that it won't use: these bytes may be here, so they count as
    // if they were.
    ring.head += std::min(unsettled(*header_), size_ - (ring.head - ring.tail));
  }
  opened.relation = whole ? relate(ring, log) : RingRelation::Contradictory;
  opened.quarantine_reason = why_quarantined(opened.relation, ring.head - ring.tail);
  // Written before the index has it: a crash in between leaves a ring that is ahead by one.
  if (is_used(opened.relation)) header_->session = next_session(ring, log, opened.relation);
}

Result<Ring::Opened> Ring::open(Os& os, const std::string& directory, const RingSettings& settings,
                                const Uuid& log_id, const Uuid& boot, const LogFacts& log) {
  if (Status known = check_kernel(os); !known) return std::unexpected(known.error());
  Opened opened;
  if (Status made = open_ring_folder(os, directory, opened.findings); !made)
    return std::unexpected(made.error());
  opened.path = directory + "/ring";
  const std::string& path = opened.path;
  const Identity wanted = ring_identity(log_id, boot, settings.size.bytes);
  StreamOffset begin{log.end};
  std::uint64_t session = log.session + 1;

  Result<FoundRing> found = look_at_ring(os, path, opened.findings);
  if (!found) return std::unexpected(found.error());
  if (classify_ring(found->facts) == RingState::Unrelated) {
    opened.ring.reset(new Ring(os, std::move(found->fd), found->identity.size));
    if (Status mapped = opened.ring->map(path); !mapped) return std::unexpected(mapped.error());
    opened.ring->join(found->identity, wanted, log, opened);
    found->facts.relation = opened.relation;
    found->facts.is_empty = is_used(opened.relation) && opened.ring->used() == 0;
    found->facts.has_wanted_size = found->identity.size == settings.size.bytes;
  }
  switch (classify_ring(found->facts)) {
    case RingState::Missing:
    case RingState::Usable:
      break;
    case RingState::OtherUsers:
      return refuse_ring_of(found->owner, path);
    case RingState::InUse:
      return ring_is_busy(path);
    case RingState::Resizable:
      begin = opened.ring->head();
      session = opened.ring->session();
      [[fallthrough]];
    case RingState::Spent:
      opened.ring.reset();
      if (const int error = os.unlink(path.c_str()); error < 0)
        return ring_failure(-error, PhraseId::UseRing, path);
      break;
    case RingState::NotARing:
    case RingState::OtherVersion:
    case RingState::WrongSize:
      opened.relation = RingRelation::Contradictory;
      opened.quarantine_reason = why_unreadable(found->facts.header, found->identity);
      [[fallthrough]];
    case RingState::Unusable: {
      opened.ring.reset();
      const auto quarantined = quarantine_file(os, path, [&](int n) { return quarantine_name(path, n); });
      if (!quarantined) return ring_failure(quarantined.error(), PhraseId::UseRing, path);
      opened.quarantined = *quarantined;
      break;
    }
    case RingState::Unrelated:
      std::unreachable();  // its relation was determined just now
  }
  if (!opened.ring) {
    Result<UniqueFd> file_fd = create_ring_file(os, path, wanted, begin, session);
    if (!file_fd) return std::unexpected(file_fd.error());
    opened.ring.reset(new Ring(os, std::move(*file_fd), wanted.size));
    if (Status mapped = opened.ring->map(path); !mapped) return std::unexpected(mapped.error());
  }
  opened.size_differs = opened.ring->size() != settings.size.bytes;
  if (Status ready = opened.ring->prepare_reads(path); !ready) return std::unexpected(ready.error());
  opened.in_ram = is_in_ram(opened.ring->file_fd_.get());
  return opened;
}

// Prepares what reads need once, and not during a read: descriptors may have run out by then.
Status Ring::prepare_reads(const std::string& path) {
  std::array<int, 2> fds{};
  if (const int error = os_.pipe2(fds.data(), O_NONBLOCK); error < 0)
    return ring_failure(-error, PhraseId::UseRing, path);
  peek_read_fd_.reset(fds[0]);
  peek_write_fd_.reset(fds[1]);
  // The kernel writes into the header's page when the bytes have left the pipe. That must not fail because
  // the page was swapped out. If locking is not permitted (RLIMIT_MEMLOCK), the kernel would have to swap the
  // page out in the microseconds since slurper wrote to it.
  (void)os_.mlock(mapping_, sizeof(Header));

  // The byte after the header is unused.
  std::int64_t& end = header_->declared.end;
  header_->declared.size.store(0);
  end = sizeof(Header);
  const ssize_t written = os_.write(peek_write_fd_.get(), "", 1);
  const ssize_t got =
      written < 0 ? written : os_.splice(peek_read_fd_.get(), file_fd_.get(), &end, 1, SPLICE_F_NONBLOCK);
  if (got == 1 && end == sizeof(Header) + 1) return {};
  return fail(ErrorKind::Config, about_file(PhraseId::UseRing, path),
              got < 0 ? Phrase(PhraseId::SpliceFails, {{"errno", Errno{static_cast<int>(-got)}}})
                      : PhraseId::SpliceIsSilent);
}

// Settles a read that was declared but not noted as done. Returns whether it read something; nothing if the
// header can't be true.
std::optional<bool> Ring::recover() {
  const StreamOffset head_now = head();
  const StreamOffset origin{header_->origin.load()};
  const StreamOffset tail_now = tail();
  if (origin > head_now || tail_now > head_now || head_now - tail_now > size_ || origin > tail_now)
    return std::nullopt;
  if (header_->identity.version == ring_format::kOldestVersion)
    return upgrade_from_version_1(*header_, at(head_now), scratch(), room());

  ring_format::DeclaredRead& declared = header_->declared;
  const DeclaredReadFacts facts{.size = declared.size.load(),
                                .offset = declared.offset,
                                .start = declared.start,
                                .end = declared.end,
                                .fate = declared.fate,
                                .head = head_now.value,
                                .keep_at = at(head_now) - mapping_,
                                .keep_room = std::min(room(), size_ - position(head_now)),
                                .drop_at = scratch() - mapping_,
                                .drop_room = kMaxDrop};
  switch (classify_declared_read(facts)) {
    case DeclaredReadState::None:
      return false;
    case DeclaredReadState::NothingCame:
      declared.size.store(0);
      return false;
    case DeclaredReadState::Came:
      settle(static_cast<std::uint64_t>(facts.end - facts.start));
      return true;
    case DeclaredReadState::Contradictory:
      return std::nullopt;
  }
  std::unreachable();
}

void Ring::note_log(const std::string& path) {
  auto& noted = *reinterpret_cast<ring_format::LogPath*>(mapping_ + ring_format::kLogPathAt);
  const std::uint32_t size = noted.size.load();
  if (std::string_view(noted.text, std::min<std::size_t>(size, sizeof noted.text)) == path) return;
  noted.size.store(0);
  if (path.size() > sizeof noted.text) return;
  before_the_next_store();
  path.copy(noted.text, path.size());
  before_the_next_store();
  noted.size.store(static_cast<std::uint32_t>(path.size()));
}

bool Ring::head_is_at_line_start() const {
  const StreamOffset head_now = head();
  return head_now.value == header_->origin.load(std::memory_order_relaxed) ||
         *at({head_now.value - 1}) == '\n';
}

ssize_t Ring::peek(int fifo_fd, std::uint64_t size) {
  intake_.assert_is_caller();
  SLURPER_ASSERT(size <= kMaxDrop);
  if (const int error = back_scratch(size); error < 0) return error;
  if (!std::exchange(peek_pipe_is_large_, true)) {
    // tee(2) copies slots: the private pipe should have as many. If it can't, a peek only sees less.
    const int slots = os_.fcntl(fifo_fd, F_GETPIPE_SZ, 0);
    if (slots > 0) (void)os_.fcntl(peek_write_fd_.get(), F_SETPIPE_SZ, slots);
  }
  const ssize_t teed = os_.tee(fifo_fd, peek_write_fd_.get(), size, SPLICE_F_NONBLOCK);
  if (teed <= 0) return teed;
  // splice(2), because read(2) would end at each packet's end.
  std::int64_t end = kScratchAt;
  const ssize_t got = os_.splice(peek_read_fd_.get(), file_fd_.get(), &end, static_cast<std::size_t>(teed),
                                 SPLICE_F_NONBLOCK);
  if (got != teed) {
    // The next peek must not begin with the rest.
    std::array<char, 4096> rest{};
    while (os_.read(peek_read_fd_.get(), rest.data(), rest.size()) > 0) {
    }
  }
  return got;
}

// Reserves memory first: if there is none left, nothing may be read from the pipe.
int Ring::back(char* place, std::uint64_t size) {
  char* const first_page = mapping_ + (static_cast<std::uint64_t>(place - mapping_) & ~std::uint64_t{4095});
  const int error =
      os_.madvise(first_page, static_cast<std::size_t>(place + size - first_page), MADV_POPULATE_WRITE);
  return error == -EFAULT || error == -ENOMEM ? -ENOSPC : error;
}

int Ring::back_scratch(std::uint64_t size) {
  scratch_used_ = true;
  if (size <= scratch_backed_) return 0;
  if (const int error = back(scratch(), size); error < 0) return error;
  scratch_backed_ = size;
  return 0;
}

ssize_t Ring::declared_read(int fifo_fd, char* place, std::uint64_t size, Fate fate) {
  ring_format::DeclaredRead& declared = header_->declared;
  declared.size.store(0, std::memory_order_relaxed);
  before_the_next_store();
  declared.offset = head().value;
  declared.start = place - mapping_;
  declared.end = declared.start;
  declared.dropped_lines_before = dropped_lines();
  declared.dropped_bytes_before = dropped_bytes();
  declared.fate = fate;
  before_the_next_store();
  declared.size.store(size, std::memory_order_release);
  before_the_next_store();

  // read(2) would report the number of bytes to a process that may be dying, and would end at a packet's end
  // or discard its rest. splice(2) treats packets like any other bytes, and puts the count into the note
  // itself.
  const ssize_t got = os_.splice(fifo_fd, file_fd_.get(), &declared.end, size, SPLICE_F_NONBLOCK);
  if (got <= 0) {
    declared.size.store(0, std::memory_order_relaxed);
    return got == 0 ? -EPIPE : got;
  }
  settle(static_cast<std::uint64_t>(got));
  return got;
}

void Ring::settle(std::uint64_t got) {
  ring_format::DeclaredRead& declared = header_->declared;
  before_the_next_store();
  if (declared.fate == Fate::Keep) {
    header_->head.store(declared.offset + got, std::memory_order_release);
    return;
  }
  // Stores final values, so that a repetition after a crash in here changes nothing.
  const char* const bytes = scratch();
  const auto lines = static_cast<std::uint64_t>(std::count(bytes, bytes + got, '\n'));
  header_->dropped_lines.store(declared.dropped_lines_before + lines, std::memory_order_relaxed);
  header_->dropped_bytes.store(declared.dropped_bytes_before + got, std::memory_order_relaxed);
  header_->dropping.store(bytes[got - 1] != '\n' ? 1 : 0, std::memory_order_relaxed);
  before_the_next_store();
  declared.size.store(0, std::memory_order_release);
}

ssize_t Ring::take(int fifo_fd, std::uint64_t size) {
  intake_.assert_is_caller();
  SLURPER_ASSERT(size > 0 && size <= room());
  const StreamOffset offset = head();
  // While the log keeps up, the ring reuses the same pages, which stay in the cache.
  if (offset == tail()) header_->origin.store(offset.value, std::memory_order_release);
  const std::uint64_t from = position(offset);
  const std::uint64_t to = std::min(from + size, size_);
  if (to != from + size || to > backed_) {
    if (const int error = back(data_ + from, size); error < 0) return error;
    if (from <= backed_) backed_ = std::max(backed_, to);
  }
  high_water_ = std::max(high_water_, to);

  const ssize_t got = declared_read(fifo_fd, data_ + from, to - from, Fate::Keep);
  if (got < 0 || static_cast<std::uint64_t>(got) < to - from || to == from + size) return got;
  // splice(2) writes to the file, whose data end here.
  const ssize_t more = declared_read(fifo_fd, data_, from + size - to, Fate::Keep);
  return more < 0 ? got : got + more;
}

ssize_t Ring::drop(int fifo_fd, std::uint64_t size) {
  intake_.assert_is_caller();
  SLURPER_ASSERT(size > 0 && size <= kMaxDrop);
  if (const int error = back_scratch(size); error < 0) return error;
  return declared_read(fifo_fd, scratch(), size, Fate::Drop);
}

bool Ring::stopped_by_limit() const {
  rlimit limit{};
  return ::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
         std::cmp_greater_equal(header_->declared.end, limit.rlim_cur);
}

std::uint64_t Ring::give_back(std::uint64_t keep) {
  intake_.assert_is_caller();
  if (used() != 0 || !is_large(keep)) return 0;
  header_->origin.store(head().value, std::memory_order_release);
  // If the file system can't punch holes, the memory stays.
  const auto punch = [&](std::uint64_t from, std::uint64_t length) {
    (void)os_.fallocate(file_fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(from),
                        static_cast<off_t>(length));
    return length;
  };
  std::uint64_t surplus = 0;
  if (std::exchange(scratch_used_, false)) surplus += punch(kScratchAt, kScratchBytes);
  if (high_water_ > keep) surplus += punch(kHeaderBytes + keep, high_water_ - keep);
  high_water_ = std::min(high_water_, keep);
  backed_ = std::min(backed_, keep);
  scratch_backed_ = 0;
  return surplus;
}

std::span<const char> Ring::bytes(StreamOffset from, StreamOffset to) const {
  SLURPER_ASSERT(tail() <= from && from <= to && to <= head());
  return {at(from), to - from};
}

}  // namespace slurper
