#include "cli/trace_top.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/phrase_id.h"
#include "cli/screens.h"
#include "cli/trace_explain.h"
#include "trace/scap/scap_reader.h"
#include "trace/view/top.h"

namespace slurper {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kInterval{1000};

std::uint64_t time_of_day() {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                        std::chrono::system_clock::now().time_since_epoch())
                                        .count());
}

class Top {
 public:
  Top(CaptureInput input, int stream_fd, std::optional<TraceFilter> filter, Screens& screens)
      : stream_fd_(stream_fd),
        reader_(std::move(input), [](const Damage&) {}),
        filter_(std::move(filter)),
        screens_(screens) {
    reader_.before_wait([this] { wait(); });
  }

  void run() {
    while (!is_done_) {
      const std::optional<Block> block = reader_.next();
      if (!block) break;
      take(*block);
    }
    draw();
  }

 private:
  void take(const Block& block) {
    if (!holds_event(block.type)) {
      (void)model_.take_table(block);
      return;
    }
    const std::optional<ScapEvent> raw = event_in(block);
    TraceEvent event;
    if (!raw || !model_.take(*raw, event)) return;
    if ((raw->flags & kStateOnly) == 0) explainer_.take(event);
    const bool is_wanted = event.is_own || !filter_ || filter_->matches({event, options_, scratch_});
    if (is_wanted && (raw->flags & kStateOnly) == 0) top_.take(event);
    model_.finish(event);
  }

  // Before each read of the recorder's stream.
  void wait() {
    while (!is_done_) {
      const auto left = std::chrono::ceil<milliseconds>(drawn_ + kInterval - Clock::now());
      if (left <= milliseconds{0}) {
        draw();
        continue;
      }
      pollfd readable{.fd = stream_fd_, .events = POLLIN, .revents = 0};
      if (::poll(&readable, 1, static_cast<int>(left.count())) < 0 && errno != EINTR) return;
      if (readable.revents != 0) return;
    }
  }

  void draw() {
    const auto now = Clock::now();
    const double seconds = std::chrono::duration<double>(now - drawn_).count();
    drawn_ = now;
    if (!screens_.draw(top_.screen(screens_.size(), seconds, time_of_day()))) is_done_ = true;
  }

  const int stream_fd_;
  ScapReader reader_;
  std::optional<TraceFilter> filter_;
  Screens& screens_;
  Model model_;
  TraceTop top_{model_};
  Explainer explainer_{model_, Explainer::Notes::Counted, [this](const TraceFinding& finding) {
                         top_.take_finding(finding.time, heading_of(finding));
                       }};
  const ViewOptions options_{};
  std::string scratch_;
  Clock::time_point drawn_ = Clock::now();
  bool is_done_ = false;
};

}  // namespace

int top_command(const LiveOptions& options, const TraceOptions& shown, std::FILE* err) {
  Result<ViewRequest> request = view_request(shown, err);
  if (!request) return report_to(err, request.error());
  Result<UniqueFd> output = open_trace_output(options);
  if (!output) return report_to(err, output.error());
  Result<LiveTrace> live = LiveTrace::start(options.selection);
  if (!live) return report_to(err, live.error());
  UniqueFd stream = live->take_stream();
  const int stream_fd = stream.get();
  CaptureInput input(std::move(stream), "-");
  // A recorder that fails has said why, and there is nothing to show.
  if (input.peek(1).empty()) return live->wait();
  Screens screens(output->get());
  Top(std::move(input), stream_fd, std::move(request->filter), screens).run();
  const int status = live->wait();
  if (status != 0 || screens.errnum() == 0) return status;
  return report_to(err, fail_errno(screens.errnum(), PhraseId::WriteStandardOutput).error());
}

}  // namespace slurper
