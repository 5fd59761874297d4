// What findings say: every sentence stands in one table.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "trace/explain/finding.h"

namespace slurper {

enum class Saying : std::uint8_t {
  // A refused write, or a reset connection.
  RefusedClosed,
  RefusedEnded,
  RefusedKilled,
  RefusedShutDown,
  RefusedOwnShutDown,
  RefusedUnknown,
  RefusedMore,
  ReadReset,
  PeerClosed,
  PeerEnded,
  PeerHadRead,
  AllWasRead,
  LeftAtOnce,
  RefusedIs,
  SigpipeEnded,
  SigpipeAlone,
  // A full pipe.
  FullRefused,
  FullUnknown,
  FullBySlots,
  FullMore,
  FlagsSet,
  Retried,
  WroteAgain,
  NotRetried,
  WriterEnded,
  StillRefused,
  // What a reader does.
  ReaderRead,
  ReaderNeverRead,
  ServerHasSocket,
  ReaderUnknown,
  ReaderIsWriter,
  ReaderInCall,
  ReaderStillInCall,
  ReaderStillInCallEarlier,
  ReaderStopped,
  ReaderWasStopped,
  ReaderFirstRead,
  ReaderLeft,
  // The end of a file.
  SawEnd,
  SawEndUnknown,
  ReadsNoMore,
  WrittenInVain,
  RefusedInVain,
  ThenClosed,
  ThenEnded,
  // Waits.
  BlockedFor,
  BlockedStill,
  BlockedForEarlier,
  BlockedStillEarlier,
  BlockedInterrupted,
  BlockedMore,
  LockTook,
  LockWaits,
  OpenWaits,
  SleepsInCycle,
  WaitsFor,
  WaitsForEachOther,
  WaitedFor,
  WaitsForChild,
  WaitedForChild,
  WaitsForLock,
  WaitedForLock,
  WasWoken,
  OtherEndKilled,
  OtherEndEnded,
  OtherEndClosed,
  OtherEndIsOwn,
  OtherEndUnknown,
  OpenerKilled,
  OpenerLeft,
  LockUnknown,
  RangeUnknown,
  SleepsIn,
  SleptIn,
  WasAwake,
  SeveralHaveOther,
  SeveralHaveLock,
  SeveralChildren,
  WaitsInCircle,
  // A second reader.
  SecondOpened,
  SecondTook,
  SecondTookOnce,
  FirstRead,
  // Torn and mixed lines.
  WroteShort,
  OthersBetween,
  RestNeverCame,
  WroteMeanwhile,
  MayBeMixed,
  // Bytes thrown away.
  ThrownAwayUnread,
  ThrownAwayFifo,
  WrittenBy,
  UnreadIs,
  // A leaked descriptor.
  WaitsForEnd,
  WaitedForEnd,
  WriterIsGone,
  StillHolds,
  HeldUntil,
  // Sockets and files.
  TimedOut,
  QueueIsFull,
  AcceptedLast,
  NeverAccepted,
  OpenedByOther,
  // What to do.
  DoNothingRetried,
  DoNothingOwnPipe,
  DoNothingPipeline,
  DoNothingEnd,
  DoNothingAtEnd,
  DoRecordReader,
  DoReadToEnd,
  DoReadToMark,
  DoNothingMark,
  DoNothingUnread,
  DoReopen,
  DoFindKiller,
  DoLetRead,
  DoWatchReader,
  DoContinue,
  DoContinueOther,
  DoFindStopper,
  DoRestartReader,
  DoBreakCycle,
  DoBreakReads,
  DoBreakLocks,
  DoNothingSlow,
  DoNothingSlowPeer,
  DoWatchServer,
  DoRecordLocker,
  DoWatchLocker,
  DoOpenToRead,
  DoOpenToWrite,
  DoEndSecond,
  DoWriteAtomically,
  DoWriteRest,
  DoNothingKilled,
  DoCloseInherited,
  DoDrain,
  DoAskPeer,
  DoNothingAnswered,
  DoNothingLeft,
  DoTryPeer,
  DoAccept,
  DoNothingIdentity,
  DoFindSender,
};

// "refused-write", for programs.
[[nodiscard]] std::string_view name_of(Pattern pattern);
// "a refused write", for headings.
[[nodiscard]] std::string_view title_of(Pattern pattern);

// The sentence, with its arguments in it.
[[nodiscard]] std::string text_of(const Statement& statement);
[[nodiscard]] std::string text_of(const Value& value);
// All sentences of the story.
[[nodiscard]] std::string story_text(const TraceFinding& finding);
// The numbers of the events that prove it, in their order, each once.
[[nodiscard]] std::vector<std::uint64_t> events_of(const TraceFinding& finding);

}  // namespace slurper
