// PageData: what a page of a capture shows, as TracePage has collected it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "trace/flow/transfer.h"
#include "trace/model/open_file.h"

namespace slurper {

// What an analysis of the capture has found: the page lists it, and jumps to the events that prove it.
struct PageFinding {
  std::string text;
  std::string advice;
  bool harm = false;                  // data or a process suffered; else it is a note
  std::vector<std::uint64_t> events;  // by evt.num
};

// What the page says of a call, and the event that it goes to; 0: none.
struct PageSentence {
  std::string text;
  std::uint64_t event = 0;
};

// The page has a colour for each. capture.js has the same list.
enum class CallKind : std::uint8_t { Other, Read, Write, Wait, Open, Close, Process, Signal, Note };

// A call, or another event, as a bar on the time axis.
struct PageCall {
  std::uint64_t number = 0;  // evt.num of its end; of its beginning if it has not ended
  std::uint64_t enter = 0;   // evt.num of its beginning; 0 if that is not known
  std::int64_t start = 0;    // nanoseconds since the page's first event; a call can have begun before
  std::uint64_t duration = 0;
  std::uint32_t who = 0;   // in PageData::who
  std::uint32_t name = 0;  // in PageData::names
  std::int64_t fd = -1;
  OpenFilePointer file;
  std::int64_t result = 0;
  bool has_result = false;
  bool is_unfinished = false;
  CallKind kind = CallKind::Other;
  std::string arguments;            // without the descriptor and the result
  std::vector<PageSentence> waits;  // whom it has waited for, if it slept for long on a pipe
};

// A thread under one of its names.
struct PageThread {
  std::int64_t tid = 0;
  std::int64_t pid = 0;
  std::string name;
  auto operator<=>(const PageThread&) const = default;
};

// A read from a pipe has returned bytes of this write. Both are numbers of events of these calls.
struct PageLink {
  std::uint64_t write = 0;
  std::uint64_t read = 0;
  Doubt doubt = Doubt::None;
  bool operator==(const PageLink&) const = default;
};

// The two ends of a pipe, as two processes have used them: descriptors.
struct PageEnds {
  std::int64_t writer = 0;  // the process
  std::int64_t write_fd = 0;
  std::int64_t reader = 0;
  std::int64_t read_fd = 0;
  auto operator<=>(const PageEnds&) const = default;
};

// How often bytes of a write went to a read there.
struct PageFlow {
  std::vector<std::pair<std::uint32_t, std::uint32_t>>
      cells;  // each that is not empty: its place, the number
  std::uint64_t all = 0;
  std::uint64_t unsure = 0;  // of these
};

// The state of a pipe at one moment.
struct PagePipe {
  std::int64_t time = 0;  // nanoseconds since the page's first event
  OpenFilePointer file;
  PipeState state{};
};

// How many calls a process has made in a time that is `PageData::cell_width` long.
struct PageCell {
  std::uint32_t calls = 0;
  std::uint32_t failed = 0;
};

struct PageData {
  std::uint64_t first_time = 0;  // nanoseconds since 1970
  std::int64_t length = 0;       // nanoseconds from there to the last event
  std::uint64_t events = 0;
  std::uint64_t lost = 0;       // records
  bool is_aggregated = false;   // `calls` lacks those that neither failed nor took long
  std::uint64_t all_calls = 0;  // with those that it lacks
  std::vector<PageCall> calls;  // by number
  std::vector<PageThread> who;
  std::vector<std::string> names;  // of calls
  std::vector<PageLink> links;     // between calls that it has
  std::vector<PagePipe> pipes;     // by time
  std::vector<std::string> unseen;
  std::uint64_t cell_width = 0;                         // nanoseconds
  std::map<std::int64_t, std::vector<PageCell>> cells;  // by process
  std::vector<std::uint64_t> cell_events;               // the first evt.num of each cell; 0: none
  std::map<PageEnds, PageFlow> flows;
  std::size_t flow_cells = 0;        // of all flows
  std::uint64_t flows_left_out = 0;  // links between ends that are not in `flows`
};

}  // namespace slurper
