#include "cli/syslogd.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <vector>

#include "base/error.h"
#include "cli/syslogd_files.h"
#include "cli/syslogd_text.h"

namespace slurper {

namespace {

// The settings of an rsyslog action that keep its lines.
struct Care {
  bool queue = false;    // it has its own queue, which is not "Direct"
  bool endless = false;  // retries without limit
  bool at_once = false;  // retries after a second instead of 30
};

Finding judge(const std::string& where, const Care& care, bool is_legacy) {
  std::vector<std::string> missing;
  if (!care.queue)
    missing.emplace_back(is_legacy ? "$ActionQueueType LinkedList" : "queue.type=\"LinkedList\"");
  if (!care.endless) {
    missing.emplace_back(is_legacy ? "$ActionResumeRetryCount -1" : "action.resumeRetryCount=\"-1\"");
  }
  if (!care.at_once)
    missing.emplace_back(is_legacy ? "$ActionResumeInterval 1" : "action.resumeInterval=\"1\"");
  if (missing.empty()) return ok({PhraseId::RsyslogKeepsLines, {{"place", where}}});
  const std::string added = fmt::format("{}", fmt::join(missing, is_legacy ? "; " : " "));
  Phrase phrase(PhraseId::RsyslogLosesLines, {{"place", where}, {"settings", added}});
  if (is_legacy) phrase.with({"advice", Phrase(PhraseId::WriteBeforeIt, {{"settings", added}})});
  return warning(std::move(phrase));
}

Care care_of(const std::map<std::string, std::string>& parameters) {
  const auto value = [&](const char* name) {
    const auto found = parameters.find(name);
    return found == parameters.end() ? std::string() : lower(found->second);
  };
  const std::string queue = value("queue.type");
  return {.queue = !queue.empty() && queue != "direct",
          .endless = value("action.resumeretrycount") == "-1",
          .at_once = value("action.resumeinterval") == "1"};
}

// Returns the path in "selector |/path;template", or nothing.
std::string legacy_pipe(std::string_view line) {
  for (std::size_t bar = line.find('|'); bar != std::string_view::npos; bar = line.find('|', bar + 1)) {
    if (bar == 0 || (line[bar - 1] != ' ' && line[bar - 1] != '\t')) continue;
    std::string path = first_value(line.substr(bar + 1));
    if (path.starts_with('/')) return path;
  }
  return "";
}

// Returns the template in "selector |/path;template", or nothing.
std::string legacy_template(std::string_view line) {
  const std::size_t semicolon = line.find(';', line.find('|'));
  return semicolon == std::string_view::npos ? "" : first_value(line.substr(semicolon + 1));
}

// Returns the rsyslog templates whose lines do not end in a newline: rsyslog's own ones for a network, and
// those in `text`.
std::set<std::string> templates_without_newline(std::string_view text) {
  std::set<std::string> found = {"rsyslog_forwardformat", "rsyslog_traditionalforwardformat"};
  for (const Call& call : calls(text, "template")) {
    auto known = parameters(call.body);
    const std::string type = lower(known["type"]);
    if (type != "string" && type != "list") continue;
    // The parts of a list follow in braces.
    const auto behind = static_cast<std::size_t>(call.body.data() - text.data()) + call.body.size();
    const std::string_view rest = text.substr(std::min(behind, text.size()));
    const std::string value =
        type == "string" ? known["string"] : std::string(rest.substr(0, rest.find('}')));
    if (value.find("\\n") == std::string::npos) found.insert(lower(known["name"]));
  }
  // $template NAME,"…"
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    constexpr std::string_view kDirective = "$template";
    if (!lower(line).starts_with(kDirective)) continue;
    const std::string_view rest = without_blanks_in_front(std::string_view(line).substr(kDirective.size()));
    if (rest.find("\\n") == std::string_view::npos && rest.find(',') != std::string_view::npos)
      found.insert(lower(rest.substr(0, rest.find(','))));
  }
  return found;
}

// Returns nothing if the template's lines end in a newline.
std::optional<Finding> judge_template(const std::string& where, const std::string& name,
                                      const std::set<std::string>& without_newline) {
  if (!without_newline.contains(lower(name))) return std::nullopt;
  return warning({PhraseId::RsyslogWritesNoNewline, {{"place", where}, {"template", QuotedText{name}}}});
}

}  // namespace

Findings check_rsyslog(std::string_view text, const std::string& name, const std::string& fifo_path) {
  Findings findings;
  const std::string plain = without_comments(text);
  const std::set<std::string> without_newline = templates_without_newline(plain);
  std::string usual_template;  // ompipe's default, for actions that name none
  for (const Call& call : calls(plain, "module")) {
    auto found = parameters(call.body);
    if (lower(found["load"]) == "builtin:ompipe") usual_template = found["template"];
  }
  for (const Call& call : calls(plain, "action")) {
    const auto found = parameters(call.body);
    const auto type = found.find("type");
    const auto pipe = found.find("pipe");
    const bool is_ours = type != found.end() && lower(type->second) == "ompipe" && pipe != found.end() &&
                         is_same(pipe->second, fifo_path);
    if (!is_ours) continue;
    findings.push_back(judge(place_in(name, call.line), care_of(found), false));
    const auto own = found.find("template");
    const std::string& used = own != found.end() ? own->second : usual_template;
    if (auto bad = judge_template(place_in(name, call.line), used, without_newline))
      findings.push_back(*std::move(bad));
  }

  // In the old form, directives precede the action that they apply to. Queue directives apply to one action.
  Care care;
  std::istringstream lines(plain);
  std::size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    std::istringstream words(lower(line));
    std::string directive;
    std::string value;
    words >> directive >> value;
    if (directive == "$actionqueuetype") care.queue = value != "direct";
    if (directive == "$actionresumeretrycount") care.endless = value == "-1";
    if (directive == "$actionresumeinterval") care.at_once = value == "1";
    if (directive.starts_with('$')) continue;
    const std::string path = legacy_pipe(line);
    if (is_same(path, fifo_path)) {
      findings.push_back(judge(place_in(name, number), care, true));
      const std::string own = legacy_template(line);
      if (auto bad =
              judge_template(place_in(name, number), own.empty() ? usual_template : own, without_newline))
        findings.push_back(*std::move(bad));
    }
    if (!directive.empty()) care.queue = false;
  }
  return findings;
}

Findings check_syslog_ng(std::string_view text, const std::string& name, const std::string& fifo_path) {
  Findings findings;
  const std::string plain = without_comments(text);
  const std::string lowered = lower(plain);
  for (const Call& call : calls(plain, "pipe")) {
    if (!is_same(first_value(call.body), fifo_path)) continue;
    const std::string where = place_in(name, call.line);
    const auto last = [&](const char* word) {
      const std::size_t at = lowered.rfind(word, call.position);
      return at == std::string::npos ? 0 : at + 1;
    };
    if (last("source") > last("destination")) {
      findings.push_back(warning({PhraseId::SyslogNgReadsTheFifo, {{"place", where}}}));
      continue;
    }
    std::vector<std::string> missing;
    if (calls(call.body, "time-reopen").empty()) missing.emplace_back("time-reopen(1)");
    for (const char* access : {"owner", "group", "perm"}) {
      if (calls(call.body, access).empty()) missing.push_back(fmt::format("{}()", access));
    }
    if (missing.empty()) {
      findings.push_back(ok({PhraseId::SyslogNgKeepsLines, {{"place", where}}}));
    } else {
      findings.push_back(
          warning({PhraseId::SyslogNgPauses,
                   {{"place", where}, {"settings", fmt::format("{}", fmt::join(missing, " "))}}}));
    }
  }
  return findings;
}

Findings check_syslog_conf(std::string_view text, const std::string& name, const std::string& fifo_path) {
  Findings findings;
  std::istringstream lines{without_comments(text)};
  std::size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (!is_same(legacy_pipe(line), fifo_path)) continue;
    findings.push_back(ok({PhraseId::OldSyslogdWrites, {{"place", place_in(name, number)}}}));
  }
  return findings;
}

bool names_the_fifo(const Findings& syslogds) {
  return std::ranges::none_of(syslogds, [](const Finding& finding) {
    return finding.phrase.id() == PhraseId::NoSyslogdNamesTheFifo;
  });
}

Findings check_syslogds(const std::string& root, const std::string& fifo_path) {
  Findings findings;
  const auto with = [&](Findings (*check)(std::string_view, const std::string&, const std::string&)) {
    return [&fifo_path, check](std::string_view text, const std::string& name) {
      return check(text, name, fifo_path);
    };
  };
  check_rsyslog_files(root, with(&check_rsyslog), findings);
  check_syslog_ng_files(root, with(&check_syslog_ng), findings);
  check_settings_file(root + "/etc/syslog.conf", with(&check_syslog_conf), findings);
  if (findings.empty())
    findings.push_back(ok({PhraseId::NoSyslogdNamesTheFifo, {{"fifo", QuotedText{fifo_path}}}}));
  return findings;
}

}  // namespace slurper
