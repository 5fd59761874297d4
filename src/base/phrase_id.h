// The ids of the phrases in which slurper speaks of failures and findings. Their words are in
// service/phrase_table.cc.
#pragma once

#include <cstddef>
#include <cstdint>

#include "slurper/result.h"

namespace slurper {

// Each has one entry in the table, in this order: a phrase without one does not compile. A comment names the
// arguments.
enum class PhraseId : std::uint16_t {
  None,
  Text,  // text: the words of a plug-in, of a parser, or of a library

  // Reasons and advice of many rooms.
  Errno,               // errno
  NotARegularFile,     // found: what stands there
  OwnedByOther,        // user
  NoProgress,          //
  NoMemory,            //
  ReplacedAllTheTime,  //
  MoveItAway,          //
  RemoveIt,            //
  RemoveTheLink,       //
  Failure,             // what, reason, errno, advice: of an error

  // base/
  SetUpEventLoop,  //
  ReadBootId,      // file
  NotAUuid,        //
  OpenLockFile,    // file
  UseLockFile,     // file
  LockTheFile,     // file
  ErrnoOfOther,    // errno, user: that the file belongs to
  StartThread,     // thread
  NoMoreThreads,   //

  // fifo/

  // ring/

  // log/

  // filter/

  // config/

  // sink/

  // service/

  // What `check` finds.

  // What `verify` and `recover` find.
  VerifyLog,            // file
  NameTheLogItself,     //
  RotatedAllTheTime,    //
  NoLogToVerify,        //
  IndexMissing,         // file
  IndexUnusable,        // file, reason
  SlotOfFileDamaged,    // damage
  IndexEmpty,           //
  TornLinesClosed,      // lines
  ForeignBytes,         // size, file, offset
  CompressionFinishes,  // file
  SegmentIsDouble,      // file
  SegmentGone,          // file
  SegmentDamaged,       // file, offset, reason
  RestoreCompressed,    //
  SegmentSizeChanged,   //
  RotationUnderWay,     //
  RotationCutShort,     //
  ActiveMissing,        // file, offset
  ActiveReplaced,       // file, inode, known
  ActiveUnreadable,     // file, reason
  ActiveCutShort,       //
  BeginsLater,          // size
  SegmentsOverlap,      // from, end, file, mend
  RestoreWhole,         // file, size
  CutItBack,            // file, size
  OffsetsMissing,       // from, to, size, file
  OffsetsRemoved,       // from, to
  OffsetsMoved,         // from, to
  OffsetsLost,          // from, to
  ArrivalTimesUnknown,  // error
  ArrivalTimesDamaged,  // file, reason
  SegmentQuarantined,   // file
  CompressionUnderWay,  // file
  CompressionCutShort,  // file
  CursorUnusable,       // sink, file, reason
  CursorEmpty,          // sink
  CursorOfOtherLog,     // sink, file, log
  CursorBeyondCut,      // sink, size
  CursorBeyondEnd,      // sink, file, offset
  CursorBeforeLog,      // sink, from, size, offset
  RingOfOtherLog,       // ring
  RingOfEarlierBoot,    // ring, size
  RingLeftBehind,       // ring, size
  RingDroppedLines,     // lines, size
  LogJustCut,           // size
  LogBeyondRing,        // ring, size
  LogIsOldCopy,         // from, to
  LogCutShort,          // from, to
  LogHasForeignEnd,     // size
  RingHoldsBytes,       // ring, size
  ReadCutShortInRing,   // ring, size
  ReadCutShort,         // ring, size
  LookAtRing,           // folder
  NoRingThere,          //
  RingInQuarantine,     // ring, command
  CursorOrphaned,       // file, why, command
  LogHasItAll,          //
  LogContinuedWithout,  // size
  WriteStandardOutput,  //
  RemoveRing,           // ring

  End,  // their number
};
inline constexpr std::size_t kPhraseIds = static_cast<std::size_t>(PhraseId::End);

}  // namespace slurper
