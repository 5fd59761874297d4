#include "cli/recover.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "base/uuid.h"
#include "base/wrap.h"
#include "cli/command.h"
#include "daemon/ring_choice.h"
#include "log/cursor_file.h"
#include "log/log_index.h"
#include "log/orphaned_cursors.h"
#include "log/segment_reader.h"
#include "ring/quarantine.h"
#include "ring/ring_directory.h"
#include "service/phrase_table.h"

namespace slurper {

namespace {

// A ring that the next start will not use.
struct LostRing {
  std::string path;
  Phrase why;
  std::uint64_t stored = 0;      // bytes of memory
  std::optional<Error> failure;  // the ring can't be read
  Ring::Salvaged salvaged;       // locked; empty if there is a failure
  std::span<const char> missing = {};
};

class Recovery {
 public:
  Recovery(const std::string& log_path, std::FILE* out, std::FILE* err)
      : paths_(log_path), out_(out), err_(err) {}

  int run(const std::string& ring, RecoverAction action);

 private:
  Result<std::vector<std::string>> folders(const std::string& ring) const;
  Status look_at_log();
  void look_at_rings(const std::string& folder);
  void look_at(const std::string& path, bool is_quarantined);
  RingRelation relation_of(const Ring::Salvaged& found) const;
  std::size_t written_of(std::span<const char> bytes, StreamOffset from) const;
  void write();
  void list();
  void remove();
  void failed(const Error& error);

  const LogPaths paths_;
  std::FILE* const out_;
  std::FILE* const err_;
  Uuid boot_{};
  std::optional<IndexRecord> index_;
  std::vector<Segment> segments_;  // the active one last
  StreamOffset end_;
  std::vector<LostRing> rings_;
  std::vector<OrphanedCursor> cursors_;
  int status_ = 0;
};

void Recovery::failed(const Error& error) {
  fmt::print(err_, "{}", message_for(::fileno(err_), to_text(error)));
  if (status_ == 0) status_ = std::to_underlying(error.kind);
}

Result<std::vector<std::string>> Recovery::folders(const std::string& ring) const {
  if (!ring.empty()) return std::vector{ring};
  Settings settings;
  settings.log.path = paths_.active();
  return ring_directories(settings);
}

// The log may no longer exist: then what the rings hold is all the more valuable.
Status Recovery::look_at_log() {
  const Result<Uuid> boot = read_boot_id(kernel());
  if (!boot) return std::unexpected(boot.error());
  boot_ = *boot;
  const Result<IndexReading> index = read_index(kernel(), paths_);
  if (!index) return {};
  const std::optional<IndexRecord>& found = index->record;
  if (!found) return {};
  const IndexRecord& record = *found;
  index_ = record;
  auto segments = list_segments(kernel(), paths_);
  if (!segments) return std::unexpected(segments.error());
  segments_ = std::move(*segments);
  segments_.push_back(
      {.base = record.active_base, .path = paths_.active(), .stored = 0, .compressed = false, .mtime = {}});
  end_ = record.active_base;
  if (const auto active = SegmentReader::open(kernel(), segments_.back()))
    end_ += record.own_bytes(record.active_base, active->size());
  return {};
}

RingRelation Recovery::relation_of(const Ring::Salvaged& found) const {
  const Ring& ring = *found.ring;
  return relate({.this_log = !index_ || found.log_id == index_->log_id,
                 .this_boot = found.boot_id == boot_,
                 .size = ring.size(),
                 .origin = ring.tail().value,
                 .tail = ring.tail().value,
                 .head = ring.head().value,
                 .session = ring.session()},
                {.readable_from = index_ ? index_->active_base.value : 0,
                 .end = index_ ? end_.value : ring.tail().value,
                 .session = index_ ? index_->session : ring.session()});
}

void Recovery::look_at_rings(const std::string& folder) {
  for (const std::string& path : list_quarantined(folder)) look_at(path, true);
  const auto ring = inspect_ring(kernel(), folder);
  if (ring && *ring && !owner_elsewhere(kernel(), **ring, paths_.active()).empty()) return;
  look_at(folder + "/ring", false);
}

void Recovery::look_at(const std::string& path, bool is_quarantined) {
  LostRing lost{.path = path, .why = {}, .failure = {}, .salvaged = {}};
  struct stat st{};
  if (kernel().lstat(path.c_str(), &st) < 0) return;
  lost.stored = static_cast<std::uint64_t>(st.st_blocks) * 512;
  auto salvaged = Ring::salvage(kernel(), path);
  if (!salvaged) {
    // The ring is in use, or the next start reports it.
    if (!is_quarantined || salvaged.error().errnum == ENOENT) return;
    lost.why = salvaged.error().why;
    lost.failure = salvaged.error();
    rings_.push_back(std::move(lost));
    return;
  }
  const Ring& ring = *salvaged->ring;
  const RingRelation relation = relation_of(*salvaged);
  if (!is_quarantined && !slurper::is_quarantined(relation)) return;  // the next start continues with it
  lost.missing = ring.bytes(ring.tail(), ring.head());
  if (index_ && salvaged->log_id == index_->log_id)
    lost.missing = lost.missing.subspan(written_of(lost.missing, ring.tail()));
  lost.why = why_quarantined(relation, lost.missing.size());
  if (lost.missing.empty()) lost.why = PhraseId::LogHasItAll;
  if (lost.why.empty()) lost.why = {PhraseId::LogContinuedWithout, {{"size", ByteSize{lost.missing.size()}}}};
  lost.salvaged = std::move(*salvaged);
  rings_.push_back(std::move(lost));
}

// Returns how many of `bytes` the log has at `from`: the bytes of a last write(2) that the process did not
// live to record. Other bytes there are from another ring, and may begin alike. So a last line that is not
// whole counts only if the log ends with it.
std::size_t Recovery::written_of(std::span<const char> bytes, StreamOffset from) const {
  const auto holds = std::ranges::find_if(segments_.rbegin(), segments_.rend(),
                                          [&](const Segment& segment) { return segment.base <= from; });
  if (holds == segments_.rend() || !index_) return 0;
  auto reader = SegmentReader::open(kernel(), *holds);
  if (!reader || holds->base + index_->own_bytes(holds->base, reader->size()) <= from ||
      !reader->skip_to(from))
    return 0;
  std::size_t same = 0;
  std::array<char, 65536> buffer{};
  while (same < bytes.size()) {
    const auto got = reader->read(std::span(buffer).first(std::min(buffer.size(), bytes.size() - same)));
    if (!got) return 0;
    if (*got == 0) return same;
    const auto read = std::span<const char>(buffer).first(*got);
    const auto differ = std::ranges::mismatch(read, bytes.subspan(same)).in1;
    same += static_cast<std::size_t>(differ - read.begin());
    if (differ == read.end()) continue;
    const void* const newline = same == 0 ? nullptr : ::memrchr(bytes.data(), '\n', same);
    return newline == nullptr
               ? 0
               : static_cast<std::size_t>(static_cast<const char*>(newline) - bytes.data()) + 1;
  }
  return same;
}

void Recovery::write() {
  for (const LostRing& ring : rings_) {
    if (ring.failure) {
      failed(*ring.failure);
      continue;
    }
    if (ring.missing.empty()) continue;
    if (std::fwrite(ring.missing.data(), 1, ring.missing.size(), out_) != ring.missing.size()) {
      failed(fail_errno(errno, PhraseId::WriteStandardOutput).error());
      return;
    }
    fmt::print(err_, "slurper: wrote {} bytes of the ring {}: {}\n", ring.missing.size(),
               in_quotes(ring.path), to_text(ring.why));
    if (ring.salvaged.boot_id != boot_)
      fmt::print(err_, "slurper: that ring is of an earlier boot, and parts of it may be older bytes\n");
  }
}

void Recovery::list() {
  constexpr const char* kRow = "{:>16} {:>12}  {}\n{:>29}  {}\n";
  if (rings_.empty() && cursors_.empty()) {
    fmt::print(out_, "No ring is in quarantine, and no cursor is orphaned.\n");
    return;
  }
  fmt::print(out_, "{:>16} {:>12}  {}\n", "bytes in no log", "takes",
             "file, and why it is of no use to the log");
  for (const LostRing& ring : rings_) {
    fmt::print(out_, kRow, ring.failure ? "?" : fmt::format("{}", ring.missing.size()),
               format_rounded(ByteSize{ring.stored}), printable(ring.path), "", to_text(ring.why));
  }
  for (const OrphanedCursor& cursor : cursors_) {
    struct stat st{};
    (void)kernel().lstat(paths_.cursor(cursor.sink).c_str(), &st);
    fmt::print(out_, kRow, "-", format_rounded(ByteSize{static_cast<std::uint64_t>(st.st_blocks) * 512}),
               printable(paths_.cursor(cursor.sink)), "", to_text(cursor.why));
  }
}

void Recovery::remove() {
  for (const LostRing& ring : rings_) {
    // A ring that still has its own name may belong to another log whose lines are not written yet.
    if (!std::filesystem::path(ring.path).filename().string().starts_with("ring.put-aside-")) continue;
    if (ring.failure && ring.failure->kind != ErrorKind::Data) {
      failed(*ring.failure);
    } else if (const int error = kernel().unlink(ring.path.c_str()); error < 0) {
      failed(fail_errno(-error, {PhraseId::RemoveRing, {{"ring", QuotedText{ring.path}}}}).error());
    } else {
      fmt::print(out_, "removed {}\n", printable(ring.path));
    }
  }
  for (const OrphanedCursor& cursor : cursors_) {
    if (const Status removed = CursorFile::remove(kernel(), paths_, cursor.sink); !removed) {
      failed(removed.error());
    } else {
      fmt::print(out_, "removed {}\n", printable(paths_.cursor(cursor.sink)));
    }
  }
}

int Recovery::run(const std::string& ring, RecoverAction action) {
  const auto searched = folders(ring);
  if (!searched) {
    failed(searched.error());
    return status_;
  }
  if (const Status looked = look_at_log(); !looked) {
    failed(looked.error());
    return status_;
  }
  for (const std::string& folder : *searched) look_at_rings(folder);
  if (action != RecoverAction::Write) {
    if (auto cursors = find_orphaned_cursors(kernel(), paths_)) {
      cursors_ = std::move(*cursors);
    } else if (cursors.error().kind != ErrorKind::NoInput) {
      failed(cursors.error());
    }
  }
  if (action == RecoverAction::Write) write();
  if (action == RecoverAction::List) list();
  if (action == RecoverAction::Remove) remove();
  if (std::fflush(out_) != 0 && status_ == 0)
    failed(fail_errno(errno, PhraseId::WriteStandardOutput).error());
  return status_;
}

}  // namespace

int recover_command(const std::string& log_path, const std::string& ring, RecoverAction action,
                    std::FILE* out, std::FILE* err) {
  return Recovery(log_path, out, err).run(ring, action);
}

Command add_recover_command(CLI::App& program) {
  CLI::App* const parser = program.add_subcommand("recover", "write the lines of quarantined rings");
  const auto log_path = std::make_shared<std::string>();
  const auto ring = std::make_shared<std::string>();
  const auto list = std::make_shared<bool>(false);
  const auto remove = std::make_shared<bool>(false);
  parser->add_option("LOG", *log_path, "the log's active segment")->required();
  parser->add_option("--ring", *ring, "the folder of the ring (the setting ring.directory)")
      ->type_name("DIR");
  CLI::Option* const listing =
      parser->add_flag("--list", *list, "list these rings, and the cursors that no sink uses");
  parser->add_flag("--remove", *remove, "remove these rings and cursors")->excludes(listing);
  parser->footer(
      "slurper quarantines a ring that the log cannot continue with: it renames the\n"
      "ring. This command writes what such rings hold and no log has to standard\n"
      "output, byte for byte. Without --remove it changes nothing. It leaves alone a\n"
      "ring that is in use, and one that the next start continues with.");
  return {parser, [log_path, ring, list, remove] {
            const RecoverAction action = *list     ? RecoverAction::List
                                         : *remove ? RecoverAction::Remove
                                                   : RecoverAction::Write;
            return recover_command(*log_path, *ring, action, stdout, stderr);
          }};
}

}  // namespace slurper
