// Events: what the parts of slurper report, as data. Their words are in service/message_table.cc.
#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "base/settings.h"
#include "base/stream_offset.h"
#include "slurper/result.h"

namespace slurper {

// Everything that can be reported. Each event has one entry in the message table, in this order: an
// event without one does not compile. A comment names the arguments.
enum class EventId : std::uint16_t {
  // Start, reload and stop.
  StartWarning,          // text
  StartRepeated,         // error
  StartFailed,           // error
  FifoCreated,           // fifo
  FifoLockHint,          // note
  PipeSizeRefused,       // error, size
  RingElsewhere,         // error, folder
  RingQuarantined,       // ring, reason, quarantined, recover
  RingMended,            // finding
  RingNotInRam,          // ring
  RingKeepsSize,         // size
  RingRecovered,         // size
  EventsNotKept,         // error
  CallsBefore,           // calls
  ControlUnavailable,    // error
  MetricsUnavailable,    // error
  MetricsServed,         // address
  TextfileFailed,        // error
  TextfileWritten,       // file
  ControlDone,           // user, uid, pid, what
  Ready,                 // status
  ReloadRefused,         // error
  RestartNeeded,         // settings
  SinkAdded,             // sink
  SinkChanged,           // sink
  SinkRemoved,           // sink
  Reloaded,              // changes
  StatusAsked,           // status
  Stopping,              // signal, pid
  FifoNotDrained,        // fifo, size, reason
  Stopped,               // offset
  StoppedPlaceTaken,     // log, size, ring, recover
  StoppedLogNotWritten,  // log, size, ring

  // systemd.
  StoredFdRemoved,     // name, reason
  SocketUnitIsBehind,  // what, fifo, outcome

  // intake/
  FifoNotPolled,      // error
  FifoHeldUp,         // fifo, reason, waiting
  FifoReadAgain,      // after
  LinesDropping,      // size
  LinesDropped,       // when, lines
  PathNotWatched,     // error, fifo
  PathWatchedAgain,   // fifo
  FifoAccessHarmed,   // fifo, change
  FifoAccessChanged,  // fifo, change
  FifoReinstated,     // fifo, fate
  FifoReplaced,       // fifo, fate
  FifoRecreated,      // fifo, fate
  FifoNotAtPath,      // error, fifo, fate
  FifoBack,           // fifo
  FifoClosed,         // fifo

  // watch/
  UsersNotSeen,         // error
  UsersSeenAgain,       // fifo
  WriterCame,           // process
  WriterLeft,           // process
  LastWriterLeft,       // process
  SecondReaderCame,     // process, fifo
  SecondReaderLeft,     // process
  UnseenReaderLeft,     // fifo, reason
  UnseenWriterLeft,     // reason
  UnseenOpen,           // fifo, reason
  UnseenReaderTakes,    // fifo, reason
  SecondReaderKnown,    // reader
  SecondReaderSettled,  //
  OldFifoHasWriters,    // fifo, processes

  // log/
  LogWriteFailed,        // error, room
  LogWrittenAgain,       // after, waiting
  LogReopenFailed,       // error
  LogSyncFailed,         // error
  LogSyncedAgain,        //
  LogRotationFailed,     // error
  LogRotated,            //
  LogCloseFailed,        // error
  LogFinding,            // log, text
  SegmentCompressed,     // segment, raw, compressed
  SegmentRemoved,        // segment
  SegmentRemovedEarly,   // segment
  LeftoverRemoved,       // file
  HousekeepingFailed,    // error
  HousekeepingComplete,  //

  // The watchdog.
  DiskStalls,      // seconds, room
  DiskAnswers,     //
  LogThreadHangs,  // seconds
  LogThreadRuns,   //

  // sink/
  SinkSettingWarning,  // text
  SinkStarts,          // sink, offset, behind
  SinkEnded,           // sink, offset, behind
  SinkGone,            // sink
  SinkHangs,           // sink
  SinkWaits,           // sink, other
  SinkNotStarted,      // sink, error
  SinkFails,           // sink, error, retry
  SinkStillFails,      // sink, error
  SinkHasNoMemory,     // sink
  SinkWorks,           // sink, after, behind
  SinkStops,           // sink, error
  SinkResumes,         // sink
  SinkRests,           // sink
  SinkLags,            // sink, behind, age
  SinkCaughtUp,        // sink
  SinkDebug,           // sink, text
  SinkInfo,            // sink, text
  SinkWarning,         // sink, text
  SinkError,           // sink, text
  SinkLeftBehind,      // sink
};
inline constexpr std::size_t kEventIds = static_cast<std::size_t>(EventId::SinkLeftBehind) + 1;

// A path, or any other name from outside: shown in quotes, with unprintable bytes escaped.
struct Quoted {
  std::string_view text;
};

// Text that is shown as it is, numbers, and values with a unit. All are views: an event ends when its report
// returns.
using EventValue = std::variant<std::string_view, Quoted, std::uint64_t, ByteSize, StreamOffset,
                                std::chrono::seconds, std::chrono::nanoseconds, const Phrase*, const Error*>;

struct EventArgument {
  std::string_view name;
  EventValue value;
};

struct Event {
  EventId id;
  std::span<const EventArgument> arguments;
};

// Receives events. Any thread may report. It neither waits nor throws: if memory has run out, it loses a
// message, and nothing else.
class EventListener {
 public:
  virtual void on_event(const Event& event) noexcept = 0;

  void report(EventId id, std::initializer_list<EventArgument> arguments = {}) {
    on_event({.id = id, .arguments = {arguments.begin(), arguments.size()}});
  }

 protected:
  ~EventListener() = default;
};

}  // namespace slurper
