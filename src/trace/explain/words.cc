#include "trace/explain/words.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "trace/view/shown_event.h"

namespace slurper {

namespace {

struct PatternWords {
  Pattern pattern;
  std::string_view name;
  std::string_view title;
};

constexpr std::array<PatternWords, 18> kPatterns = {{
    {Pattern::RefusedWrite, "refused-write", "a refused write"},
    {Pattern::Reset, "reset", "a reset connection"},
    {Pattern::FullPipe, "full-pipe", "a full pipe"},
    {Pattern::StoppedReader, "stopped-reader", "a reader that has stopped at the end of the file"},
    {Pattern::EndOfFile, "end-of-file", "the end of the file"},
    {Pattern::BlockedWrite, "blocked-write", "a blocked write"},
    {Pattern::BlockedLock, "blocked-lock", "a wait for a lock"},
    {Pattern::BlockedOpen, "blocked-open", "an open that waits for the other end"},
    {Pattern::WaitCycle, "wait-cycle", "processes that wait for each other"},
    {Pattern::SecondReader, "second-reader", "a second reader"},
    {Pattern::TornWrite, "torn-write", "a torn write"},
    {Pattern::MixedWrites, "mixed-writes", "mixed writes"},
    {Pattern::ThrownAway, "thrown-away", "bytes thrown away unread"},
    {Pattern::LeakedWriteEnd, "leaked-descriptor", "an inherited descriptor"},
    {Pattern::KilledBySigpipe, "sigpipe", "a death by SIGPIPE"},
    {Pattern::OtherIdentity, "other-identity", "a file opened by another user"},
    {Pattern::TimedOut, "timed-out", "a connection that timed out"},
    {Pattern::FullQueue, "full-queue", "a full queue of connections"},
}};

struct Words {
  Saying saying;
  std::string_view text;
};

constexpr std::array kWords = std::to_array<Words>({
    {Saying::RefusedClosed,
     "The {call} of {size} was refused with {error} (event {event}), because {closer} had closed the other "
     "end {before} before (event {closed})."},
    {Saying::RefusedEnded,
     "The {call} of {size} was refused with {error} (event {event}), because {closer}, which had the other "
     "end, had ended {before} before (event {closed})."},
    {Saying::RefusedKilled,
     "The {call} of {size} was refused with {error} (event {event}), because {closer}, which had the other "
     "end, had been killed by {signal}, {before} before (event {closed})."},
    {Saying::RefusedShutDown,
     "The {call} of {size} was refused with {error} (event {event}), because {closer} had shut the "
     "connection "
     "down {before} before (event {closed})."},
    {Saying::RefusedOwnShutDown,
     "The {call} of {size} was refused with {error} (event {event}), because {closer} itself had shut the "
     "connection down {before} before (event {closed})."},
    {Saying::RefusedUnknown,
     "The {call} of {size} was refused with {error} (event {event}), because the other end is closed. The "
     "recording does not show who closed it: that process was not recorded."},
    {Saying::RefusedMore, "{count} that followed failed, too, the last at event {event}."},
    {Saying::ReadReset,
     "The {call} failed with ECONNRESET (event {event}): the other end was closed before all had been read "
     "there, or was reset."},
    {Saying::PeerClosed, "{closer} had closed it {before} before (event {event})."},
    {Saying::PeerEnded, "{closer}, which had it, had ended {before} before (event {event})."},
    {Saying::PeerHadRead, "{closer} had read {read} of the {written} written to it before."},
    {Saying::AllWasRead,
     "Before that, {who} had read all of the {bytes} that {closer} had written (the last with event "
     "{event})."},
    {Saying::LeftAtOnce,
     "{closer} had read all answers, and closed {after} after its last {bytes} (event {event}), not "
     "waiting for an answer to these."},
    {Saying::RefusedIs, "What was refused: {record}."},
    {Saying::SigpipeEnded, "SIGPIPE then ended the process (event {event})."},
    {Saying::SigpipeAlone,
     "SIGPIPE ended the process (event {event}). The recording has no refused write before: another process "
     "sent the signal, or events are missing."},
    {Saying::FullRefused,
     "The {call} of {size} was refused with EAGAIN (event {event}): the pipe was full, with {slots} of its "
     "{slots_at_most} slots in use."},
    {Saying::FullUnknown, "The {call} of {size} was refused with EAGAIN (event {event}): the pipe was full."},
    {Saying::FullBySlots,
     "The slots held {held} only, and have room for {room}: a write that does not fit into the rest of the "
     "last slot begins a new one."},
    {Saying::FullMore, "{count} that followed failed, too, the last at event {event}."},
    {Saying::FlagsSet,
     "The writer itself did not change the flags of the open file; {who} did, which shares it (fcntl with "
     "F_SETFL, event {event}), and may have made it non-blocking."},
    {Saying::Retried, "The writer wrote the same bytes later, at event {event}."},
    {Saying::WroteAgain,
     "The writer wrote again later, at event {event}. The recording does not have the bytes, so it is not "
     "known whether they are the same."},
    {Saying::NotRetried,
     "The next bytes that the writer wrote are others (event {event}): what was refused is lost."},
    {Saying::WriterEnded, "The writer ended without writing these bytes again (event {event})."},
    {Saying::StillRefused,
     "Until the recording ended {later} later, the writer did not get these bytes into the pipe."},
    {Saying::ReaderRead,
     "{reader} has the other end, and did not read for {before} after its read at event {event}."},
    {Saying::ReaderNeverRead, "{reader} has the other end, and had not read since the recording began."},
    {Saying::ServerHasSocket, "{reader} has the socket that the bytes are sent to, and made no room in it."},
    {Saying::ReaderUnknown,
     "Who has the other end was not recorded, so it is not known why nothing was read."},
    {Saying::ReaderIsWriter,
     "The writer has the other end itself, and no other process reads from the pipe."},
    {Saying::ReaderInCall, "Instead, {reader} was in {call} for {span} (event {event})."},
    {Saying::ReaderStillInCall, "Instead, {reader} has been in {call} since event {event}, for {span}."},
    {Saying::ReaderStillInCallEarlier,
     "Instead, {reader} has been in {call} since before the recording, for {span} at least (event {event})."},
    {Saying::ReaderStopped, "{reader} had been stopped by a signal (event {event}), and had not continued."},
    {Saying::ReaderWasStopped, "{reader} was stopped by a signal (event {event}), for {span}."},
    {Saying::ReaderFirstRead,
     "{reader} read for the first time {after} after the write had begun (event {event})."},
    {Saying::ReaderLeft,
     "{reader} had the other end until event {event}, and no other process is known to have it."},
    {Saying::SawEnd,
     "{reader} read the end of the file (event {event}): the last writer in the recording, {closer}, had "
     "closed it {before} before (event {closed})."},
    {Saying::SawEndUnknown,
     "{reader} read the end of the file (event {event}). Which writer closed it last was not recorded."},
    {Saying::ReadsNoMore, "{reader} has not read since then, and still has it open, as descriptor {fd}."},
    {Saying::WrittenInVain,
     "{writer} wrote afterwards, first at event {event}: {bytes} in {count} in all, and nothing has been "
     "read."},
    {Saying::RefusedInVain, "{writer} tried to write afterwards (event {event}), and nothing has been read."},
    {Saying::ThenClosed, "{reader} then closed its end (event {event})."},
    {Saying::ThenEnded, "{reader} then ended (event {event})."},
    {Saying::BlockedFor, "The {call} of {size} took {span} (event {event}), because {full}."},
    {Saying::BlockedStill,
     "The {call} of {size} (event {event}) had not ended after {span}, when the recording did, because "
     "{full}."},
    {Saying::BlockedForEarlier,
     "The {call} of {size} (event {event}) began before the recording, and ended {span} after the "
     "recording's beginning: {full}."},
    {Saying::BlockedStillEarlier,
     "The {call} of {size} (event {event}) began before the recording, and had not ended {span} later, when "
     "the recording did: {full}."},
    {Saying::BlockedInterrupted,
     "The {call} of {size} (event {event}) had written {written} after {span}, when a signal interrupted it, "
     "because {full}."},
    {Saying::BlockedMore, "{count} took long, too: {span} in all, the last from event {event} on."},
    {Saying::WaitsFor, "{who} waits for {other}: it is in {call} on {file} (event {event})."},
    {Saying::LockTook, "The {call} took {span} (event {event}), because the file was locked."},
    {Saying::LockWaits,
     "The {call} (event {event}) had not ended after {span}, when {ending}, because the file was locked."},
    {Saying::OpenWaits,
     "The {call} (event {event}) had not ended after {span}, when {ending}: no process had the FIFO open for "
     "{purpose}."},
    {Saying::SleepsInCycle, "The {call} (event {event}) had not ended after {span}, when {ending}."},
    {Saying::WaitsForChild, "{who} waits for its child {other} to end: it is in {call} (event {event})."},
    {Saying::WaitedForChild,
     "{who} waited for its child {other} to end: it was in {call} for {span} (event {event})."},
    {Saying::WaitsForLock,
     "{who} waits for {other}, which has had a lock on {file} since event {locked}: it is in {call} (event "
     "{event})."},
    {Saying::WaitedForLock,
     "{who} waited for {other}, which had had a lock on {file} since event {locked}: it was in {call} for "
     "{span} (event {event})."},
    {Saying::WasWoken, "{who} was in {on_file} for {span} (event {event}), until {other} woke it."},
    {Saying::OtherEndKilled,
     "Its {role}, {closer}, was killed by {signal} {before} before the call ended (event {event})."},
    {Saying::OtherEndEnded, "Its {role}, {closer}, ended {before} before the call did (event {event})."},
    {Saying::OtherEndClosed,
     "Its {role}, {closer}, closed the other end {before} before the call ended (event {event})."},
    {Saying::OtherEndIsOwn, "{who} has the other end itself, and no other process is known to have it."},
    {Saying::OtherEndUnknown, "It is not known who has the other end: that process was not recorded."},
    {Saying::OpenerKilled,
     "{closer} had it open for {purpose} until {signal} killed it, {before} before (event {event})."},
    {Saying::OpenerLeft, "{closer} had it open for {purpose} until {before} before (event {event})."},
    {Saying::LockUnknown, "It is not known who has the lock: the recording does not show who took it."},
    {Saying::RangeUnknown,
     "It is not known who has the lock: a recording does not have what fcntl(2) locks."},
    {Saying::WaitsForEachOther, "Each waits for the next one, and none of them can go on."},
    {Saying::WaitedFor, "{who} waited for {other}: it was in {call} on {file} for {span} (event {event})."},
    {Saying::SleepsIn, "{who} has been in {call} for {span} (event {event})."},
    {Saying::SleptIn, "{who} was in {call} for {span} (event {event})."},
    {Saying::WasAwake, "{who} was not asleep for most of this time."},
    {Saying::SeveralHaveOther, "{count} processes have the other end."},
    {Saying::SeveralHaveLock, "{count} processes have a lock on it."},
    {Saying::SeveralChildren, "{who} has {count} children."},
    {Saying::WaitsInCircle, "So the chain comes back to {other}."},
    {Saying::SecondOpened,
     "Two processes read from the FIFO: {first}, and {second}, whose descriptor was opened at {time}, later "
     "than the other one."},
    {Saying::SecondTook,
     "{second} took {bytes} in {reads}, from event {event} to event {last}: no other reader sees these "
     "bytes."},
    {Saying::SecondTookOnce,
     "{second} took {bytes} with one read (event {event}): no other reader sees these bytes."},
    {Saying::FirstRead, "In the whole recording, {first} read {bytes}, the last at event {event}."},
    {Saying::WroteShort, "The {call} wrote {written} of {size} (event {event})."},
    {Saying::OthersBetween,
     "Before the rest followed (event {event}), {other} wrote {bytes} (event {between}), which the reader "
     "gets in the middle."},
    {Saying::RestNeverCame,
     "{who} left the pipe (event {event}), and never wrote the {missing} that were missing."},
    {Saying::WroteMeanwhile,
     "While a {call} of {size} was under way, from event {event} to event {end}, {other} wrote {bytes} to "
     "the "
     "same pipe ({count}; the first ended at event {between})."},
    {Saying::MayBeMixed,
     "The kernel keeps a write in one piece only up to 4096 bytes (PIPE_BUF), so these bytes may stand in "
     "the middle of the long write."},
    {Saying::ThrownAwayUnread,
     "{who} closed the socket (event {event}), in which {bytes} had not been read: they were thrown away."},
    {Saying::ThrownAwayFifo,
     "{who} closed the last descriptor of the FIFO (event {event}) while there were bytes in {slots}: they "
     "were thrown away."},
    {Saying::WrittenBy, "{writer} had written them (event {event})."},
    {Saying::UnreadIs, "What was not read: {record}."},
    {Saying::WaitsForEnd,
     "{reader} has been waiting in {call} for {span}, until the recording ended (event {event})."},
    {Saying::WaitedForEnd, "{reader} waited for the end of the file in {call} for {span} (event {event})."},
    {Saying::WriterIsGone, "{writer}, which wrote to the pipe (event {event}), has closed it."},
    {Saying::StillHolds,
     "{holder} still has it open for writing, as descriptor {fd}. It inherited the descriptor, and has never "
     "written to it: as long as it is open, there is no end of the file."},
    {Saying::HeldUntil,
     "{holder} had it open for writing until event {event}, as descriptor {fd}. It had inherited the "
     "descriptor, and never wrote to it: there was no end of the file before."},
    {Saying::TimedOut,
     "The {call} failed with ETIMEDOUT after {span} (event {event}): the other end did not answer. What "
     "happened there was not recorded."},
    {Saying::QueueIsFull,
     "The connect to {path} failed with EAGAIN (event {event}): the queue of connections that the server has "
     "not accepted yet is full."},
    {Saying::AcceptedLast, "{server} had last accepted a connection {before} before (event {event})."},
    {Saying::NeverAccepted, "In the recording, this server had accepted no connection before."},
    {Saying::OpenedByOther,
     "{who} used the file as user {uid} (event {event}). {opener} had opened it as user {open_uid}, {before} "
     "before."},
    {Saying::DoNothingRetried, "Nothing, if the writer keeps what was refused, and writes it later."},
    {Saying::DoNothingOwnPipe,
     "Nothing: the program wakes its own event loop through this pipe, and one byte in it is enough for "
     "that."},
    {Saying::DoNothingPipeline,
     "Nothing, if the reader had what it wanted, as head has: this is how a pipeline ends."},
    {Saying::DoNothingEnd,
     "Nothing, if no writer comes back. Else the reader must open the FIFO again at the end of the file, or "
     "keep a descriptor for writing of its own (O_RDWR)."},
    {Saying::DoNothingAtEnd, "Nothing: this is how a pipeline ends."},
    {Saying::DoRecordReader, "Record with --peers, or the whole machine, to see who should have read."},
    {Saying::DoReadToEnd,
     "Find out why the peer closes first. Either it must read to the end before it closes, or the writer "
     "must "
     "expect this. The refused bytes are lost, and bytes written shortly before may be."},
    {Saying::DoReadToMark,
     "Let the peer read this record, which only marks the end of the input, before it closes; or let the "
     "writer read the answer in spite of the error. Nothing of the request itself is missing."},
    {Saying::DoNothingMark,
     "Nothing: the record only marks the end of the input, and no process was hurt by its loss."},
    {Saying::DoNothingUnread,
     "Nothing, if the two had nothing more to say to each other: closing a connection ends it. What was not "
     "read is lost."},
    {Saying::DoReopen,
     "Start the reader, and let the writer open the FIFO again. The refused bytes are lost unless the writer "
     "repeats them."},
    {Saying::DoFindKiller,
     "Find out what killed the reader: a crash, or a lack of memory. What was in the pipe is lost."},
    {Saying::DoLetRead,
     "Make the reader read. Let the writer wait with poll(2), or keep what was refused; a larger pipe "
     "(F_SETPIPE_SZ) only delays this."},
    {Saying::DoWatchReader,
     "Make the reader read. If it must pause, put a program between them that buffers, or make the pipe "
     "larger (F_SETPIPE_SZ)."},
    {Saying::DoContinue, "Let the reader continue: kill -CONT {pid}."},
    {Saying::DoContinueOther, "Let {other} continue: kill -CONT {pid}."},
    {Saying::DoFindStopper,
     "Find out what stops the reader: kill -STOP, a debugger, or Ctrl-Z in its terminal."},
    {Saying::DoRestartReader,
     "Restart the reader. So that it does not happen again, it must open the FIFO again at the end of the "
     "file, or keep a descriptor for writing of its own (O_RDWR). What was written meanwhile is lost once no "
     "process has the FIFO open."},
    {Saying::DoBreakCycle,
     "End one of them. So that it does not happen again, one must read and write at the same time, with "
     "poll(2) or two threads."},
    {Saying::DoBreakReads,
     "End one of them. So that it does not happen again, the one that has nothing more to write must close "
     "the "
     "pipe, and flush its buffer before it reads an answer."},
    {Saying::DoBreakLocks,
     "End one of them. So that it does not happen again, let all of them take the locks in the same order, "
     "and "
     "hold none while they wait for another process."},
    {Saying::DoNothingSlow,
     "Nothing, if the reader is meant to take that long: the writer waits until there is room in the pipe."},
    {Saying::DoNothingSlowPeer,
     "Nothing, if the other end is meant to take that long: the writer waits until it has read."},
    {Saying::DoWatchServer,
     "Make the server read: every program that sends to this socket waits for it. A program that must not "
     "wait can send with MSG_DONTWAIT, and keep or drop what is refused."},
    {Saying::DoRecordLocker, "Record the whole machine, to see who takes the lock."},
    {Saying::DoWatchLocker,
     "Nothing, if {other} needs the lock for that long. Otherwise find out what it does meanwhile, and let "
     "it "
     "hold the lock only while it uses the file."},
    {Saying::DoOpenToRead,
     "Start the reader. A writer that must not wait can open the FIFO with O_NONBLOCK, which fails with "
     "ENXIO "
     "as long as there is no reader."},
    {Saying::DoOpenToWrite,
     "Nothing, if a writer is still to come. A reader that must not wait can open the FIFO with O_NONBLOCK, "
     "or "
     "with O_RDWR."},
    {Saying::DoEndSecond,
     "Decide which of the two belongs there, and end the other. Each byte goes to one reader only; to watch "
     "a FIFO without reading from it, use slurper trace --fifo."},
    {Saying::DoWriteAtomically,
     "Write each record with one call, of at most 4096 bytes; or give each writer a pipe of its own."},
    {Saying::DoWriteRest,
     "Let the writer write the rest of what a short write leaves, before anything else."},
    {Saying::DoNothingKilled,
     "Nothing, if it was killed on purpose: its output ends in the middle of what it wrote last."},
    {Saying::DoCloseInherited,
     "Close the descriptor in {holder}, or open it with O_CLOEXEC in the first place. A program that a "
     "script "
     "starts in the background needs its output redirected, for example to /dev/null."},
    {Saying::DoDrain, "Let the reader read what is left before it closes. What was thrown away is lost."},
    {Saying::DoAskPeer,
     "Find out why the other end closed without reading all. What had been written to it last may be lost."},
    {Saying::DoNothingAnswered,
     "Nothing, if that was the whole answer: only what the other end did not read is lost."},
    {Saying::DoNothingLeft, "Nothing: the client did not wait for these bytes when it left."},
    {Saying::DoTryPeer,
     "Check whether the other machine is up, whether a firewall drops the packets, and whether the program "
     "there still answers."},
    {Saying::DoAccept,
     "Find out why the server accepts no connections; then let it listen with a longer queue (listen(2), "
     "net.core.somaxconn)."},
    {Saying::DoNothingIdentity,
     "Nothing, if the program is meant to keep the file, as a server its log: the rights were checked when "
     "it "
     "was opened."},
    {Saying::DoFindSender, "Look for the process that sent the signal (kill -PIPE)."},
});

std::string text_of_span(std::uint64_t nanoseconds) {
  constexpr std::uint64_t kMicrosecond = 1'000;
  constexpr std::uint64_t kMillisecond = 1'000'000;
  constexpr std::uint64_t kSecond = 1'000'000'000;
  const auto count = [](std::uint64_t number, std::string_view unit) {
    return fmt::format("{} {}{}", number, unit, number == 1 ? "" : "s");
  };
  if (nanoseconds < kMicrosecond) return count(nanoseconds, "nanosecond");
  if (nanoseconds < kMillisecond) return count(nanoseconds / kMicrosecond, "microsecond");
  if (nanoseconds < kSecond) return count(nanoseconds / kMillisecond, "millisecond");
  return fmt::format("{:.1f} seconds", static_cast<double>(nanoseconds) / static_cast<double>(kSecond));
}

struct ToText {
  std::string operator()(std::uint64_t number) const { return std::to_string(number); }
  std::string operator()(Bytes bytes) const {
    return fmt::format("{} byte{}", bytes.count, bytes.count == 1 ? "" : "s");
  }
  std::string operator()(Span span) const { return text_of_span(span.nanoseconds); }
  std::string operator()(Moment moment) const {
    std::string text;
    append_clock(text, moment.time);
    return text;
  }
  std::string operator()(Counted counted) const {
    return fmt::format("{} {}{}", counted.count, counted.noun, counted.count == 1 ? "" : "s");
  }
  std::string operator()(EventNumber event) const { return std::to_string(event.number); }
  std::string operator()(const Actor& actor) const {
    std::string text;
    append_name(text, actor.name.empty() ? "<NA>" : actor.name);
    return fmt::format("{} ({})", text, actor.pid);
  }
  std::string operator()(const std::string& text) const { return text; }
};

const PatternWords& words_of(Pattern pattern) {
  const auto found = std::ranges::find(kPatterns, pattern, &PatternWords::pattern);
  return found == kPatterns.end() ? kPatterns.front() : *found;
}

}  // namespace

void Statement::add(std::string_view name, Value value) {
  arguments.push_back({.name = name, .value = std::move(value)});
}

std::string_view name_of(Pattern pattern) {
  return words_of(pattern).name;
}

std::string_view title_of(Pattern pattern) {
  return words_of(pattern).title;
}

std::string text_of(const Value& value) {
  return std::visit(ToText{}, value);
}

std::string text_of(const Statement& statement) {
  const auto found = std::ranges::find(kWords, statement.saying, &Words::saying);
  std::string text;
  std::string_view rest = found == kWords.end() ? std::string_view() : found->text;
  while (!rest.empty()) {
    const std::size_t open = std::min(rest.find('{'), rest.size());
    text += rest.substr(0, open);
    rest.remove_prefix(open);
    if (rest.empty()) break;
    const std::size_t close = rest.find('}');
    const std::string_view name = rest.substr(1, close - 1);
    const auto argument = std::ranges::find(statement.arguments, name, &Argument::name);
    if (argument != statement.arguments.end()) text += text_of(argument->value);
    rest.remove_prefix(close + 1);
  }
  return text;
}

std::string story_text(const TraceFinding& finding) {
  std::string text;
  for (const Statement& one : finding.story) {
    if (!text.empty()) text += ' ';
    text += text_of(one);
  }
  return text;
}

std::vector<std::uint64_t> events_of(const TraceFinding& finding) {
  std::vector<std::uint64_t> events;
  for (const Statement& statement : finding.story) {
    for (const Argument& one : statement.arguments) {
      if (const auto* event = std::get_if<EventNumber>(&one.value)) events.push_back(event->number);
    }
  }
  std::ranges::sort(events);
  const auto repeated = std::ranges::unique(events);
  events.erase(repeated.begin(), repeated.end());
  return events;
}

}  // namespace slurper
