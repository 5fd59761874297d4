// From a record of a call to the parameters of its events.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "trace/call_table.h"
#include "trace/engine/event.h"
#include "trace/engine/unix_connections.h"
#include "trace/scap/scap_writer.h"

namespace slurper {

// A record and what follows it.
struct RecordView {
  const TraceRecord* record = nullptr;
  std::string_view path;
  std::string_view path2;
  std::string_view address;
  std::string_view data;
  std::string_view bound;
  std::string_view waker;
};

// The absolute path in `pieces`, which are that, or its parts as ShapeNamed describes them.
[[nodiscard]] std::string path_of_parts(std::string_view pieces);

// Cuts what the kernel sent into its parts. Empty record if it is too short for what it says.
[[nodiscard]] RecordView view_of(std::string_view bytes);

// Where one parameter comes from, and how it is written.
struct ParamStep {
  enum class Source : std::uint8_t {
    Zero,
    Argument,
    Result,
    Path,
    Path2,
    Data,
    Address,
    Tuple,
    Requested,  // bytes in all vectors
    Device,
    Inode,
    PollSet,
    PollReady,
    PairFirst,
    PairSecond,
    UnixOwn,
    UnixPeer,
    HowFlags,  // of struct open_how
    HowMode,
    HowResolve,
    Interval,  // struct timespec
    RealUid,
    EffectiveUid,
    SavedUid,
    RealGid,
    EffectiveGid,
    SysdigId,
    CallNumber,
  };
  enum class Change : std::uint8_t { None, OpenFlags, CloneFlags, MmapFlags, Fcntl, Fd };
  Source source = Source::Zero;
  Change change = Change::None;
  std::uint8_t argument = 0;  // from 0
  std::uint8_t size = 8;      // bytes of a number; 0: text or bytes
  bool is_text = false;
  std::uint16_t literal = 0;
};

// How the events of one call are written.
struct CallPlan {
  std::uint16_t enter_type = kGenericEnter;
  bool is_generic = true;
  bool names_file = false;  // ShapeNamed
  std::vector<ParamStep> enter;
  std::vector<ParamStep> exit;
};

// Of the call with that number, which the table may lack.
[[nodiscard]] CallPlan plan_of(std::uint16_t number);

// `connection`: what the object is an end of, or nullptr.
void fill_params(const std::vector<ParamStep>& steps, const RecordView& view,
                 const UnixConnection* connection, bool inbound, ScapParams& params);

}  // namespace slurper
