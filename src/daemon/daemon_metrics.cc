#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "daemon/daemon.h"
#include "metrics/metrics_text.h"
#include "metrics/web_page.h"

namespace slurper {

namespace {

constexpr std::string_view kUnavailable = "the thread that reads the FIFO does not answer";

}  // namespace

// Lines are more important than metrics: slurper runs without them, too.
void Daemon::open_metrics() {
  // Whoever asks for a page or writes the file does so on a thread of its own.
  const auto rendered = [this](auto render) {
    return [this, render]() -> std::optional<std::string> {
      const std::optional<Snapshot> all = whole_snapshot();
      if (!all) return std::nullopt;
      return render(*all, report_of(*all));
    };
  };
  if (!settings_.metrics.listen.empty()) {
    auto server = MetricsServer::start(
        settings_.metrics.listen,
        {.metrics = {.type = "text/plain; version=0.0.4; charset=utf-8",
                     .render = rendered(to_metrics_text),
                     .unavailable = fmt::format("{}\n", kUnavailable)},
         .status = {.type = "text/html; charset=utf-8",
                    .render = rendered(
                        [](const Snapshot& /*all*/, const StatusReport& report) { return web_page(report); }),
                    .unavailable = web_page_of_failure(kUnavailable)}},
        messages_);
    if (server) metrics_server_ = std::move(*server);
    if (!server) messages_.report(EventId::MetricsUnavailable, {{"error", &server.error()}});
  }
  if (!settings_.metrics.textfile.empty()) {
    auto textfile = Textfile::start(os_, settings_.metrics.textfile, settings_.metrics.interval,
                                    rendered([](const Snapshot& all, const StatusReport& report) {
                                      return to_textfile_text(all, report, std::chrono::system_clock::now());
                                    }),
                                    messages_);
    if (textfile) textfile_ = std::move(*textfile);
    if (!textfile) messages_.report(EventId::TextfileFailed, {{"error", &textfile.error()}});
  }
}

}  // namespace slurper
