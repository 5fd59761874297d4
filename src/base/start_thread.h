// Starts threads, and ends a process whose thread can't continue.
#pragma once

#include <exception>
#include <functional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "slurper/result.h"

namespace slurper {

// The error if the thread `name` could not be created: Busy, with the limits to raise. EAGAIN means a limit,
// not a bug (pthread_create(3)).
[[nodiscard]] std::unexpected<Error> no_thread(const std::string& name, const std::system_error& error);

// Runs `body` on a new thread, a std::thread or std::jthread. Returns an error instead of throwing.
template <typename Thread, typename Body>
[[nodiscard]] Result<Thread> start_thread(const std::string& name, Body body) {
  try {
    return Thread(std::move(body));
  } catch (const std::system_error& error) {
    return no_thread(name, error);
  }
}

// Describes the exception that is being handled, in words that are stored in `text`, because memory may have
// run out. For use in a catch block.
class WhatWasThrown {
 public:
  WhatWasThrown() noexcept;
  [[nodiscard]] const char* text() const { return text_; }
  // It may work later: the cause is memory or a limit, not a bug.
  [[nodiscard]] bool is_shortage() const { return is_shortage_; }

 private:
  char text_[200] = "an exception of an unknown kind";
  bool is_shortage_ = false;
};

// Runs the body of a thread that slurper can't do without. If it throws, the process ends at once, as with a
// SIGKILL: nothing is torn down, the ring stays as it is, and the next start continues there. With the exit
// status (75 for a shortage, 70 for a bug), systemd starts slurper again.
void run_or_end_process(const char* thread, const std::function<void()>& body) noexcept;

}  // namespace slurper
