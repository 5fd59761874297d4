// FlightRecorder: what slurper itself did last, for whoever has to find out why it stopped.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/os.h"
#include "flight/flight_format.h"
#include "slurper/result.h"

namespace slurper {

// The calls that are recorded. A value stays what it is: files have it.
enum class FlightCall : std::uint16_t {
  Open = 1,
  Read,
  Pread,
  Write,
  Pwrite,
  Tee,
  Splice,
  Fstat,
  Lstat,
  Fionread,
  Fcntl,
  Flock,
  Fsync,
  Fdatasync,
  Ftruncate,
  Fallocate,
  Madvise,
  Mlock,
  Mkdir,
  Mkfifo,
  Fchmod,
  Fchown,
  Futimens,
  Rename,
  Unlink,
};

// One recorded call. Units as in flight_format::CallSlot.
struct CallRecord {
  FlightCall call{};
  std::int64_t at = 0;
  std::int64_t duration = -1;
  std::int64_t result = 0;
  std::uint64_t size = 0;
  std::int64_t offset = -1;
  int fd = -1;
  std::uint32_t name = 0;
  pid_t thread = 0;
};

// Keeps the last 4096 system calls and 128 messages in a file in RAM, which a SIGKILL does not take away.
// Recording waits for nothing, allocates nothing and makes no system call. Any thread may record; of two that
// meet in one slot, which takes 4096 calls during one, the later is lost.
class FlightRecorder {
 public:
  FlightRecorder();
  ~FlightRecorder();  // slurper ends by itself
  FlightRecorder(const FlightRecorder&) = delete;
  FlightRecorder& operator=(const FlightRecorder&) = delete;

  // Moves what was recorded so far into the file `directory`/events and goes on there; what an earlier
  // process left in it becomes `directory`/events.before. Call it before there are other threads. If it
  // fails, recording goes on in this process's memory alone. Errors: CantCreate, NoPermission, Io.
  Status keep_in(Os& os, const std::string& directory);

  void record(const CallRecord& call) noexcept;
  void note(std::string_view text) noexcept;
  // The number by which calls refer to a file's name. The file has the last 512 names.
  std::uint32_t number_of(std::string_view name) noexcept;
  // The number to use for a name that has this number: another one before the name would fall out of the
  // file; 0 after it has.
  std::uint32_t renew(std::uint32_t number) noexcept;

  // The last calls of this thread, up to `max`, the oldest first, as text.
  [[nodiscard]] std::vector<std::string> lately(std::size_t max) const;

  [[nodiscard]] static std::int64_t now() noexcept;

 private:
  [[nodiscard]] std::uint32_t add_name(const std::array<std::uint64_t, 14>& words,
                                       std::uint64_t length) noexcept;

  flight_format::File* file_;  // mapped; null if there is no memory
  std::mutex names_mutex_;
};

}  // namespace slurper
