#include "cli/trace_explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string_view>
#include <variant>

#include "base/json_string.h"
#include "base/wrap.h"
#include "trace/explain/words.h"
#include "trace/view/shown_event.h"

namespace slurper {

namespace {

constexpr std::string_view kIndent = "  ";

void append_finding(std::string& out, const TraceFinding& finding, std::size_t columns) {
  out += wrap("",
              fmt::format("{}: {}, at {}", finding.is_harm ? "Harm" : "Note", heading_of(finding),
                          text_of(Value(Moment{finding.time}))),
              columns);
  out += wrap(kIndent, story_text(finding), columns);
  out += wrap("  What to do: ", text_of(finding.advice), columns);
  out += '\n';
}

std::string total(const Explanation& explanation, bool with_notes) {
  const auto count = [](std::uint64_t number, std::string_view noun) {
    return text_of(Value(Counted{number, noun}));
  };
  std::string text = fmt::format("{}: ", count(explanation.events, "event"));
  text += explanation.harm == 0 ? "nothing that has done harm was found"
                                : count(explanation.harm, "finding") + " of harm";
  if (explanation.notes > 0)
    text += fmt::format(", {}{}", count(explanation.notes, "note"),
                        with_notes ? "" : " (shown with --explain=all)");
  text += '.';
  if (explanation.left_out > 0)
    text += fmt::format(" {} of kinds that are shown {} times were left out.",
                        count(explanation.left_out, "finding"), kMostOfAPattern);
  if (explanation.lost > 0)
    text += fmt::format(
        " The recorder lost {}: there may be more to find, and names may be wrong. Record fewer processes.",
        count(explanation.lost, "record"));
  return text;
}

void append_pair(std::string& out, std::string_view name) {
  if (out.back() != '{') out += ',';
  append_json_string(name, out);
  out += ':';
}

void append_actor(std::string& out, const Actor& actor) {
  out += '{';
  append_pair(out, "proc.name");
  append_json_string(actor.name, out);
  append_pair(out, "proc.pid");
  append_number(out, actor.pid);
  if (actor.tid != 0) {
    append_pair(out, "thread.tid");
    append_number(out, actor.tid);
  }
  out += '}';
}

// Numbers without units: bytes, nanoseconds, counts, and the numbers of events.
struct ToJson {
  std::string& out;
  void operator()(std::uint64_t number) const { append_number(out, number); }
  void operator()(Bytes bytes) const { append_number(out, bytes.count); }
  void operator()(Span span) const { append_number(out, span.nanoseconds); }
  void operator()(Moment moment) const { append_number(out, moment.time); }
  void operator()(Counted counted) const { append_number(out, counted.count); }
  void operator()(EventNumber event) const { append_number(out, event.number); }
  void operator()(const Actor& actor) const { append_actor(out, actor); }
  void operator()(const std::string& text) const { append_json_string(text, out); }
};

void append_object(std::string& out, const TraceFinding& finding) {
  out += '{';
  append_pair(out, "pattern");
  append_json_string(name_of(finding.pattern), out);
  append_pair(out, "severity");
  append_json_string(finding.is_harm ? "harm" : "note", out);
  append_pair(out, "time");
  append_number(out, finding.time);
  append_pair(out, "process");
  append_actor(out, finding.who);
  if (finding.fd >= 0) {
    append_pair(out, "fd.num");
    append_number(out, finding.fd);
  }
  append_pair(out, "fd");
  append_json_string(finding.file, out);
  append_pair(out, "events");
  out += '[';
  for (const std::uint64_t number : events_of(finding)) {
    if (out.back() != '[') out += ',';
    append_number(out, number);
  }
  out += ']';
  append_pair(out, "story");
  out += '[';
  for (const Statement& statement : finding.story) {
    if (out.back() != '[') out += ',';
    out += '{';
    append_pair(out, "text");
    append_json_string(text_of(statement), out);
    for (const Argument& one : statement.arguments) {
      append_pair(out, one.name);
      std::visit(ToJson{out}, one.value);
    }
    out += '}';
  }
  out += ']';
  append_pair(out, "advice");
  append_json_string(text_of(finding.advice), out);
  out += "}\n";
}

// It looks at all events: what the filter lets through is no matter of its own.
class ExplanationReport : public TraceReport {
 public:
  ExplanationReport(const ExplainRequest& request, std::size_t columns, const Model& model)
      : request_(request),
        columns_(columns),
        explainer_(model, request.with_notes ? Explainer::Notes::Kept : Explainer::Notes::Counted) {}

  void observe(const TraceEvent& event) override { explainer_.take(event); }
  void take(const TraceEvent& /*event*/) override {}
  void take_own(const TraceEvent& /*event*/) override {}
  void take_unfinished(const TraceEvent& /*enter*/) override {}
  void take_unseen(const TraceEvent& /*event*/, std::string_view /*note*/) override {}
  void append(std::string& out) override {
    Explanation explanation = explainer_.end();
    std::ranges::stable_partition(explanation.findings, &TraceFinding::is_harm);
    for (const TraceFinding& finding : explanation.findings) {
      if (request_.as_json) {
        append_object(out, finding);
      } else {
        append_finding(out, finding, columns_);
      }
    }
    if (!request_.as_json) out += wrap("", total(explanation, request_.with_notes), columns_);
  }

 private:
  ExplainRequest request_;
  std::size_t columns_;
  Explainer explainer_;
};

}  // namespace

std::string heading_of(const TraceFinding& finding) {
  std::string text = fmt::format("{}, {}", title_of(finding.pattern), text_of(Value(finding.who)));
  if (finding.fd >= 0) text += fmt::format(", descriptor {}", finding.fd);
  if (!finding.file.empty()) text += fmt::format(", {}", finding.file);
  return text;
}

MakeReport make_explanation(const ExplainRequest& request) {
  return [request](const Model& model, const ViewOptions& options) {
    return std::make_unique<ExplanationReport>(request, options.columns, model);
  };
}

}  // namespace slurper
