#include "sink/file/file_sink.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/os.h"
#include "base/phrase_id.h"
#include "base/settings_keys.h"
#include "base/uuid.h"
#include "log/log_index_format.h"
#include "sink/file/file_set.h"
#include "sink/format/format.h"
#include "sink/loop_watch.h"

namespace slurper {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

class FileSink : public Sink {
 public:
  explicit FileSink(SinkOptions& options);

  Result<std::optional<Reached>> open(const SinkContext& context) override;
  Status deliver(std::span<const Record> batch) override;
  Status flush() override;
  milliseconds flush_after() const override;
  void close() override;

 private:
  void acknowledge();

  LogSettings settings_;
  Format format_;
  std::string how_;  // how the sink formats lines
  FileSet files_;

  // State while the sink is open:
  std::shared_ptr<Acknowledgements> acks_;
  std::uint64_t written_ = 0;  // the files have all records before this offset of the log
  Clock::time_point sync_due_;
  LoopWatch loop_;
};

// The file is written like the log, so it has the log's settings. It lacks only the one for a full disk:
// there the log comes first.
std::vector<Key> log_keys() {
  std::vector<Key> keys;
  std::ranges::copy_if(keys_of("log"), std::back_inserter(keys),
                       [](const Key& key) { return key.setting.name != "when_disk_full"; });
  return keys;
}

constexpr Setting kMaxDestinations = {.name = "max_destinations",
                                      .type = Setting::Type::Number,
                                      .help = "of a path with fields: how many files have their own lines",
                                      .initial = "256",
                                      .min = 1,
                                      .max = 100'000};

std::span<const Setting> declarations() {
  static const std::vector<Setting> all = [] {
    std::vector<Setting> settings = {kFormatSetting, kMaxDestinations};
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

PathTemplate path_from(SinkOptions& options) {
  auto paths = PathTemplate::parse(options.text("path"));
  if (paths) return std::move(*paths);
  options.reject("path", std::move(paths.error()));
  return {};
}

FileSink::FileSink(SinkOptions& options)
    : settings_(log_settings(options)),
      format_(Format::from(options)),
      how_(options.text("format") + '\0' + options.text("filter")),
      files_(path_from(options), settings_, options.number("max_destinations")) {
  if (options.has("max_destinations") && !files_.has_fields())
    options.warn("max_destinations", PhraseId::PathHasNoFields);
}

// Closes what was opened before a failure, because its locks would block the next try.
Result<std::optional<Reached>> FileSink::open(const SinkContext& context) {
  acks_ = context.acks;
  loop_.forget();
  const Result<Uuid> boot = read_boot_id(kernel());
  if (!boot) return std::unexpected(boot.error());
  auto opened = files_.open(context, crc32c(how_ + '\0' + slurper::format(*boot)));
  if (!opened) {
    close();
    return opened;
  }
  written_ = *opened ? (*opened)->offset : 0;
  return opened;
}

Status FileSink::deliver(std::span<const Record> batch) {
  const auto add = [this](FileDestination& file, const Record& record) -> Status {
    if (loop_.closes_loop(record))
      return lines_came_back(about_file(PhraseId::WriteToFile, file.path()), record,
                             PhraseId::BreakLoopOfFile);
    const std::string_view bytes = file.add(record, format_);
    loop_.wrote(bytes.substr(0, bytes.size() - 1), record);
    return {};
  };
  if (Status written = files_.write(batch, add); !written) return written;
  written_ = batch.back().next_offset();
  acks_->release(written_);
  if (settings_.sync.mode == SyncMode::None) {
    acknowledge();
  } else if (settings_.sync.mode == SyncMode::Always || Clock::now() >= sync_due_) {
    return flush();
  }
  return {};
}

milliseconds FileSink::flush_after() const {
  return std::max(std::chrono::ceil<milliseconds>(sync_due_ - Clock::now()), milliseconds(0));
}

Status FileSink::flush() {
  if (Status synced = files_.sync(); !synced) return synced;
  sync_due_ = Clock::now() + settings_.sync.period;
  acknowledge();
  return {};
}

void FileSink::acknowledge() {
  acks_->up_to(std::min(written_, files_.unverified_from().value_or(written_)));
}

void FileSink::close() {
  files_.close();
}

}  // namespace

SinkType file_sink() {
  return {
      .name = "file", .help = "another file", .make = &make_sink_of<FileSink>, .settings = declarations()};
}

}  // namespace slurper
