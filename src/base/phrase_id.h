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

  End,  // their number
};
inline constexpr std::size_t kPhraseIds = static_cast<std::size_t>(PhraseId::End);

}  // namespace slurper
