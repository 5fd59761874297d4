#include "cli/verify.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/path_text.h"
#include "base/text.h"
#include "base/uuid.h"
#include "base/wrap.h"
#include "cli/command.h"
#include "cli/last_events.h"
#include "cli/verify_ring.h"
#include "daemon/ring_choice.h"
#include "flight/flight_view.h"
#include "log/orphaned_cursors.h"
#include "log/verify.h"
#include "ring/quarantine.h"
#include "ring/ring_directory.h"
#include "ring/ring_view.h"
#include "service/phrase_table.h"

namespace slurper {

namespace {

void print_wrapped(std::FILE* out, std::string_view lead, std::string_view text) {
  fmt::print(out, "{}", wrap(lead, text));
}

// Each part begins a line of its own.
void print_finding(std::FILE* out, std::string_view lead, const Phrase& finding) {
  print_wrapped(out, lead, as_sentence(to_text(finding)));
  if (const std::string advice = advice_of(finding); !advice.empty())
    print_wrapped(out, "        ", as_sentence(advice));
}

const char* kind_text(VerifiedSegment::Kind kind) {
  switch (kind) {
    case VerifiedSegment::Kind::Raw:
      return "raw";
    case VerifiedSegment::Kind::Compressed:
      return "zstd";
    case VerifiedSegment::Kind::Active:
      return "active";
  }
  return "";
}

void print_head(std::FILE* out, const std::string& log_path, const LogVerification& log) {
  fmt::print(out, "log     {}\n", printable(log_path));
  if (log.index) fmt::print(out, "id      {}\n", format(log.index->log_id));
  if (log.writer) fmt::print(out, "in use  by process {}, which may be writing now\n", *log.writer);
  fmt::print(out, "\n");
}

void print_ledger(std::FILE* out, const LogVerification& log) {
  constexpr const char* kRow = "{:>20} {:>16} {:>16} {:>14}  {}\n";
  fmt::print(out, kRow, "first offset", "bytes", "on disk", "lines", "segment");
  VerifiedSegment total;
  for (const VerifiedSegment& segment : log.segments) {
    fmt::print(out, kRow, segment.base.value, segment.bytes, segment.stored, segment.lines,
               segment.damaged ? "DAMAGED" : kind_text(segment.kind));
    total.bytes += segment.bytes;
    total.stored += segment.stored;
    total.lines += segment.lines;
  }
  fmt::print(out, kRow, fmt::format("end {}", log.end.value), total.bytes, total.stored, total.lines,
             "total");
  if (log.unfinished_line_bytes == 0) {
    fmt::print(out, "\nThe last line is complete.\n");
  } else {
    fmt::print(out, "\nThe last line has no newline yet: {} bytes.\n", log.unfinished_line_bytes);
  }
}

void print_cursors(std::FILE* out, const LogVerification& log) {
  if (log.cursors.empty()) return;
  constexpr const char* kRow = "{:>20} {:>16} {:>10} {:>14}  {}\n";
  fmt::print(out, "\n");
  fmt::print(out, kRow, "delivered up to", "bytes behind", "rejected", "bytes missed", "sink");
  for (const VerifiedCursor& cursor : log.cursors)
    fmt::print(out, kRow, cursor.record.offset.value, cursor.behind, cursor.record.rejected,
               cursor.record.missed, cursor.sink);
}

void print_verdict(std::FILE* out, const LogVerification& log) {
  for (const Phrase& note : log.notes) print_finding(out, "note:   ", note);
  for (const Phrase& problem : log.problems) print_finding(out, "WRONG:  ", problem);
  if (log.problems.empty()) {
    fmt::print(out, "Every byte is accounted for.\n");
  } else {
    fmt::print(out, "{} thing{} wrong.\n", log.problems.size(), log.problems.size() == 1 ? " is" : "s are");
  }
}

// Returns the ring in `folder`, or the log's default one. Nothing if none was named and there is none.
Result<std::optional<RingView>> find_ring(const std::string& log_path, const std::string& folder) {
  if (!folder.empty()) {
    auto view = inspect_ring(kernel(), folder);
    if (view && !*view)
      return fail(ErrorKind::NoInput, {PhraseId::LookAtRing, {{"folder", QuotedText{folder}}}},
                  PhraseId::NoRingThere);
    return view;
  }
  Settings settings;
  settings.log.path = log_path;
  const auto usual = ring_directories(settings);
  if (!usual) return std::nullopt;  // there is no runtime directory to search
  std::vector<std::optional<RingView>> rings;
  for (const std::string& directory : *usual) {
    auto view = inspect_ring(kernel(), directory);
    if (!view && rings.empty()) return view;
    rings.push_back(view ? *view : std::nullopt);
  }
  const auto index = read_index(kernel(), LogPaths(log_path));
  const auto boot = read_boot_id(kernel());
  std::optional<Uuid> id;
  if (index) {
    if (const auto& record = index->record) id = record->log_id;
  }
  return rings[choose(rings, id, boot ? *boot : Uuid{})];
}

// Reports the quarantined rings, which the next start ignores, and the cursors that no sink has. Only
// `slurper recover` reports them otherwise.
void note_quarantine(const std::string& log_path, const std::string& ring, LogVerification& log) {
  Settings settings;
  settings.log.path = log_path;
  settings.ring.directory = ring;
  const std::string recover =
      "slurper recover " + (ring.empty() ? std::string() : fmt::format("--ring {} ", ring)) + log_path;
  if (const auto folders = ring_directories(settings)) {
    for (const std::string& folder : *folders) {
      for (const std::string& path : list_quarantined(folder))
        log.notes.push_back(
            {PhraseId::RingInQuarantine, {{"ring", QuotedText{path}}, {"command", QuotedText{recover}}}});
    }
  }
  const auto cursors = find_orphaned_cursors(kernel(), LogPaths(log_path));
  if (!cursors) return;
  for (const OrphanedCursor& cursor : *cursors)
    log.notes.push_back({PhraseId::CursorOrphaned,
                         {{"file", QuotedText{LogPaths(log_path).cursor(cursor.sink)}},
                          {"why", cursor.why},
                          {"command", QuotedText{recover + " --remove"}}}});
}

// What a slurper on this ring did last, if it did not end by itself. Returns whether that is so.
bool print_killed(std::FILE* out, const std::string& path, LogVerification& log) {
  const auto read = read_flight(kernel(), path);
  if (!read) {
    log.notes.push_back(as_phrase(read.error()));
    return false;
  }
  if (!*read || end_of(**read) != FlightEnd::Killed) return false;
  constexpr std::size_t kMost = 8;
  fmt::print(out, "\n{}", events_text(**read, kMost));
  return true;
}

}  // namespace

int verify_command(const std::string& log_path, const std::string& ring, std::FILE* out, std::FILE* err) {
  // The ring comes first: what it has released by now must be in the log that is read afterwards.
  const auto ring_view = find_ring(log_path, ring);
  std::string ring_folder;  // of a ring that is this log's
  auto log = verify_log(kernel(), LogPaths(log_path));
  if (!log) {
    fmt::print(err, "{}", message_for(::fileno(err), to_text(log.error())));
    return std::to_underlying(log.error().kind);
  }
  if (!ring_view) {
    if (ring_view.error().kind == ErrorKind::Data || !ring.empty()) {
      log->problems.push_back(as_phrase(ring_view.error()));
    } else {
      log->notes.push_back(as_phrase(ring_view.error()));
    }
  } else if (const std::optional<RingView>& view = *ring_view; view && why_taken(kernel(), *view, log_path)) {
    log->problems.push_back({PhraseId::RingOfOtherLog, {{"ring", QuotedText{view->path}}}});
  } else if (view) {
    if (const auto boot = read_boot_id(kernel())) check_ring(*view, *boot, *log);
    ring_folder = std::filesystem::path(view->path).parent_path();
  }
  note_quarantine(log_path, ring, *log);
  print_head(out, log_path, *log);
  print_ledger(out, *log);
  print_cursors(out, *log);
  if (!ring_folder.empty()) {
    const bool former = print_killed(out, former_flight_path(ring_folder), *log);
    if (print_killed(out, flight_path(ring_folder), *log) || former) fmt::print(out, "\n");
  }
  print_verdict(out, *log);
  return log->problems.empty() ? 0 : std::to_underlying(ErrorKind::Data);
}

Command add_verify_command(CLI::App& program) {
  CLI::App* const parser = program.add_subcommand("verify", "account for every byte of a log");
  const auto log_path = std::make_shared<std::string>();
  const auto ring = std::make_shared<std::string>();
  parser->add_option("LOG", *log_path, "the log's active segment")->required();
  parser->add_option("--ring", *ring, "the folder of the ring (the setting ring.directory)")
      ->type_name("DIR");
  parser->footer(
      "Reads every segment of the log, which may be in use, compares it with its index\n"
      "and its ring, and prints a ledger. The exit status is 0 if every byte is\n"
      "accounted for, and 65 if something is wrong.");
  return {parser, [log_path, ring] { return verify_command(*log_path, *ring, stdout, stderr); }};
}

}  // namespace slurper
