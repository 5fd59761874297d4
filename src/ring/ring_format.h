// The layout of the ring file, version 2. docs/ring-format.md describes it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace slurper::ring_format {

inline constexpr char kMagic[8] = {'s', 'l', 'u', 'r', 'r', 'i', 'n', 'g'};
inline constexpr std::uint32_t kVersion = 2;
// The oldest version that slurper still reads. It differs only in its DeclaredRead.
inline constexpr std::uint32_t kOldestVersion = 1;
// Bytes to be dropped land here, not in the data, because dropping must not need room. The scratch and the
// data each begin at a multiple of every page size that Linux knows.
inline constexpr std::size_t kScratchAt = 65536;
inline constexpr std::size_t kScratchBytes = 1 << 20;
inline constexpr std::size_t kHeaderBytes = kScratchAt + kScratchBytes;  // the data begin here

// Written once, before the file gets its name.
struct Identity {
  char magic[8];
  std::uint32_t version;
  std::uint32_t header_bytes;
  std::uint64_t size;  // bytes of data, a multiple of the page size
  std::uint8_t log_id[16];
  std::uint8_t boot_id[16];
};
static_assert(sizeof(Identity) == 56);

// What becomes of the bytes of a read that was declared and not settled.
enum class Fate : std::uint32_t {
  Keep = 0,  // its bytes are the stream's next
  Drop = 1,  // the ring was full: its bytes are dropped and counted
};

// The note that slurper leaves before each read. It is in force while size != 0 and offset == head, so that
// one store to head (Keep), or one to size (Drop), settles it. The kernel completes it: splice(2) advances
// `end` before it returns to a process that may be dying.
//
// Example: at head 5000, which lies at position 1118112 of the file, slurper declares a read of 100 bytes:
// size 100, offset 5000, start 1118112, end 1118112. splice(2) finds only 60 bytes: end 1118172. The process
// is killed. The next process recovers end - start = 60 bytes.
struct DeclaredRead {
  std::atomic<std::uint64_t> size;  // bytes requested
  std::uint64_t offset;             // the head at which the read was declared
  std::int64_t start;               // position in the file for its first byte: in the data, or in the scratch
  std::int64_t end;                 // position after its last byte; equals start until the kernel advances it
  std::uint64_t dropped_lines_before;  // Drop: the counts before this read
  std::uint64_t dropped_bytes_before;
  Fate fate;
  std::uint8_t reserved[12];
};
static_assert(sizeof(DeclaredRead) == 64);
static_assert(offsetof(DeclaredRead, end) == 24);

// The note of version 1, whose read(2) took all bytes or none: a mark stood where they would go.
inline constexpr std::size_t kNonceBytes = 16;
struct DeclaredRead1 {
  std::atomic<std::uint64_t> size;
  std::uint64_t offset;
  std::uint8_t nonce[kNonceBytes];  // the mark: at `offset`, or in the scratch
  std::uint32_t nonce_bytes;        // 16, or `size` if that is less
  Fate fate;
  // Drop: the counts once the read is settled.
  std::uint64_t dropped_lines_after;
  std::uint64_t dropped_bytes_after;
  std::uint64_t dropping_after;
};
static_assert(sizeof(DeclaredRead1) == sizeof(DeclaredRead));

// Offsets are stream offsets: bytes since the log's creation.
struct Header {
  Identity identity;
  std::uint8_t reserved_0[8];
  // Written by the intake:
  std::atomic<std::uint64_t> head;    // of the next byte to be read
  std::atomic<std::uint64_t> origin;  // of the byte at the start of the data
  std::atomic<std::uint64_t> dropped_lines;
  std::atomic<std::uint64_t> dropped_bytes;
  std::atomic<std::uint64_t> dropping;  // 1: the beginning of a line was dropped, and its rest must be
                                        // dropped, too
  std::uint64_t session;                // the number in the log's index when the ring was last inherited
  std::uint8_t reserved_1[16];
  DeclaredRead declared;  // while the version is 1: a DeclaredRead1
  // Written by the log's thread, on a cache line of its own:
  std::atomic<std::uint64_t> tail;  // of the next byte that the log lacks
  std::uint8_t reserved_2[56];
};
static_assert(sizeof(Header) == 256);
static_assert(offsetof(Header, head) == 64);
static_assert(offsetof(Header, session) == 104);
static_assert(offsetof(Header, declared) == 128);
static_assert(offsetof(Header, tail) == 192);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

// Which log the ring belongs to: log ids alone do not tell a copied log from its original. On the header's
// page, so that writing it needs no memory, and behind the byte that a start tries splice(2) on.
struct LogPath {
  std::atomic<std::uint32_t> size;  // 0: not recorded, as in the rings of earlier slurpers
  char text[3572];                  // absolute, as it was configured
};
inline constexpr std::size_t kLogPathAt = 512;
static_assert(kLogPathAt + sizeof(LogPath) <= 4096);

}  // namespace slurper::ring_format
