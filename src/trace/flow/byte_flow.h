// ByteFlow: which write(2) each read(2) from a pipe has returned, from the events of a capture.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "trace/flow/pipe_calls.h"
#include "trace/flow/pipe_flow.h"
#include "trace/model/model.h"

namespace slurper {

// The field of filters and formats that take() sets. To follow the bytes of all pipes takes time: only those
// who use the field do.
inline constexpr std::string_view kPipeOffsetField = "pipe.offset";

// One thread uses it.
class ByteFlow {
 public:
  // `report` receives each read from a pipe, some time after its end: as soon as all calls have ended that
  // may have come before it.
  explicit ByteFlow(PipeFlow::Report report) : report_(std::move(report)) {}

  // Takes an event behind the model, and sets its place in the pipe. `is_wanted` is what the transfers of the
  // event are marked with.
  void take(TraceEvent& event, bool is_wanted);
  // The capture has ended: reports what is left, and what was not read. Else that is reported when the pipe
  // is gone.
  void finish(const Model& model);

 private:
  using Key = std::pair<std::uint64_t, std::string>;  // the inode, and the FIFO's name
  struct Begun {
    PipeFlow* pipe = nullptr;
    bool is_write = false;
    bool is_unknown = false;  // what the call is about is known at its end alone
  };

  PipeFlow& pipe_of(const OpenFile& file);
  PipeFlow& add_pipe(const Key& key, bool is_new, bool sees_all);
  [[nodiscard]] bool is_seen_as_a_whole(std::uint64_t inode) const;
  void note_identity(const OpenFile& file);
  void lose_sight_of(std::uint64_t inode);
  void lose_sight();
  void take_own(const TraceEvent& event);
  void take_state(const TraceEvent& event);
  void take_kind(const TraceEvent& event);
  void take_pair(const TraceEvent& event);
  void take_size(const TraceEvent& event);
  void end_thread(std::int64_t tid);
  void begin_unknown(const TraceEvent& event);
  void end_unknown(std::int64_t tid);
  void end_side(TraceEvent& event, PipeSide side);

  PipeFlow::Report report_;
  std::map<Key, std::unique_ptr<PipeFlow>> pipes_;
  std::uint64_t count_ = 0;                                      // of all pipes so far
  std::unordered_map<std::int64_t, std::vector<Begun>> begun_;   // by thread
  std::unordered_map<std::int64_t, std::uint64_t> last_events_;  // that were of pipes, by thread
  bool is_losing_ = false;                                       // events are missing
  bool is_bypassed_ = false;                                     // by calls whose bytes are not seen
  // The first name and device under which a pipe was met, by its inode; and those of which there may be two,
  // or of which other processes may have a descriptor.
  std::map<std::uint64_t, std::pair<std::string, std::uint32_t>> identities_;
  std::set<std::uint64_t> doubtful_;
  bool sees_machine_ = false;
  std::uint64_t seen_fifo_ = 0;  // its inode
};

}  // namespace slurper
