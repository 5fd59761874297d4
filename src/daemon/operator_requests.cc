#include "daemon/operator_requests.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "base/accounts.h"
#include "base/error.h"
#include "base/phrase_id.h"
#include "service/phrase_table.h"
#include "service/stderr_log.h"
#include "sink/sink_order.h"

namespace slurper {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

// How long it waits for the intake's thread, which is never far away.
constexpr auto kIntakePatience = 2s;

constexpr std::string_view kIntakeHangs = "the thread that reads the FIFO does not answer";

// Reports what was done, and returns the answer.
std::string done(EventListener& events, const Asker& asker, const std::string& what) {
  const std::string user = user_name(asker.uid);
  events.report(EventId::ControlDone, {{"user", std::string_view(user)},
                                       {"uid", std::uint64_t{asker.uid}},
                                       {"pid", static_cast<std::uint64_t>(asker.pid)},
                                       {"what", std::string_view(what)}});
  return to_outcome(what);
}

std::string refused(Error error, const Phrase& what) {
  error.what = what;
  return to_refusal(to_text(error));
}

std::string one_after_another(const std::vector<Phrase>& phrases) {
  std::string text;
  for (const Phrase& phrase : phrases) text += (text.empty() ? "" : "; ") + to_text(phrase);
  return text;
}

Phrase what_is_asked(const SinkOrder& order, const std::string& sink) {
  using enum SinkOrder::Verb;
  const PhraseId id = order.verb() == Pause    ? PhraseId::PauseSink
                      : order.verb() == Resume ? PhraseId::ResumeSink
                                               : PhraseId::RewindSink;
  return {id, {{"sink", QuotedText{sink}}}};
}

// What the sink has done.
std::string text_of(const SinkOrder& order, const std::string& sink, const SinkOrder::Done& done) {
  const auto at_place = [&](PhraseId id) {
    return Phrase{
        id, {{"sink", QuotedText{sink}}, {"offset", done.offset.value}, {"behind", ByteSize{done.behind}}}};
  };
  std::vector<Phrase> phrases;
  switch (order.verb()) {
    case SinkOrder::Verb::Pause:
      phrases.push_back(at_place(done.changed ? PhraseId::SinkPaused : PhraseId::SinkPausedBefore));
      break;
    case SinkOrder::Verb::Resume:
      phrases.push_back(at_place(!done.changed      ? PhraseId::SinkNotPaused
                                 : done.was_stopped ? PhraseId::SinkTriesAgain
                                                    : PhraseId::SinkResumed));
      break;
    case SinkOrder::Verb::Rewind:
      phrases.push_back(at_place(PhraseId::SinkRewound));
  }
  if (done.skipped > 0) phrases.push_back({PhraseId::SinkSkips, {{"size", ByteSize{done.skipped}}}});
  if (done.given_back > 0) phrases.push_back({PhraseId::GivenBack, {{"lines", done.given_back}}});
  return one_after_another(phrases);
}

}  // namespace

std::variant<std::string, ControlServer::Later> OperatorRequests::answer(const ControlRequest& request,
                                                                         const Asker& asker) const {
  switch (request.verb) {
    case ControlVerb::GetStatus:
      return parts_.status();
    case ControlVerb::Rotate:
      return rotate(asker);
    case ControlVerb::Reload:
      return reload(asker);
    case ControlVerb::Pause:
    case ControlVerb::Resume:
    case ControlVerb::Rewind:
      return give(request, asker);
    case ControlVerb::SetLevel:
      return set_level(request.level, asker);
  }
  return to_refusal("this verb is unknown");  // no other value exists
}

std::variant<std::string, ControlServer::Later> OperatorRequests::rotate(const Asker& asker) const {
  const auto request = std::make_shared<RotationRequest>();
  if (!parts_.desk.run([&] { parts_.log.rotate(request); }, kIntakePatience)) return to_refusal(kIntakeHangs);
  const std::string path = parts_.log.status().path;
  return [this, request, asker, path,
          deadline = Clock::now() + parts_.patience]() -> std::optional<std::string> {
    using enum RotationRequest::State;
    const RotationRequest::Outcome outcome = request->outcome();
    const bool is_late = Clock::now() >= deadline;
    const Phrase what = about_file(PhraseId::RotateTheLog, path);
    switch (outcome.state) {
      case Done:
        return done(parts_.events, asker,
                    to_text(Phrase(PhraseId::RotatedInto, {{"file", QuotedText{outcome.rotated}},
                                                           {"offset", outcome.begin.value}})));
      case NothingToDo:
        return to_outcome(to_text(about_file(PhraseId::NothingToRotate, path)));
      case Failed:
        return to_refusal(to_text(outcome.error.value_or(Error{})));
      case AmidALine:
        if (!is_late) return std::nullopt;
        return done(parts_.events, asker, to_text(Phrase(PhraseId::RotatesLater)));
      case Waiting:
        if (!is_late) return std::nullopt;
        return refused(
            fail(ErrorKind::Busy, {}, {PhraseId::LogThreadNoAnswer, {{"seconds", parts_.patience}}}).error(),
            what);
    }
    return std::nullopt;
  };
}

std::string OperatorRequests::reload(const Asker& asker) const {
  ReloadOutcome outcome;
  if (!parts_.desk.run([&] { outcome = parts_.reload(); }, kIntakePatience)) return to_refusal(kIntakeHangs);
  return outcome.is_done ? done(parts_.events, asker, outcome.text) : to_refusal(outcome.text);
}

std::variant<std::string, ControlServer::Later> OperatorRequests::give(const ControlRequest& request,
                                                                       const Asker& asker) const {
  const auto verb = request.verb == ControlVerb::Pause    ? SinkOrder::Verb::Pause
                    : request.verb == ControlVerb::Resume ? SinkOrder::Verb::Resume
                                                          : SinkOrder::Verb::Rewind;
  const auto order = std::make_shared<SinkOrder>(verb, request.to);
  const Phrase what = what_is_asked(*order, request.sink);
  Status given;
  if (!parts_.desk.run([&] { given = parts_.sinks.give(request.sink, order); }, kIntakePatience))
    return to_refusal(kIntakeHangs);
  if (!given) return refused(std::move(given.error()), what);
  return [this, order, asker, what, sink = request.sink,
          deadline = Clock::now() + parts_.patience]() -> std::optional<std::string> {
    const auto outcome = order->outcome();
    if (!outcome) {
      if (Clock::now() < deadline) return std::nullopt;
      const PhraseId why = order->withdraw() ? PhraseId::SinkNoAnswer : PhraseId::SinkActsLater;
      return refused(fail(ErrorKind::Busy, {}, {why, {{"seconds", parts_.patience}}}).error(), what);
    }
    if (!*outcome) return refused(outcome->error(), what);
    const std::string text = text_of(*order, sink, **outcome);
    return (*outcome)->changed ? done(parts_.events, asker, text) : to_outcome(text);
  };
}

// The message is shown whichever of the two levels shows more.
std::string OperatorRequests::set_level(Level level, const Asker& asker) const {
  const Level before = set_stderr_log_level(Level::Info);
  const std::string answer =
      done(parts_.events, asker,
           to_text(Phrase(PhraseId::LevelSet, {{"level", name_of(level)}, {"before", name_of(before)}})));
  (void)set_stderr_log_level(level);
  return answer;
}

}  // namespace slurper
