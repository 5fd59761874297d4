#include "daemon/sinks.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "base/text.h"

namespace slurper {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

void say(Level level, const std::string& text) {
  switch (level) {
    case Level::Debug:
      return spdlog::debug("{}", text);
    case Level::Info:
      return spdlog::info("{}", text);
    case Level::Warning:
      return spdlog::warn("{}", text);
    case Level::Error:
      return spdlog::error("{}", text);
  }
}

void report(Troubles& troubles, const std::string& which, const SinkRunner::State& state) {
  const auto show = [&](Trouble kind, bool holds, const std::string& cause) {
    holds ? troubles.set(kind, cause, which) : troubles.clear(kind, which);
  };
  show(Trouble::SinkStopped, state.stopped, state.failure);
  show(Trouble::SinkFails, state.failing && !state.stopped, state.failure);
  show(Trouble::SinkLags, state.lagging, {});
}

}  // namespace

Sinks::Sinks(const SinkLog& log, std::vector<PreparedSink> sinks, Troubles& troubles) {
  for (PreparedSink& sink : sinks) {
    for (const std::string& warning : sink.warnings) say(Level::Warning, warning);
    const auto changed = [&troubles, which = fmt::format("'{}'", sink.name)](const SinkRunner::State& state) {
      report(troubles, which, state);
    };
    runners_.push_back(std::make_unique<SinkRunner>(log, std::move(sink), &say, changed));
  }
}

Status Sinks::start() {
  for (const auto& runner : runners_) {
    if (Status started = runner->start(); !started) return started;
  }
  return {};
}

bool Sinks::stop(std::chrono::milliseconds patience, std::chrono::milliseconds grace) {
  const auto deadline = Clock::now() + patience;
  for (const auto& runner : runners_) runner->finish();
  const auto all_ended = [&] { return std::ranges::all_of(runners_, &SinkRunner::ended); };
  while (!all_ended() && Clock::now() < deadline) std::this_thread::sleep_for(1ms);
  for (const auto& runner : runners_) runner->request_stop();
  const auto last = Clock::now() + grace;
  bool ended = true;
  for (const auto& runner : runners_) {
    if (runner->stop(last)) continue;
    ended = false;
    spdlog::error("the sink '{}' does not end: it is left behind, and what it had on its way may come again",
                  runner->name());
  }
  return ended;
}

std::string Sinks::status(StreamOffset end) const {
  std::string text;
  for (const auto& runner : runners_) {
    const SinkRunner::State state = runner->state();
    text += fmt::format(", sink '{}': {} lines", runner->name(), state.records);
    if (state.has_begun)
      text +=
          fmt::format(", {} behind", format_rounded(ByteSize{end.value - std::min(end.value, state.held)}));
    if (state.rejected > 0) text += fmt::format(", {} lines refused", state.rejected);
    if (state.missed > 0) text += fmt::format(", {} missed", format_rounded(ByteSize{state.missed}));
    if (state.failing) text += state.stopped ? ", STOPPED" : ", FAILING";
  }
  return text;
}

void Sinks::resume() {
  for (const auto& runner : runners_) runner->resume();
}

}  // namespace slurper
