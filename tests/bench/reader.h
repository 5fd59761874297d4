// The program under test: started, watched from outside, ended.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>

#include "slurper/result.h"

namespace slurper::bench {

// A reader process. One that still runs at its end is killed. For one thread.
class Reader {
 public:
  // Runs `command` by /bin/sh (exec: the shell is gone afterwards) with `directory` as working directory;
  // its standard error goes to the file 'stderr' there. `notify_socket` becomes NOTIFY_SOCKET, if not empty.
  static Result<Reader> start(const std::string& command, const std::string& directory,
                              const std::string& notify_socket = {});
  Reader(Reader&& other) noexcept;
  Reader& operator=(Reader&&) = delete;
  ~Reader();

  [[nodiscard]] pid_t pid() const { return pid_; }
  // Whether it has ended by itself.
  [[nodiscard]] bool ended();
  // SIGTERM, and SIGKILL when it has not left within `patience`. Whether SIGTERM was enough.
  bool stop(std::chrono::milliseconds patience);

  // User and system time of all its threads, by its CPU clock: to the nanosecond, while it lives.
  [[nodiscard]] double cpu_seconds() const;
  // Once it has ended: up to then, with those of its children that it has waited for.
  [[nodiscard]] double whole_cpu_seconds() const { return whole_cpu_seconds_; }
  // How often its threads were switched out, of their own will or not: each is a wake-up that came before.
  [[nodiscard]] std::uint64_t context_switches() const;
  [[nodiscard]] double resident_mib() const;
  [[nodiscard]] double peak_resident_mib() const;

 private:
  explicit Reader(pid_t pid) : pid_(pid) {}
  bool reap(int options);

  pid_t pid_ = -1;  // -1: reaped
  double whole_cpu_seconds_ = 0;
};

// How long `command` takes from its start until it says READY=1 (sd_notify), in milliseconds; an error if it
// does not within five seconds. It is stopped again.
Result<double> time_until_ready(const std::string& command, const std::string& directory);

}  // namespace slurper::bench
