// Model: threads, descriptors and what is behind them, from the blocks of a capture alone.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "trace/model/shape.h"
#include "trace/model/thread.h"
#include "trace/scap/scap_reader.h"

namespace slurper {

class Model;

inline constexpr std::int64_t kNoFd = INT64_MIN;

// An event with what is known at that moment. Lasts until the model takes the next one.
struct TraceEvent {
  ScapEvent raw;
  const Shape* shape = nullptr;
  const Model* model = nullptr;
  Thread* thread = nullptr;
  // The descriptor it is about: kNoFd if there is none; -1 if it will only come to be.
  std::int64_t fd = kNoFd;
  OpenFilePointer file;
  OpenFilePointer replaced;            // what dup2(2) or dup3(2) has closed
  const PendingCall* enter = nullptr;  // of an exit: its beginning
  std::uint64_t number = 0;            // as in sysdig: the events from 1 on
  std::uint64_t first_time = 0;
  std::uint64_t previous_time = 0;
  // The offset in the pipe of the first byte that was written or read, if ByteFlow knows it.
  std::optional<std::uint64_t> pipe_offset;
  // What belongs to a generic exit, or to an event of slurper's own.
  bool is_own = false;

  [[nodiscard]] bool is_exit() const { return shape->info != nullptr && shape->info->is_exit; }
  [[nodiscard]] bool has_result() const { return shape->result >= 0 && raw.param_count > 0; }
  [[nodiscard]] std::int64_t result() const {
    return raw.number<std::int64_t>(static_cast<std::size_t>(shape->result));
  }
  [[nodiscard]] std::uint64_t latency() const {
    return enter != nullptr && raw.time > enter->time ? raw.time - enter->time : 0;
  }
};

// One thread uses it.
class Model {
 public:
  Model();

  // Takes a table: processes, descriptors, users. False if it contradicts itself; what came before that is
  // taken.
  bool take_table(const Block& block);
  // Takes an event, and says what it means. False if the table of calls lacks its type.
  bool take(const ScapEvent& raw, TraceEvent& event);
  // Carries out what happens only after the event was shown: a descriptor is closed, a thread ends.
  void finish(const TraceEvent& event);

  // Appends what is known as the tables of a capture, and the beginnings of the calls that are under way, so
  // that a capture may go on with the next event as if it had begun long before. `time` is that of the next
  // event. What only slurper's own events can say is said by such. `all_follow`: every event from here on
  // will be in the capture, so that it may say of which users of a pipe it has all (kScopeEvent).
  void append_tables(std::string& out, std::uint64_t time, bool all_follow = true) const;

  // Appends the enter event of the call that the thread is in, or of that whose exit it has taken last, with
  // what stands in front of the exit.
  void append_begin(std::string& out, const Thread& thread) const;
  // Appends what stands in front of an enter event if the call was under way before.
  void append_blocked(std::string& out, const Thread& thread) const;

  // Calls `visit` with the enter event of each call that has not ended, in order of time. A hidden one is
  // left out.
  void for_each_pending(const std::function<void(TraceEvent&)>& visit);
  // The enter event of the call in which the thread is: `pending` is open.
  [[nodiscard]] TraceEvent pending_of(Thread& thread) const;

  // Calls `visit` with each thread that has not ended.
  template <typename Visit>
  void for_each_thread(const Visit& visit) const {
    for (const auto& [tid, one] : threads_) {
      if (!one->has_ended) visit(*one);
    }
  }

  // How far the capture reaches: the time of its last event, or of the recording's end.
  [[nodiscard]] std::uint64_t last_time() const { return last_time_; }

  [[nodiscard]] const Thread* find_thread(std::int64_t tid) const;
  // The main thread of a thread's process, or the thread.
  [[nodiscard]] const Thread& main_of(const Thread& thread) const;
  // The name of a thread's process: a thread may have one of its own, such as "rs:main Q:Reg". Empty if
  // neither is known.
  [[nodiscard]] const std::string& process_name(const Thread& thread) const;
  // The process that holds the other end of an AF_UNIX connection; preferably not `but_not`. Searches all
  // tables.
  [[nodiscard]] std::optional<std::int64_t> pid_of_peer(const OpenFile& file, std::int64_t but_not) const;
  // What is behind each descriptor of each process.
  void for_each_open(const std::function<void(const OpenFile&)>& visit) const;
  [[nodiscard]] const std::string* user_name(std::uint32_t uid) const;
  [[nodiscard]] const std::string* group_name(std::uint32_t gid) const;

 private:
  Thread& thread(std::int64_t tid);
  Thread& new_thread(std::int64_t tid);
  Thread& restated_thread(std::int64_t tid);
  bool take_processes(std::string_view body);
  void share_files();
  bool take_fds(std::string_view body);
  bool take_users(std::string_view body);

  void take_enter(TraceEvent& event);
  void take_exit(TraceEvent& event);
  void take_own(TraceEvent& event);
  void receive(TraceEvent& event);
  static void find_unread(TraceEvent& event);
  static void note_pipe(TraceEvent& event);
  void end(Thread& thread);
  void follow_clock(PendingCall& call) const;
  // What the exit of a call changes.
  void apply_exit(TraceEvent& event);
  void clone(TraceEvent& event);
  void exec(TraceEvent& event);

  std::unordered_map<std::int64_t, std::unique_ptr<Thread>> threads_;
  // Most events are of a thread that was seen a moment ago.
  static constexpr std::size_t kRecent = 64;
  std::array<Thread*, kRecent> recent_{};
  std::unordered_map<std::uint32_t, std::string> users_;
  std::unordered_map<std::uint32_t, std::string> groups_;
  std::uint64_t count_ = 0;
  std::uint64_t first_time_ = 0;
  std::uint64_t previous_time_ = 0;
  std::uint64_t last_time_ = 0;
  // Threads that have ended, and will be forgotten.
  std::deque<std::int64_t> ended_;
  // The tables of descriptors that are being replaced by a new section's, by thread.
  std::unordered_map<std::int64_t, std::shared_ptr<FdTable>> former_;
  // What was sent and may not have been received yet, by the number of the passing.
  std::unordered_map<std::uint64_t, OpenFilePointer> sent_;
  std::uint64_t clock_step_ = 0;  // nanoseconds by which the clock was set in all
  // What is recorded as a whole: see kScopeEvent.
  std::optional<std::uint64_t> scope_;
  // Descriptors copied at forks; a hostile capture must not fill the memory.
  std::size_t copied_ = 0;
};

// Takes an entry of a table of descriptors, without its length. False if it is too short.
bool take_fd_entry(std::string_view entry, FdTable& fds);

// `path` in `directory`, without "." and "..".
[[nodiscard]] std::string join_path(std::string_view directory, std::string_view path);

// The directory that a path is relative to; empty if nothing is known of the descriptor.
[[nodiscard]] std::string_view directory_of(const Thread& thread, std::int64_t directory_fd);

// A text without its NUL.
[[nodiscard]] inline std::string_view text_of(std::string_view value) {
  return value.substr(0, value.find('\0'));
}

// Bytes that end in NUL each, joined by blanks.
[[nodiscard]] std::string joined(std::string_view values);

}  // namespace slurper
