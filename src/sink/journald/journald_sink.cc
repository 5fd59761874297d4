#define SD_JOURNAL_SUPPRESS_LOCATION
#include "sink/journald/journald_sink.h"

#include <fmt/format.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/phrase_id.h"
#include "base/uuid.h"
#include "sink/format/syslog_format.h"
#include "sink/format/timestamps.h"
#include "sink/journald/journal_reader.h"
#include "sink/journald/journal_socket.h"
#include "sink/loop_error.h"
#include "sink/loop_probe.h"

namespace slurper {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using Wake = JournalSocket::Wake;

constexpr const char* kOffset = "SLURPER_OFFSET";
// The last SYSLOG_FACILITY of every entry that the sink writes. By it, systemd/syslog/rsyslog.conf
// recognizes these lines and excludes them. journald keeps both fields and forwards (ForwardToSyslog=) the
// last one, with the message, the identifier and the sender's pid: nothing else could identify the lines. No
// program on Linux uses RFC 5424's 15, "clock daemon": syslog.h has no name for it.
constexpr const char* kMarkFacility = "15";
// How long journald may take for the rest when slurper stops.
constexpr std::chrono::milliseconds kLastChance = 1s;
// Lines that were dropped and sent again are after later ones in the journal. This is the number of entries
// that are examined after the first one that is too old.
constexpr std::size_t kOutOfOrder = 10'000;
constexpr std::uint8_t kInfo = 6;  // journald's default priority of an entry
constexpr std::uint8_t kNoLevel = 8;

// Text that is not a number does not come from a sink.
std::uint64_t number_in(std::string_view text) {
  std::uint64_t number = 0;
  (void)std::from_chars(text.begin(), text.end(), number);
  return number;
}

class JournaldSink : public Sink {
 public:
  explicit JournaldSink(SinkOptions& options);

  Result<std::optional<Reached>> open(const SinkContext& context) override;
  Status deliver(std::span<const Record> batch) override;
  void close() override;

 private:
  Status begin(const Record& first);
  Status look_for_probe();
  Status send(const Record& record);
  Status send_probe(const Record& first);
  Status send_fields();
  template <typename... Args>
  void add_field(std::string_view name, const Args&... value);
  [[nodiscard]] Status look_for_loop(std::span<const Record> batch);
  Status look_what_has_come();
  Status judge(std::span<const Record> batch);

  bool exactly_once_;
  std::chrono::milliseconds give_up_;

  const SinkContext* context_ = nullptr;
  JournalSocket socket_;
  JournalReader reader_;
  std::string log_id_;
  LoopProbe probe_;
  bool has_begun_ = false;              // since open()
  std::vector<std::uint64_t> present_;  // offsets that the journal had before open(), sorted

  // State of the batch:
  std::vector<std::uint64_t> awaited_;  // offsets sent that the journal does not show yet, sorted
  std::size_t handled_ = 0;             // records that were sent, or were in the journal before
  bool stopped_ = false;

  std::uint64_t missing_ = UINT64_MAX;  // the first line that was dropped, and since when
  Clock::time_point missing_since_;
  std::uint8_t refused_level_ = kNoLevel;  // lines of this or a lower severity are never kept

  std::vector<std::string> fields_;
  std::size_t field_count_ = 0;
};

constexpr std::array kSettings = {
    Setting{.name = "exactly_once",
            .type = Setting::Type::Flag,
            .help = "ask the journal what it has",
            .initial = "true"},
    Setting{.name = "give_up",
            .type = Setting::Type::Duration,
            .help = "how long a line that journald drops is sent again",
            .initial = "1min",
            .min = in_milliseconds(1s),
            .max = in_milliseconds(24h)},
};

JournaldSink::JournaldSink(SinkOptions& options)
    : exactly_once_(options.flag("exactly_once")), give_up_(options.duration("give_up")) {}

Result<std::optional<Reached>> JournaldSink::open(const SinkContext& context) {
  context_ = &context;
  log_id_ = format(context.log_id);
  probe_.begin();
  has_begun_ = false;
  if (const Status opened = socket_.open(); !opened) return std::unexpected(opened.error());
  if (exactly_once_) {
    // Other programs can write any SLURPER_ field, but not the sender's identity, which journald adds.
    const Status opened = reader_.open(
        {"SLURPER_LOG_ID=" + log_id_, "SLURPER_SINK=" + context.name, fmt::format("_UID={}", ::getuid())});
    if (!opened) return std::unexpected(opened.error());
  }
  return std::nullopt;
}

// Accounts for what an earlier run, which may have been killed, has sent: it is in flight or in the journal.
Status JournaldSink::begin(const Record& first) {
  present_.clear();
  const auto drained = socket_.wait_until_read(context_->stop_fd, kLastChance);
  if (!drained) return std::unexpected(drained.error());
  stopped_ = *drained == Wake::Stopped;
  if (stopped_) return {};
  if (exactly_once_) {
    std::size_t too_old = 0;
    const Status read = reader_.read_back(kOffset, [&](std::string_view text) {
      const std::uint64_t offset = number_in(text);
      if (offset < first.offset()) return ++too_old < kOutOfOrder;
      present_.push_back(offset);
      return true;
    });
    if (!read) return read;
    std::ranges::sort(present_);
  }
  if (const Status sent = send_probe(first); !sent) return sent;
  if (exactly_once_) {
    if (const Status found = look_for_probe(); !found || stopped_) return found;
  }
  has_begun_ = true;
  return {};
}

// If the journal can't be read, or keeps nothing, send no line: each would be sent again and again.
Status JournaldSink::look_for_probe() {
  const auto drained = socket_.wait_until_read(context_->stop_fd, kLastChance);
  if (!drained) return std::unexpected(drained.error());
  stopped_ = stopped_ || *drained == Wake::Stopped;
  if (stopped_) return {};
  bool found = false;
  const Status read = reader_.read_back("SLURPER_PROBE", [&](std::string_view text) {
    found = text == probe_.id();
    return false;
  });
  if (!read || found) return read;
  return fail(ErrorKind::Io, PhraseId::FindProbe, PhraseId::NotInJournal);
}

template <typename... Args>
void JournaldSink::add_field(std::string_view name, const Args&... value) {
  if (field_count_ == fields_.size()) fields_.emplace_back();
  std::string& field = fields_[field_count_++];
  field = name;
  field += '=';
  ((field += value), ...);
}

Status JournaldSink::send_fields() {
  std::array<iovec, 16> parts{};
  for (std::size_t i = 0; i < field_count_; ++i)
    parts[i] = {.iov_base = fields_[i].data(), .iov_len = fields_[i].size()};
  const auto count = static_cast<int>(std::exchange(field_count_, 0));
  // If the socket has no room, the call below waits, possibly for ever.
  if (socket_.wait_for_room(context_->stop_fd) == Wake::Stopped) {
    stopped_ = true;
    return {};
  }
  // If journald's socket is gone, this call reports nothing; a query of the journal shows it.
  if (const int error = ::sd_journal_sendv(parts.data(), count); error < 0)
    return fail_errno(-error, PhraseId::WriteJournal);
  return {};
}

// Sends the probe with the first line's facility and almost its severity, so that filters that let lines
// pass let it pass, too. It has the mark of lines, so that it is excluded if they are.
Status JournaldSink::send_probe(const Record& first) {
  const SyslogHeader& header = first.header();
  probe_.sent();
  add_field("MESSAGE", probe_.message("writes to the journal"));
  add_field("PRIORITY", std::to_string(LoopProbe::severity_for(first)));
  if (header.facility) add_field("SYSLOG_FACILITY", std::to_string(*header.facility));
  add_field("SYSLOG_IDENTIFIER", LoopProbe::kProgram);
  add_field("SYSLOG_PID", std::to_string(::getpid()));
  add_field("SLURPER_LOG_ID", log_id_);
  add_field("SLURPER_SINK", context_->name);
  add_field("SLURPER_PROBE", probe_.id());
  add_field("SYSLOG_FACILITY", kMarkFacility);
  return send_fields();
}

Status JournaldSink::send(const Record& record) {
  const SyslogHeader& header = record.header();
  add_field("MESSAGE", header.message);
  if (header.severity) add_field("PRIORITY", std::to_string(*header.severity));
  if (header.facility) add_field("SYSLOG_FACILITY", std::to_string(*header.facility));
  if (!header.program.empty()) add_field("SYSLOG_IDENTIFIER", header.program);
  if (!header.pid.empty()) add_field("SYSLOG_PID", header.pid);
  if (header.timestamp) {
    std::array<char, kMaxTimeText> time{};
    const char* const end = put_rfc3339(time.data(), *header.timestamp, 6);
    add_field("SYSLOG_TIMESTAMP", std::string_view(time.data(), end));
  }
  if (!header.host.empty()) add_field("SLURPER_HOST", header.host);
  if (!header.message_id.empty()) add_field("SLURPER_MSGID", header.message_id);
  if (!header.structured_data.empty()) add_field("SLURPER_SD", header.structured_data);
  if (record.part() != Part::Whole) add_field("SLURPER_PART", part_name(record.part()));
  add_field("SLURPER_LOG_ID", log_id_);
  add_field("SLURPER_SINK", context_->name);
  add_field(kOffset, std::to_string(record.offset()));
  add_field("SYSLOG_FACILITY", kMarkFacility);
  return send_fields();
}

Status JournaldSink::look_for_loop(std::span<const Record> batch) {
  const Record* const back = probe_.came_back(batch);
  if (back == nullptr) return {};
  return loop_error(PhraseId::WriteJournal,
                    {PhraseId::ComesBackByJournal, {{"folder", QuotedText{SLURPER_DOC_DIRECTORY "/syslog"}}}},
                    *back);
}

Status JournaldSink::deliver(std::span<const Record> batch) {
  if (Status good = look_for_loop(batch); !good) return good;
  awaited_.clear();
  handled_ = 0;
  stopped_ = false;
  if (!has_begun_) {
    if (Status begun = begin(batch.front()); !begun) return begun;
  } else if (probe_.is_due()) {
    if (Status sent = send_probe(batch.front()); !sent) return sent;
  }
  for (const Record& record : batch) {
    if (stopped_) break;
    ++handled_;
    if (std::ranges::binary_search(present_, record.offset())) continue;
    awaited_.push_back(record.offset());
    if (Status sent = send(record); !sent) return sent;
  }
  if (Status looked = look_what_has_come(); !looked) return looked;
  return judge(batch);
}

// Removes from awaited_ what the journal shows.
Status JournaldSink::look_what_has_come() {
  if (awaited_.empty()) return {};
  const auto read = socket_.wait_until_read(context_->stop_fd, kLastChance);
  if (!read) return std::unexpected(read.error());
  stopped_ = stopped_ || *read == Wake::Stopped;
  if (!exactly_once_) {
    if (!stopped_) awaited_.clear();
    return {};
  }
  std::vector<bool> has_come(awaited_.size());
  std::size_t left = awaited_.size();
  std::size_t too_old = 0;
  const Status looked = reader_.read_back(kOffset, [&](std::string_view text) {
    const std::uint64_t offset = number_in(text);
    const auto found = std::ranges::lower_bound(awaited_, offset);
    if (found == awaited_.end() || *found != offset)
      return offset > awaited_.front() || ++too_old < kOutOfOrder;
    const auto at = static_cast<std::size_t>(found - awaited_.begin());
    if (!has_come[at]) --left;
    has_come[at] = true;
    return left > 0;
  });
  if (!looked) return looked;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < awaited_.size(); ++i) {
    if (!has_come[i]) awaited_[kept++] = awaited_[i];
  }
  awaited_.resize(kept);
  return {};
}

// journald drops lines silently: above its rate limit, below a level, on a full disk. Dropped lines are sent
// again. A line that is not kept for long never will be.
Status JournaldSink::judge(std::span<const Record> batch) {
  for (const Record& record : batch.first(handled_)) {
    if (std::ranges::binary_search(awaited_, record.offset())) {
      if (stopped_) break;
      const std::uint8_t level = record.header().severity.value_or(kInfo);
      if (std::exchange(missing_, record.offset()) != record.offset()) missing_since_ = Clock::now();
      if (level < refused_level_ && Clock::now() - missing_since_ < give_up_) {
        return fail(ErrorKind::Io, PhraseId::WriteJournal,
                    {PhraseId::DroppedByJournald,
                     {{"lines", std::uint64_t{awaited_.size()}}, {"count", std::uint64_t{batch.size()}}}});
      }
      refused_level_ = std::min(refused_level_, level);
      context_->acks->reject(record.offset(), PhraseId::NotKeptByJournald);
    }
    context_->acks->up_to(record.next_offset());
  }
  return {};
}

void JournaldSink::close() {
  socket_.close();
  reader_.close();
}

}  // namespace

SinkType journald_sink() {
  return {.name = "journald",
          .help = "the systemd journal",
          .make = &make_sink_of<JournaldSink>,
          .settings = kSettings};
}

}  // namespace slurper
