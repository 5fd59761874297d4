#include "sink/file/file_destination.h"

#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/accounts.h"
#include "base/error.h"
#include "base/os.h"
#include "base/phrase_id.h"
#include "base/uuid.h"
#include "log/segment_name.h"

namespace slurper {

namespace {

// Reports the failures of the housekeeper of its rotated segments, on the housekeeper's thread.
class Housekeeping : public HousekeeperListener {
 public:
  explicit Housekeeping(const SinkContext& context) : say_(context.say) {}

 private:
  void on_compressed(const Segment&, const Segment&) override {}
  void on_removed(const Segment&) override {}
  void on_removed_for_room(const Segment&) override {}
  void on_leftover_removed(const std::string&) override {}
  void on_housekeeping_failed(const Error& error) override {
    say_(Level::Warning, as_phrase(error, PhraseId::KeepsSegment));
  }

  std::function<void(Level, Phrase)> say_;
};

// Whether there is something to compress or to remove, or what a crash left of that. What can't be listed,
// the housekeeper reports.
bool has_rotated_files(const LogPaths& paths) {
  const auto segments = list_segments(kernel(), paths);
  const auto temporaries = list_temporaries(paths);
  return !segments || !segments->empty() || !temporaries || !temporaries->empty();
}

// The index beside the file fails first, which is not useful to an operator.
Error with_remedy(Error error) {
  if (error.errnum == EROFS) {
    error.advice = PhraseId::MountReadWrite;
  } else if (error.errnum == EACCES || error.errnum == EPERM) {
    error.advice = {PhraseId::LetUserWrite, {{"user", the_user(::geteuid())}}};
  }
  return error;
}

}  // namespace

FileDestination::FileDestination(const LogSettings& settings, const SinkContext& context,
                                 std::uint32_t rendering)
    : settings_(settings), context_(context), rendering_(rendering) {}

// The next open() repairs what fails here.
FileDestination::~FileDestination() {
  if (writer_ && !is_abandoned_) (void)writer_->close();
}

Result<std::unique_ptr<FileDestination>> FileDestination::open(const LogSettings& settings,
                                                               const SinkContext& context,
                                                               std::uint32_t rendering) {
  std::unique_ptr<FileDestination> made(new FileDestination(settings, context, rendering));
  if (Status opened = made->open_all(); !opened) return std::unexpected(std::move(opened.error()));
  return made;
}

Status FileDestination::open_all() {
  const Result<Uuid> boot = read_boot_id(kernel());
  if (!boot) return std::unexpected(boot.error());
  Result<std::unique_ptr<LogWriter>> writer = LogWriter::open(kernel(), settings_, *boot);
  if (!writer) return std::unexpected(with_remedy(writer.error()));
  writer_ = std::move(*writer);
  for (const auto& finding : writer_->take_findings())
    say(Level::Warning, about_file(PhraseId::ReportsOfFile, path()).with({"finding", finding}));

  Result<CursorFile> cursor = CursorFile::open(kernel(), writer_->paths(), kCursorName,
                                               {context_.log_id, context_.former_log_id}, writer_->access());
  if (!cursor) {
    Error error = std::move(cursor.error());
    // This is not the sink's cursor on slurper's log, which has its own command.
    if (error.kind == ErrorKind::Data) error.advice = PhraseId::MoveFileCursorAway;
    return std::unexpected(std::move(error));
  }
  cursor_ = std::make_unique<CursorFile>(std::move(*cursor));

  if (has_rotated_files(writer_->paths())) {
    if (Status kept = keep_house(); !kept) return kept;
  }
  housekept_ = writer_->indexed_base();
  find_end();
  return {};
}

// A file that was never rotated needs no thread: there may be hundreds of them, and the end of a thread of
// the lowest priority takes long on a busy machine.
Status FileDestination::keep_house() {
  if (!housekeeper_) {
    listener_ = std::make_unique<Housekeeping>(context_);
    const Housekeeper::Options options{
        .compress = settings_.compress,
        .limits = {.keep_files = settings_.keep_files, .keep_size = settings_.keep_size},
    };
    auto housekeeper = Housekeeper::start(kernel(), writer_->paths(), options, *listener_);
    if (!housekeeper) return std::unexpected(std::move(housekeeper.error()));
    housekeeper_ = std::move(*housekeeper);
  }
  housekept_ = writer_->indexed_base();
  housekeeper_->notify(housekept_);
  return {};
}

// The cursor records at which byte of the file a record begins. Bytes of the file after that are the
// beginning of that record and those after it, as they are written.
void FileDestination::find_end() {
  at_ = writer_->end().value;
  const auto& record = cursor_->record();
  if (!record) return;
  const bool same_bytes = record->fingerprint == rendering_;
  if (at_ < record->position && same_bytes) {  // no power failure: another process did it
    say(Level::Warning,
        about_file(PhraseId::FileWasCut, path()).with({"size", ByteSize{record->position - at_}}));
    return;
  }
  if (at_ != record->position && !same_bytes) {
    say(Level::Warning, about_file(PhraseId::MayRepeatLinesOfFile, path()));
    return;
  }
  line_ = record;
  at_ = record->position;
  reached_.emplace(record->offset.value, record->checksum);
}

FileDestination::Presence FileDestination::presence_of(const Record& record) const {
  if (!reached_ || record.offset() >= reached_->offset) return Presence::Absent;
  if (record.next_offset() < reached_->offset) return Presence::Present;
  if (record.next_offset() > reached_->offset) return Presence::Other;
  const std::uint32_t checksum = context_.checksum(record);
  const bool is_known = checksum != 0 && reached_->checksum != 0;
  return is_known && checksum != reached_->checksum ? Presence::Other : Presence::Last;
}

std::string_view FileDestination::add(const Record& record, const Format& format) {
  if (!line_) {
    line_.emplace();
    line_->offset = StreamOffset{record.offset()};
    line_->position = at_;
    line_->fingerprint = rendering_;
    beginning_ = line_;
  }
  const std::size_t begin = out_.size();
  format.append(record, out_);
  // A split line resumes at its first part, as in the runner.
  if (record.part() == Part::Whole || record.part() == Part::Last) {
    last_ = &record;
    line_->position = at_ + out_.size();
  }
  return std::string_view(out_).substr(begin);
}

Status FileDestination::write() {
  if (out_.empty()) return {};
  if (Status there = cursor_->follow_path(writer_->paths(), writer_->access()); !there) return there;
  if (const auto beginning = std::exchange(beginning_, std::nullopt)) {
    if (Status noted = cursor_->write(*beginning, Durability::Cached); !noted) return noted;
  }
  if (const Record* const last = std::exchange(last_, nullptr)) {
    line_->offset = StreamOffset{last->next_offset()};
    line_->checksum = context_.checksum(*last);
  }
  // After a kill in the middle of a write, the file has a part of it already.
  const std::uint64_t in_file = writer_->end() - StreamOffset{at_};
  if (in_file < out_.size()) {
    if (Status written = append(std::string_view(out_).substr(in_file)); !written) return written;
  }
  at_ += out_.size();
  out_.clear();
  line_->fingerprint = rendering_;
  return cursor_->write(*line_, Durability::Cached);
}

Status FileDestination::append(std::string_view bytes) {
  while (!bytes.empty()) {
    const Result<std::size_t> written = writer_->append(bytes);
    if (!written) return std::unexpected(written.error());
    bytes.remove_prefix(*written);
  }
  if (const auto failure = writer_->take_rotation_failure())
    say(Level::Warning, as_phrase(*failure, PhraseId::RotateFile)
                            .with({"file", QuotedText{path()}})
                            .with({"size", ByteSize{writer_->end() - writer_->active_base()}}));
  return writer_->indexed_base() == housekept_ ? Status() : keep_house();
}

}  // namespace slurper
