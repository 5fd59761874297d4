#include "sink/file/file_sink.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <iterator>
#include <vector>

#include "base/accounts.h"
#include "base/error.h"
#include "base/os.h"
#include "base/phrase_id.h"
#include "base/settings_keys.h"
#include "base/uuid.h"
#include "log/cursor_file.h"
#include "log/housekeeper.h"
#include "log/log_index_format.h"
#include "log/log_writer.h"
#include "sink/format/format.h"
#include "sink/loop_watch.h"

namespace slurper {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

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

class FileSink : public Sink {
 public:
  explicit FileSink(SinkOptions& options);

  Result<std::optional<Reached>> open(const SinkContext& context) override;
  Status deliver(std::span<const Record> batch) override;
  Status flush() override;
  milliseconds flush_after() const override;
  void close() override;

 private:
  Result<std::optional<Reached>> open_all(const SinkContext& context);
  Result<std::optional<Reached>> where_to_resume();
  Status append(std::string_view bytes);

  LogSettings settings_;
  Format format_;
  std::string how_;  // how the sink formats lines

  // State while the sink is open:
  std::uint32_t rendering_ = 0;  // differs if the same records may become other bytes in the file
  std::function<void(Level, Phrase)> say_;
  std::uint32_t (*checksum_)(const Record&) = nullptr;
  std::shared_ptr<Acknowledgements> acks_;
  std::unique_ptr<LogWriter> writer_;
  std::unique_ptr<CursorFile> cursor_;
  std::unique_ptr<Housekeeping> listener_;
  std::unique_ptr<Housekeeper> housekeeper_;
  StreamOffset housekept_;            // the last base that the housekeeper was notified of
  std::optional<CursorRecord> line_;  // the beginning of the line that is written now or next
  std::uint64_t at_ = 0;              // the byte of the file at which the next record begins
  std::uint64_t written_ = 0;         // the file has all records before this offset of the log
  Clock::time_point sync_due_;
  LoopWatch loop_;
  std::string out_;
};

// The file is written like the log, so it has the log's settings. It lacks only the one for a full disk:
// there the log comes first.
std::vector<Key> log_keys() {
  std::vector<Key> keys;
  std::ranges::copy_if(keys_of("log"), std::back_inserter(keys),
                       [](const Key& key) { return key.setting.name != "when_disk_full"; });
  return keys;
}

std::span<const Setting> declarations() {
  static const std::vector<Setting> all = [] {
    std::vector<Setting> settings = {kFormatSetting};
    for (const Key& key : log_keys()) settings.push_back(key.setting);
    return settings;
  }();
  return all;
}

LogSettings log_settings(SinkOptions& options) {
  Settings settings;
  for (const Key& key : log_keys()) key.assign(options.value(key.setting.name), settings);
  return settings.log;
}

FileSink::FileSink(SinkOptions& options) : settings_(log_settings(options)), format_(Format::from(options)) {
  how_ = options.text("format") + '\0' + options.text("filter");
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

// Closes what was opened before a failure, because its locks would block the next try.
Result<std::optional<Reached>> FileSink::open(const SinkContext& context) {
  auto opened = open_all(context);
  if (!opened) close();
  return opened;
}

Result<std::optional<Reached>> FileSink::open_all(const SinkContext& context) {
  say_ = context.say;
  checksum_ = context.checksum;
  acks_ = context.acks;
  loop_.forget();
  const Result<Uuid> boot = read_boot_id(kernel());
  if (!boot) return std::unexpected(boot.error());
  Result<std::unique_ptr<LogWriter>> writer = LogWriter::open(kernel(), settings_, *boot);
  if (!writer) return std::unexpected(with_remedy(writer.error()));
  writer_ = std::move(*writer);
  const std::string rendering = how_ + '\0' + slurper::format(*boot);
  rendering_ = crc32c(rendering);
  for (const auto& finding : writer_->take_findings())
    say_(Level::Warning, about_file(PhraseId::ReportsOfFile, settings_.path).with({"finding", finding}));

  Result<CursorFile> cursor = CursorFile::open(kernel(), writer_->paths(), "source",
                                               {context.log_id, context.former_log_id}, writer_->access());
  if (!cursor) {
    Error error = std::move(cursor.error());
    // This is not the sink's cursor on slurper's log, which has its own command.
    if (error.kind == ErrorKind::Data) error.advice = PhraseId::MoveFileCursorAway;
    return std::unexpected(std::move(error));
  }
  cursor_ = std::make_unique<CursorFile>(std::move(*cursor));

  listener_ = std::make_unique<Housekeeping>(context);
  const Housekeeper::Options options{
      .compress = settings_.compress,
      .limits = {.keep_files = settings_.keep_files, .keep_size = settings_.keep_size},
  };
  auto housekeeper = Housekeeper::start(kernel(), writer_->paths(), options, *listener_);
  if (!housekeeper) return std::unexpected(housekeeper.error());
  housekeeper_ = std::move(*housekeeper);
  housekept_ = writer_->indexed_base();
  housekeeper_->notify(housekept_);
  return where_to_resume();
}

// The cursor records at which byte of the file a record begins. Bytes of the file after that are the
// beginning of that record and those after it, as they are written.
Result<std::optional<Reached>> FileSink::where_to_resume() {
  at_ = writer_->end().value;
  line_.reset();
  const auto& record = cursor_->record();
  if (!record) return std::nullopt;
  const bool same_bytes = record->fingerprint == rendering_;
  if (at_ < record->position && same_bytes) {  // no power failure: another process did it
    say_(Level::Warning,
         about_file(PhraseId::FileWasCut, settings_.path).with({"size", ByteSize{record->position - at_}}));
    return std::nullopt;
  }
  if (at_ != record->position && !same_bytes) {
    say_(Level::Warning, about_file(PhraseId::MayRepeatLinesOfFile, settings_.path));
    return std::nullopt;
  }
  line_ = record;
  at_ = record->position;
  written_ = record->offset.value;
  return Reached(record->offset.value, record->checksum);
}

Status FileSink::deliver(std::span<const Record> batch) {
  if (!line_) {
    line_.emplace();
    line_->offset = StreamOffset{batch.front().offset()};
    line_->position = at_;
    line_->fingerprint = rendering_;
    if (Status noted = cursor_->write(*line_, Durability::Cached); !noted) return noted;
  }
  out_.clear();
  const Record* last = nullptr;  // that ends a line
  for (const Record& record : batch) {
    if (loop_.closes_loop(record))
      return lines_came_back(about_file(PhraseId::WriteToFile, settings_.path), record,
                             PhraseId::BreakLoopOfFile);
    const std::size_t begin = out_.size();
    format_.append(record, out_);
    loop_.wrote(std::string_view(out_).substr(begin, out_.size() - begin - 1), record);
    // A split line resumes at its first part, as in the runner.
    if (record.part() == Part::First || record.part() == Part::Middle) continue;
    last = &record;
    line_->position = at_ + out_.size();
  }
  if (last != nullptr) {
    line_->offset = StreamOffset{last->next_offset()};
    line_->checksum = checksum_(*last);
  }
  // After a kill in the middle of a write, the file has a part of it already.
  const std::uint64_t in_file = writer_->end() - StreamOffset{at_};
  if (in_file < out_.size()) {
    if (Status written = append(std::string_view(out_).substr(in_file)); !written) return written;
  }
  at_ += out_.size();
  written_ = batch.back().next_offset();
  line_->fingerprint = rendering_;
  if (Status noted = cursor_->write(*line_, Durability::Cached); !noted) return noted;

  acks_->release(written_);

  if (settings_.sync.mode == SyncMode::None) {
    acks_->up_to(written_);
  } else if (settings_.sync.mode == SyncMode::Always || Clock::now() >= sync_due_) {
    return flush();
  }
  return {};
}

milliseconds FileSink::flush_after() const {
  return std::max(std::chrono::ceil<milliseconds>(sync_due_ - Clock::now()), milliseconds(0));
}

Status FileSink::flush() {
  if (Status synced = writer_->sync(); !synced) return synced;
  sync_due_ = Clock::now() + settings_.sync.period;
  acks_->up_to(written_);
  return {};
}

Status FileSink::append(std::string_view bytes) {
  while (!bytes.empty()) {
    const Result<std::size_t> written = writer_->append(bytes);
    if (!written) return std::unexpected(written.error());
    bytes.remove_prefix(*written);
  }
  if (const auto failure = writer_->take_rotation_failure())
    say_(Level::Warning,
         as_phrase(*failure, PhraseId::RotateFile).with({"file", QuotedText{settings_.path}}));
  if (const StreamOffset base = writer_->indexed_base(); base != housekept_) {
    housekept_ = base;
    housekeeper_->notify(base);
  }
  return {};
}

// The next open() repairs what fails here.
void FileSink::close() {
  if (writer_) (void)writer_->close();
  housekeeper_.reset();
  cursor_.reset();
  writer_.reset();
}

}  // namespace

SinkType file_sink() {
  return {
      .name = "file", .help = "another file", .make = &make_sink_of<FileSink>, .settings = declarations()};
}

}  // namespace slurper
