// Troubles: what an operator wants to be woken for.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace slurper {

// In the order in which the status names them: a cause stands before what follows from it. A new one needs a
// line here and a title in troubles.cc, and whatever finds it calls set() and clear().
enum class Trouble {
  LogThreadHangs,
  DiskStalls,
  LogNotWritten,
  LogNotSynced,
  LinesDropped,
  FifoNotRead,
  FifoNotAtPath,
  OtherReader,
  PathNotWatched,
  PipeUsersNotSeen,
  RingElsewhere,
  LogNotRotated,
  SegmentsNotKept,
  SinkStopped,
  SinkFails,
  SinkLags,
};

// What is wrong at this moment, each with its cause. Every part of slurper says here when something is wrong
// with it, and when that is over; SIGUSR2 and systemd's STATUS show it. Any thread may call it. Nothing of it
// survives the process.
class Troubles {
 public:
  // `changed` is called after each change, on the thread that has made it; it must not call back, nor throw.
  explicit Troubles(std::function<void()> changed) : changed_(std::move(changed)) {}

  // `cause` is shown after the title, in a few words: "No space left on device". `subject`: which one, if
  // there may be several of this kind: "'mysink'". What is set already with this cause is no change. While
  // memory has run out it may stay unset: set it again with the next failure.
  void set(Trouble kind, std::string_view cause, std::string_view subject = {}) noexcept;
  void clear(Trouble kind, std::string_view subject = {}) noexcept;

  // The number of changes so far: cheap enough for every round of the intake.
  [[nodiscard]] std::uint64_t changes() const { return changes_.load(); }
  // "THE LOG CAN'T BE WRITTEN: No space left on device; A SINK FAILS: 'mysink': …"; "" if all is well.
  [[nodiscard]] std::string text() const;

 private:
  struct Entry {
    Trouble kind;
    std::string subject;
    std::string cause;
  };

  std::vector<Entry>::iterator place_of(Trouble kind, std::string_view subject);

  const std::function<void()> changed_;
  mutable std::mutex mutex_;
  std::vector<Entry> entries_;  // sorted by kind and subject
  std::atomic<std::uint64_t> changes_{0};
};

}  // namespace slurper
