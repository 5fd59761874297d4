// Starting threads, and ending a process whose thread can't go on.
#pragma once

#include <exception>
#include <functional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "slurper/result.h"

namespace slurper {

// Why the thread `name` could not be made: Busy, with the limits to raise. EAGAIN is a limit, and no bug
// (pthread_create(3)).
[[nodiscard]] std::unexpected<Error> no_thread(const std::string& name, const std::system_error& error);

// `body` on a thread of its own, a std::thread or std::jthread; an error instead of an exception.
template <typename Thread, typename Body>
[[nodiscard]] Result<Thread> start_thread(const std::string& name, Body body) {
  try {
    return Thread(std::move(body));
  } catch (const std::system_error& error) {
    return no_thread(name, error);
  }
}

// What is being handled, in words that stand in `text`, since memory may have run out. In a catch block.
class WhatWasThrown {
 public:
  WhatWasThrown() noexcept;
  [[nodiscard]] const char* text() const { return text_; }
  // It may work later: memory or a limit, and not a bug.
  [[nodiscard]] bool is_shortage() const { return is_shortage_; }

 private:
  char text_[200] = "an exception of an unknown kind";
  bool is_shortage_ = false;
};

// Runs the body of a thread that slurper can't do without. What it throws ends the process at once, as a
// SIGKILL would: nothing is torn down, the ring stays as it is, and the next start goes on there. The exit
// status (75 for a shortage, 70 for a bug) is one that systemd starts slurper again for.
void run_or_end_process(const char* thread, const std::function<void()>& body) noexcept;

}  // namespace slurper
