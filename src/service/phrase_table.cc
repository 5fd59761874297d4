#include "service/phrase_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <optional>

#include "base/error.h"
#include "base/path_text.h"
#include "base/text.h"
#include "base/uuid.h"
#include "service/placeholders.h"

namespace slurper {

namespace {

constexpr std::array kOfSyslogSocket = {
    ErrnoAdvice{ENOENT, "No such socket exists: is the syslogd running?"},
    ErrnoAdvice{ECONNREFUSED, "Nothing listens at the socket: is the syslogd running?"}};
constexpr std::array kOfServer = {
    ErrnoAdvice{ECONNREFUSED, "Nothing listens there by {protocol}: is the server running?"},
    ErrnoAdvice{ETIMEDOUT, "Nothing answers: is the host up, and does no firewall stand between?"}};
constexpr std::array kOfReceiver = {
    ErrnoAdvice{ECONNREFUSED, "Nothing listens there: is the server running?"}};
constexpr std::array kOfStandardOutput = {ErrnoAdvice{EBADF, "Start slurper with a standard output"}};
// What to do if a call fails with these.
constexpr std::string_view kMakeRoom = "Make room on its file system";
constexpr std::string_view kIsJournaldRunning = "Is systemd-journald running?";
constexpr std::array kOfJournald = {ErrnoAdvice{ENOENT, kIsJournaldRunning},
                                    ErrnoAdvice{ECONNREFUSED, kIsJournaldRunning}};
constexpr std::array kOfFullDisk = {ErrnoAdvice{ENOSPC, kMakeRoom}, ErrnoAdvice{EDQUOT, kMakeRoom}};
constexpr std::array kLogAdvice = {
    ErrnoAdvice{ELOOP, "Remove the link: slurper follows none there, because it could be pointed elsewhere"},
    ErrnoAdvice{ENOSPC, kMakeRoom},
    ErrnoAdvice{EDQUOT, kMakeRoom},
    ErrnoAdvice{EROFS,
                "Its file system was mounted, or has turned, read-only: look into the kernel's messages"},
    ErrnoAdvice{EFBIG,
                "Raise the limit on the size of files (LimitFSIZE=, ulimit -f), or set log.rotate_size"},
    ErrnoAdvice{EIO, "Look into the kernel's messages: the disk may be failing"}};
constexpr std::string_view kRaiseWatches = "Raise fs.inotify.max_user_watches (sysctl)";
constexpr ErrnoAdvice kOfWatchFifo[] = {{ENOSPC, kRaiseWatches}};
constexpr ErrnoAdvice kOfWatchPart[] = {
    {EACCES, "slurper must be allowed to read it, or its folder"},
    {ENOSPC, kRaiseWatches},
};
constexpr ErrnoAdvice kOfEnlargePipe[] = {
    {EPERM, "Raise fs.pipe-max-size or fs.pipe-user-pages-soft (sysctl), or lower fifo.pipe_size"},
    {EBUSY, "It holds more than that now: restart slurper once it is drained"},
};
constexpr std::string_view kLetItWriteRings =
    "Let slurper write there, or set ring.directory to another folder on a RAM file system";
constexpr std::string_view kMakeRoomForRing =
    "Make room there, or set ring.directory to another folder on a RAM file system";
constexpr ErrnoAdvice kOfRing[] = {
    {ENOSPC, kMakeRoomForRing},
    {EDQUOT, kMakeRoomForRing},
    {EFBIG, "Raise the limit on the size of files (LimitFSIZE=, ulimit -f), or make ring.size smaller"},
    {EACCES, kLetItWriteRings},
    {EPERM, kLetItWriteRings},
    {EROFS, kLetItWriteRings},
};
constexpr std::string_view kAllowAsking =
    "Run the command as root, as slurper's user, or as a member of the socket's group";
constexpr ErrnoAdvice kOfAsking[] = {
    {EACCES, kAllowAsking},
    {EPERM, kAllowAsking},
    {ENOENT, "Name the control socket, the FIFO or the log of a running slurper"},
};
constexpr std::string_view kLetItListen =
    "Let slurper write to its folder, or set control.path to another path";
constexpr ErrnoAdvice kOfControl[] = {
    {EACCES, kLetItListen},
    {EROFS, kLetItListen},
    {ENOENT, "Create its folder, or set control.path to another path"},
};
constexpr ErrnoAdvice kOfListening[] = {
    {EADDRINUSE, "End the process that listens there, or set metrics.listen to another port"},
    {EADDRNOTAVAIL, "Set metrics.listen to an address of this machine"},
    {EACCES, "Set metrics.listen to a port of 1024 and more"},
    {EAFNOSUPPORT,
     "The service's sandbox gives slurper no network: it needs the drop-in metrics.conf, which "
     "`slurper check --drop-in` prints and `systemctl edit slurper` takes"},
};
constexpr std::string_view kLetItWriteTextfile =
    "Let slurper's user write to its folder: chgrp and chmod it. A sandbox needs ReadWritePaths= in a "
    "drop-in: "
    "`slurper check --drop-in` prints it";
constexpr ErrnoAdvice kOfTextfile[] = {
    {EACCES, kLetItWriteTextfile},
    {EROFS, kLetItWriteTextfile},
    {ENOENT, "Create its folder, or set metrics.textfile to another path"},
    {ENOSPC, kMakeRoom},
    {EDQUOT, kMakeRoom},
};
constexpr ErrnoAdvice kOfSecret[] = {
    {EACCES, "Let slurper read it: chown it to slurper's user, or to its group with the mode 0640"},
};
constexpr ErrnoAdvice kOfCredential[] = {
    {ENOENT, "Add LoadCredential={name}:PATH to slurper.service and restart it"},
};
constexpr std::string_view kNoLinksBelow =
    "Remove it: below the folder before the first field, slurper follows no links";
constexpr std::string_view kMakeFirstFolder =
    "Create it: mkdir -p -m 0750 {file}, and chown it to slurper's user";
constexpr std::string_view kLetIntoFolder = "Let slurper's user read and write there: chown or chmod it";
constexpr ErrnoAdvice kOfFolder[] = {
    {ENOENT, kMakeFirstFolder},
    {EACCES, kLetIntoFolder},
    {ELOOP, kNoLinksBelow},
    {ENOTDIR, kNoLinksBelow},
};
constexpr ErrnoAdvice kOfFirstFolder[] = {
    {ENOENT, kMakeFirstFolder},
    {EACCES, kLetIntoFolder},
};
constexpr ErrnoAdvice kOfStartRecorder[] = {
    {ENOENT, "Install slurper completely, or set SLURPER_TRACE_PROGRAM to the recorder's path"},
};
constexpr std::string_view kPermitSplice =
    "Set ring.directory to a folder on tmpfs, and let a container's seccomp profile permit splice(2)";

constexpr std::string_view kAnswerInTime =
    "Have it flush its standard output after each answer, or write dots while it works. Is it only slow? "
    "Then raise confirm_timeout. Does it never answer? Then set confirm = \"none\"";

constexpr std::array<PhraseEntry, kPhraseIds> kTable = {{
    {.id = PhraseId::None, .words = ""},
    {.id = PhraseId::Text, .words = "{text}"},

    // Reasons and advice of many rooms.
    {.id = PhraseId::Errno, .words = "{errno}"},
    {.id = PhraseId::NotARegularFile, .words = "it is {found}, not a regular file"},
    {.id = PhraseId::OwnedByOther, .words = "it belongs to {user}"},
    {.id = PhraseId::ReplacedAllTheTime,
     .words = "it is replaced again and again",
     .advice = "Find out which process does it"},
    {.id = PhraseId::MoveItAway, .words = "Move it away"},
    {.id = PhraseId::RemoveIt, .words = "Remove it"},
    {.id = PhraseId::RemoveTheLink, .words = "Remove the link"},
    {.id = PhraseId::Failure, .words = "cannot {what}: {reason}"},
    {.id = PhraseId::DidYouMean, .words = "Did you mean {name}?"},
    {.id = PhraseId::AcceptSetting, .words = "accept {place}"},

    // base/
    {.id = PhraseId::SetUpEventLoop, .words = "set up the event loop"},
    {.id = PhraseId::ReadBootId, .words = "read the boot id {file}"},
    {.id = PhraseId::NotAUuid, .words = "it is not a UUID"},
    {.id = PhraseId::OpenLockFile, .words = "open the lock file {file}"},
    {.id = PhraseId::UseLockFile, .words = "use the lock file {file}"},
    {.id = PhraseId::LockTheFile, .words = "lock the file {file}"},
    {.id = PhraseId::ErrnoOfOther,
     .words = "{errno} (it belongs to {user})",
     .advice = "Let no other user run slurper on this, or give the file to slurper's user with chown(1)"},
    {.id = PhraseId::StartThread, .words = "start the thread {thread}"},
    {.id = PhraseId::NoMoreThreads,
     .words = "a limit on threads and processes, or on memory, is reached",
     .advice = "Raise TasksMax= of the service, or the user's limits (LimitNPROC=, ulimit -u, ulimit -v)"},

    // fifo/
    {.id = PhraseId::ReadFifo, .words = "read the FIFO {file}"},
    {.id = PhraseId::CreateFifo, .words = "create the FIFO {file}"},
    {.id = PhraseId::OpenFifo, .words = "open the FIFO {file}"},
    {.id = PhraseId::OpenFifoForReading, .words = "open the FIFO {file} for reading"},
    {.id = PhraseId::OpenFifoForWriting, .words = "open the FIFO {file} for writing"},
    {.id = PhraseId::ReopenKeepAlive, .words = "open the FIFO for writing again"},
    {.id = PhraseId::EnlargePipe,
     .words = "enlarge the pipe of the FIFO {file} to {size.exact}",
     .on_errno = kOfEnlargePipe},
    {.id = PhraseId::NotAFifo, .words = "it is {found}, not a FIFO"},
    {.id = PhraseId::NameTheFifo, .words = "Name the FIFO itself{target}: a link could be pointed elsewhere"},
    {.id = PhraseId::NameAnotherPath,
     .words = "Nothing was changed. Name another path, or move this file away"},
    {.id = PhraseId::CreateItYourself,
     .words = "Create it yourself, or name a path in a folder that slurper may write to"},
    {.id = PhraseId::CreateWithMkfifo, .words = "Create it with mkfifo(1), or set fifo.create = true"},
    {.id = PhraseId::AllowBothEnds, .words = "slurper must be allowed to read and to write it"},
    {.id = PhraseId::ProcNotMounted,
     .words = "/proc is not mounted",
     .advice = "Mount it: slurper cannot run without it"},
    {.id = PhraseId::TemporaryFifoReplaced,
     .words = "another process has put something else at {file}",
     .advice = "slurper has not changed it. Let only slurper's user and root write to that folder"},
    {.id = PhraseId::InTheWay, .words = "{file} is in the way: it is {found}", .advice = "Move it away"},
    {.id = PhraseId::CorrectFifoOwner, .words = "Correct fifo.owner"},
    {.id = PhraseId::CorrectFifoGroup, .words = "Correct fifo.group"},
    {.id = PhraseId::LockFifo, .words = "lock the FIFO {file}"},
    {.id = PhraseId::MakeLockFolder, .words = "make the folder for lock files {file}"},
    {.id = PhraseId::UseLockFolder, .words = "use the folder for lock files {file}"},
    {.id = PhraseId::ReadByAnotherSlurper,
     .words = "another slurper reads it: {process}",
     .advice = "Two readers would each get a part of the lines. fuser -v {file} names all processes that "
               "have it open"},
    {.id = PhraseId::NoLockFile,
     .words = "{reason}. slurper continues without a lock file: only flock(2) on the FIFO {file} "
              "keeps a second slurper away, if /proc shows that slurper to this one"},
    {.id = PhraseId::StrangerHoldsLock,
     .words = "{process} holds a lock on the FIFO {file}, and is no slurper. slurper continues without that "
              "lock"},
    {.id = PhraseId::WatchFifo, .words = "watch the FIFO", .on_errno = kOfWatchFifo},
    {.id = PhraseId::WatchPart, .words = "watch {file}, a part of the FIFO's path", .on_errno = kOfWatchPart},
    {.id = PhraseId::NoInotifyInstance,
     .words = "the user has no inotify instance left (EMFILE)",
     .advice = "Raise fs.inotify.max_user_instances (sysctl)"},

    // ring/
    {.id = PhraseId::UseRing, .words = "use the ring {file}", .on_errno = kOfRing},
    {.id = PhraseId::CreateRing, .words = "create the ring {file}", .on_errno = kOfRing},
    {.id = PhraseId::ReadRing, .words = "read the ring {file}"},
    {.id = PhraseId::UseRings, .words = "use a ring"},
    {.id = PhraseId::UsedByAnotherSlurper,
     .words = "another slurper uses it",
     .advice = "Give each slurper a ring.directory of its own, or leave it unset"},
    {.id = PhraseId::KernelTooOld,
     .words = "the kernel has no MADV_POPULATE_WRITE",
     .advice = "slurper needs Linux 5.14 or later"},
    {.id = PhraseId::SpliceFails,
     .words = "splice(2) from a pipe into it fails: {errno}",
     .advice = kPermitSplice},
    {.id = PhraseId::SpliceIsSilent,
     .words = "splice(2) into it does not report what it took",
     .advice = kPermitSplice},
    {.id = PhraseId::NotARing, .words = "it is not a ring"},
    {.id = PhraseId::NameAnotherRing, .words = "Name another folder with --ring"},
    {.id = PhraseId::RingOfOtherVersion,
     .words = "it is of version {version}, and this slurper knows version {known}"},
    {.id = PhraseId::RingOfWrongSize, .words = "its size is not what its header says"},
    {.id = PhraseId::RingContradictsItself, .words = "it contradicts itself"},
    {.id = PhraseId::BelongsToOtherLog, .words = "it belongs to another log, and it holds {size}"},
    {.id = PhraseId::RingOfOriginal,
     .words = "it is the ring of the log {owner}, and the log {log} is a copy of that one, with its id",
     .advice = "Is the copy a log of its own? Then stop its slurper, run slurper identity --new {log}, and "
               "set another ring.directory for one of the two. Does it replace {owner}? Then move that one "
               "away"},
    {.id = PhraseId::RingOfExistingLog,
     .words = "it is the ring of the log {owner}",
     .advice = "Set another ring.directory for one of the two logs, or leave it unset"},
    {.id = PhraseId::HeldAtRestart,
     .words = "the machine has restarted, and it held {size} that the log lacks"},
    {.id = PhraseId::NeverReachedLog,
     .words = "the log continues at an offset that it has never reached, and it holds {size}"},
    {.id = PhraseId::UseRingFolder, .words = "use the ring's folder {file}"},
    {.id = PhraseId::CreateRingFolder, .words = "create the ring's folder {file}"},
    {.id = PhraseId::ChooseRingFolder, .words = "choose a folder for the ring"},
    {.id = PhraseId::NoRuntimeDirectory,
     .words = "neither $RUNTIME_DIRECTORY nor $XDG_RUNTIME_DIR is set",
     .advice = "Set ring.directory to a folder in RAM that is this log's and this user's own"},
    {.id = PhraseId::NotAFolder, .words = "it is {found}, not a folder"},
    {.id = PhraseId::ForgeableByOwner, .words = "it belongs to {user}, who could forge or cut what is in it"},
    {.id = PhraseId::ForgeableByAll, .words = "every user may replace what is in it"},
    {.id = PhraseId::NameOwnRingFolder,
     .words = "Set ring.directory to a folder in RAM that is slurper's own, or leave it unset"},
    {.id = PhraseId::NameWritableFolder,
     .words = "Set ring.directory to a folder on a RAM file system that slurper may write to"},
    {.id = PhraseId::RingFolderTightened,
     .words = "other users could write to the ring's folder {file}, and forge lines: its mode was "
              "{before.octal}, and is {now.octal} now"},
    {.id = PhraseId::RingTightened,
     .words = "other users could open the ring {file}, which holds lines on their way: its mode was "
              "{before.octal}, and is 0600 now"},

    // log/
    {.id = PhraseId::TheLogsIndex, .words = "the log's index {file}"},
    {.id = PhraseId::TheCursor, .words = "the cursor {file}"},
    {.id = PhraseId::OpenFile, .words = "open {file}"},
    {.id = PhraseId::CreateLogsFolder, .words = "Create the log's folder, or name another log"},
    {.id = PhraseId::LetSlurperWriteLog,
     .words = "Let slurper read and write the log's folder and files, or name another log"},
    {.id = PhraseId::LockFile, .words = "lock {file}"},
    {.id = PhraseId::SetUpFile, .words = "set up {file}"},
    {.id = PhraseId::ReadFile, .words = "read {file}"},
    {.id = PhraseId::WriteFile, .words = "write {file}", .on_errno = kLogAdvice},
    {.id = PhraseId::UseFile, .words = "use {file}"},
    {.id = PhraseId::RemoveFile, .words = "remove {file}"},
    {.id = PhraseId::SetFile, .words = "set {file}"},
    {.id = PhraseId::IndexInUse,
     .words = "{process} is writing it",
     .advice = "One slurper writes a log: stop the other one, or name another log"},
    {.id = PhraseId::CursorInUse,
     .words = "{process} has it",
     .advice = "Each sink has a cursor of its own: give the sinks different names"},
    {.id = PhraseId::CursorOfRunningSink,
     .words = "{process} has it",
     .advice = "A sink that runs writes its cursor itself: stop slurper first"},
    {.id = PhraseId::LockIsWeak, .words = "{error}. Only flock(2) on {file} keeps a second slurper away"},
    {.id = PhraseId::LockedByStranger,
     .words = "{process} holds a lock on {file}, and is not a slurper: slurper continues without that lock"},
    {.id = PhraseId::WrittenByOtherVersion,
     .words = "it was written by another version of slurper",
     .advice = "Use a slurper that is not older"},
    {.id = PhraseId::SlotForeign,
     .words = "slot {slot} of {file} is damaged: it is not a slot of such a file"},
    {.id = PhraseId::SlotChecksum, .words = "slot {slot} of {file} is damaged: its checksum is wrong"},
    {.id = PhraseId::NoSlotWhole, .words = "no slot of it is whole"},
    {.id = PhraseId::MoveIndexAway,
     .words =
         "Move it away: slurper then creates a new one, with a new log id, from the segments that are there"},
    {.id = PhraseId::SetCursorCommand,
     .words = "slurper cursor {log} {sink} --to beginning (or end, or an offset)"},
    {.id = PhraseId::SetTheCursor, .words = "Set it: {command}"},
    {.id = PhraseId::CursorIsOfOtherLog, .words = "it belongs to another log, {found}; this one is {log}"},
    {.id = PhraseId::LogReplacedSetCursor, .words = "Was the log, or its index, replaced? Set it: {command}"},
    {.id = PhraseId::NameCursor, .words = "name a cursor {name}"},
    {.id = PhraseId::NotASinkName,
     .words = "a sink's name consists of 1 to 64 letters, digits, dots, underscores and dashes",
     .advice = "Rename the sink"},
    {.id = PhraseId::CorrectLogGroup, .words = "Correct log.group"},
    {.id = PhraseId::SetGroupOfLog, .words = "set the group of the log {file}", .on_errno = kLogAdvice},
    {.id = PhraseId::SetModeOfLog, .words = "set the mode of the log {file}", .on_errno = kLogAdvice},
    {.id = PhraseId::WriteTheLog, .words = "write the log {file}"},
    {.id = PhraseId::CreateLog, .words = "create the log {file}", .on_errno = kLogAdvice},
    {.id = PhraseId::OpenLog, .words = "open the log {file}", .on_errno = kLogAdvice},
    {.id = PhraseId::ReadLog, .words = "read the log {file}", .on_errno = kLogAdvice},
    {.id = PhraseId::WriteToLog, .words = "write to the log {file}", .on_errno = kLogAdvice},
    {.id = PhraseId::SyncLog, .words = "sync the log {file}", .on_errno = kLogAdvice},
    {.id = PhraseId::SyncFolderOfLog, .words = "sync the folder of the log {file}", .on_errno = kLogAdvice},
    {.id = PhraseId::LookAtLog, .words = "examine the log {file}", .on_errno = kLogAdvice},
    {.id = PhraseId::RotateLog, .words = "rotate the log {file} to {rotated}", .on_errno = kLogAdvice},
    {.id = PhraseId::EndSharedSegment,
     .words = "end the segment of the log {file} that another process has written to",
     .on_errno = kLogAdvice},
    {.id = PhraseId::EndTornLine,
     .words = "end the torn last line of the log {file}",
     .on_errno = kLogAdvice},
    {.id = PhraseId::QuarantineInLog,
     .words = "quarantine a file in the place of the log {file}",
     .on_errno = kLogAdvice},
    {.id = PhraseId::ReplaceFreeName, .words = "Nothing was changed. Name a file, or a name that is free"},
    {.id = PhraseId::LogIsNoLink,
     .words = "Nothing was changed. slurper follows no link there, because it could be pointed elsewhere. "
              "Name the file itself{end}, or remove the link"},
    {.id = PhraseId::SlurperTriesAgain, .words = "slurper tries again"},
    {.id = PhraseId::LogNeverStill,
     .words = "another process removes, cuts or writes it all the time",
     .advice = "Find out which one with fuser(1) or lsof(8)"},
    {.id = PhraseId::IndexOfOtherLog,
     .words = "its index was replaced by that of another log, {log}",
     .advice = "Put its own folder back, or name another log. `slurper recover` writes what can't be written "
               "until then"},
    {.id = PhraseId::IndexOfOtherSlurper,
     .words = "its index was replaced by one with which another slurper has continued",
     .advice = "Let one slurper write a log. `slurper recover` writes what this one can't write any more"},
    {.id = PhraseId::IndexIsNew, .words = "its index has no record yet"},
    {.id = PhraseId::RotationFinished, .words = "a rotation was cut short, and has been finished"},
    {.id = PhraseId::BothClaimOffset,
     .words = "both {active} and {rotated} claim to begin at offset {offset}; the one that slurper had not "
              "written there is {quarantined} now"},
    {.id = PhraseId::ContinuesByNames,
     .words = "its index was missing; by its segments' names it continues at offset {offset}"},
    {.id = PhraseId::HeldForeignBytes,
     .words = "it held {size.byte} that slurper had not written: the log begins with that now"},
    {.id = PhraseId::RenamedMeanwhile,
     .words =
         "it had been renamed to {file} while slurper was not running; the stream continues in a new file"},
    {.id = PhraseId::IdentityFromRing,
     .words = "its index was missing; its id comes from the ring, and the stream continues with it"},
    {.id = PhraseId::MisfitQuarantined,
     .words =
         "a file was in its place that does not end where the stream continues; that file is {file} now"},
    {.id = PhraseId::MachineWentDown,
     .words = "the machine went down while it was written: it ends at offset {end} and continues in a new "
              "file at offset {offset}, beyond all that may be lost"},
    {.id = PhraseId::TornLineEnded,
     .words = "its last line was cut short when the machine went down; it has been ended with a newline"},
    {.id = PhraseId::CutAndContinued,
     .words = "another process cut its file; it continues in the same file at offset {offset}"},
    {.id = PhraseId::LogWasCut,
     .words = "it ends at offset {end}, and slurper had written it up to {offset}: another process has cut "
              "it, and what its file held is out of the log"},
    {.id = PhraseId::RestIsQuarantined, .words = "what was left of it is {file} now"},
    {.id = PhraseId::OldCopyContinued,
     .words = "it ends at offset {end}, and slurper had written it up to {offset}: it is an old copy of the "
              "log. It continues in a new file at offset {offset}"},
    {.id = PhraseId::FileRemoved,
     .words = "its file was removed; it continues in a new one at offset {offset}"},
    {.id = PhraseId::FileMoved,
     .words = "its file was moved away; it continues in a new one at offset {offset}"},
    {.id = PhraseId::FileEmptied,
     .words = "another process cut its file to nothing; it continues in that file at offset {offset}"},
    {.id = PhraseId::FileShared,
     .words = "another process wrote {size.byte} to its file; that file is {file} now, and the log "
              "continues in a new one at offset {offset}"},
    {.id = PhraseId::FileAltered,
     .words = "another process has cut its file or written to it; that file is {file} now, and the log "
              "continues in a new one at offset {offset}"},
    {.id = PhraseId::AlteredInRotation,
     .words =
         "another process cut, wrote to or replaced its file while it was rotated; that file is {file} now"},
    {.id = PhraseId::ForeignFileThere,
     .words = "another program's file was in its place; that file is {file} now"},
    {.id = PhraseId::IndexRecreated,
     .words = "its index was gone, with its lock; they have been created again, with the same id"},
    {.id = PhraseId::UseTimes, .words = "use the arrival times {file}"},
    {.id = PhraseId::ReadTimes, .words = "read the arrival times {file}"},
    {.id = PhraseId::WriteTimes, .words = "write the arrival times {file}"},
    {.id = PhraseId::CutTimes, .words = "cut off the damaged end of the arrival times {file}"},
    {.id = PhraseId::HeaderDamaged, .words = "its header is damaged"},
    {.id = PhraseId::OfOtherLog, .words = "it belongs to another log, {log}"},
    {.id = PhraseId::LastEntriesDamaged, .words = "it is damaged in its last {count.entry}"},
    {.id = PhraseId::TimesBegunAnew,
     .words = "{error}. slurper begins it anew: when the lines that the log has by now arrived is no longer "
              "known"},
    {.id = PhraseId::TimesFail,
     .words = "{error}. Only the arrival times of lines depend on it; slurper tries again"},
    {.id = PhraseId::TimesWork, .words = "its arrival times are being written again"},
    {.id = PhraseId::RemoveOldSegment, .words = "remove the old segment {file}"},
    {.id = PhraseId::SyncLogFolder, .words = "sync the log's folder {file}"},
    {.id = PhraseId::ListLogFolder, .words = "list the log's folder {file}"},
    {.id = PhraseId::LookAtSegment, .words = "examine the segment {file}"},
    {.id = PhraseId::ReadSegmentFile, .words = "read the segment {file}"},
    {.id = PhraseId::EndsBeforeOffset, .words = "it ends before offset {offset}"},
    {.id = PhraseId::NoZstdFrame, .words = "it is not a zstd frame, or it was cut short"},
    {.id = PhraseId::FrameWithoutSize, .words = "its zstd frame does not say how long its content is"},
    {.id = PhraseId::FrameCutShort, .words = "it was cut short"},
    {.id = PhraseId::BytesBehindFrame, .words = "something follows its zstd frame"},
    {.id = PhraseId::MayBeWrong, .words = "What was read of it may be wrong"},
    {.id = PhraseId::CompressSegment, .words = "compress the segment {file}"},
    {.id = PhraseId::CreateTemporary, .words = "create the file {file}"},
    {.id = PhraseId::CompressedTooShort,
     .words = "the compressed file is not as long as what was written to it"},
    {.id = PhraseId::RemoveRawSegment, .words = "remove the segment {file}, now compressed"},
    {.id = PhraseId::RemoveLeftover, .words = "remove the leftover {file}"},
    {.id = PhraseId::TidySegments, .words = "compress and remove segments"},
    {.id = PhraseId::FindLineBegin, .words = "look for the beginning of a line"},
    {.id = PhraseId::ReadLogFrom, .words = "read the log {file} from offset {offset} on"},
    {.id = PhraseId::NothingWrittenThere,
     .words = "nothing was ever written beyond offset {end}",
     .advice = "Was the log, or what remembers the offset, restored from a backup?"},
    {.id = PhraseId::CursorOfAnotherLog, .words = "it belongs to another log"},
    {.id = PhraseId::CursorWithoutSink, .words = "no sink of the slurper that writes the log has it"},
    {.id = PhraseId::GiveNewIdentity, .words = "give the log {file} a new identity"},
    {.id = PhraseId::NewIdentityCommand, .words = "slurper identity --new {log}"},

    // filter/
    {.id = PhraseId::FilterAtColumn, .words = "at column {column} {why}"},
    {.id = PhraseId::FilterAtLine, .words = "at line {line}, column {column} {why}"},
    {.id = PhraseId::FilterIsDoubtful, .words = "is doubtful: {finding}. {advice}"},
    {.id = PhraseId::FilterFieldsAre, .words = "The fields are: {fields}"},
    {.id = PhraseId::FilterOperatorsAre, .words = "{field} can be compared with: {operators}"},
    {.id = PhraseId::FilterValuesAre, .words = "The values are: {values}"},
    {.id = PhraseId::FilterNumberIs,
     .words = "{field} is a number from -2^63 to 2^63-1, such as 4096, -2 or 0x1f"},
    {.id = PhraseId::FilterTimeIs,
     .words = "Write a time as 2026-01-31, or as 2026-01-31T12:00:00.5Z, or with +02:00 instead of Z"},
    {.id = PhraseId::FilterWriteInstead, .words = "Write {instead}"},
    {.id = PhraseId::FilterNotMatches, .words = "Write not before the field, and matches"},
    {.id = PhraseId::FilterNotBeforeField, .words = "Put not before the field: not program in (sshd, sudo)"},
    {.id = PhraseId::FilterGlobInstead, .words = "Write glob, with * and ?"},
    {.id = PhraseId::FilterMatchesInstead,
     .words = "Write matches, with (?i) at the beginning of the pattern"},
    {.id = PhraseId::FilterPrefixInstead, .words = "Write startswith, or glob"},
    {.id = PhraseId::FilterBytesInstead, .words = "Write {instead}, and \\xNN in quotes for a byte"},
    {.id = PhraseId::FilterSeveralValues,
     .words = "For several values, write in and parentheses: program in (sshd, sudo)"},
    {.id = PhraseId::FilterTooLong, .words = "it has {length} bytes, but the limit is {limit}"},
    {.id = PhraseId::FilterNotUtf8, .words = "this is not UTF-8"},
    {.id = PhraseId::FilterControlCharacter, .words = "this is a control character"},
    {.id = PhraseId::FilterWriteByte, .words = "Write \"\\x{byte}\", in quotes"},
    {.id = PhraseId::FilterNeverOpened, .words = "there is no '(' for this ')'"},
    {.id = PhraseId::FilterExpectedConnective, .words = "expected 'and' or 'or', not {found}"},
    {.id = PhraseId::FilterExistsStandsAlone, .words = "exists follows a field alone: program exists"},
    {.id = PhraseId::FilterTooDeep, .words = "the parentheses are nested more than {limit} deep"},
    {.id = PhraseId::FilterNeverClosed, .words = "this {opening} is never closed"},
    {.id = PhraseId::FilterExpectedConnectiveOrEnd, .words = "expected 'and', 'or' or ')', not {found}"},
    {.id = PhraseId::FilterEmpty, .words = "it is empty"},
    {.id = PhraseId::FilterEndsBeforeField, .words = "it ends before a field"},
    {.id = PhraseId::FilterExpectedField, .words = "expected a field, not {found}"},
    {.id = PhraseId::FilterNoSuchField, .words = "there is no field {name}"},
    {.id = PhraseId::FilterTakesNoBrackets, .words = "{field} takes nothing in brackets"},
    {.id = PhraseId::FilterEmptyBrackets, .words = "the brackets of {field} are empty"},
    {.id = PhraseId::FilterExpectedBracket, .words = "expected a ']'"},
    {.id = PhraseId::FilterEndsBeforeOperator, .words = "it ends before an operator"},
    {.id = PhraseId::FilterNoSuchOperator, .words = "there is no operator {name}"},
    {.id = PhraseId::FilterOperatorDoesNotFit, .words = "{operator} does not compare {values}"},
    {.id = PhraseId::FilterInNeedsParentheses, .words = "the values of 'in' must be in parentheses"},
    {.id = PhraseId::FilterTooManyValues, .words = "'in' takes at most {limit} values"},
    {.id = PhraseId::FilterExpectedCommaOrEnd, .words = "expected ',' or ')', not {found}"},
    {.id = PhraseId::FilterEndsBeforeValue, .words = "it ends before a value"},
    {.id = PhraseId::FilterExpectedValue, .words = "expected a value, not {found}"},
    {.id = PhraseId::FilterQuoteTheWord, .words = "To compare with this word, put it in quotes"},
    {.id = PhraseId::FilterEqualsNeedsQuotes, .words = "a value that contains '=' must be in quotes"},
    {.id = PhraseId::FilterTwoDigits, .words = "\\x needs two hexadecimal digits"},
    {.id = PhraseId::FilterNoSuchEscape,
     .words = "there is no such escape; the escapes are \\\\ \\\" \\' \\n \\r \\t \\xNN"},
    {.id = PhraseId::FilterWriteBackslash, .words = "For a backslash, write \\\\, or leave out the quotes"},
    {.id = PhraseId::FilterWrongValue, .words = "{value} is not a value of {field}"},
    {.id = PhraseId::FilterBadPattern, .words = "this is not a regular expression: {reason}"},
    {.id = PhraseId::FilterBadPatternAt, .words = "this is not a regular expression: {reason}: {part}"},
    {.id = PhraseId::FilterClassNotAscii,
     .words = "this is not a regular expression: a class in brackets may contain only ASCII characters; "
              "instead of [äö], write (?:ä|ö)"},
    {.id = PhraseId::FilterTooManyPatterns, .words = "it has more than {limit} patterns"},
    {.id = PhraseId::FilterJoinPatterns, .words = "Join some of them with |"},
    {.id = PhraseId::FilterTypographicQuote, .words = "{quote} is a typographic quote"},
    {.id = PhraseId::FilterWriteQuotes, .words = "Write \" or '"},
    {.id = PhraseId::FilterPatternInSlashes, .words = "a pattern has no slashes around it"},
    {.id = PhraseId::FilterPatternWithoutSlashes,
     .words = "Write matches {pattern}, or, if the slashes are meant, quotes around them"},
    {.id = PhraseId::FilterNetwork, .words = "{network} is a network, but {operator} compares texts"},
    {.id = PhraseId::FilterMatchAddresses,
     .words = "Write {field} matches, with a pattern for the addresses"},
    {.id = PhraseId::FilterNeverBoth, .words = "this is never true: no {field} is both {one} and {two}"},
    {.id = PhraseId::FilterWriteIn, .words = "If one of them is meant, write {field} in ({one}, {two})"},
    {.id = PhraseId::FilterNoSuchValue, .words = "this is never true: there is no such {field}"},
    {.id = PhraseId::FilterNeverTogether,
     .words = "this is never true together with the comparison of {field} before it"},
    {.id = PhraseId::FilterJoinWithOr, .words = "If one of them is enough, join them with or"},
    {.id = PhraseId::FilterOrderIs, .words = "The order is {order}"},

    // config/
    {.id = PhraseId::ParserSays, .words = "{text}"},
    {.id = PhraseId::OverrideLacksEquals,
     .words = "it has no '='",
     .advice = "Write --set table.key=value, such as --set log.sync=1s"},
    {.id = PhraseId::UseConfiguration, .words = "use the configuration {file}"},
    {.id = PhraseId::ReadConfiguration, .words = "read the configuration {file}"},
    {.id = PhraseId::StartWithoutFile, .words = "start without a file"},
    {.id = PhraseId::SettingMissing, .words = "{setting} is not set"},
    {.id = PhraseId::SetItInFile, .words = "Set it there, or name it with {option} PATH"},
    {.id = PhraseId::NameItOrFile,
     .words = "Name it with {option} PATH, or name a configuration with -c FILE"},
    {.id = PhraseId::SamePathTwice,
     .words = "fifo.path (set by {fifo}) and log.path (set by {log}) are both {file}",
     .advice = "Name a file of its own for the log"},
    {.id = PhraseId::NameOtherConfiguration,
     .words = "Name another file with -c FILE, or use --fifo PATH and --log PATH without a file"},
    {.id = PhraseId::ReadConfigFolder, .words = "read the configuration's folder {file}"},
    {.id = PhraseId::MendConfigFolder, .words = "Make it a folder that slurper may read, or move it away"},
    {.id = PhraseId::MendConfigFile,
     .words = "Correct it, or remove it: slurper reads each file there whose name ends in .toml"},
    {.id = PhraseId::TooManyConfigFiles,
     .words = "it has more than {limit} files whose names end in .toml",
     .advice = "Join some of them"},
    {.id = PhraseId::SinkNameTaken, .words = "the sink of {place} is called {sink}, too"},
    {.id = PhraseId::NameEachSink, .words = "Give each a name of its own"},
    {.id = PhraseId::NameUnnamedSinks, .words = "Give each a name: name = \"…\", or ?name=…"},
    {.id = PhraseId::LargerThan, .words = "it is larger than {size.exact}"},
    {.id = PhraseId::LogIsNeverRotated,
     .words =
         "log.keep_files, log.keep_size, log.when_disk_full and log.compress are about rotated segments, and "
         "without log.rotate_size or log.rotate_every only SIGUSR1 makes one: the log grows without bound",
     .advice = "Set log.rotate_size"},
    {.id = PhraseId::KeepSizeTooSmall,
     .words = "log.keep_size is smaller than log.rotate_size: a segment is deleted as soon as it is rotated",
     .advice = "Make log.keep_size several times log.rotate_size"},
    {.id = PhraseId::RingDropsLines,
     .words = "ring.when_full is \"drop\": when the ring is full, lines are dropped (and counted)",
     .advice = "With \"block\", lines wait in the FIFO"},

    // sink/
    {.id = PhraseId::SinkNeedsSetting, .words = "the sink {sink} needs {setting}, which {why}"},
    {.id = PhraseId::SinkSettingIs, .words = "{setting} of the sink {sink} is {value}, but {why}"},
    {.id = PhraseId::SinkSettingDoubt, .words = "{place}: {setting} of the sink {sink} {reason}"},
    {.id = PhraseId::MustBe, .words = "must be {allowed}"},
    {.id = PhraseId::NoSuchSinkSetting, .words = "a sink of the type {type} has no key {setting}"},
    {.id = PhraseId::SinkSettingsAre, .words = "It has: {settings}"},
    {.id = PhraseId::MakeTheSink, .words = "make the sink {sink}"},
    {.id = PhraseId::UndeclaredSetting,
     .words = "its type {type} does not declare the setting {setting} that it asks for"},
    {.id = PhraseId::PluginNotOnePath, .words = "plugin must be the path of one shared object"},
    {.id = PhraseId::NoSuchSinkType, .words = "there is no sink of the type {type}, and no plug-in {file}"},
    {.id = PhraseId::SinkTypesAre, .words = "The types are {types}"},
    {.id = PhraseId::PluginUnusable, .words = "the plug-in {file} can't be used: {why}"},
    {.id = PhraseId::PluginWritableByOthers, .words = "other users may write to it (mode {mode.octal})"},
    {.id = PhraseId::PluginLacksEntry, .words = "it does not export {function}()"},
    {.id = PhraseId::PluginOfOtherVersion,
     .words = "it is of version {version} of the interface, and this slurper has version {own}"},
    {.id = PhraseId::PluginOfOtherType, .words = "it is a sink of the type {found}, not {type}"},
    {.id = PhraseId::RebuildPlugin, .words = "Build it against the headers of this slurper, see {page}"},
    {.id = PhraseId::MakePluginSafe,
     .words = "A plug-in runs as slurper: let only root, or slurper's user, own it and write to it, with "
              "chown(1) and chmod go-w"},
    {.id = PhraseId::IsTheFifo, .words = "{file} is the FIFO"},
    {.id = PhraseId::IsTheLog, .words = "{file} is the log itself"},
    {.id = PhraseId::IsTheTextfile, .words = "{file} is the text file of the metrics"},
    {.id = PhraseId::IsSlurpersOwn, .words = "{file} is one of slurper's own files"},
    {.id = PhraseId::IsWrittenBySink, .words = "{file} is what the sink {sink} writes to"},
    {.id = PhraseId::NameAnotherFile, .words = "Name a file that nothing else writes to"},
    {.id = PhraseId::SlurperEnds, .words = "slurper is ending"},
    {.id = PhraseId::ConnectToSocket, .words = "connect to the socket {file}", .on_errno = kOfSyslogSocket},
    {.id = PhraseId::ConnectTo, .words = "connect to {target} by {protocol}", .on_errno = kOfServer},
    {.id = PhraseId::FindAddress, .words = "find the address of {host}"},
    {.id = PhraseId::DnsSilent,
     .words = "the DNS does not answer in time",
     .advice = "Look at /etc/resolv.conf"},
    {.id = PhraseId::CheckTheTarget, .words = "Check the target's spelling, and the DNS"},
    {.id = PhraseId::SandboxWithoutNetwork,
     .words = "The service's sandbox gives slurper no network. A sink that sends over a network needs "
              "the drop-in network.conf: `slurper check --drop-in` prints its settings, `systemctl "
              "edit slurper` takes them"},
    {.id = PhraseId::SendTo, .words = "send to {target}", .on_errno = kOfReceiver},
    {.id = PhraseId::TakesNothingFor, .words = "it has taken nothing for {time}"},
    {.id = PhraseId::NotAnsweredFor, .words = "it has not answered for {time}"},
    {.id = PhraseId::NotReadyFor,
     .words = "it has not written the line OK, which says that it is ready, for {time}",
     .advice = kAnswerInTime},
    {.id = PhraseId::NotConfirmedFor,
     .words = "it has been silent for {time}: slurper expects a line OK, or REJECTED and a reason, for each "
              "line that it has read",
     .advice = kAnswerInTime},
    {.id = PhraseId::NotCommittedFor,
     .words = "it has been silent for {time}: slurper expects an answer for each line that it has read, and "
              "OK after COMMIT TRANSACTION",
     .advice = kAnswerInTime},
    {.id = PhraseId::CheckTheHost, .words = "Check that the host is up, and the network between"},
    {.id = PhraseId::ServerClosed, .words = "the server has closed the connection"},
    {.id = PhraseId::TalkTls, .words = "talk TLS with {target}"},
    {.id = PhraseId::TlsSilent,
     .words = "it does not answer in time",
     .advice = "Is this the server's TLS port?"},
    {.id = PhraseId::TlsFailed, .words = "TLS failed: {reason}"},
    {.id = PhraseId::LoadCas, .words = "load the CA certificates {file}"},
    {.id = PhraseId::LoadCertificate, .words = "load the certificate {file}"},
    {.id = PhraseId::LoadKey, .words = "load the private key {file}"},
    {.id = PhraseId::NeedsPem, .words = "It must be a PEM file that slurper may read"},
    {.id = PhraseId::NoCertificateInPem,
     .words = "it contains no whole certificate in PEM format (OpenSSL: {reason})",
     .advice = "A certificate begins with -----BEGIN CERTIFICATE-----; to convert one from DER, run openssl "
               "x509 -inform DER"},
    {.id = PhraseId::NoKeyInPem,
     .words = "it contains no whole private key in PEM format (OpenSSL: {reason})",
     .advice = "A key begins with -----BEGIN PRIVATE KEY-----, or with the same for ENCRYPTED, RSA or EC; to "
               "convert one from DER, run openssl pkey -inform DER"},
    {.id = PhraseId::KeyOfOtherCertificate,
     .words = "it is not the key of the certificate {certificate} (OpenSSL: {reason})",
     .advice = "Set key to the key that the certificate was requested with"},
    {.id = PhraseId::OwnCertificateExpired,
     .words = "expired on {date}: servers will refuse it",
     .advice = "Renew it. slurper reads the file again each time it connects"},
    {.id = PhraseId::KeyIsPublic,
     .words = "has a private key that every user may read, and so could pose as this machine: {file} "
              "(mode {mode.octal})",
     .advice = "Run chmod o-rwx on it, and replace it if other users have access to this machine"},
    {.id = PhraseId::CertificateExpired,
     .words = "its certificate {subject} expired on {date}",
     .advice = "Renew it on the server, or set this machine's clock right"},
    {.id = PhraseId::CertificateNotYetValid,
     .words = "its certificate {subject} is not valid before {date}",
     .advice = "Set this machine's clock right"},
    {.id = PhraseId::CertificateOfNoSystemCa,
     .words = "its certificate {subject} was issued by {issuer}, which is not among the system's CA "
              "certificates",
     .advice = "Set ca_file to the certificate of the CA that issued it"},
    {.id = PhraseId::CertificateOfOtherCa,
     .words = "its certificate {subject} was issued by {issuer}, which is not in {file}",
     .advice = "Set ca_file to the certificate of the CA that issued it"},
    {.id = PhraseId::CertificateRefused, .words = "its certificate {subject} can't be verified: {reason}"},
    {.id = PhraseId::CertificateForOtherName, .words = "its certificate is for {names}, not for {wanted}"},
    {.id = PhraseId::UseThatName, .words = "Use that name as the target, or set server_name to it"},
    {.id = PhraseId::UseOneOfTheseNames,
     .words = "Use one of these names as the target, or set server_name to it"},
    {.id = PhraseId::CertificateWithoutName,
     .words = "its certificate contains no name, so it is not for {wanted}"},
    {.id = PhraseId::AddressAsCommonName,
     .words = "its certificate contains the address {address} as its common name only, and a common "
              "name counts only if it is no address"},
    {.id = PhraseId::IssueForName,
     .words = "Have the server's certificate issued with subjectAltName = {kind}:{name}"},
    {.id = PhraseId::TlsAlert, .words = "the server ended the connection with the TLS alert {alert}"},
    {.id = PhraseId::TlsAlertNoCertificate,
     .words = "the server ended the connection with the TLS alert {alert}: it asked for a certificate, "
              "and slurper has none",
     .advice = "Give slurper a certificate that the server trusts: set certificate and key"},
    {.id = PhraseId::TlsAlertOwnCertificate,
     .words = "the server ended the connection with the TLS alert {alert}: it has seen slurper's "
              "certificate",
     .advice = "Give slurper a certificate that the server trusts: set certificate and key"},
    {.id = PhraseId::DoesNotSpeakTls,
     .words = "what answers there does not speak TLS",
     .advice = "Name the server's TLS port, which is 6514 by default"},
    {.id = PhraseId::CannotCheckName,
     .words = "the server's name can't be checked",
     .advice = "Set server_name"},
    {.id = PhraseId::OnlyWithTransport, .words = "may be set only with the transport {transports}"},
    {.id = PhraseId::NeedsServer, .words = "must be a server, such as \"logs.example:514\""},
    {.id = PhraseId::NeedsSocket, .words = "must be the path of a socket, such as \"/dev/log\""},
    {.id = PhraseId::MustBeginWithSlash, .words = "must begin with a '/'"},
    {.id = PhraseId::MustBeHostAndPort,
     .words = "must be a host, or a host and a port, such as \"logs.example\", \"192.0.2.1:514\" or "
              "\"[::1]:514\""},
    {.id = PhraseId::NeedsCertificate, .words = "must be set if key or key_password is set"},
    {.id = PhraseId::MessageLimitTooSmall,
     .words = "must be 0 or at least \"480B\", which every receiver accepts"},
    {.id = PhraseId::ReachAServer, .words = "reach any of the {servers} syslog servers"},
    {.id = PhraseId::ReasonOfEach, .words = "{reason}"},
    {.id = PhraseId::ReturnsToFirst, .words = "sends to {target} again"},
    {.id = PhraseId::SendsToAnother,
     .words = "sends to {target}, because {first} fails: {reason}. slurper tries {first} again every "
              "{time}"},
    {.id = PhraseId::RecordCameBack, .words = "this sink has sent it before, and it came back: a loop"},
    {.id = PhraseId::CutOff, .words = "it was cut off after {kept} of {size.byte}"},
    {.id = PhraseId::LongerThanLimit, .words = "it has {size} bytes, and max_message is {limit}"},
    {.id = PhraseId::TooLongForDatagram, .words = "it is too long for a datagram to {target}"},
    {.id = PhraseId::ComesBackBySyslogd,
     .words = "what this sink sends comes back through the FIFO, and would circulate for ever: a "
              "syslogd receives it and writes it to the FIFO, as {line}",
     .advice = "Leave these lines out of what that syslogd writes to the FIFO, or send them to another "
               "destination. Then run systemctl reload slurper"},
    {.id = PhraseId::MustBeFormat, .words = "must be one of {formats}, or a template such as {example}"},
    {.id = PhraseId::TemplateControl,
     .words = "has a control character as character {column}: each record is one line, and slurper "
              "itself ends it"},
    {.id = PhraseId::TemplateNeverOpened,
     .words = "has a {brace} as character {column} that nothing opens; for the character itself, write "
              "it twice"},
    {.id = PhraseId::TemplateNeverClosed,
     .words = "has a {brace} as character {column} that nothing closes; for the character itself, "
              "write it twice"},
    {.id = PhraseId::TemplateNoSuchEscape,
     .words = "has an unknown escape {name} as character {column}; the only one is {escape}"},
    {.id = PhraseId::TemplateNoSuchField,
     .words = "has an unknown field {name} as character {column}; the fields are {fields}"},
    {.id = PhraseId::TemplateFieldMeant,
     .words = "has an unknown field {name} as character {column}; did you mean {meant}?"},
    {.id = PhraseId::TemplateIsJson,
     .words = "must be written as {instead}: each brace of JSON is doubled, and each field has an "
              "escape"},
    {.id = PhraseId::JsonUnescaped,
     .words = "looks like JSON, which a quote or a backslash in a field breaks",
     .advice = "Write {instead}, or \"json\" for the whole line"},
    {.id = PhraseId::MustBeProgram, .words = "must be the absolute path of a program"},
    {.id = PhraseId::HandToProgram, .words = "hand lines to the program {file}"},
    {.id = PhraseId::StartProgram, .words = "start the program {file}"},
    {.id = PhraseId::ClosedInput, .words = "it has closed its standard input"},
    {.id = PhraseId::ClosedOutput, .words = "it has closed its standard output"},
    {.id = PhraseId::EndedWithStatus, .words = "it ended with status {status}"},
    {.id = PhraseId::EndedBySignal, .words = "it was ended by signal {signal} ({name})"},
    {.id = PhraseId::EndedUnknown, .words = "it has ended, and its status is unknown"},
    {.id = PhraseId::WithLastWords, .words = "{how}; the last line that it wrote is {line}"},
    {.id = PhraseId::AnsweredAtStart, .words = "its first answer is {answer}, not OK"},
    {.id = PhraseId::AnsweredUnasked, .words = "it answered {answer} although every line had its answer"},
    {.id = PhraseId::Answered, .words = "it answered {answer}"},
    {.id = PhraseId::ReadsLikeAMark, .words = "it reads like the mark of a transaction"},
    {.id = PhraseId::ProgramSays, .words = "reports a line from its program {file}: {line}"},
    {.id = PhraseId::ProgramSaysAfterMore,
     .words = "reports a line from its program {file}: {line} (it left out {lines.line} before it)"},
    {.id = PhraseId::ProcessNamed, .words = "{pid} ({command})"},
    {.id = PhraseId::MoreProcesses, .words = "and {processes} more"},
    {.id = PhraseId::EndsProgram,
     .words = "sends SIGTERM to its program {file}, which has not ended {time} after its input"},
    {.id = PhraseId::KillsProgram, .words = "kills its program {file}, which continues in spite of SIGTERM"},
    {.id = PhraseId::EndsProcesses, .words = "ends what its program {file} has left behind: {processes}"},
    {.id = PhraseId::KillsProcesses,
     .words = "kills what its program {file} has left behind, which continues in spite of SIGTERM: "
              "{processes}"},
    {.id = PhraseId::LeavesProcesses,
     .words = "leaves alone what its program {file} has started in another session or process group: "
              "{processes}. It continues until it ends by itself"},
    {.id = PhraseId::LinesCameBack,
     .words = "{lines} different lines that it wrote have come back through the FIFO, in their order, "
              "the last as {line}"},
    {.id = PhraseId::BreakLoopOfProgram,
     .words = "Stop what this program sends to a syslogd. Then run systemctl reload slurper"},
    {.id = PhraseId::UseStandardOutput, .words = "use standard output", .on_errno = kOfStandardOutput},
    {.id = PhraseId::ContinuesWhenRead, .words = "The sink continues as soon as a process reads there"},
    {.id = PhraseId::KeepsSegment, .words = "keeps a segment as it is: cannot {what}: {reason}"},
    {.id = PhraseId::LetUserWrite,
     .words = "Let {user}, as which slurper runs, write there: chown or chmod the folder and the file. "
              "A service may also need ReadWritePaths= in a drop-in, which `slurper check --drop-in` "
              "prints"},
    {.id = PhraseId::ReportsOfFile, .words = "reports of {file}: {finding}"},
    {.id = PhraseId::MoveFileCursorAway, .words = "Move it away: the sink may then repeat lines in the file"},
    {.id = PhraseId::MayRepeatLinesOfFile,
     .words = "may repeat lines in {file}: the machine went down, or other settings wrote the last "
              "lines"},
    {.id = PhraseId::FileWasCut,
     .words = "finds {file} {size} shorter than it left it: the file was cut, or an older copy took its "
              "place. The sink writes only new lines. To have the missing ones written again, stop slurper "
              "and set the sink's cursor back: slurper cursor"},
    {.id = PhraseId::RotateFile,
     .words = "does not rotate {file} now, which has grown to {size}: cannot {what}: {reason}"},
    {.id = PhraseId::WriteToFile, .words = "write to {file}"},
    {.id = PhraseId::BreakLoopOfFile,
     .words = "Remove the syslogd's input that reads this file (rsyslog's imfile, syslog-ng's file()). "
              "Then run systemctl reload slurper"},
    {.id = PhraseId::ReadJournal, .words = "read the journal"},
    {.id = PhraseId::WriteJournal, .words = "write to the journal"},
    {.id = PhraseId::ReachJournald, .words = "reach journald at {file}", .on_errno = kOfJournald},
    {.id = PhraseId::WatchJournald, .words = "follow what journald has read"},
    {.id = PhraseId::FindProbe, .words = "find in the journal what was just written to it"},
    {.id = PhraseId::NotInJournal,
     .words = "it is not there",
     .advice = "Put slurper's user into the group adm (or systemd-journal), and check Storage= and "
               "MaxLevelStore= in journald.conf"},
    {.id = PhraseId::DroppedByJournald,
     .words = "journald has dropped {lines} of {count.line}: its rate limit, a level, or its disk",
     .advice = "Set LogRateLimitIntervalSec=0 in slurper's unit, and check MaxLevelStore= in "
               "journald.conf"},
    {.id = PhraseId::NotKeptByJournald, .words = "journald does not keep it"},
    {.id = PhraseId::ComesBackByJournal,
     .words = "what this sink writes comes back through the FIFO, and would circulate for ever: a "
              "syslogd receives the journal's lines and writes them to the FIFO, as {line}",
     .advice = "Use the settings for that syslogd in {folder}, which leave such lines out, or keep the "
               "journal's lines from it (ForwardToSyslog=no in journald.conf, or no imjournal). Then "
               "run systemctl reload slurper"},
    {.id = PhraseId::OpenDeadLetters, .words = "open the dead letters {file}", .on_errno = kOfFullDisk},
    {.id = PhraseId::WriteDeadLetters, .words = "write to the dead letters {file}", .on_errno = kOfFullDisk},
    {.id = PhraseId::RunTheSink, .words = "run it"},
    {.id = PhraseId::ContinueAtCursor, .words = "continue at its cursor"},
    {.id = PhraseId::CursorBeyondLog, .words = "it is at offset {offset}, and the log ends at {end}"},
    {.id = PhraseId::RestoreLogOrSetCursor,
     .words = "Was the log restored from a backup? Restore all of it, or set the cursor: {command}"},
    {.id = PhraseId::ContinueAfterAnswer, .words = "continue after what its destination has"},
    {.id = PhraseId::AnswerBeyondLog,
     .words = "the destination says that it has everything before offset {answer}, but the log ends at "
              "{end}"},
    {.id = PhraseId::AnswerInLine,
     .words = "the destination says that it has everything before offset {answer}, but that is in the "
              "middle of the line at offset {line}"},
    {.id = PhraseId::CheckDestination,
     .words = "Look at the last record there. If it came from a copy of this log, or this log was restored "
              "from a backup, stop slurper and give the log a new identity: {identity}. Otherwise remove "
              "that record, or set the cursor: {cursor}"},
    {.id = PhraseId::AnswerOfOtherLine,
     .words = "the destination's last line, which ends at offset {answer}, is not this log's line there: its "
              "checksum is {there}, and here it is {here}"},
    {.id = PhraseId::AnswerOfOtherMachine,
     .words = "the destination's last line, which ends at offset {answer}, came from a copy of this log on "
              "the machine {there}, and this is the machine {here}"},
    {.id = PhraseId::DestinationLostLines,
     .words = "the destination lost lines: it had everything before offset {before}, and now has "
              "everything before offset {now}. on_reset = \"stop\" waits for you"},
    {.id = PhraseId::RestoreDestination,
     .words = "Restore the destination; or set on_reset to \"resend\" or \"continue\"; or set the cursor: "
              "{command}"},
    {.id = PhraseId::DestinationWentBack,
     .words = "has a destination that lost lines: it had everything before offset {before}, and now "
              "has everything before offset {now}. slurper delivers again what the log still has of "
              "the rest"},
    {.id = PhraseId::DestinationNotRefilled,
     .words = "has a destination that lost lines: it had everything before offset {before}, and now "
              "has everything before offset {now}. on_reset = \"continue\": slurper delivers new lines only"},
    {.id = PhraseId::CursorSlotDamaged, .words = "continues with one slot of its cursor: {damage}"},
    {.id = PhraseId::MayRepeatLines, .words = "may repeat lines: cannot {what}: {reason}"},
    {.id = PhraseId::CursorNotMoved,
     .words = "cannot keep its cursor for the next start, and tries again: cannot {what}: {reason}"},
    {.id = PhraseId::LogNotAllReadable,
     .words = "skips what it cannot read of the log: cannot {what}: {reason}"},
    {.id = PhraseId::DeliverLines, .words = "deliver lines"},
    {.id = PhraseId::RefusesAllLines,
     .words = "its destination has refused {lines.line} in a row, the last one because: {reason}",
     .advice = "Correct what the destination expects, or the sink's settings. Are these lines really bad, "
               "and should go "
               "to the dead letters? Then raise reject_limit"},
    {.id = PhraseId::LineRefused,
     .words = "was refused a line: {reason}. That line is in {file}, and so is each further line that "
              "is refused"},
    {.id = PhraseId::ContinuesAfterLoss,
     .words = "continues at offset {offset}, after what the log lost when the machine went down"},
    {.id = PhraseId::CannotDeliverAgain,
     .words = "cannot deliver again what its destination lost at the offsets {from} to {to} ({size}): "
              "{reason}"},
    {.id = PhraseId::PassedIsGone,
     .words = "does not find the offsets {from} to {to} in the log, but had passed them before"},
    {.id = PhraseId::CameTooLate, .words = "came too late for {size} of the log: {reason}"},
    {.id = PhraseId::GapMoved, .words = "another process moved their file away"},
    {.id = PhraseId::GapCut, .words = "another process removed or cut their file"},
    {.id = PhraseId::GapDamaged, .words = "their segment is damaged"},
    {.id = PhraseId::GapRemoved, .words = "they were removed, by log.keep_files, log.keep_size, or by hand"},
    {.id = PhraseId::ConnectedTo, .words = "connected to {target}"},
    {.id = PhraseId::ConnectedByTls, .words = "connected to {target} by {version}"},
    {.id = PhraseId::ProgramRuns, .words = "the program is process {pid}"},

    // Secrets of sinks.
    {.id = PhraseId::SinkSecretIs, .words = "{setting} of the sink {sink} (not shown here) {why}"},
    {.id = PhraseId::ReadSecret, .words = "read the secret in {file}", .on_errno = kOfSecret},
    {.id = PhraseId::ReadCredential, .words = "read the credential {name}", .on_errno = kOfCredential},
    {.id = PhraseId::NoCredentials,
     .words = "the service has no credentials ($CREDENTIALS_DIRECTORY is not set)",
     .advice = "Add LoadCredential={name}:PATH to slurper.service and restart it, or name a file"},
    {.id = PhraseId::SecretIsEmpty, .words = "it is empty", .advice = "Write the secret into it"},
    {.id = PhraseId::SecretTooLong, .words = "it is longer than {max.exact}", .advice = "Name another file"},
    {.id = PhraseId::SecretHasNul,
     .words = "it contains a NUL byte",
     .advice = "Write the secret into it as text"},
    {.id = PhraseId::SecretIsPublic,
     .words = "has a secret that other users may read: {file} (mode {mode.octal})",
     .advice = "Run chmod o-rwx on it, let no group but slurper's read it, and replace the secret if other "
               "users have access to this machine"},
    {.id = PhraseId::KeyIsEncrypted,
     .words = "it is encrypted",
     .advice = "Set key_password to the file or the credential that has its passphrase"},
    {.id = PhraseId::WrongPassphrase,
     .words = "the passphrase in {place} is not that of this key",
     .advice = "Correct the passphrase there, or set key_password to another file"},

    // Paths with fields.
    {.id = PhraseId::MustEndWithText,
     .words = "must end with text after its last field, such as \".log\", and the file's name must not "
              "begin with a '.'"},
    {.id = PhraseId::FolderNotAlone,
     .words = "{folder}, the folder before the first field, is for the files of this sink alone, but {file} "
              "is in it",
     .advice = "Name a folder of its own"},
    {.id = PhraseId::CreateFolder, .words = "create the folder {file}"},
    {.id = PhraseId::OpenFolder, .words = "open the folder {file}", .on_errno = kOfFolder},
    {.id = PhraseId::ReadFolder, .words = "read the folder {file}", .on_errno = kOfFirstFolder},
    {.id = PhraseId::TooManyFiles,
     .words = "has {max.file}, as many as max_destinations allows: lines that need another one go to {file} "
              "({lines} so far)",
     .advice = "Raise max_destinations, or select fewer lines with a filter"},
    {.id = PhraseId::LinesInOther, .words = "{lines.line} in {file} instead of files of their own"},
    {.id = PhraseId::MakeWayForFile,
     .words = "Move it away, or remove it: slurper then creates the file with the next line"},
    {.id = PhraseId::PathHasNoFields, .words = "has no effect: no field stands in the path"},
    {.id = PhraseId::WritesToOther,
     .words = "writes the lines of {file} to {other} instead: cannot {what}: {reason}"},
    {.id = PhraseId::LastLineIsOther,
     .words = "its last line is not the one that ends at offset {offset} of the log {log}: the file or the "
              "log was restored from an older copy, or settings changed over a kill",
     .advice = "Move {cursor} away: the sink may then repeat lines in the file"},

    // control/
    {.id = PhraseId::ChooseControlSocket, .words = "choose an address for the control socket"},
    {.id = PhraseId::MakeControlSocket, .words = "make the control socket {file}", .on_errno = kOfControl},
    {.id = PhraseId::NotASocket,
     .words = "it is {found}, not a socket",
     .advice = "Move it away, or set control.path to another path"},
    {.id = PhraseId::ListenedTo,
     .words = "another process listens at it",
     .advice = "Set control.path to a path of its own for each slurper"},
    {.id = PhraseId::SetControlPath,
     .words = "Set control.path to a short path in a folder of slurper's user"},
    {.id = PhraseId::AskSlurper, .words = "ask the slurper at {file}", .on_errno = kOfAsking},
    {.id = PhraseId::NotListenedTo,
     .words = "no process listens at this socket",
     .advice = "The slurper that made it was killed, and no other has started since: start it"},
    {.id = PhraseId::NoAnswerYet,
     .words = "process {process} has not answered within {seconds}",
     .advice = "Look at what it waits for: cat /proc/{process}/stack"},
    {.id = PhraseId::StoppedProcess,
     .words = "process {process} is stopped",
     .advice = "Let it continue: kill -CONT {process}"},
    {.id = PhraseId::NoAnswer,
     .words = "it has closed the connection without an answer",
     .advice = "Run the command as root, as slurper's user, or as a member of the socket's group"},
    {.id = PhraseId::NotAnAnswer,
     .words = "what it has answered is no status",
     .advice = "Name the control socket, the FIFO or the log of a running slurper"},
    {.id = PhraseId::FindSlurper, .words = "find a slurper that reads or writes {file}"},
    {.id = PhraseId::NoneAnswersFor,
     .words = "no slurper that runs reads this FIFO or writes this log",
     .advice = "Start it; or, if it runs with the setting control.path, name that path"},
    {.id = PhraseId::FindAnySlurper, .words = "find a slurper that runs"},
    {.id = PhraseId::NoControlSocket,
     .words = "there is no control socket in {folders}",
     .advice = "Start one; or, if it runs with the setting control.path, name that path"},
    {.id = PhraseId::SlurpersUnseen,
     .words = "there is none among the processes that this user may look at, and slurpers of other users run "
              "({processes})",
     .advice = "Run the command as root, as slurper's user, or as a member of the socket's group"},
    {.id = PhraseId::NotAnInstance,
     .words = "{found}, and no slurper that runs knows it",
     .advice = "Name a FIFO, a log or a control socket"},
    {.id = PhraseId::SeveralSlurpers,
     .words = "several run, and this is for one of them",
     .advice = "Name one by --control and its FIFO: {slurpers}"},
    {.id = PhraseId::FindEvents, .words = "find the last events of the slurper of {file}"},
    {.id = PhraseId::FindAnyEvents, .words = "find the last events of a slurper"},
    {.id = PhraseId::NoEventsThere,
     .words = "there are none in {folders}: no slurper has run there since the machine started",
     .advice = "If it runs with the setting ring.directory, name its control socket or its log"},
    {.id = PhraseId::EventsOfFifo,
     .words = "no slurper that runs reads this FIFO, and the events of one that was killed do not name it",
     .advice = "Name the log"},

    // What is asked at the control socket.
    {.id = PhraseId::RotateTheLog, .words = "rotate the log {file}"},
    {.id = PhraseId::RotatedInto,
     .words = "rotated the log into {file}; the next segment begins at offset {offset}"},
    {.id = PhraseId::NothingToRotate, .words = "nothing to rotate: the segment {file} is empty"},
    {.id = PhraseId::RotatesLater,
     .words = "the log rotates at the end of its last line, which has no newline yet"},
    {.id = PhraseId::LogThreadNoAnswer,
     .words = "the log's thread has not answered within {seconds}: it waits for the disk. It rotates the log "
              "when it continues"},
    {.id = PhraseId::PauseSink, .words = "pause the sink {sink}"},
    {.id = PhraseId::ResumeSink, .words = "resume the sink {sink}"},
    {.id = PhraseId::RewindSink, .words = "rewind the sink {sink}"},
    {.id = PhraseId::SinkIsEnding, .words = "a reload has changed or removed it, and it is ending"},
    {.id = PhraseId::SinkHasEnded, .words = "it has ended", .advice = "Look at slurper status"},
    {.id = PhraseId::SinkRequestPending,
     .words = "another request for it is not done yet",
     .advice = "Try again later"},
    {.id = PhraseId::SinkNoAnswer,
     .words = "it has not answered within {seconds}. The request is withdrawn",
     .advice = "Look at slurper status: what the sink waits for holds it up"},
    {.id = PhraseId::SinkActsLater,
     .words = "it has begun, and has not ended within {seconds}: a call of the sink's own holds it up. It "
              "ends with this call",
     .advice = "Look at slurper status"},
    {.id = PhraseId::RewindTimeGone,
     .words =
         "the log no longer has the lines of this time: it begins at offset {offset}, with lines of {time}",
     .advice = "Name a later time, or beginning"},
    {.id = PhraseId::RewindTimeToCome,
     .words = "this time is yet to come",
     .advice = "Name an earlier time, or end"},
    {.id = PhraseId::RewindTimesUnknown,
     .words = "when the log's lines came is unknown",
     .advice = "Name an offset, beginning, or end"},
    {.id = PhraseId::SinkPaused,
     .words = "paused the sink {sink} at offset {offset}, {behind} before the log's end"},
    {.id = PhraseId::GivenBack, .words = "{lines.line} in flight may be delivered again"},
    {.id = PhraseId::SinkPausedBefore, .words = "the sink {sink} was paused already"},
    {.id = PhraseId::SinkResumed,
     .words = "resumed the sink {sink} at offset {offset}, {behind} before the log's end"},
    {.id = PhraseId::SinkTriesAgain, .words = "the sink {sink}, which had stopped, tries again"},
    {.id = PhraseId::SinkNotPaused, .words = "the sink {sink} was not paused"},
    {.id = PhraseId::SinkRewound,
     .words = "the sink {sink} continues at offset {offset}, {behind} before the log's end"},
    {.id = PhraseId::SinkSkips, .words = "{size} that it has not delivered are skipped, and count as missed"},
    {.id = PhraseId::LevelSet,
     .words = "the level of messages is {level} until the next start; it was {before}"},

    // metrics/
    {.id = PhraseId::ListenAt, .words = "listen at {address}", .on_errno = kOfListening},
    {.id = PhraseId::WriteTextfile, .words = "write the metrics to {file}", .on_errno = kOfTextfile},

    // service/
    {.id = PhraseId::OtherFifoPassed,
     .words = "the socket unit has passed the descriptor {name}, which is {found}",
     .advice = "Nothing was changed. Its ListenFIFO= and fifo.path must name the same path; if they do, the "
               "FIFO has been renamed: restart the socket unit"},

    // The command line and `cursor`.
    {.id = PhraseId::UnderstandCommandLine, .words = "understand the command line"},
    {.id = PhraseId::UnknownArgument, .words = "it does not know {argument}"},
    {.id = PhraseId::NoCommandNamed, .words = "it names no command"},
    {.id = PhraseId::SeeHelp, .words = "See {command} --help"},
    {.id = PhraseId::FindCursor, .words = "find the cursor of the sink {sink}"},
    {.id = PhraseId::SetCursor, .words = "set the cursor to {place}"},
    {.id = PhraseId::NotACursorName, .words = "no sink can have this name"},
    {.id = PhraseId::NotACursorPlace,
     .words = "it is neither beginning, nor end, nor an offset",
     .advice = "An offset is a number such as 123456"},
    {.id = PhraseId::CursorPlaceOutside,
     .words = "the log has the offsets {from} to {to}",
     .advice = "Name one of those, beginning, or end"},
    {.id = PhraseId::CursorPlaceInLine,
     .words = "it is in the middle of the line at offset {offset}",
     .advice = "To begin with that line: --to {offset}"},
    {.id = PhraseId::LogHasNoCursors, .words = "This log has no cursors: its sinks have never run"},
    {.id = PhraseId::CursorsAre, .words = "The cursors of this log are: {sinks}"},
    {.id = PhraseId::RingHoldsLines,
     .words = "the ring {ring} holds {size} that the log may lack, and names the log by its present id",
     .advice =
         "Have slurper write them first: start it without sinks (slurper run --fifo FIFO --log LOG), end "
         "it with SIGTERM, and repeat this command"},
    {.id = PhraseId::ReplayDeadLetters, .words = "replay the dead letters of the sink {sink}"},
    {.id = PhraseId::NoSinkOfThisName, .words = "the configuration has no sink of this name"},
    {.id = PhraseId::SinksAre, .words = "Its sinks are: {sinks}"},
    {.id = PhraseId::ReadDeadLetters, .words = "read the dead letters {file}"},
    {.id = PhraseId::MakeReplayFolder, .words = "create the folder {file}", .on_errno = kOfFullDisk},
    {.id = PhraseId::ReplayInterrupted, .words = "it was interrupted"},
    {.id = PhraseId::AnotherReplayRuns,
     .words = "another replay of this sink is running: {process}",
     .advice = "Wait until it has ended. Letters that are refused meanwhile need another replay"},
    {.id = PhraseId::ReplayTriesAgain,
     .words = "fails: cannot {what}: {reason}. This replay tries again, and gives up after {time} without "
              "progress"},
    {.id = PhraseId::RepeatReplay,
     .words = "The lines that were not delivered yet are kept: to continue, repeat this command"},

    // What `check` finds.
    {.id = PhraseId::CheckedAsUnit,
     .words = "checked as {unit} is run: user {user}, its groups, its folders, and its sandbox as its unit "
              "file has it"},
    {.id = PhraseId::CheckedAsUser, .words = "checked for {user}"},
    {.id = PhraseId::CheckEndedEarly,
     .words = "the process {process}, which checks as its user, ended early"},
    {.id = PhraseId::UnitRunsAsOther,
     .words = "{unit} runs as {user}: to check as that user, run slurper check with sudo(8)"},
    {.id = PhraseId::NotCheckedAsUnit, .words = "nothing could be checked as {unit} is run: {reason}"},
    {.id = PhraseId::TheFifo, .words = "the FIFO {file}"},
    {.id = PhraseId::TheLog, .words = "the log {file}"},
    {.id = PhraseId::TheLogsFile, .words = "the log's file {file}"},
    {.id = PhraseId::TheRing, .words = "the ring {file}"},
    {.id = PhraseId::TheRingIn, .words = "the ring in {file}"},
    {.id = PhraseId::TheConfiguration, .words = "the configuration {file}"},
    {.id = PhraseId::TheConfigFolder, .words = "the configuration's folder {file}"},
    {.id = PhraseId::TheFileSystemOf, .words = "the file system of {subject}"},
    {.id = PhraseId::TheSink, .words = "the sink {sink}"},
    {.id = PhraseId::TheTextfile, .words = "the text file {file}"},
    {.id = PhraseId::TheControlSocket, .words = "the control socket {file}"},
    {.id = PhraseId::ControlSocketFree, .words = "`slurper status` and `slurper control` will ask at {file}"},
    {.id = PhraseId::ControlSocketAnswers,
     .words = "a slurper that writes this log answers at the control socket {file}"},
    {.id = PhraseId::ControlSocketTaken,
     .words = "another process listens at the control socket {file}: slurper would run without it",
     .advice = "Set control.path to a path of its own for each slurper"},
    {.id = PhraseId::ControlNameTooLong,
     .words = "the name of the control socket {file} is too long: slurper would run without it",
     .advice = "Set control.path to a short path in a folder of slurper's user"},
    {.id = PhraseId::RunsWithoutControl, .words = "{finding}. slurper would run without its control socket"},
    {.id = PhraseId::FolderMissing,
     .words = "{subject} can't be created: the folder {folder}: {errno}",
     .advice = "Create it with mkdir(1)"},
    {.id = PhraseId::FolderIsNone,
     .words = "{subject} can't be created: {folder} is {found}, not a folder",
     .advice = "Name another path"},
    {.id = PhraseId::FolderDenied,
     .words = "{subject} can't be created: {errno} in the folder {folder} (mode {mode.octal}, {owner})",
     .advice = "Let {user} write there"},
    {.id = PhraseId::FileDenied,
     .words = "{subject} can't be opened by {user}: {errno} (mode {mode.octal}, {owner})",
     .advice = "Give it to that user with chown"},
    {.id = PhraseId::NotToBeSeen, .words = "{subject} can't be examined: {errno}"},
    {.id = PhraseId::FileIsOther, .words = "{subject} is {found}, not a regular file"},
    {.id = PhraseId::FifoToBeCreated,
     .words = "the FIFO {fifo} is not there yet, and will be created with mode {mode.octal}"},
    {.id = PhraseId::FifoMissing,
     .words = "the FIFO {fifo} is missing",
     .advice = "Create it with mkfifo(1), or set fifo.create = true"},
    {.id = PhraseId::FifoIsOther,
     .words = "the FIFO {fifo} is {found}, not a FIFO",
     .advice = "Name another path, or move this away"},
    {.id = PhraseId::NameTheFifoItself,
     .words = "Name the FIFO itself{end}: a link could be pointed elsewhere"},
    {.id = PhraseId::FifoDenied,
     .words = "the FIFO {fifo} can't be opened by {user}: {errno} (mode {mode.octal}, {owner}); slurper "
              "needs to read it, and to write it, so that it can hold it open",
     .advice = "Use chown or chmod"},
    {.id = PhraseId::FifoThere, .words = "the FIFO {fifo} is there: mode {mode.octal}, {owner}"},
    {.id = PhraseId::FifoModeZero,
     .words = "the FIFO {fifo} has mode 0000: only root can open it, so no syslogd can, and no slurper with "
              "a user of its own",
     .advice = "Run chmod {mode.octal} {fifo}"},
    {.id = PhraseId::FifoWritable, .words = "every user may write into the FIFO {fifo}, and forge lines"},
    {.id = PhraseId::FifoReadable, .words = "every user may read the FIFO {fifo}, and steal lines"},
    {.id = PhraseId::NothingWrites,
     .words =
         "nothing writes into the FIFO {fifo}: no syslogd's settings name it, and no process has it open",
     .advice = "See the settings in {folder}/syslog"},
    {.id = PhraseId::NothingVisibleWrites,
     .words = "nothing writes into the FIFO {fifo}: no syslogd's settings name it, and no process that is "
              "visible from here has it open",
     .advice = "See the settings in {folder}/syslog"},
    {.id = PhraseId::LetItBeRead, .words = "Let that user read it with chmod or chgrp"},
    {.id = PhraseId::OtherUsersConfigure,
     .words =
         "other users may change {subject} (mode {mode.octal}, {owner}), and with it which files slurper "
         "writes and which programs it starts",
     .advice = "Give it to root with chown, and run chmod go-w"},
    {.id = PhraseId::ConfigFileIgnored,
     .words = "{file} is not read: in that folder, slurper reads only files whose names end in .toml and do "
              "not begin with a dot"},
    {.id = PhraseId::ConfigurationRead, .words = "read {file}: it {effects}"},
    {.id = PhraseId::SetsSettings, .words = "sets {settings}"},
    {.id = PhraseId::AddsSink, .words = "adds the sink {sinks}"},
    {.id = PhraseId::AddsSinks, .words = "adds the sinks {sinks}"},
    {.id = PhraseId::SetsNothing, .words = "sets nothing"},
    {.id = PhraseId::SettingOverridden, .words = "{by} overrides {setting} of {place}"},
    {.id = PhraseId::LogFollowsNoLink,
     .words = "slurper follows no link there, because a link could be pointed elsewhere. Name the file "
              "itself{end}, or remove the link"},
    {.id = PhraseId::SetLogPath, .words = "Set log.path to a file, or to a name that is free"},
    {.id = PhraseId::LogToBeCreated,
     .words = "the log {log} is not there yet, and will be created; {size} are free there"},
    {.id = PhraseId::LogThere, .words = "the log {log} is there; {size} are free there"},
    {.id = PhraseId::LogDiskFull,
     .words = "the file system of the log {log} is full: lines wait in the ring, then in the pipe",
     .advice = "Make room there, lower log.keep_size, or set log.when_disk_full = \"remove-oldest\""},
    {.id = PhraseId::LogDiskHasNoInodes,
     .words = "the file system of the log {log} is full (it has no inodes left): lines wait in the ring, "
              "then in the pipe",
     .advice = "Make room there, lower log.keep_size, or set log.when_disk_full = \"remove-oldest\""},
    {.id = PhraseId::LogInRam, .words = "the log {log} lies in RAM: the next boot loses it"},
    {.id = PhraseId::KeepSizeTooLarge,
     .words = "log.keep_size is {size.exact}, which is more than the whole file system of the log {log}"},
    {.id = PhraseId::DefaultRingFolder,
     .words = "cannot {what}: {reason}; slurper uses the default folder of the ring instead"},
    {.id = PhraseId::MoveTheRingAway, .words = "Move it away, or set ring.directory"},
    {.id = PhraseId::RingUsedByOther,
     .words = "the ring {ring} is used by {process}, which does not write this log: slurper would not start",
     .advice = "Give each slurper a ring.directory of its own, or leave it unset"},
    {.id = PhraseId::RingHoldsOthers,
     .words =
         "the ring {ring} belongs to another log, and holds {size} that no log may have: a start renames "
         "it and creates a new one",
     .advice = "Give each log a ring.directory of its own, or leave it unset. Start the other log's slurper "
               "first: it writes what the ring holds"},
    {.id = PhraseId::RingHasNoRoom,
     .words = "the file system of the ring in {folder} is full",
     .advice = "Make room there, or set ring.directory to a folder on another file system in RAM"},
    {.id = PhraseId::RingHasLittleRoom,
     .words = "the ring in {folder} is to hold {size.exact}, and its file system has room for {room}: after "
              "that it counts as full",
     .advice = "Lower ring.size, or set ring.directory to a larger file system in RAM"},
    {.id = PhraseId::RingHasRoom, .words = "the ring in {folder} has room for its {size.exact}"},
    {.id = PhraseId::RingOnDisk,
     .words = "the ring in {folder} is not in RAM: it survives crashes all the same, but costs disk writes, "
              "and can stall with the disk",
     .advice = "Set ring.directory to a folder on a tmpfs, such as one in /dev/shm"},
    {.id = PhraseId::FifoNotWatched,
     .words = "cannot {what}: {reason}; meanwhile slurper checks once a second whether the FIFO was "
              "replaced, and does not see who opens it"},
    {.id = PhraseId::PipesAtLimit,
     .words = "all pipes of {user} together have as many pages as fs.pipe-user-pages-soft allows: a new one "
              "gets {size.exact}, and can't be {wanted.exact}",
     .advice = "Close pipes, or raise the limit with sysctl"},
    {.id = PhraseId::PipeWithoutLimit, .words = "the pipe may be {size.exact}: no limit binds this process"},
    {.id = PhraseId::PipeFits, .words = "the pipe may be {size.exact}"},
    {.id = PhraseId::PipeBeyondMax,
     .words =
         "fifo.pipe_size is {size.exact}, and users may have {max.exact} at most: the pipe will be smaller",
     .advice = "Raise it with sysctl fs.pipe-max-size={wanted}, or lower fifo.pipe_size"},
    {.id = PhraseId::PipeBeyondPages,
     .words = "fifo.pipe_size is {pages} pages, and all pipes of a user together may have {max}: the pipe "
              "will be smaller",
     .advice = "Raise it with sysctl fs.pipe-user-pages-soft={enough}"},
    {.id = PhraseId::SinkPathIsRelative,
     .words = "the sink {sink}: its path {file} is relative to the folder where slurper is started, which is "
              "'/' in a service",
     .advice = "Write the whole path"},
    {.id = PhraseId::SinkFolderMissing,
     .words = "the sink {sink}: the folder {folder} of its file: {errno}",
     .advice = "Create it: mkdir -p, and chown it to {user}"},
    {.id = PhraseId::SinkFolderIsNone,
     .words = "the sink {sink}: {folder} is not a folder",
     .advice = "Name another path"},
    {.id = PhraseId::SinkWriteDenied,
     .words = "the sink {sink}: {user} can't write to {file}: {errno} (mode {mode.octal}, {owner})",
     .advice = "Give it to slurper with chown"},
    {.id = PhraseId::MountReadWrite,
     .words = "Mount it read-write; in a service, it needs ReadWritePaths= in a drop-in"},
    {.id = PhraseId::SinkFileIsOther,
     .words = "the sink {sink}: its file {file} is {found}, not a regular file",
     .advice = "Name another path"},
    {.id = PhraseId::NameTheFileItself, .words = "Name the file itself{end}, or remove the link"},
    {.id = PhraseId::SinkDiskFull,
     .words = "the sink {sink}: the file system of {folder} is full",
     .advice = "Make room there"},
    {.id = PhraseId::SinkMayWrite, .words = "the sink {sink} may write {file}"},
    {.id = PhraseId::SinkProgramMissing,
     .words = "the sink {sink}: its program {file}: {errno}",
     .advice = "Install it, or correct the path"},
    {.id = PhraseId::SinkProgramIsOther,
     .words = "the sink {sink}: {file} is not a program",
     .advice = "Name a file"},
    {.id = PhraseId::SinkProgramDenied,
     .words =
         "the sink {sink}: its program {file} can't be run by {user}: {errno} (mode {mode.octal}, {owner})",
     .advice = "Run chmod +x"},
    {.id = PhraseId::SinkMayRun, .words = "the sink {sink} may run {file}"},
    {.id = PhraseId::SinkKeyDenied,
     .words = "the sink {sink}: its {setting} {file} can't be read by {user}: {errno}",
     .advice = "Correct the path, or let slurper's group read it"},
    {.id = PhraseId::SinkFileUnusable, .words = "the sink {sink}: its {setting}: cannot {what}: {reason}"},
    {.id = PhraseId::SinkFileUnsafe, .words = "the sink {sink}: its {setting} {reason}"},
    {.id = PhraseId::SinkSecretNotChecked,
     .words = "the sink {sink}: its {setting} is not checked: credentials exist only in the service"},
    {.id = PhraseId::SinkHasWhatItNeeds, .words = "the sink {sink} has what it needs on this machine"},
    {.id = PhraseId::SinkSocketMissing,
     .words = "the sink {sink}: there is no socket {file}: {errno}",
     .advice = "Start the syslogd that creates it, or correct the path"},
    {.id = PhraseId::SinkSocketIsOther,
     .words = "the sink {sink}: {file} is not a socket",
     .advice = "Correct the path"},
    {.id = PhraseId::SinkSocketDenied,
     .words =
         "the sink {sink}: {user} may not write to the socket {file}: {errno} (mode {mode.octal}, {owner})"},
    {.id = PhraseId::SinkSocketIsDead,
     .words = "the sink {sink}: nothing listens at the socket {file}",
     .advice = "Start the syslogd that created it"},
    {.id = PhraseId::SinkTargetWithoutPort,
     .words = "the sink {sink}: its target {target} is taken for an address without a port",
     .advice = "If {port} is the port, write [{host}]:{port}; if not, write [{address}]"},
    {.id = PhraseId::SinkTargetIsNoAddress,
     .words = "the sink {sink}: its target {target} is not an IPv6 address",
     .advice = "Write [{host}]:{port}"},
    {.id = PhraseId::SinkCannotStart,
     .words = "the sink {sink} cannot {what}: {reason}; slurper starts all the same, and the lines wait in "
              "the log"},
    {.id = PhraseId::UnitCannotWrite,
     .words = "{unit} can't write to the folder {folder} of {subject}: its sandbox does not let it",
     .advice = "It needs ReadWritePaths= in a drop-in: `slurper check --drop-in` prints it, `systemctl edit "
               "{unit}` takes it"},
    {.id = PhraseId::UnitHasNoNetwork,
     .words = "{unit} has no network, and the sink {sink} sends over one",
     .advice = "It needs the settings of network.conf in a drop-in: `slurper check --drop-in` prints it, "
               "`systemctl edit {unit}` takes it"},
    {.id = PhraseId::UnitCannotListen,
     .words = "{unit} has no network, and Prometheus can't reach metrics.listen, {address}",
     .advice = "It needs the settings of metrics.conf in a drop-in: `slurper check --drop-in` prints it, "
               "`systemctl edit {unit}` takes it"},
    {.id = PhraseId::NoSuchUser, .words = "there is no user {user}"},
    {.id = PhraseId::NoDynamicUser,
     .words = "there is no user {user} while the service does not run (DynamicUser=)"},
    {.id = PhraseId::NoSuchGroup, .words = "there is no group {group}"},
    {.id = PhraseId::NotBecome, .words = "its user and groups can't be assumed: {errno}"},
    {.id = PhraseId::RsyslogKeepsLines,
     .words = "rsyslog's action at {place} keeps its lines when the pipe is full"},
    {.id = PhraseId::RsyslogLosesLines,
     .words = "rsyslog's action at {place} loses lines: whenever the pipe is full for a moment, rsyslog "
              "suspends the action, and drops what comes meanwhile",
     .advice = "Add to it: {settings}"},
    {.id = PhraseId::WriteBeforeIt, .words = "Write before it: {settings}"},
    {.id = PhraseId::RsyslogWritesNoNewline,
     .words = "rsyslog's action at {place} writes lines without a newline at their ends, because the "
              "template {template} has none: all of them would be one",
     .advice = "Use RSYSLOG_FileFormat, or the template of slurper's rsyslog.conf"},
    {.id = PhraseId::SyslogdSettingsUnread, .words = "the settings {file} can't be read: {errno}"},
    {.id = PhraseId::InputReadsASink,
     .words = "the input at {place} reads {file}, which the sink {sink} writes: if that syslogd writes to "
              "the FIFO, each line goes round forever",
     .advice = "Remove the input, or name another file"},
    {.id = PhraseId::SyslogNgReadsTheFifo,
     .words = "syslog-ng's source at {place} reads this FIFO: two readers get a part of the lines each",
     .advice = "Remove it"},
    {.id = PhraseId::SyslogNgKeepsLines,
     .words = "syslog-ng's destination at {place} keeps its lines when the pipe is full"},
    {.id = PhraseId::SyslogNgPauses,
     .words = "syslog-ng's destination at {place} would pause for 60 s after a failed write, or give the "
              "FIFO an owner and a mode that may lock slurper out",
     .advice = "Add to it: {settings}"},
    {.id = PhraseId::OldSyslogdWrites,
     .words = "{place} writes into the FIFO; this syslogd has no queue: only the pipe holds its lines while "
              "slurper is down, so a large fifo.pipe_size helps"},
    {.id = PhraseId::NoSyslogdNamesTheFifo, .words = "no syslogd's settings name the FIFO {fifo}"},
    {.id = PhraseId::SinkFeedsASyslogd,
     .words = "the sink {sink} hands its lines to this machine's syslogd: if that writes to the FIFO, each "
              "line goes round forever",
     .advice = "Leave these lines out of what it writes to the FIFO"},

    // What `verify` and `recover` find.
    {.id = PhraseId::VerifyLog, .words = "verify the log {file}"},
    {.id = PhraseId::NameTheLogItself, .words = "Name the log's file itself"},
    {.id = PhraseId::RotatedAllTheTime,
     .words = "it is rotated again and again",
     .advice = "Try again when less is written to it"},
    {.id = PhraseId::NoLogToVerify,
     .words = "there is no log",
     .advice = "Name the path that `slurper run` was given"},
    {.id = PhraseId::IndexMissing,
     .words = "the log's index {file} is missing",
     .advice = "At its next start, slurper creates one, with a new log id, from the segments that are there"},
    {.id = PhraseId::IndexUnusable,
     .words = "the log's index {file} can't be used: {reason}",
     .advice = "Check the disk"},
    {.id = PhraseId::SlotOfFileDamaged,
     .words = "{damage}; the other one is whole, and the next write mends it"},
    {.id = PhraseId::IndexEmpty, .words = "the log's index has no record yet"},
    {.id = PhraseId::TornLinesClosed,
     .words = "lines that a loss of power cut short, and that slurper ended with a newline: {lines}"},
    {.id = PhraseId::ForeignBytes,
     .words =
         "another process wrote {size.byte} to the end of {file}, behind offset {offset}: the log does not "
         "count them"},
    {.id = PhraseId::CompressionFinishes,
     .words = "{file} stands beside its raw segment: its compression is about to finish"},
    {.id = PhraseId::SegmentIsDouble,
     .words = "{file} stands beside its raw segment: the next start of slurper removes one of them"},
    {.id = PhraseId::SegmentGone, .words = "{file} was removed meanwhile"},
    {.id = PhraseId::SegmentDamaged,
     .words = "{file}, from offset {offset} on, is damaged: {reason}",
     .advice = "Check the disk, and restore the segment from a backup"},
    {.id = PhraseId::RestoreCompressed,
     .words = "Restore it from a backup; zstd -dc prints what precedes the damage"},
    {.id = PhraseId::SegmentSizeChanged, .words = "its size changed while it was read"},
    {.id = PhraseId::RotationUnderWay, .words = "a rotation is under way"},
    {.id = PhraseId::RotationCutShort,
     .words = "a rotation was cut short; the next start of slurper finishes it"},
    {.id = PhraseId::ActiveMissing,
     .words = "the active segment {file}, from offset {offset} on, is missing",
     .advice = "Was it moved away? Put it back. Otherwise slurper continues in a new file, with the next "
               "line or at its next start"},
    {.id = PhraseId::ActiveReplaced,
     .words = "the active segment {file} is not the file that the index knows (inode {inode}, not {known})",
     .advice = "Was it copied or restored? Then nothing is wrong. Was it replaced? Then slurper continues in "
               "a new file, with the next line or at its next start"},
    {.id = PhraseId::ActiveUnreadable,
     .words = "the active segment {file} can't be read to its end: {reason}",
     .advice = "Check the disk, and which other process writes to the file"},
    {.id = PhraseId::ActiveCutShort, .words = "another process cut it short meanwhile"},
    {.id = PhraseId::BeginsLater,
     .words =
         "the log no longer has the {size.byte} before offset {size}: retention removed them, or another "
         "process moved them"},
    {.id = PhraseId::SegmentsOverlap,
     .words = "the segment at offset {from} begins before the end of the one before it, {end}",
     .advice = "Does {file} belong to another log? Then move it away. {mend}"},
    {.id = PhraseId::RestoreWhole, .words = "Should {file} hold {size.byte}? Then restore it from a backup"},
    {.id = PhraseId::CutItBack,
     .words = "Has another process written to {file}? Then keep a copy, and cut it back: truncate -s {size} "
              "{file}"},
    {.id = PhraseId::OffsetsMissing,
     .words = "no segment holds the offsets {from} to {to} ({size.byte})",
     .advice = "Was a file moved away or removed? Put it back, as {file}. Is it gone for good? Then nothing "
               "else is wrong: slurper continues, and verify reports the gap until the segments before it "
               "are gone, too"},
    {.id = PhraseId::OffsetsRemoved,
     .words = "the offsets {from} to {to} are not in the log: another process removed, cut or overwrote the "
              "file that held them"},
    {.id = PhraseId::OffsetsMoved,
     .words = "the offsets {from} to {to} are not in the log: another process moved the file that held them"},
    {.id = PhraseId::OffsetsLost,
     .words = "the offsets {from} to {to} are not in the log: they were lost when the machine went down, or "
              "never assigned"},
    {.id = PhraseId::ArrivalTimesUnknown, .words = "the arrival times of lines are unknown: {error}"},
    {.id = PhraseId::ArrivalTimesDamaged,
     .words = "the arrival times of some lines are unknown: {file}, {reason}; the next start of slurper "
              "begins the file anew, or cuts off what is damaged"},
    {.id = PhraseId::SegmentQuarantined,
     .words = "slurper quarantined {file}, because another process had cut it or written to it; slurper "
              "never reads it again"},
    {.id = PhraseId::CompressionUnderWay, .words = "{file}: a compression is under way"},
    {.id = PhraseId::CompressionCutShort,
     .words = "{file} is left from a compression that was cut short; the next start removes it"},
    {.id = PhraseId::CursorUnusable,
     .words = "the cursor of the sink {sink} can't be used: {reason}",
     .advice = "Move {file} away: the sink then begins as a new one"},
    {.id = PhraseId::CursorEmpty, .words = "the cursor of the sink {sink} has no record yet"},
    {.id = PhraseId::CursorOfOtherLog,
     .words = "the cursor of the sink {sink} belongs to another log, {log}",
     .advice = "Move {file} away: the sink then begins as a new one"},
    {.id = PhraseId::CursorBeyondCut,
     .words = "the cursor of the sink {sink} is {size.byte} beyond the log's end: these were cut off, or "
              "lost in a power failure; slurper continues behind them"},
    {.id = PhraseId::CursorBeyondEnd,
     .words = "the cursor of the sink {sink} is at offset {offset}, beyond the log's end",
     .advice = "Was the log cut, or restored from a backup? Restore all of it, or move {file} away: the sink "
               "then begins as a new one"},
    {.id = PhraseId::CursorBeforeLog,
     .words =
         "the cursor of the sink {sink} is at offset {from}: the log no longer has the {size.byte} before "
         "offset {offset}, and slurper counts them as missed"},
    {.id = PhraseId::RingOfOtherLog,
     .words = "the ring {ring} belongs to another log",
     .advice =
         "Name this log's ring with --ring. If this is its ring, the log's index comes from another log"},
    {.id = PhraseId::RingOfEarlierBoot,
     .words = "the ring {ring} is of an earlier boot of the machine; it held {size.byte} that the log lacks"},
    {.id = PhraseId::RingLeftBehind,
     .words = "the log continued without the ring {ring}, which holds {size.byte}"},
    {.id = PhraseId::RingDroppedLines,
     .words = "dropped while the ring was full, since it was created: {lines.line}, {size.byte}"},
    {.id = PhraseId::LogJustCut,
     .words = "the log ends {size.byte} before what was written to it: another process has just cut it, or "
              "moved it away; slurper continues with the next line"},
    {.id = PhraseId::LogBeyondRing,
     .words = "the log continues at an offset that the ring {ring} has never reached; the next start "
              "quarantines the ring, with {size.byte}"},
    {.id = PhraseId::LogIsOldCopy,
     .words = "the log ends at offset {from}, and slurper had written it up to {to}: it is an old copy; the "
              "next start continues behind the gap, in a new segment"},
    {.id = PhraseId::LogCutShort,
     .words = "the log ends at offset {from}, and slurper had written it up to {to}: another process has cut "
              "it, or moved its file away",
     .advice = "Put the file back, or let the next start of slurper continue behind the gap"},
    {.id = PhraseId::LogHasForeignEnd,
     .words = "the log ends {size.byte} behind what slurper had read: another process wrote them; the next "
              "start continues in a new segment"},
    {.id = PhraseId::RingHoldsBytes,
     .words = "the ring {ring} holds {size.byte}, which the next start of slurper writes"},
    {.id = PhraseId::ReadCutShortInRing,
     .words = "a read of {size.byte} was cut short when they were in the ring {ring}; the next start "
              "recovers them"},
    {.id = PhraseId::ReadCutShort,
     .words = "a read of {size.byte} was cut short; the next start finds out whether the ring {ring} has "
              "them"},
    {.id = PhraseId::LookAtRing, .words = "examine the ring in {folder}"},
    {.id = PhraseId::NoRingThere, .words = "there is none"},
    {.id = PhraseId::RingInQuarantine,
     .words = "the ring {ring} is in quarantine",
     .advice = "To write what it holds and no log has, run {command}; to remove it, add --remove"},
    {.id = PhraseId::CursorOrphaned,
     .words = "the cursor {file} is of no use: {why}",
     .advice = "To remove it, run {command}"},
    {.id = PhraseId::LogHasItAll, .words = "the log has all that it holds"},
    {.id = PhraseId::LogContinuedWithout, .words = "the log continued without it, and it holds {size}"},
    {.id = PhraseId::WriteStandardOutput, .words = "write to standard output"},
    {.id = PhraseId::RemoveRing, .words = "remove the ring {ring}"},

    // what slurper itself did last
    {.id = PhraseId::KeepEvents, .words = "keep slurper's own last events in {file}"},
    {.id = PhraseId::ReadEvents, .words = "read slurper's own last events in {file}"},
    {.id = PhraseId::NoEventsFile,
     .words = "it is cut short, or this version of slurper did not write it",
     .advice = "Remove it: the next start of slurper makes a new one"},

    // slurper tail
    {.id = PhraseId::WatchLog, .words = "watch the folder of the log {file}", .on_errno = kOfWatchFifo},
    {.id = PhraseId::NoIndexOfLog,
     .words = "it has no index, so slurper has not written it",
     .advice = "Name the path that `slurper run` was given; tail -F follows any other file"},
    {.id = PhraseId::RunAsGroup,
     .words = "Run the command as root, or as a member of the group that owns the log (ls -l {file})"},
    {.id = PhraseId::LogHasGap,
     .words = "cannot show the offsets {from} to {to} ({size}): {reason}. Continues at offset {to}"},
    {.id = PhraseId::GapPowerLoss, .words = "they were lost when the machine went down, or never assigned"},
    {.id = PhraseId::ClockSetBack,
     .words =
         "the clock was set back at offset {offset}, from {before} to {after}: the lines are in the order "
         "in which they came, not in that of their times"},
    {.id = PhraseId::ArrivalsUnknown,
     .words =
         "the arrival times of the offsets {from} to {to} are unknown: the times in these lines are used "
         "instead"},
    {.id = PhraseId::OtherLogThere,
     .words = "another log has taken the place of {file}: continues with its oldest line"},

    // the recorder of slurper trace
    {.id = PhraseId::StartRecorder, .words = "start the recorder {file}", .on_errno = kOfStartRecorder},

    // slurper trace
    {.id = PhraseId::ReadCapture, .words = "read the capture {file}"},
    {.id = PhraseId::CaptureIsEmpty,
     .words = "it is empty",
     .advice = "The recorder has written nothing yet, or was stopped before the first event"},
    {.id = PhraseId::NotACapture,
     .words = "it is no capture: it does not begin as the files of slurper trace and sysdig do",
     .advice = "Name a file that was written by slurper trace -w or sysdig -w"},
    {.id = PhraseId::CaptureDamaged,
     .words = "the capture {file} is damaged at offset {offset}: {size} were skipped. Events in them are "
              "missing, and names that depend on them may be wrong"},
    {.id = PhraseId::CaptureCutShort,
     .words = "the capture {file} ends in the middle of a record, at offset {offset}. Everything before it "
              "is shown"},
    {.id = PhraseId::CaptureNotUnpacked,
     .words = "the compressed capture {file} is damaged or cut short: nothing can be read after offset "
              "{offset} of what it contains. Everything before it is shown"},
    {.id = PhraseId::CaptureBadEntry,
     .words = "the capture {file} has a record at offset {offset} that contradicts itself. It was skipped"},
    {.id = PhraseId::AcceptTraceFilter, .words = "accept the filter {filter}"},
    {.id = PhraseId::AcceptTraceFormat, .words = "accept the format {format}"},
    {.id = PhraseId::NoSuchFormatField, .words = "there is no field {name}"},
    {.id = PhraseId::FilterNotHexadecimal,
     .words = "{value} is not a row of bytes in hexadecimal, as 0aff is"},
    {.id = PhraseId::IncidentCaught,
     .words =
         "an event has matched: wrote {file} with {before} before it and {after} after it, {size} in all"},
    {.id = PhraseId::IncidentWindowCut,
     .words =
         "it should begin {wanted} before the event, and more did not fit into {memory} of memory. Raise "
         "--memory"},
    {.id = PhraseId::NoIncident, .words = "no event has matched, so nothing was written"},
    {.id = PhraseId::RotationEnded, .words = "the newest file is {file}"},

    // slurper inspect
    {.id = PhraseId::InspectFile, .words = "inspect {file}"},
    {.id = PhraseId::InspectDescriptor, .words = "inspect descriptor {fd} of process {process}"},
    {.id = PhraseId::NoSuchProcess, .words = "there is no such process"},
    {.id = PhraseId::NoSuchDescriptor, .words = "the process does not have that descriptor open"},
    {.id = PhraseId::NotAPipe,
     .words = "it is {found}, not a FIFO or a pipe",
     .advice = "Name a FIFO by its path, or a pipe by a process and its descriptor: slurper inspect 4711:0"},
    {.id = PhraseId::PipeFullUnread,
     .words = "the pipe is full ({fill}): its reader, {reader}, does not read. It {doing}",
     .advice = "Restart {reader}"},
    {.id = PhraseId::PipeFullSlowly,
     .words = "the pipe is full ({fill}): its reader, {reader}, reads more slowly than its writers write",
     .advice = "Make the reader faster, or enlarge the pipe: fcntl(2), F_SETPIPE_SZ"},
    {.id = PhraseId::PipeHasNoReader,
     .words = "the pipe has no reader. It holds {fill}",
     .advice = "Start its reader again"},
    {.id = PhraseId::NoReaderSeen,
     .words =
         "of the processes that could be looked at, none has the pipe open for reading. It holds {fill}"},
    {.id = PhraseId::PipeReadBeside,
     .words = "there is a second reader, {second}: what it reads, the first reader, {first}, never gets",
     .advice = "Stop one of the two: a pipe passes each byte to one reader only"},
    {.id = PhraseId::ReaderStopped,
     .words = "the reader {reader} is stopped, and so reads nothing",
     .advice = "Let it continue: kill -CONT {pid}"},
    {.id = PhraseId::WriterGetsEagain,
     .words = "{writer} does not wait for room (O_NONBLOCK): its writes fail with EAGAIN now, and what it "
              "does not write again later is lost",
     .advice =
         "See to the reader first. A syslogd writes again only if it is set to: slurper check says how"},
    {.id = PhraseId::WriterNearEagain,
     .words = "{writer} does not wait for room (O_NONBLOCK), and {percent} % of the pipe is used: once it is "
              "full, its writes fail with EAGAIN",
     .advice = "Make the reader faster, or enlarge the pipe: fcntl(2), F_SETPIPE_SZ"},
    {.id = PhraseId::WriterBlocked,
     .words = "{writer} is blocked in {call}(2) on descriptor {fd} until its reader makes room: {readers}",
     .advice = "See to the reader"},
    {.id = PhraseId::FifoWasReplaced,
     .words = "{process} has a FIFO open for {access} that stood at {file} before another replaced it: the "
              "two are not connected",
     .advice = "Restart it, so that it opens the FIFO that stands there now"},
    {.id = PhraseId::PipeHasNoWriter, .words = "no process has the pipe open for writing"},
    {.id = PhraseId::NoWriterSeen,
     .words = "of the processes that could be looked at, none has the pipe open for writing"},
    {.id = PhraseId::DescriptorLeaked,
     .words = "{process} has inherited descriptor {fd} from {from}, and so has the pipe open for {access}, "
              "even after {from} closes it",
     .advice = "Restart {process}, and have {from} open the pipe with O_CLOEXEC"},
    {.id = PhraseId::LeftRunning,
     .words = "{process} outlived the program that started it, and has the pipe open for writing, descriptor "
              "{fd}: until it ends, the reader waits for an end-of-file",
     .advice = "End it, or start it with its output redirected"},
    {.id = PhraseId::ReaderWritesItself,
     .words = "the reader {reader} has the pipe open for writing itself, descriptor {fd}: it never reads an "
              "end-of-file",
     .advice = "If it shall end with its writers, have it close that descriptor"},
    {.id = PhraseId::WaitsInOpen,
     .words = "{process} waits in open(2) until a process opens the FIFO for {access}",
     .advice = "Start that process"},
    {.id = PhraseId::PipeShrunk,
     .words = "the pipe has {slots.slot} only ({size}), as the kernel creates it for a user whose pipes "
              "together are above the limit (fs.pipe-user-pages-soft, {pages.page})",
     .advice = "Raise that limit (sysctl), then restart what has the pipe open"},
    {.id = PhraseId::PipeIsSmall,
     .words = "the pipe holds no more than {size}: a burst of lines fills it",
     .advice = "Let its reader enlarge it (fcntl(2), F_SETPIPE_SZ), as slurper run does"},
    {.id = PhraseId::ProcessesUnseen,
     .words = "{processes} could not be looked at, and may have the pipe open, too: {pids}"},
    {.id = PhraseId::ProcessesHidden,
     .words =
         "/proc does not show the processes of other users (hidepid=): they may have the pipe open, too"},
    {.id = PhraseId::FillUnknown, .words = "the size of the pipe and what it holds are unknown: {errno}"},
    {.id = PhraseId::EndsUnfound,
     .words = "the kernel counts {files.open file} of the pipe, for {access}, that no process has as a "
              "descriptor",
     .advice =
         "Look for a descriptor that is in flight over a socket (SCM_RIGHTS), for one that is registered "
         "with io_uring, and for processes outside of this PID namespace"},
    {.id = PhraseId::PipeWorks, .words = "the pipe has a reader, and room for a writer"},
    {.id = PhraseId::ReplaceReader,
     .words = "Restart {reader}, or replace it by a reader that does not stop: slurper run --fifo {file} "
              "--log LOG"},
    {.id = PhraseId::EndSecondReader, .words = "End {second}: kill {pid}"},
    {.id = PhraseId::StartReader,
     .words = "Start its reader, for example: slurper run --fifo {file} --log LOG"},
    {.id = PhraseId::RestartSyslogd,
     .words = "A syslogd's settings name the FIFO: start or restart the syslogd"},
    {.id = PhraseId::NameItToSyslogd,
     .words = "No syslogd's settings name {file}: name it there, as the examples in {folder} do"},
    {.id = PhraseId::InspectAsRoot, .words = "Run slurper inspect as root"},
    {.id = PhraseId::InspectWithTracing,
     .words = "Run slurper inspect with the capability CAP_SYS_PTRACE, or with CAP_BPF and CAP_PERFMON"},
}};

constexpr bool is_in_order() {
  for (std::size_t i = 0; i < kTable.size(); ++i) {
    if (static_cast<std::size_t>(kTable[i].id) != i) return false;
  }
  return true;
}
static_assert(is_in_order(), "an entry for each phrase, in the order of PhraseId");

constexpr std::string_view kTooManyFiles =
    "Raise the limit on open files: LimitNOFILE= of the service, or ulimit -n";

std::string render(const PhraseValue& value, std::string_view part) {
  using Kind = PhraseValue::Kind;
  switch (value.kind()) {
    case Kind::Text:
      return value.text();
    case Kind::Quoted:
      return in_quotes(value.text());
    case Kind::Number:
      if (part == "octal") return fmt::format("{:04o}", value.number());
      return part.empty() ? std::to_string(value.number()) : counted(value.number(), part);
    case Kind::Size:
      return part == "exact" ? format(ByteSize{value.number()}) : format_rounded(ByteSize{value.number()});
    case Kind::Duration:
      return format(std::chrono::milliseconds(value.number()));
    case Kind::Uuid: {
      Uuid uuid{};
      std::ranges::copy(value.text(), uuid.begin());
      return format(uuid);
    }
    case Kind::Errno:
      return errno_text(static_cast<int>(value.number()));
    case Kind::Phrases:
      break;
  }
  std::string text;
  for (const Phrase& phrase : value.phrases()) {
    if (!text.empty()) text += "; ";
    text += to_text(phrase);
  }
  return text;
}

// Renders "{name}" or "{name.part}", passed without the braces.
std::optional<std::string> render_argument(std::string_view placeholder, const Phrase& phrase) {
  const std::size_t dot = placeholder.find('.');
  const auto argument =
      std::ranges::find(phrase.arguments(), placeholder.substr(0, dot), &PhraseArgument::name);
  if (argument == phrase.arguments().end()) return std::nullopt;
  const std::string_view part = dot == std::string_view::npos ? "" : placeholder.substr(dot + 1);
  return render(argument->value, part);
}

std::string render(std::string_view words, const Phrase& phrase) {
  return fill_in(words, [&](std::string_view placeholder) { return render_argument(placeholder, phrase); });
}

const PhraseEntry& entry_of(const Phrase& phrase) {
  return kTable[std::min<std::size_t>(static_cast<std::size_t>(phrase.id()), kTable.size() - 1)];
}

const PhraseValue* argument_of(const Phrase& phrase, std::string_view name) {
  const auto argument = std::ranges::find(phrase.arguments(), name, &PhraseArgument::name);
  return argument == phrase.arguments().end() ? nullptr : &argument->value;
}

// The phrase that `phrase` names so; empty if there is none.
Phrase phrase_in(const Phrase& phrase, std::string_view name) {
  const PhraseValue* const value = argument_of(phrase, name);
  return value == nullptr || value->phrases().empty() ? Phrase() : value->phrases().front();
}

int errnum_of(const Phrase& phrase) {
  const PhraseValue* const value = argument_of(phrase, "errno");
  return value != nullptr && value->kind() == PhraseValue::Kind::Errno ? static_cast<int>(value->number())
                                                                       : 0;
}

}  // namespace

std::span<const PhraseEntry> phrase_table() {
  return kTable;
}

std::string to_text(const Phrase& phrase) {
  return render(entry_of(phrase).words, phrase);
}

std::string advice_of(const Phrase& phrase) {
  const Error error{.kind = {},
                    .errnum = errnum_of(phrase),
                    .what = phrase_in(phrase, "what"),
                    .why = phrase_in(phrase, "reason"),
                    .advice = phrase_in(phrase, "advice")};
  const std::string advice = advice_of(error);
  return advice.empty() ? render(entry_of(phrase).advice, phrase) : advice;
}

std::string with_advice(const Phrase& phrase) {
  const std::string advice = advice_of(phrase);
  return advice.empty() ? to_text(phrase) : as_sentence(to_text(phrase)) + " " + advice;
}

std::string advice_of(const Error& error) {
  if (error.errnum == EMFILE)
    return std::string(kTooManyFiles);  // the caller's advice does not fit this cause
  if (!error.advice.empty()) return to_text(error.advice);
  const std::span<const ErrnoAdvice> known = entry_of(error.what).on_errno;
  if (const auto found = std::ranges::find(known, error.errnum, &ErrnoAdvice::errnum); found != known.end())
    return render(found->advice, error.what);
  return error.why.empty() ? "" : advice_of(error.why);
}

std::string to_text(const Error& error) {
  std::string text = fmt::format("cannot {}: {}", to_text(error.what), to_text(error.why));
  if (const std::string advice = advice_of(error); !advice.empty()) text += ". " + advice;
  return text;
}

}  // namespace slurper
