// History: what has happened on pipes and connections so far, and what threads did for long. The recognisers
// look things up in it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "trace/explain/deed.h"
#include "trace/explain/epoll_sets.h"
#include "trace/explain/finding.h"
#include "trace/explain/locks.h"
#include "trace/explain/long_call.h"
#include "trace/model/model.h"

namespace slurper {

inline constexpr std::uint64_t kLongWait = 1'000'000'000;  // nanoseconds: what a user notices

struct Closing : Deed {
  bool by_end = false;        // of the process
  std::int64_t signal = 0;    // that ended it
  bool is_inherited = false;  // from a parent
  bool is_orphan = false;     // the parent has ended before
};

// An open file at one end of a channel; processes that have inherited it share it.
struct ChannelEnd {
  OpenFilePointer file;
  std::uint64_t read = 0;  // bytes
  std::uint64_t written = 0;
  std::uint64_t reads = 0;
  std::uint64_t writes = 0;
  Deed first_read{};
  Deed last_read{};
  Deed before_pause{};  // the read before the last long pause
  Deed last_write{};
  std::uint64_t write_before = 0;       // the number of the write before it; 0: none
  std::uint64_t last_write_began = 0;   // its time
  std::uint64_t last_size = 0;          // bytes of the last write
  std::string last_data{};              // and as much of its beginning as was recorded
  std::string last_tail{};              // its end, if all of it was recorded
  std::vector<std::int64_t> writers{};  // the processes that have written, at most a few
  Closing closing{};                    // the last
  Deed shutdown{};
  bool was_accepted = false;  // a server's end of a connection

  [[nodiscard]] bool is_reader() const { return file->is_for_reading || reads > 0 || last_read; }
  [[nodiscard]] bool is_writer() const { return file->is_for_writing || writes > 0; }
};

struct Channel {
  ChannelKey key;
  bool is_pipe = false;
  bool is_named = false;  // a FIFO
  std::string name{};     // as lines have it
  std::vector<ChannelEnd> ends{};
  std::uint64_t read = 0;  // bytes, from the beginning of the recording on
  std::uint64_t written = 0;
  // The recording has all that came into it: it was made in it, and splice(2) and its like have not used it.
  bool is_whole = false;
  PipeState pipe{};

  // The end that the file belongs to; nullptr if nothing has happened there.
  [[nodiscard]] ChannelEnd* end_of(const OpenFile* file);
  // The last closing of an end that reads, or of one that writes; of a connection, of the end that is not
  // `but_not`. nullptr if there was none.
  [[nodiscard]] const Closing* last_closing(bool of_reader, const OpenFile* but_not) const;
  // Whether `file` was written to, by whichever process, after that closing of the other end: then a process
  // has that end which the recording does not have.
  [[nodiscard]] bool was_written_after(const Closing& closing, const OpenFile& file) const;
};

// A process that a signal has stopped.
struct Stop : Deed {
  std::uint64_t until = 0;  // the time of what it did next; 0: it has not continued
};

struct Holder {
  const Thread* process = nullptr;
  std::int64_t fd = -1;
  OpenFilePointer file;
};

// One thread uses it.
class History {
 public:
  explicit History(const Model& model) : model_(model) {}

  // Takes each event, slurper's own included, before the model finishes it.
  void take(const TraceEvent& event);

  [[nodiscard]] const Model& model() const { return model_; }
  // Of a file that is a pipe or a connection; else nullptr. It may be one that nothing has happened on.
  [[nodiscard]] Channel* channel_of(const OpenFilePointer& file);
  [[nodiscard]] Channel* channel_at(const ChannelKey& key);  // nullptr if nothing has happened there
  void for_each_channel(const std::function<void(Channel&)>& visit);

  // The descriptors that the model knows of the channel, of all processes. Searches all tables.
  [[nodiscard]] std::vector<Holder> holders(const Channel& channel) const;
  // The call of this event, which is its end; or its beginning, if it has not ended.
  [[nodiscard]] LongCall call_of(const TraceEvent& event) const {
    return long_call_of(event, epolls_, model_.last_time());
  }
  // The call that took most of the time between `from` and `to`.
  [[nodiscard]] std::optional<LongCall> long_call(std::int64_t tid, std::uint64_t from,
                                                  std::uint64_t to) const;
  // The signal that had stopped the process for most of the time between `from` and `to`.
  [[nodiscard]] std::optional<Stop> stopped(std::int64_t pid, std::uint64_t from, std::uint64_t to) const;
  [[nodiscard]] bool has_ended(std::int64_t pid) const { return ended_.contains(pid); }
  // The FIFO that has been opened by this path; nullptr if nothing is known of one.
  [[nodiscard]] const Channel* fifo_at(const std::string& path) const;
  [[nodiscard]] const Locks& locks() const { return locks_; }
  // The only child of the process that has ended in this time; number 0: none has, or several have.
  [[nodiscard]] Deed only_child_end(std::int64_t pid, std::uint64_t from, std::uint64_t to) const;
  // Who has accepted a connection to this path last.
  [[nodiscard]] Deed last_accept(const std::string& path) const;

 private:
  void take_own(const TraceEvent& event);
  void take_exit(const TraceEvent& event);
  void take_bytes(const TraceEvent& event);
  void take_copy(const TraceEvent& event);
  void take_end(const TraceEvent& event);
  void take_execution(const TraceEvent& event);
  void take_signal(const TraceEvent& event);
  void note_continuing(const TraceEvent& event);
  void note_closing(const TraceEvent& event, std::int64_t fd, const OpenFilePointer& file, bool by_end);
  void note_long(const TraceEvent& event);
  void forget_old();
  static ChannelEnd& end_at(Channel& channel, const OpenFilePointer& file);

  // The last two.
  struct ChildEnds {
    Deed last{};
    std::uint64_t time_before = 0;
  };
  struct KeyHash {
    std::size_t operator()(const ChannelKey& key) const {
      return static_cast<std::size_t>(key.first * 0x9e3779b97f4a7c15ULL ^ key.second);
    }
  };

  const Model& model_;
  std::unordered_map<ChannelKey, Channel, KeyHash> channels_;
  std::size_t channels_at_most_ = std::size_t{1} << 16;
  std::unordered_map<std::int64_t, std::vector<LongCall>> long_calls_;  // by thread
  EpollSets epolls_;
  Locks locks_;
  std::unordered_map<std::int64_t, ChildEnds> child_ends_;  // by parent
  std::unordered_map<std::int64_t, Stop> stops_;            // by process
  std::unordered_map<std::string, Deed> accepts_;           // by path
  std::unordered_set<std::int64_t> ended_;                  // processes, in the recording
  // What an execve(2) under way will close, by thread.
  std::unordered_map<std::int64_t, std::vector<std::pair<std::int64_t, OpenFilePointer>>> executions_;
};

// The size that a read or a write asks for.
[[nodiscard]] std::optional<std::uint64_t> size_asked(const TraceEvent& exit);
[[nodiscard]] std::string_view data_of(const TraceEvent& exit);

}  // namespace slurper
