#include "cli/trace_keep.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

#include "base/phrase_id.h"
#include "base/text.h"
#include "base/wrap.h"
#include "service/phrase_table.h"
#include "trace/flow/byte_flow.h"
#include "trace/model/event_window.h"
#include "trace/own_events.h"
#include "trace/scap/capture_input.h"
#include "trace/scap/scap_reader.h"
#include "trace/scap/scap_writer.h"
#include "trace/view/capture_filter.h"
#include "trace/view/shown_event.h"

namespace slurper {

namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr int kNothingMatched = 1;

std::uint64_t in_nanoseconds(milliseconds time) {
  return static_cast<std::uint64_t>(std::chrono::nanoseconds(time).count());
}

// Calls `visit` with each of the blocks.
template <typename Visit>
void for_each_block(std::string_view blocks, const Visit& visit) {
  while (!blocks.empty()) {
    const auto total = load<std::uint32_t>(blocks.data() + sizeof(std::uint32_t));
    visit(Block{.type = load<std::uint32_t>(blocks.data()),
                .body = blocks.substr(kBlockHead, total - kBlockFrame)});
    blocks.remove_prefix(total);
  }
}

milliseconds in_milliseconds(std::uint64_t nanoseconds) {
  return std::chrono::duration_cast<milliseconds>(std::chrono::nanoseconds(nanoseconds));
}

// Reads the recorder's stream block by block, and keeps what it tells of processes and descriptors.
class Keeper {
 public:
  Keeper(UniqueFd stream, std::optional<TraceFilter> filter, CaptureFiles& files,
         const std::function<void()>& end, std::FILE* err)
      : stream_fd_(stream.get()),
        reader_(CaptureInput(std::move(stream), "-"), [](const Damage&) {}),
        files_(files),
        end_(end),
        err_(err) {
    if (!filter) return;
    follow_bytes_for(*filter);
    filter_.emplace(std::move(*filter), model_);
  }
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;
  virtual ~Keeper() = default;

  int run() {
    reader_.before_wait([this] { before_wait(); });
    bool has_begun = false;
    while (const std::optional<Block> block = reader_.next()) {
      has_begun = true;
      if (!is_done_) take(*block);
    }
    // A recorder that has recorded nothing has said why.
    if (has_begun && !is_done_) at_end();
    return status_;
  }

 protected:
  virtual void take(const Block& block) = 0;
  virtual void before_wait() {}
  // The recording has ended by itself.
  virtual void at_end() = 0;

  // Takes the block into the model, and what is to be written of it into kept_. True if it is an event that
  // sysdig has, too: then the caller finishes it.
  bool take_event(const Block& block, TraceEvent& event) {
    kept_.clear();
    const bool is_event = holds_event(block.type);
    if (!is_event) (void)model_.take_table(block);
    if (!filter_ || !is_event) append_block(kept_, block.type, block.body);
    const std::optional<ScapEvent> raw = is_event ? event_in(block) : std::nullopt;
    if (!raw || !model_.take(*raw, event)) return false;
    if (flow_) flow_->take(event, true);
    if (filter_) filter_->take(block, event, kept_);
    if (!event.is_own) return true;
    model_.finish(event);
    return false;
  }

  void follow_bytes_for(const TraceFilter& filter) {
    if (flow_ || !filter.text().contains(kPipeOffsetField)) return;
    flow_.emplace([](const PipeFlow&, const FlowRead&) {});
  }

  // False, and the recording ends, if the file can't be written.
  bool done(const Captured<void>& written) {
    if (written) return true;
    say(written.error().text);
    stop(written.error().status);
    return false;
  }
  void stop(int status) {
    is_done_ = true;
    status_ = status;
    end_();
  }
  void say(const Phrase& phrase) { say(to_text(phrase)); }
  // On a terminal, the recorder shows there how far it is.
  void say(const std::string& text) {
    const bool is_terminal = ::isatty(::fileno(err_)) != 0;
    fmt::print(err_, "{}{}", is_terminal ? "\r\033[K" : "", message_for(::fileno(err_), text));
  }

  const int stream_fd_;
  ScapReader reader_;
  CaptureFiles& files_;
  const std::function<void()>& end_;
  std::FILE* const err_;
  Model model_;
  std::optional<CaptureFilter> filter_;
  std::optional<ByteFlow> flow_;
  std::string kept_;  // blocks
  bool is_done_ = false;
  int status_ = 0;
};

class IncidentKeeper : public Keeper {
 public:
  IncidentKeeper(UniqueFd stream, IncidentOptions options, CaptureFiles& files,
                 const std::function<void()>& end, std::FILE* err)
      : Keeper(std::move(stream), std::exchange(options.filter, {}), files, end, err),
        options_(std::move(options)),
        window_({.time = in_nanoseconds(options_.before), .memory = options_.memory.bytes}) {
    follow_bytes_for(options_.until);
  }

 private:
  void take(const Block& block) override {
    TraceEvent event;
    const bool is_event = take_event(block, event);
    if (is_event && is_open_ && event.raw.time > ends_at_) end_incident();
    if (is_done_) return;
    for_each_block(kept_, [this](const Block& kept) { window_.take(kept); });
    const bool was_open = is_open_;
    if (is_event && !is_open_ && options_.until.matches({event, view_, scratch_})) begin_incident(event);
    if (is_event) model_.finish(event);
    if (!was_open || !is_open_) return;
    if (is_event) last_time_ = event.raw.time;
    (void)done(files_.write(kept_));
  }

  // The window ends with the event.
  void begin_incident(const TraceEvent& event) {
    is_open_ = true;
    has_matched_ = true;
    before_ = in_milliseconds(window_.length());
    was_cut_ = window_.is_cut();
    matched_at_ = event.raw.time;
    ends_at_ = event.raw.time + in_nanoseconds(options_.after);
    last_time_ = event.raw.time;
    deadline_ = Clock::now() + options_.after;
    (void)window_.write([this](std::string_view bytes) { return done(files_.write(bytes)); });
  }

  // Whatever comes now was recorded after the deadline.
  void before_wait() override {
    if (!is_open_ || is_done_) return;
    pollfd readable{.fd = stream_fd_, .events = POLLIN, .revents = 0};
    const auto left = std::chrono::ceil<milliseconds>(deadline_ - Clock::now());
    const auto wait = static_cast<int>(std::clamp<milliseconds::rep>(left.count() + kLateness, 0, 1 << 30));
    while (::poll(&readable, 1, wait) < 0 && errno == EINTR) {
    }
    if (readable.revents == 0) end_incident();
  }

  void end_incident() {
    is_open_ = false;
    const std::string path = files_.path();
    if (!done(files_.finish())) return;
    const ByteSize size{files_.size()};
    say({PhraseId::IncidentCaught,
         {{"file", QuotedText{path}},
          {"before", before_},
          {"after", in_milliseconds(last_time_ - std::min(last_time_, matched_at_))},
          {"size", size}}});
    if (was_cut_)
      say({PhraseId::IncidentWindowCut, {{"wanted", options_.before}, {"memory", options_.memory}}});
    if (!options_.repeat) return stop(0);
    window_.drop_all();  // the file has it
    (void)done(files_.create());
  }

  void at_end() override {
    if (is_open_) {
      options_.repeat = false;
      return end_incident();
    }
    if (has_matched_) return;
    say(PhraseId::NoIncident);
    status_ = kNothingMatched;
  }

  static constexpr milliseconds::rep kLateness = 200;  // of what the recorder has still to pass on

  IncidentOptions options_;
  EventWindow window_;
  const ViewOptions view_{};
  std::string scratch_;
  bool has_matched_ = false;
  bool is_open_ = false;  // an event has matched, and what comes after it is written
  bool was_cut_ = false;
  milliseconds before_{0};
  std::uint64_t matched_at_ = 0;
  std::uint64_t ends_at_ = 0;
  std::uint64_t last_time_ = 0;
  Clock::time_point deadline_;
};

class NewestKeeper : public Keeper {
 public:
  NewestKeeper(UniqueFd stream, RotationOptions options, CaptureFiles& files,
               const std::function<void()>& end, std::FILE* err)
      : Keeper(std::move(stream), std::exchange(options.filter, {}), files, end, err),
        options_(std::move(options)) {}

 private:
  void take(const Block& block) override {
    if (block.type == kSectionHeader) machine_.clear();
    if (describes_machine(block.type)) append_block(machine_, block.type, block.body);
    const std::optional<ScapEvent> raw = holds_event(block.type) ? event_in(block) : std::nullopt;
    // An event of slurper's own belongs to the one before it.
    const bool may_be_first = raw && raw->type < kFirstOwnEvent;
    if (may_be_first && is_full(raw->time) && !begin_file(raw->time)) return;
    if (may_be_first && begun_at_ == 0) begun_at_ = raw->time;
    TraceEvent event;
    if (take_event(block, event)) model_.finish(event);
    (void)done(files_.write(kept_));
  }

  // A file has one event at least.
  [[nodiscard]] bool is_full(std::uint64_t time) const {
    if (begun_at_ == 0 || time == begun_at_) return false;
    const bool is_large = options_.size != 0 && files_.size() >= options_.size;
    return is_large || (options_.age && time >= begun_at_ + in_nanoseconds(*options_.age));
  }

  bool begin_file(std::uint64_t time) {
    if (!done(files_.finish()) || !done(files_.create())) return false;
    std::string tables = machine_;
    model_.append_tables(tables, time, !filter_);
    begun_at_ = time;
    return done(files_.write(tables));
  }

  void at_end() override {
    const std::string path = files_.path();
    if (done(files_.finish())) say({PhraseId::RotationEnded, {{"file", QuotedText{path}}}});
  }

  RotationOptions options_;
  std::string machine_;
  std::uint64_t begun_at_ = 0;  // the time of the file's first event
};

class MatchKeeper : public Keeper {
 public:
  MatchKeeper(UniqueFd stream, TraceFilter filter, std::uint64_t size, CaptureFiles& files,
              const std::function<void()>& end, std::FILE* err)
      : Keeper(std::move(stream), std::move(filter), files, end, err), size_(size) {}

 private:
  void take(const Block& block) override {
    TraceEvent event;
    if (take_event(block, event)) model_.finish(event);
    if (!kept_.empty() && !done(files_.write(kept_))) return;
    if (size_ == 0 || files_.size() < size_) return;
    at_end();
    if (!is_done_) stop(0);
  }

  void at_end() override {
    const std::string path = files_.path();
    if (!done(files_.finish())) return;
    // As the recorder reports it, which knows no filter.
    say(fmt::format("wrote {}: {}, matching events: {} of {}, lost records: {}", in_quotes(path),
                    format_rounded(ByteSize{files_.size()}), filter_->matched(), filter_->events(),
                    filter_->lost()));
  }

  std::uint64_t size_;  // of the file, at which it ends; 0: no limit
};

}  // namespace

int keep_incidents(UniqueFd stream, IncidentOptions options, CaptureFiles& files,
                   const std::function<void()>& end, std::FILE* err) {
  return IncidentKeeper(std::move(stream), std::move(options), files, end, err).run();
}

int keep_newest(UniqueFd stream, RotationOptions options, CaptureFiles& files,
                const std::function<void()>& end, std::FILE* err) {
  return NewestKeeper(std::move(stream), std::move(options), files, end, err).run();
}

int keep_matching(UniqueFd stream, TraceFilter filter, std::uint64_t size, CaptureFiles& files,
                  const std::function<void()>& end, std::FILE* err) {
  return MatchKeeper(std::move(stream), std::move(filter), size, files, end, err).run();
}

}  // namespace slurper
