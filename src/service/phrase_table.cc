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

constexpr std::array<PhraseEntry, kPhraseIds> kTable = {{
    {.id = PhraseId::None, .words = ""},
    {.id = PhraseId::Text, .words = "{text}"},

    // Reasons and advice of many rooms.
    {.id = PhraseId::Errno, .words = "{errno}"},
    {.id = PhraseId::NotARegularFile, .words = "it is {found}, not a regular file"},
    {.id = PhraseId::OwnedByOther, .words = "it belongs to {user}"},
    {.id = PhraseId::NoProgress, .words = "nothing could be written"},
    {.id = PhraseId::NoMemory, .words = "there is no memory left"},
    {.id = PhraseId::ReplacedAllTheTime,
     .words = "it is replaced again and again",
     .advice = "Find out which process does it"},
    {.id = PhraseId::MoveItAway, .words = "Move it away"},
    {.id = PhraseId::RemoveIt, .words = "Remove it"},
    {.id = PhraseId::RemoveTheLink, .words = "Remove the link"},
    {.id = PhraseId::Failure, .words = "cannot {what}: {reason}"},

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

    // ring/

    // log/

    // filter/

    // config/

    // sink/

    // service/

    // What `check` finds.

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
     .words = "the last {size} bytes of {file} do not belong to the log: another process wrote them there, "
              "behind offset {offset}"},
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
     .words = "the {size} bytes before offset {size} are no longer in the log: retention removed them, or "
              "another process moved them"},
    {.id = PhraseId::SegmentsOverlap,
     .words = "the segment at offset {from} begins before the end of the one before it, {end}",
     .advice = "Does {file} belong to another log? Then move it away. {mend}"},
    {.id = PhraseId::RestoreWhole, .words = "Should {file} hold {size} bytes? Then restore it from a backup"},
    {.id = PhraseId::CutItBack,
     .words = "Has another process written to {file}? Then keep a copy, and cut it back: truncate -s {size} "
              "{file}"},
    {.id = PhraseId::OffsetsMissing,
     .words = "no segment holds the offsets {from} to {to} ({size} bytes)",
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
     .words = "the cursor of the sink {sink} is {size} bytes beyond the log's end: these were cut off, or "
              "lost in a power failure; slurper continues behind them"},
    {.id = PhraseId::CursorBeyondEnd,
     .words = "the cursor of the sink {sink} is at offset {offset}, beyond the log's end",
     .advice = "Was the log cut, or restored from a backup? Restore all of it, or move {file} away: the sink "
               "then begins as a new one"},
    {.id = PhraseId::CursorBeforeLog,
     .words = "the cursor of the sink {sink} is at offset {from}: the {size} bytes before offset {offset} "
              "are no longer in the log, and count as missed"},
    {.id = PhraseId::RingOfOtherLog,
     .words = "the ring {ring} belongs to another log",
     .advice =
         "Name this log's ring with --ring. If this is its ring, the log's index comes from another log"},
    {.id = PhraseId::RingOfEarlierBoot,
     .words =
         "the ring {ring} is of an earlier boot of the machine; it held {size} bytes that the log lacks"},
    {.id = PhraseId::RingLeftBehind,
     .words = "the log continued without the ring {ring}, which holds {size} bytes"},
    {.id = PhraseId::RingDroppedLines,
     .words = "dropped while the ring was full, since it was created: {lines} lines, {size} bytes"},
    {.id = PhraseId::LogJustCut,
     .words = "the log ends {size} bytes before what was written to it: another process has just cut it, or "
              "moved it away; slurper continues with the next line"},
    {.id = PhraseId::LogBeyondRing,
     .words = "the log continues at an offset that the ring {ring} has never reached; the next start "
              "quarantines the ring, with {size} bytes"},
    {.id = PhraseId::LogIsOldCopy,
     .words = "the log ends at offset {from}, and slurper had written it up to {to}: it is an old copy; the "
              "next start continues behind the gap, in a new segment"},
    {.id = PhraseId::LogCutShort,
     .words = "the log ends at offset {from}, and slurper had written it up to {to}: another process has cut "
              "it, or moved its file away",
     .advice = "Put the file back, or let the next start of slurper continue behind the gap"},
    {.id = PhraseId::LogHasForeignEnd,
     .words = "the log ends {size} bytes behind what slurper had read: another process wrote them; the next "
              "start continues in a new segment"},
    {.id = PhraseId::RingHoldsBytes,
     .words = "{size} bytes wait in the ring {ring}; the next start of slurper writes them"},
    {.id = PhraseId::ReadCutShortInRing,
     .words = "a read of {size} bytes was cut short when they were in the ring {ring}; the next start "
              "recovers them"},
    {.id = PhraseId::ReadCutShort,
     .words = "a read of {size} bytes was cut short; the next start finds out whether the ring {ring} has "
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
      return part == "octal" ? fmt::format("{:04o}", value.number()) : std::to_string(value.number());
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

std::string Phrase::str() const {
  return to_text(*this);
}
std::string Error::message() const {
  return to_text(*this);
}

}  // namespace slurper
