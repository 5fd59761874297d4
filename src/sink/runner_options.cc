#include "sink/runner_options.h"

#include <array>

#include "base/phrase_id.h"

namespace slurper {

namespace {

using namespace std::chrono_literals;

}  // namespace

std::span<const Setting> RunnerOptions::settings() {
  using Type = Setting::Type;
  static constexpr std::array<std::string_view, 2> kStarts = {"end", "beginning"};
  static constexpr std::array<std::string_view, 3> kOnReset = {"resend", "continue", "stop"};
  static constexpr std::uint64_t kMiB = 1 << 20;
  static constexpr std::array kSettings = {
      Setting{.name = "filter", .help = "which lines the sink gets"},
      Setting{.name = "start",
              .type = Type::Choice,
              .help = "where a sink without a cursor begins",
              .initial = "end",
              .choices = kStarts},
      Setting{.name = "max_line",
              .type = Type::Size,
              .help = "a longer line comes in parts",
              .initial = "64KiB",
              .min = 480,
              .max = 16 * kMiB},
      Setting{.name = "crlf",
              .type = Type::Flag,
              .help = "a CR before the newline belongs to the line's end",
              .initial = "false"},
      Setting{.name = "batch_lines",
              .type = Type::Number,
              .help = "lines of a batch",
              .initial = "1000",
              .min = 1,
              .max = 1'000'000},
      Setting{.name = "batch_bytes",
              .type = Type::Size,
              .help = "bytes of the log that are read for a batch",
              .initial = "1MiB",
              .min = 1,
              .max = 64 * kMiB},
      Setting{.name = "batch_time",
              .type = Type::Duration,
              .help = "how long a batch's first line waits",
              .initial = "50ms",
              .max = in_milliseconds(1h)},
      Setting{.name = "window_bytes",
              .type = Type::Size,
              .help = "memory for lines in flight; a batch is always allowed",
              .initial = "16MiB",
              .min = 1,
              .max = 1024 * kMiB},
      Setting{.name = "max_rate",
              .type = Type::Size,
              .help = "bytes of the log that are delivered a second; 0: no limit",
              .initial = "0",
              .max = 1024 * 1024 * kMiB},
      Setting{.name = "reject_limit",
              .type = Type::Number,
              .help = "lines refused in a row after which the sink waits; 0: no limit",
              .initial = "1000",
              .max = 1'000'000'000},
      Setting{.name = "on_reset",
              .type = Type::Choice,
              .help = "if the destination has lost lines that it had",
              .initial = "resend",
              .choices = kOnReset},
      Setting{.name = "retry_max",
              .type = Type::Duration,
              .help = "the longest wait before a failed sink is tried again",
              .initial = "30s",
              .min = in_milliseconds(kFirstRetry),
              .max = in_milliseconds(1h)},
  };
  return kSettings;
}

RunnerOptions RunnerOptions::from(SinkOptions& options) {
  RunnerOptions taken;
  taken.start = static_cast<StartAt>(options.choice("start"));
  taken.retry_max = options.duration("retry_max");
  taken.window_bytes = options.number("window_bytes");
  taken.max_rate = options.number("max_rate");
  taken.reject_limit = options.number("reject_limit");
  taken.on_reset = static_cast<OnReset>(options.choice("on_reset"));
  RecordSource::Options& source = taken.source;
  source.framing.max_line = options.number("max_line");
  source.framing.crlf = options.flag("crlf");
  source.batch_lines = options.number("batch_lines");
  source.batch_bytes = options.number("batch_bytes");
  source.batch_time = options.duration("batch_time");
  if (const std::string text = options.text("filter"); options.has("filter")) {
    const auto filter = RecordFilter::compile(text, record_fields());
    if (filter) {
      source.filter = *filter;
      if (const auto& warning = filter->warning()) {
        options.warn("filter", {PhraseId::FilterIsDoubtful,
                                {{"finding", warning->finding()}, {"advice", warning->advice}}});
      }
    } else {
      options.reject("filter", filter.error().finding(), filter.error().advice);
    }
  }
  return taken;
}

}  // namespace slurper
