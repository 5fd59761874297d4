#include "sink/syslog/syslog_sink.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <deque>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/phrase_id.h"
#include "base/uuid.h"
#include "sink/loop_error.h"
#include "sink/loop_probe.h"
#include "sink/net/connection.h"
#include "sink/net/tls.h"
#include "sink/syslog/syslog_settings.h"

namespace slurper {

namespace {

using Clock = std::chrono::steady_clock;

// The size of one write: large enough that the cost of the call is negligible, and small enough to stay in
// the cache.
constexpr std::size_t kChunk = std::size_t{128} << 10;

// Returns how many bytes of `text` fit into `max`: a UTF-8 sequence stays whole (RFC 5424 section 6.1).
std::size_t fitting(std::string_view text, std::size_t max) {
  if (text.size() <= max) return text.size();
  std::size_t size = max;
  for (int i = 0; i < 3 && size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80; ++i) --size;
  return (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80 ? max : size;
}

// The protocol has no acknowledgement, so the connection's send queue shows what the destination has. What
// is in that queue when a connection breaks is sent again.
class SyslogSink final : public Sink {
 public:
  explicit SyslogSink(SyslogSettings settings) : settings_(std::move(settings)) {}

  Result<std::optional<Reached>> open(const SinkContext& context) override;
  Status deliver(std::span<const Record> batch) override;
  Status flush() override;
  std::chrono::milliseconds flush_after() const override { return settings_.resend_time; }
  void close() override { connection_.reset(); }

 private:
  // When `sent` bytes of the connection have drained, the destination has everything before `offset`.
  struct Mark {
    std::uint64_t sent;
    std::uint64_t offset;
    Clock::time_point at;
  };

  void use(std::unique_ptr<Connection> connection, std::size_t target);
  [[nodiscard]] Status look_at_files();
  void show_peer();
  [[nodiscard]] Status look_for_loop(std::span<const Record> batch);
  [[nodiscard]] Status send_probe(const Record& first);
  [[nodiscard]] Status fail_back();
  [[nodiscard]] std::optional<Phrase> compose(const Record& record);
  void frame();
  [[nodiscard]] Status send_frames(std::uint64_t offset);
  [[nodiscard]] Status acknowledge();
  void acknowledge_all();
  [[nodiscard]] std::unexpected<Error> broke(Error error);
  [[nodiscard]] QuotedText name_of(std::size_t target) const { return settings_.targets[target].name(); }

  const SyslogSettings settings_;
  const SinkContext* context_ = nullptr;
  std::string came_back_;  // identifies a line that has been here before
  LoopProbe probe_;

  std::unique_ptr<Connection> connection_;
  std::size_t target_ = 0;            // the index of the connected target
  std::size_t first_try_ = 0;         // the index that open() begins with
  std::size_t announced_ = 0;         // the index that was reported last
  Phrase shown_;                      // in the status
  std::vector<Phrase> unsafe_files_;  // the warnings that were reported about them
  Phrase first_failed_;               // why the first target is not in use
  Clock::time_point connected_at_;
  Clock::time_point back_at_;  // when the first target is tried again

  std::deque<Mark> marks_;

  std::string message_;
  Frames frames_;
  std::vector<std::uint64_t> framed_;  // the offsets of the records in `frames_`
};

Result<std::optional<Reached>> SyslogSink::open(const SinkContext& context) {
  context_ = &context;
  came_back_ = fmt::format("[slurper@32473 log=\"{}\"", format(context.log_id));
  marks_.clear();
  if (settings_.connection.transport == Transport::Tls) {
    if (Status usable = look_at_files(); !usable) return std::unexpected(std::move(usable.error()));
  }
  const std::size_t count = settings_.targets.size();
  std::vector<Error> errors;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t target = (first_try_ + i) % count;
    auto connection = connect_to(settings_.targets[target], settings_.connection, context.stop_fd);
    if (connection) {
      use(std::move(*connection), target);
      return std::nullopt;
    }
    if (connection.error().kind == ErrorKind::Busy) return std::unexpected(std::move(connection.error()));
    if (target == 0) first_failed_ = connection.error().why;
    errors.push_back(std::move(connection.error()));
  }
  first_try_ = 0;
  if (count == 1) return std::unexpected(std::move(errors.front()));
  std::vector<Phrase> reasons;
  for (const Error& error : errors) reasons.push_back(as_phrase(error));
  return fail(ErrorKind::Io, {PhraseId::ReachAServer, {{"servers", std::uint64_t{count}}}},
              {PhraseId::ReasonOfEach, {{"reason", std::move(reasons)}}});
}

// Whether or not a server answers: what is wrong here no server can mend.
Status SyslogSink::look_at_files() {
  std::vector<Phrase> unsafe;
  for (UnsafeFile& file : unsafe_files(settings_.connection.tls)) {
    const bool is_known = std::ranges::find(unsafe_files_, file.finding) != unsafe_files_.end();
    if (!is_known) context_->say(Level::Warning, file.finding);
    unsafe.push_back(std::move(file.finding));
  }
  unsafe_files_ = std::move(unsafe);
  if (auto unusable = Tls::find_unusable_file(settings_.connection.tls))
    return std::unexpected(std::move(unusable->error));
  return {};
}

void SyslogSink::use(std::unique_ptr<Connection> connection, std::size_t target) {
  connection_ = std::move(connection);
  shown_ = {};
  show_peer();
  probe_.begin();
  target_ = target;
  connected_at_ = Clock::now();
  back_at_ = connected_at_ + settings_.fail_back;
  if (std::exchange(announced_, target) == target) return;
  if (target == 0) {
    context_->say(Level::Info, {PhraseId::ReturnsToFirst, {{"target", name_of(0)}}});
  } else {
    context_->say(Level::Warning, {PhraseId::SendsToAnother,
                                   {{"target", name_of(target)},
                                    {"first", name_of(0)},
                                    {"reason", first_failed_},
                                    {"time", settings_.fail_back}}});
  }
}

// A name that is looked up again may lead to another address (UDP).
void SyslogSink::show_peer() {
  Phrase peer = connection_->peer();
  if (peer == shown_) return;
  context_->show(peer);
  shown_ = std::move(peer);
}

// Sets where the next open() begins: with the best target if this connection lasted, or else with the next
// one. That a target accepted what it was sent proves little: a load balancer without a server does so, too,
// and UDP always does.
std::unexpected<Error> SyslogSink::broke(Error error) {
  constexpr auto kLasting = std::chrono::seconds(10);
  if (error.kind != ErrorKind::Busy) {
    const bool lasted = connection_->is_stream() && Clock::now() - connected_at_ >= kLasting;
    first_try_ = lasted ? 0 : (target_ + 1) % settings_.targets.size();
    if (target_ == 0) first_failed_ = error.why;
  }
  return std::unexpected(std::move(error));
}

// Returns to the first target once the later one has everything that it was given, so that nothing is in
// flight to both.
Status SyslogSink::fail_back() {
  if (target_ == 0 || Clock::now() < back_at_) return {};
  back_at_ = Clock::now() + settings_.fail_back;
  auto connection = connect_to(settings_.targets[0], settings_.connection, context_->stop_fd);
  if (!connection) return {};  // reported when it began to fail
  auto drained = connection_->drain(Clock::now() + settings_.connection.connect_timeout);
  if (!drained) return std::unexpected(std::move(drained.error()));
  if (!*drained) return {};
  acknowledge_all();
  use(std::move(*connection), 0);
  return {};
}

// The destination may be this machine's syslogd, or another one that forwards lines to it.
Status SyslogSink::look_for_loop(std::span<const Record> batch) {
  const Record* const back = settings_.probe ? probe_.came_back(batch) : nullptr;
  if (back == nullptr) return {};
  return loop_error({PhraseId::SendTo, {{"target", name_of(target_)}}}, PhraseId::ComesBackBySyslogd, *back);
}

// Sends a message like those of the lines, by the program LoopProbe::kProgram. It has no offset: a receiver
// that identifies lines by their offset must not mistake it for one.
Status SyslogSink::send_probe(const Record& first) {
  const std::string pid = std::to_string(::getpid());
  const std::string text = probe_.message("sends lines here");
  const std::string element = came_back_ + ']';
  SyslogHeader header;
  header.facility = first.header().facility.value_or(settings_.defaults.facility);
  header.severity = LoopProbe::severity_for(first);
  header.program = LoopProbe::kProgram;
  header.pid = pid;
  if (settings_.defaults.own_element) header.structured_data = element;
  const auto now = std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now());
  const Record probe(first.log_id(), first.offset(), first.offset(), text, Part::Last, now, header);
  SyslogDefaults defaults = settings_.defaults;
  defaults.own_element = false;  // the element has an offset
  message_.clear();
  if (settings_.format == MessageFormat::Rfc5424) {
    append_rfc5424(probe, defaults, message_);
  } else {
    append_rfc3164(probe, defaults, message_);
  }
  probe_.sent();
  if (settings_.max_message != 0 && message_.size() > settings_.max_message) return {};
  frame();
  const auto sent = connection_->send(frames_);
  frames_.clear();
  if (!sent) return std::unexpected(sent.error());
  return {};
}

Status SyslogSink::deliver(std::span<const Record> batch) {
  if (Status good = look_for_loop(batch); !good) return good;
  if (Status back = fail_back(); !back) return broke(std::move(back.error()));
  // What was sent before has had its time.
  if (Status noted = acknowledge(); !noted) {
    auto broken = broke(std::move(noted.error()));
    if (!marks_.empty() || broken.error().kind == ErrorKind::Busy) return broken;
    // Servers close idle connections, or restart meanwhile. Nothing was in flight, so this is not reported.
    close();
    if (auto opened = open(*context_); !opened) return std::unexpected(std::move(opened.error()));
  }
  if (settings_.probe && probe_.is_due()) {
    if (Status sent = send_probe(batch.front()); !sent) return broke(std::move(sent.error()));
  }
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const Record& record = batch[i];
    if (auto refused = compose(record)) context_->acks->reject(record.offset(), std::move(*refused));
    if (!message_.empty()) {
      frame();
      framed_.push_back(record.offset());
    }
    if (frames_.bytes.size() < kChunk && i + 1 < batch.size()) continue;
    if (Status sent = send_frames(record.next_offset()); !sent) return broke(std::move(sent.error()));
  }
  if (Status noted = acknowledge(); !noted) return broke(std::move(noted.error()));
  context_->acks->release(batch.back().next_offset());
  if (!connection_->is_stream()) show_peer();
  return {};
}

// Composes the message, or an empty one if none is to be sent. Returns what is wrong with it, if anything.
std::optional<Phrase> SyslogSink::compose(const Record& record) {
  message_.clear();
  if (record.header().structured_data.find(came_back_) != std::string_view::npos)
    return PhraseId::RecordCameBack;
  if (settings_.format == MessageFormat::Rfc5424) {
    append_rfc5424(record, settings_.defaults, message_);
  } else {
    append_rfc3164(record, settings_.defaults, message_);
  }
  const std::size_t size = message_.size();
  if (settings_.max_message == 0 || size <= settings_.max_message) return std::nullopt;
  message_.resize(settings_.truncate ? fitting(message_, settings_.max_message) : 0);
  if (settings_.truncate)
    return Phrase(PhraseId::CutOff,
                  {{"kept", std::uint64_t{message_.size()}}, {"size", std::uint64_t{size}}});
  return Phrase(PhraseId::LongerThanLimit, {{"size", std::uint64_t{size}}, {"limit", settings_.max_message}});
}

void SyslogSink::frame() {
  std::string& out = frames_.bytes;
  const bool is_stream = connection_->is_stream();
  if (is_stream && settings_.framing == Framing::OctetCounting) {
    std::array<char, 21> count{};
    char* const end = std::to_chars(count.begin(), count.end() - 1, message_.size()).ptr;
    *end = ' ';
    out.append(count.begin(), end + 1);
  }
  out += message_;
  if (is_stream && settings_.framing == Framing::Lf) out += '\n';
  if (is_stream && settings_.framing == Framing::Nul) out += '\0';
  frames_.ends.push_back(out.size());
}

Status SyslogSink::send_frames(std::uint64_t offset) {
  auto too_long = connection_->send(frames_);
  if (too_long) {
    for (const std::size_t index : *too_long)
      context_->acks->reject(framed_[index], {PhraseId::TooLongForDatagram, {{"target", name_of(target_)}}});
    marks_.push_back({.sent = connection_->sent(), .offset = offset, .at = Clock::now()});
  }
  frames_.clear();
  framed_.clear();
  if (!too_long) return std::unexpected(std::move(too_long.error()));
  return {};
}

Status SyslogSink::acknowledge() {
  const auto drained = connection_->drained();
  if (!drained) return std::unexpected(drained.error());
  const bool nothing_on_its_way = *drained == connection_->sent();
  const auto read_by_now = Clock::now() - settings_.resend_time;
  const auto is_held = [&](const Mark& mark) {
    return mark.sent + settings_.resend <= *drained || (nothing_on_its_way && mark.at <= read_by_now);
  };
  for (; !marks_.empty() && is_held(marks_.front()); marks_.pop_front())
    context_->acks->up_to(marks_.front().offset);
  return {};
}

Status SyslogSink::flush() {
  auto drained = connection_->drain(Deadline::max());
  if (!drained) return broke(std::move(drained.error()));
  if (*drained) {
    acknowledge_all();
  } else if (Status noted = acknowledge(); !noted) {  // slurper stops
    return broke(std::move(noted.error()));
  }
  return {};
}

void SyslogSink::acknowledge_all() {
  if (marks_.empty()) return;
  context_->acks->up_to(marks_.back().offset);
  marks_.clear();
}

}  // namespace

SinkType syslog_sink() {
  return {.name = "syslog",
          .help = "a syslog server",
          .make = [](SinkOptions& options) -> std::unique_ptr<Sink> {
            return std::make_unique<SyslogSink>(take_syslog_settings(options));
          },
          .settings = syslog_setting_declarations()};
}

}  // namespace slurper
