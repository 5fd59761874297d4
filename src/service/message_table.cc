#include "service/message_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "base/path_text.h"
#include "base/text.h"
#include "service/phrase_table.h"
#include "service/placeholders.h"

namespace slurper {

namespace {

using enum MessageLevel;

constexpr std::array<MessageEntry, kEventIds> kTable = {{
    // Start, reload and stop.
    {.id = EventId::StartWarning,
     .name = "start.warning",
     .level = Warning,
     .words = "`slurper check` warns: {text}",
     .cause =
         "A look at the settings and the machine at the start has found something that may cost lines or "
         "keep a part of slurper from working.",
     .remedy = "The message names it. `slurper check` shows all findings at once."},
    {.id = EventId::StartRepeated,
     .name = "start.repeated",
     .level = Warning,
     .words = "{error.} Trying again in one second",
     .cause = "What systemd has passed is not the FIFO at the path. It may be about to be replaced.",
     .remedy = "None, if the next attempt succeeds."},
    {.id = EventId::StartFailed,
     .name = "start.failed",
     .level = Critical,
     .words = "{error.} slurper has not started",
     .cause = "Something that slurper cannot do without is missing, damaged or not permitted.",
     .remedy =
         "The message names it, and what to do. Lines wait in the pipe if another process, systemd or a "
         "syslogd, has the FIFO open."},
    {.id = EventId::FifoCreated, .name = "fifo.created", .level = Info, .words = "created the FIFO {fifo}"},
    {.id = EventId::FifoLockHint,
     .name = "fifo.locked_by_other",
     .level = Warning,
     .words = "FIFO lock: {note}",
     .cause =
         "Another program, no slurper, holds a flock(2) on the FIFO. It does not keep slurper from reading.",
     .remedy = "Find out what that program does with the FIFO: if it reads, it takes lines away."},
    {.id = EventId::PipeSizeRefused,
     .name = "fifo.pipe_size_refused",
     .level = Warning,
     .words = "{error.} The pipe keeps its size of {size}",
     .cause = "The kernel limits how much memory a user's pipes may have (pipe(7): pipe-max-size, "
              "pipe-user-pages-soft).",
     .remedy =
         "Raise fs.pipe-max-size or fs.pipe-user-pages-soft with sysctl(8), or set fifo.pipe_size to what "
         "is allowed."},
    {.id = EventId::RingElsewhere,
     .name = "ring.elsewhere",
     .level = Warning,
     .words = "{error.} The ring is in its default folder {folder} instead",
     .cause =
         "The folder that ring.directory names, or the ring in it, belongs to another user; or the ring is "
         "that of another log, of which this one may be a copy.",
     .remedy = "Name a folder of slurper's user in ring.directory, and another one for each log. Give a "
               "copied log an id of its own: slurper identity --new LOG.",
     .raises = Alert::RingElsewhere,
     .alert_cause = "{error.why}"},
    {.id = EventId::RingQuarantined,
     .name = "ring.quarantined",
     .level = Warning,
     .words = "cannot use the ring {ring}: {reason}. It was renamed to {quarantined}, and a new ring was "
              "created. To write what it holds to a file, run: slurper recover {recover}",
     .cause =
         "The ring is damaged, or belongs to another log, or to a log that has been restored from a backup.",
     .remedy = "Run the command of the message; it prints what no log has."},
    {.id = EventId::RingMended,
     .name = "ring.mended",
     .level = Warning,
     .words = "tightened permissions: {finding}",
     .cause = "The ring or its folder could be read or written by other users.",
     .remedy = "None: the permissions have been tightened. Find out who opened them up."},
    {.id = EventId::RingNotInRam,
     .name = "ring.not_in_ram",
     .level = Warning,
     .words = "the ring {ring} is not on a RAM file system, which makes it slow and wears the disk. Set "
              "ring.directory to a folder on a tmpfs",
     .cause = "ring.directory, or the runtime directory, lies on a disk.",
     .remedy = "Set ring.directory to a folder below /run."},
    {.id = EventId::RingKeepsSize,
     .name = "ring.keeps_size",
     .level = Info,
     .words = "the ring keeps its size of {size} until a start finds it empty"},
    {.id = EventId::RingRecovered,
     .name = "ring.recovered",
     .level = Info,
     .words = "recovered {size} from the ring after an unclean exit"},
    {.id = EventId::EventsNotKept,
     .name = "start.events_not_kept",
     .level = Warning,
     .words = "{error.} What slurper does is recorded in its own memory alone, and lost if it is killed",
     .cause = "The file system of the ring is full, or something else is at the path.",
     .remedy = "Make room, or remove what is there. No line is at risk."},
    {.id = EventId::CallsBefore,
     .name = "calls_before",
     .level = Info,
     .words = "the last calls before that: {calls}",
     .limit = 2},
    {.id = EventId::ControlUnavailable,
     .name = "control.unavailable",
     .level = Warning,
     .words = "{error.} slurper runs without its control socket, and `slurper status` cannot ask it",
     .cause =
         "The folder of the socket is missing or not writable for slurper, another slurper listens at the "
         "same path, or something that is no socket stands there.",
     .remedy =
         "The message names it. Lines are read and written all the same. Once the path is free, a restart "
         "makes the socket."},
    {.id = EventId::MetricsUnavailable,
     .name = "metrics.unavailable",
     .level = Warning,
     .words =
         "{error.} Prometheus gets no metrics there until that works: slurper tries again every 30 s, and "
         "reads and writes all the same",
     .cause =
         "Another process listens at metrics.listen, it is no address of this machine, or the sandbox of "
         "the service permits no network.",
     .remedy =
         "The message names it. No line is at risk, and no restart is needed once the address is free."},
    {.id = EventId::MetricsServed,
     .name = "metrics.served",
     .level = Info,
     .words = "serving the metrics at http://{address}/metrics"},
    {.id = EventId::TextfileFailed,
     .name = "metrics.textfile_failed",
     .level = Warning,
     .words = "{error.} slurper tries again at each metrics.interval",
     .cause = "The folder of metrics.textfile is missing, not writable for slurper, or on a full disk.",
     .remedy =
         "The message names it. No line is at risk. Until then node_exporter reads the last file, whose "
         "slurper_metrics_written_timestamp_seconds tells its age."},
    {.id = EventId::TextfileWritten,
     .name = "metrics.textfile_written",
     .level = Info,
     .words = "the metrics are written to {file} again"},
    {.id = EventId::ControlDone,
     .name = "control.done",
     .level = Info,
     .words = "asked by {user} (uid {uid}, process {pid}): {what}",
     .limit = 60},
    {.id = EventId::Ready, .name = "start.ready", .level = Info, .words = "ready: {status}"},
    {.id = EventId::ReloadRefused,
     .name = "reload.refused",
     .level = Error,
     .words = "{error.} The settings are unchanged",
     .cause = "The configuration cannot be read, or is wrong.",
     .remedy = "Mend it, look at it with `slurper check`, and reload again."},
    {.id = EventId::RestartNeeded,
     .name = "reload.restart_needed",
     .level = Warning,
     .words = "these settings have changed, and take effect after a restart (systemctl restart slurper): "
              "{settings}",
     .cause = "A reload changes the log's limits and the sinks alone.",
     .remedy = "systemctl restart slurper. No line is lost meanwhile."},
    {.id = EventId::SinkAdded, .name = "reload.sink_added", .level = Info, .words = "added the sink {sink}"},
    {.id = EventId::SinkChanged,
     .name = "reload.sink_changed",
     .level = Info,
     .words = "changed the sink {sink}: it ends, and then starts with its new settings at its cursor"},
    {.id = EventId::SinkRemoved,
     .name = "reload.sink_removed",
     .level = Info,
     .words = "removed the sink {sink}: it delivers what the log has, and ends. Its cursor remains, and the "
              "sink resumes there if it returns"},
    {.id = EventId::Reloaded, .name = "reload.done", .level = Info, .words = "settings reloaded: {changes}"},
    {.id = EventId::StatusAsked, .name = "status", .level = Info, .words = "status: {status}"},
    {.id = EventId::Stopping,
     .name = "stop.begun",
     .level = Info,
     .words = "{signal} from process {pid}: draining the pipe and the ring"},
    {.id = EventId::FifoNotDrained,
     .name = "stop.fifo_not_drained",
     .level = Error,
     .words = "cannot read what is left in the FIFO {fifo} ({size}): {reason}. Unless another process, such "
              "as systemd or a syslogd, has the FIFO open for reading, these bytes are lost now",
     .cause = "slurper was stopped while it could not read: the ring was full, or a limit was reached.",
     .remedy =
         "Keep the FIFO open while slurper is down: slurper.socket, or the service's descriptor store, do "
         "so. Then start slurper again."},
    {.id = EventId::Stopped,
     .name = "stop.done",
     .level = Info,
     .words = "stopped: the log has everything up to offset {offset}"},
    {.id = EventId::StoppedPlaceTaken,
     .name = "stop.place_taken",
     .level = Error,
     .words = "cannot write the log {log}: {size} remain in the ring {ring}. Unless the log's own folder is "
              "back by then, the next start quarantines the ring. To write what it holds to a file, run: "
              "slurper recover {recover}",
     .cause = "The log's folder was replaced by that of another log, or another slurper uses it.",
     .remedy =
         "Put the folder back and start slurper, or run the command of the message. The ring is in RAM: do "
         "so before the machine is restarted."},
    {.id = EventId::StoppedLogNotWritten,
     .name = "stop.log_not_written",
     .level = Error,
     .words = "cannot write the log {log}: {size} remain in the ring {ring}. The next start writes them, "
              "unless the machine is rebooted first",
     .cause = "The log's disk was full or failing when slurper was stopped.",
     .remedy = "Mend the disk and start slurper before the machine is restarted."},

    // systemd.
    {.id = EventId::StoredFdRemoved,
     .name = "systemd.stored_fd_removed",
     .level = Warning,
     .words = "removed {name} from the file-descriptor store: it is {reason}",
     .cause = "The FIFO was replaced while slurper was down, or another program has stored a descriptor.",
     .remedy = "None: what such a FIFO holds is read first."},
    {.id = EventId::SocketUnitIsBehind,
     .name = "systemd.socket_unit_behind",
     .level = Warning,
     .words = "the socket unit has passed {what}, which was at {fifo} before{outcome}. slurper reads the "
              "FIFO that is there now, and keeps it in the file-descriptor store. For the socket unit to "
              "hold it, stop the service, restart the socket unit, and start the service",
     .cause = "The FIFO was removed or replaced after the socket unit had opened it.",
     .remedy = "As the message says, at the next opportunity."},

    // intake/
    {.id = EventId::FifoNotPolled,
     .name = "fifo.not_polled",
     .level = Error,
     .words = "{error.} slurper checks the FIFO ten times a second until it can wait for it",
     .cause = "The kernel has refused to wait for the FIFO: memory, or a limit of epoll(7), has run out.",
     .remedy = "Raise fs.epoll.max_user_watches, or the memory limit.",
     .limit = 5},
    {.id = EventId::FifoHeldUp,
     .name = "fifo.not_read",
     .level = Error,
     .words = "cannot read more from the FIFO {fifo}: {reason}. Writers wait, or lose lines if they do not "
              "wait; {waiting} wait in the ring for the log",
     .cause = "The ring is full because the log is not written fast enough, its file system has no memory "
              "left, or "
              "a limit was reached.",
     .remedy =
         "Look at the messages about the log before this one. A larger ring.size bridges a longer stall.",
     .raises = Alert::FifoNotRead,
     .alert_cause = "{reason}"},
    {.id = EventId::FifoReadAgain,
     .name = "fifo.read_again",
     .level = Warning,
     .words = "reading the FIFO again, after {after}",
     .clears = Alert::FifoNotRead},
    {.id = EventId::LinesDropping,
     .name = "fifo.dropping",
     .level = Error,
     .words = "the ring is full ({size}) and ring.when_full = \"drop\": lines are dropped until the log has "
              "caught up",
     .cause =
         "The log is not written as fast as lines come, and the setting prefers losing lines to holding up "
         "their writers.",
     .remedy =
         "Look at the messages about the log before this one. A larger ring.size bridges a longer stall.",
     .raises = Alert::LinesDropped,
     .alert_cause = "the ring is full"},
    {.id = EventId::LinesDropped,
     .name = "fifo.dropped",
     .level = Error,
     .words = "{when}: dropped {lines.line}",
     .cause = "As for fifo.dropping.",
     .remedy = "As for fifo.dropping.",
     .clears = Alert::LinesDropped},
    {.id = EventId::PathNotWatched,
     .name = "path.not_watched",
     .level = Warning,
     .words = "{error.} slurper checks once a second whether the FIFO {fifo} was replaced, until it can "
              "watch the path",
     .cause = "The user has no inotify instance or watch left, or a folder on the way may not be read.",
     .remedy =
         "Raise fs.inotify.max_user_instances or max_user_watches with sysctl(8), or let slurper's user read "
         "the folder.",
     .shown = Shown::WhenChanged,
     .raises = Alert::PathNotWatched,
     .alert_cause = "{error.why}",
     .limit = 5},
    {.id = EventId::PathWatchedAgain,
     .name = "path.watched_again",
     .level = Info,
     .words = "watching the path of the FIFO {fifo} again",
     .shown = Shown::WhenCleared,
     .clears = Alert::PathNotWatched,
     .limit = 5},
    {.id = EventId::FifoAccessHarmed,
     .name = "fifo.access_harmed",
     .level = Warning,
     .words = "the permissions of the FIFO {fifo} have changed: {change}. slurper does not change them back",
     .cause = "Someone has changed the mode, owner or group of the FIFO.",
     .remedy = "Set them back with chmod(1) and chown(1), unless it was meant.",
     .limit = 5},
    {.id = EventId::FifoAccessChanged,
     .name = "fifo.access_changed",
     .level = Info,
     .words = "the permissions of the FIFO {fifo} have changed, without harm: {change}. slurper does not "
              "change them back",
     .limit = 5},
    {.id = EventId::FifoReinstated,
     .name = "fifo.reinstated",
     .level = Warning,
     .words = "the FIFO {fifo} {fate}, and an earlier one is back at the path",
     .cause = "A FIFO that had been moved away was moved back.",
     .remedy = "None: both are read. Find out which program moves the FIFO.",
     .limit = 5},
    {.id = EventId::FifoReplaced,
     .name = "fifo.replaced",
     .level = Warning,
     .words = "the FIFO {fifo} {fate}: another FIFO has taken its place and is read now. Processes that have "
              "the old one open are still read; make them open the path again",
     .cause = "A program has made a FIFO of its own at the path.",
     .remedy = "Restart writers that still have the old one open (a message names them).",
     .limit = 5},
    {.id = EventId::FifoRecreated,
     .name = "fifo.recreated",
     .level = Warning,
     .words = "the FIFO {fifo} {fate}: recreated it. Processes that have the old one open are still read; "
              "make them open the path again",
     .cause = "The FIFO was removed or moved away.",
     .remedy = "Restart writers that still have the old one open (a message names them).",
     .limit = 5},
    {.id = EventId::FifoNotAtPath,
     .name = "fifo.not_at_path",
     .level = Error,
     .words = "the FIFO {fifo} {fate}, and slurper {error.} Processes that have the old one open are still "
              "read; slurper checks the path again when it changes",
     .cause = "The FIFO was removed or replaced, and nothing that can be read stands at the path.",
     .remedy = "Make room for the FIFO at the path: remove what stands there, or create the folder.",
     .shown = Shown::WhenChanged,
     .raises = Alert::FifoNotAtPath,
     .alert_cause = "{error.why}",
     .limit = 5},
    {.id = EventId::FifoBack,
     .name = "fifo.back",
     .level = Warning,
     .words = "the FIFO {fifo} is back and is read again",
     .shown = Shown::WhenCleared,
     .clears = Alert::FifoNotAtPath,
     .limit = 5},
    {.id = EventId::FifoClosed,
     .name = "fifo.closed",
     .level = Info,
     .words = "closed an earlier FIFO of {fifo}: it is empty and has no writer left",
     .limit = 5},

    // watch/
    {.id = EventId::UsersNotSeen,
     .name = "users.not_seen",
     .level = Warning,
     .words = "{error.} slurper cannot see which processes open the FIFO, and tries again every second",
     .cause = "The user has no inotify instance or watch left.",
     .remedy = "Raise fs.inotify.max_user_instances or max_user_watches with sysctl(8).",
     .shown = Shown::WhenRaised,
     .raises = Alert::UsersNotSeen,
     .alert_cause = "{error.why}"},
    {.id = EventId::UsersSeenAgain,
     .name = "users.seen_again",
     .level = Info,
     .words = "seeing again which processes open the FIFO {fifo}",
     .shown = Shown::WhenCleared,
     .clears = Alert::UsersNotSeen},
    {.id = EventId::WriterCame,
     .name = "users.writer_came",
     .level = Info,
     .words = "writer connected: {process}",
     .limit = 5},
    {.id = EventId::WriterLeft,
     .name = "users.writer_left",
     .level = Info,
     .words = "writer left: {process}",
     .limit = 5},
    {.id = EventId::LastWriterLeft,
     .name = "users.last_writer_left",
     .level = Info,
     .words = "last writer left: {process}",
     .limit = 5},
    {.id = EventId::SecondReaderCame,
     .name = "users.second_reader",
     .level = Warning,
     .words = "{process} also reads the FIFO {fifo}: lines that it reads are missing from the log. End that "
              "process, and restrict the FIFO's permissions",
     .cause = "A pipe gives each byte to one reader: what the other one reads, slurper never sees.",
     .remedy = "End that process; chmod 0600 or 0620 keeps others from reading.",
     .limit = 10},
    {.id = EventId::SecondReaderLeft,
     .name = "users.second_reader_left",
     .level = Info,
     .words = "second reader left: {process}",
     .limit = 10},
    {.id = EventId::UnseenReaderLeft,
     .name = "users.unseen_reader_left",
     .level = Warning,
     .words = "a process opened the FIFO {fifo} for reading only and closed it: lines that it read are "
              "missing from the log. The process is unknown: {reason}",
     .cause = "Such as `cat` on the FIFO, which was over before slurper could look.",
     .remedy = "Keep the FIFO's permissions tight.",
     .limit = 10},
    {.id = EventId::UnseenWriterLeft,
     .name = "users.unseen_writer_left",
     .level = Debug,
     .words = "a writer opened the FIFO and left again: {reason}",
     .limit = 10},
    {.id = EventId::UnseenOpen,
     .name = "users.unseen_open",
     .level = Debug,
     .words = "a process opened the FIFO {fifo}; which one, and whether for reading or for writing, is "
              "unknown: {reason}",
     .limit = 10},
    {.id = EventId::UnseenReaderTakes,
     .name = "users.unseen_reader",
     .level = Warning,
     .words = "a second reader takes lines from the FIFO {fifo}: they are missing from the log. The process "
              "is unknown: {reason}. To name it, run as root: fuser -v {fifo}",
     .cause =
         "slurper found less in the pipe than the kernel had announced: another process reads, which slurper "
         "may not see.",
     .remedy = "As the message says; then end that process.",
     .limit = 1},
    {.id = EventId::SecondReaderKnown,
     .name = "users.second_reader_known",
     .level = Debug,
     .words = "{reader}",
     .shown = Shown::Never,
     .raises = Alert::OtherReader,
     .alert_cause = "{reader}"},
    {.id = EventId::SecondReaderSettled,
     .name = "users.second_reader_settled",
     .level = Debug,
     .words = "",
     .shown = Shown::Never,
     .clears = Alert::OtherReader},
    {.id = EventId::OldFifoHasWriters,
     .name = "users.old_fifo_has_writers",
     .level = Info,
     .words = "still writing to an earlier FIFO of {fifo}: {processes}"},

    // log/
    {.id = EventId::LogWriteFailed,
     .name = "log.not_written",
     .level = Error,
     .words =
         "{error.} Lines are kept in the ring (room for {room}), and writing is retried until it succeeds",
     .cause = "The log's disk is full or failing, or its folder is gone or may not be written.",
     .remedy = "The message names it. Nothing is lost while the ring has room.",
     .shown = Shown::WhenRaised,
     .raises = Alert::LogNotWritten,
     .alert_cause = "{error.why}"},
    {.id = EventId::LogWrittenAgain,
     .name = "log.written_again",
     .level = Info,
     .words = "writing the log again, after {after}; {waiting} wait in the ring",
     .clears = Alert::LogNotWritten},
    {.id = EventId::LogReopenFailed,
     .name = "log.reopen_failed",
     .level = Error,
     .words = "{error.} slurper tries again with the next line",
     .cause = "SIGHUP asks for the log to be opened anew, and it could not be.",
     .remedy = "The message names it."},
    {.id = EventId::LogSyncFailed,
     .name = "log.not_synced",
     .level = Error,
     .words =
         "{error.} What was written since the last sync may not survive a power failure, even if a later "
         "sync succeeds: the kernel reports a write error only once. slurper tries again every second",
     .cause =
         "The disk is failing, or full although write(2) had succeeded (network file systems, thin volumes).",
     .remedy = "Look at the kernel's messages (dmesg), and at the disk.",
     .shown = Shown::WhenRaised,
     .raises = Alert::LogNotSynced,
     .alert_cause = "{error.why}"},
    {.id = EventId::LogSyncedAgain,
     .name = "log.synced_again",
     .level = Info,
     .words = "syncing the log again",
     .shown = Shown::WhenCleared,
     .clears = Alert::LogNotSynced},
    {.id = EventId::LogRotationFailed,
     .name = "log.not_rotated",
     .level = Warning,
     .words = "{error.} The log continues in its active segment, and slurper tries again",
     .cause = "The log's folder may not be written, or the disk is full.",
     .remedy = "The message names it. The log goes on in its active segment.",
     .shown = Shown::WhenRaised,
     .raises = Alert::LogNotRotated,
     .alert_cause = "{error.why}"},
    {.id = EventId::LogRotated,
     .name = "log.rotated",
     .level = Debug,
     .words = "",
     .shown = Shown::Never,
     .clears = Alert::LogNotRotated},
    {.id = EventId::LogCloseFailed,
     .name = "log.close_failed",
     .level = Error,
     .words = "{error.} slurper stops all the same; slurper verify shows what the log has",
     .cause = "The last sync of the log, or of its index, has failed.",
     .remedy = "Look at the kernel's messages (dmesg), and at the disk; `slurper verify` looks at the log."},
    {.id = EventId::LogFinding,
     .name = "log.finding",
     .level = Warning,
     .words = "the log {log}: {text}",
     .cause =
         "Another program has changed the log's files, or a crash has left traces that the start has mended.",
     .remedy = "The message says what was found and done. Let other programs leave the log alone.",
     .limit = 5},
    {.id = EventId::SegmentCompressed,
     .name = "segment.compressed",
     .level = Debug,
     .words = "compressed segment {segment} from {raw} to {compressed}"},
    {.id = EventId::SegmentRemoved,
     .name = "segment.removed",
     .level = Info,
     .words = "removed segment {segment} (log.keep_files, log.keep_size)"},
    {.id = EventId::SegmentRemovedEarly,
     .name = "segment.removed_early",
     .level = Warning,
     .words = "removed segment {segment} early: the disk is full, and log.when_disk_full = \"remove-oldest\"",
     .cause = "The disk is full, and log.when_disk_full = \"remove-oldest\".",
     .remedy = "Make room on the disk, or lower log.keep_size."},
    {.id = EventId::LeftoverRemoved,
     .name = "segment.leftover_removed",
     .level = Info,
     .words = "removed {file}, which an interrupted compression left behind"},
    {.id = EventId::HousekeepingFailed,
     .name = "segment.not_kept",
     .level = Warning,
     .words = "{error.} The segment stays as it is",
     .cause = "A rotated segment could not be compressed or removed.",
     .remedy = "The message names it. It is tried again with the next rotation.",
     .raises = Alert::SegmentsNotKept,
     .alert_cause = "{error.why}"},
    {.id = EventId::HousekeepingComplete,
     .name = "segment.all_kept",
     .level = Debug,
     .words = "",
     .shown = Shown::Never,
     .clears = Alert::SegmentsNotKept},

    // The watchdog.
    {.id = EventId::DiskStalls,
     .name = "disk.stalls",
     .level = Warning,
     .words = "the log's disk has not answered for {seconds}. Lines are kept in the ring (room for {room})",
     .cause = "A system call on the log has not returned: the disk, or a network file system, hangs.",
     .remedy =
         "Look at the kernel's messages (dmesg), and at the disk. Nothing is lost while the ring has room.",
     .shown = Shown::WhenRaised,
     .raises = Alert::DiskStalls,
     .alert_cause = "for {seconds}"},
    {.id = EventId::DiskAnswers,
     .name = "disk.answers",
     .level = Info,
     .words = "the log's disk answers again",
     .shown = Shown::WhenCleared,
     .clears = Alert::DiskStalls},
    {.id = EventId::LogThreadHangs,
     .name = "watchdog.hang",
     .level = Critical,
     .words = "the log's thread has hung for {seconds} without waiting for the disk: this is a bug. slurper "
              "stops feeding the watchdog; systemd restarts it, and the new process continues from here",
     .cause = "A bug in slurper.",
     .remedy = "Report it, with the core dump that systemd-coredump keeps. No line is lost by the restart.",
     .shown = Shown::WhenRaised,
     .raises = Alert::LogThreadHangs,
     .alert_cause = "for {seconds}"},
    {.id = EventId::LogThreadRuns,
     .name = "watchdog.runs",
     .level = Debug,
     .words = "",
     .shown = Shown::Never,
     .clears = Alert::LogThreadHangs},

    // sink/
    {.id = EventId::SinkSettingWarning,
     .name = "sink.setting",
     .level = Warning,
     .words = "sink settings: {text}",
     .cause = "A setting of a sink probably does not do what was meant, or the sink cannot be made.",
     .remedy = "The message names the setting and its place in the configuration."},
    {.id = EventId::SinkStarts,
     .name = "sink.starts",
     .level = Info,
     .words = "the sink {sink} starts at offset {offset}; {behind} wait for it",
     .clears = Alert::SinkFails},
    {.id = EventId::SinkEnded,
     .name = "sink.ended",
     .level = Info,
     .words = "the sink {sink} has ended at offset {offset}, {behind} before the log's end"},
    {.id = EventId::SinkGone,
     .name = "sink.gone",
     .level = Debug,
     .words = "",
     .shown = Shown::Never,
     .clears_all = true},
    {.id = EventId::SinkHangs,
     .name = "sink.hangs",
     .level = Error,
     .words =
         "the sink {sink}, which a reload has changed or removed, does not end. Its thread is abandoned, "
         "and keeps its cursor and its files until it ends",
     .cause = "The sink hangs in a call of its library or plug-in.",
     .remedy = "systemctl restart slurper ends it: lines in flight may be delivered again, and none is lost. "
               "A plug-in must return when its stop descriptor is readable.",
     .raises = Alert::SinkHangs,
     .alert_cause = "a reload has changed or removed it"},
    {.id = EventId::SinkWaits,
     .name = "sink.waits",
     .level = Warning,
     .words =
         "the sink {sink} cannot start yet: the former sink {other} has its cursor or its file, and does "
         "not end. Its lines wait in the log",
     .cause = "A sink that a reload has changed or removed does not end.",
     .remedy = "See sink.hangs. The sink starts as soon as the former has ended."},
    {.id = EventId::SinkNotStarted,
     .name = "sink.not_started",
     .level = Error,
     .words = "{error.} The change of the sink {sink} waits for that, and slurper tries again every second",
     .cause = "A limit is reached: threads, descriptors or memory.",
     .remedy = "The message names the limit. No line is lost: the log keeps those of the sink.",
     .shown = Shown::WhenChanged,
     .raises = Alert::SinkFails,
     .alert_cause = "{error}"},
    {.id = EventId::SinkFails,
     .name = "sink.fails",
     .level = Error,
     .words = "the sink {sink} fails: {error.} Its lines wait in the log, and slurper tries again, at least "
              "every {retry}",
     .cause = "The destination is down, refuses, or is not what the settings say.",
     .remedy = "The message names it. Nothing is lost while the log keeps its segments.",
     .raises = Alert::SinkFails,
     .alert_cause = "{error}"},
    {.id = EventId::SinkStillFails,
     .name = "sink.still_fails",
     .level = Debug,
     .words = "",
     .shown = Shown::Never,
     .raises = Alert::SinkFails,
     .alert_cause = "{error}"},
    {.id = EventId::SinkHasNoMemory,
     .name = "sink.no_memory",
     .level = Debug,
     .words = "",
     .shown = Shown::Never,
     .raises = Alert::SinkFails},
    {.id = EventId::SinkWorks,
     .name = "sink.works",
     .level = Warning,
     .words = "the sink {sink} works again, after {after}; {behind} wait for it",
     .clears = Alert::SinkFails},
    {.id = EventId::SinkStops,
     .name = "sink.stops",
     .level = Error,
     .words = "the sink {sink} stops: {error.} Its lines wait in the log",
     .cause = "What the sink writes comes back into the FIFO: each line would go round for ever.",
     .remedy =
         "Break the loop where the message says, then systemctl reload slurper: the sink goes on at its "
         "cursor.",
     .raises = Alert::SinkStopped,
     .alert_cause = "{error}",
     .clears = Alert::SinkFails},
    {.id = EventId::SinkResumes,
     .name = "sink.resumes",
     .level = Info,
     .words = "the sink {sink} resumes",
     .clears = Alert::SinkStopped},
    {.id = EventId::SinkRests,
     .name = "sink.rests",
     .level = Debug,
     .words = "",
     .shown = Shown::Never,
     .clears_all = true},
    {.id = EventId::SinkLags,
     .name = "sink.lags",
     .level = Warning,
     .words =
         "the sink {sink} lags: {behind} wait for it, the oldest for {age}. The log keeps them as long as it "
         "keeps its segments",
     .cause = "The destination takes less than comes.",
     .remedy =
         "Make the destination faster, or filter what goes to it. What log.keep_size removes before it was "
         "delivered is counted as missed.",
     .raises = Alert::SinkLags},
    {.id = EventId::SinkCaughtUp,
     .name = "sink.caught_up",
     .level = Info,
     .words = "the sink {sink} has caught up",
     .clears = Alert::SinkLags},
    {.id = EventId::SinkDebug, .name = "sink.debug", .level = Debug, .words = "the sink {sink} {text}"},
    {.id = EventId::SinkInfo, .name = "sink.info", .level = Info, .words = "the sink {sink} {text}"},
    {.id = EventId::SinkWarning,
     .name = "sink.warning",
     .level = Warning,
     .words = "the sink {sink} {text}",
     .cause = "The sink's own words.",
     .remedy = "The message names it; see the page of the sink."},
    {.id = EventId::SinkError,
     .name = "sink.error",
     .level = Error,
     .words = "the sink {sink} {text}",
     .cause = "The sink's own words.",
     .remedy = "The message names it; see the page of the sink."},
    {.id = EventId::SinkLeftBehind,
     .name = "sink.left_behind",
     .level = Error,
     .words =
         "the sink {sink} does not end: its thread is abandoned, and lines in flight may be delivered again",
     .cause = "The sink hangs in a call of its own when slurper stops.",
     .remedy = "None for what slurper brings. A plug-in must return when its stop descriptor is readable."},
}};

constexpr bool is_in_order() {
  for (std::size_t i = 0; i < kTable.size(); ++i) {
    if (static_cast<std::size_t>(kTable[i].id) != i) return false;
  }
  return true;
}
static_assert(is_in_order(), "an entry for each event, in the order of EventId");

struct Renderer {
  std::string operator()(std::string_view text) const { return std::string(text); }
  std::string operator()(Quoted quoted) const { return in_quotes(quoted.text); }
  std::string operator()(std::uint64_t number) const {
    return part.empty() ? std::to_string(number) : counted(number, part);
  }
  std::string operator()(ByteSize size) const { return format_rounded(size); }
  std::string operator()(StreamOffset offset) const { return std::to_string(offset.value); }
  std::string operator()(std::chrono::seconds time) const { return fmt::format("{} s", time.count()); }
  std::string operator()(std::chrono::nanoseconds time) const {
    return fmt::format("{:.1f} s", std::chrono::duration<double>(time).count());
  }
  std::string operator()(const Phrase* phrase) const { return with_advice(*phrase); }
  std::string operator()(const slurper::Error* error) const {
    if (part == "why") return to_text(error->why);
    return part.empty() ? to_text(*error) : as_sentence(to_text(*error));
  }

  std::string_view part;  // of an error; "." for the sentence. Of a number: what it counts
};

// Renders "{name}" or "{name.part}", passed without the braces.
std::optional<std::string> render_argument(std::string_view placeholder, const Event& event) {
  const std::size_t dot = placeholder.find('.');
  const std::string_view name = placeholder.substr(0, dot);
  const auto argument = std::ranges::find(event.arguments, name, &EventArgument::name);
  if (argument == event.arguments.end()) return std::nullopt;
  std::string_view part;
  if (dot != std::string_view::npos) part = dot + 1 == placeholder.size() ? "." : placeholder.substr(dot + 1);
  return std::visit(Renderer{part}, argument->value);
}

}  // namespace

std::span<const MessageEntry> message_table() {
  return kTable;
}

const MessageEntry& entry_of(EventId id) {
  return kTable[static_cast<std::size_t>(id)];
}

std::string render(std::string_view words, const Event& event) {
  return fill_in(words, [&](std::string_view placeholder) { return render_argument(placeholder, event); });
}

}  // namespace slurper
