#include "sink/sinks.h"

#include <algorithm>
#include <thread>
#include <utility>

namespace slurper {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

}  // namespace

Sinks::Sinks(const SinkLog& log, std::vector<PreparedSink> sinks, EventListener& events,
             PhraseRenderer render)
    : events_(events) {
  for (PreparedSink& sink : sinks) {
    for (const Phrase& warning : sink.warnings)
      events.report(EventId::SinkSettingWarning, {{"text", &warning}});
    runners_.push_back(std::make_unique<SinkRunner>(log, std::move(sink), events, render));
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
    events_.report(EventId::SinkLeftBehind, {{"sink", Quoted{runner->name()}}});
  }
  return ended;
}

std::vector<SinkStatus> Sinks::status() const {
  std::vector<SinkStatus> all;
  for (const auto& runner : runners_) all.push_back(runner->status());
  return all;
}

void Sinks::resume() {
  for (const auto& runner : runners_) runner->resume();
}

}  // namespace slurper
