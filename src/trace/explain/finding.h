// TraceFinding: what a recogniser has found in a capture, as data. words.h says it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace slurper {

enum class Pattern : std::uint8_t {
  RefusedWrite,     // EPIPE, or ECONNRESET of a write
  Reset,            // ECONNRESET of a read
  FullPipe,         // EAGAIN of a write to a pipe
  StoppedReader,    // a reader that does not read on after the end of the file
  EndOfFile,        // one that ends with its input
  BlockedWrite,     // to a pipe or a connection
  BlockedLock,      // flock(2)
  BlockedOpen,      // of a FIFO
  WaitCycle,        // processes that wait for each other
  SecondReader,     // of a FIFO
  TornWrite,        // a short one whose rest never came, or came behind another's bytes
  MixedWrites,      // more than PIPE_BUF bytes, with others' among them
  ThrownAway,       // bytes that a close has thrown away unread
  LeakedWriteEnd,   // an inherited descriptor because of which a reader sees no end of the file
  KilledBySigpipe,  // without a refused write in the capture
  OtherIdentity,    // a file used by another user than the one who opened it
  TimedOut,         // ETIMEDOUT of a connection
  FullQueue,        // EAGAIN of a connect(2) to an AF_UNIX socket
};

// A thread at a moment.
struct Actor {
  std::int64_t pid = 0;
  std::int64_t tid = 0;
  std::string name;
};

struct Bytes {
  std::uint64_t count = 0;
};
struct Span {
  std::uint64_t nanoseconds = 0;
};
struct Moment {
  std::uint64_t time = 0;  // nanoseconds since 1970
};
struct Counted {
  std::uint64_t count = 0;
  std::string_view noun;  // in the singular; its plural has an s
};
// An event that proves something.
struct EventNumber {
  std::uint64_t number = 0;
};
using Value = std::variant<std::uint64_t, Bytes, Span, Moment, Counted, EventNumber, Actor, std::string>;

struct Argument {
  std::string_view name;
  Value value;
};

enum class Saying : std::uint8_t;

// A sentence: which one, and with what.
struct Statement {
  Saying saying{};
  std::vector<Argument> arguments = {};

  void add(std::string_view name, Value value);
};

struct TraceFinding {
  Pattern pattern{};
  bool is_harm = false;  // data or a process has suffered; else a note
  std::uint64_t time = 0;
  Actor who{};
  std::int64_t fd = -1;
  std::string file{};              // what is behind the descriptor, as lines have it
  std::vector<Statement> story{};  // what happened; each names the events that prove it
  Statement advice{};              // what to do
};

using FindingOutput = std::function<void(TraceFinding finding)>;

}  // namespace slurper
