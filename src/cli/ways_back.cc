#include <fnmatch.h>

#include <algorithm>
#include <iterator>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "cli/syslogd.h"
#include "cli/syslogd_files.h"
#include "cli/syslogd_text.h"

namespace slurper {

namespace {

std::vector<std::string> values_of(const SinkSettings& sink, std::string_view option) {
  const auto found = std::ranges::find(sink.options, option, &SinkOption::name);
  return found == sink.options.end() ? std::vector<std::string>() : found->values;
}

// rsyslog's imfile and syslog-ng's file() name files by patterns.
Findings check_reader(const std::string& where, const std::string& pattern,
                      std::span<const SinkSettings> sinks) {
  Findings findings;
  for (const SinkSettings& sink : sinks) {
    if (sink.type != "file") continue;
    for (const std::string& path : values_of(sink, "path")) {
      if (::fnmatch(normal(pattern).c_str(), normal(path).c_str(), FNM_PATHNAME) != 0) continue;
      findings.push_back(
          warning({PhraseId::InputReadsASink,
                   {{"place", where}, {"file", QuotedText{path}}, {"sink", QuotedText{sink.name}}}}));
    }
  }
  return findings;
}

Findings check_rsyslog_inputs(std::string_view text, const std::string& name,
                              std::span<const SinkSettings> sinks) {
  Findings findings;
  const std::string plain = without_comments(text);
  for (const Call& call : calls(plain, "input")) {
    const auto found = parameters(call.body);
    const auto type = found.find("type");
    const auto file = found.find("file");
    if (type != found.end() && lower(type->second) == "imfile" && file != found.end())
      add(findings, check_reader(place_in(name, call.line), file->second, sinks));
  }
  std::istringstream lines(plain);
  std::size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    std::istringstream words(line);
    std::string directive;
    std::string file;
    words >> directive >> file;
    if (lower(directive) == "$inputfilename")
      add(findings, check_reader(place_in(name, number), file, sinks));
  }
  return findings;
}

Findings check_syslog_ng_inputs(std::string_view text, const std::string& name,
                                std::span<const SinkSettings> sinks) {
  Findings findings;
  const std::string plain = without_comments(text);
  const std::string lowered = lower(plain);
  for (const Call& call : calls(plain, "file")) {
    const std::size_t source = lowered.rfind("source", call.position);
    const std::size_t destination = lowered.rfind("destination", call.position);
    if (source == std::string::npos || (destination != std::string::npos && destination > source)) continue;
    add(findings, check_reader(place_in(name, call.line), first_value(call.body), sinks));
  }
  return findings;
}

// Whether `text` names a program or a socket that hands lines to this machine's syslogd.
bool leads_to_syslogd(const std::string& text) {
  for (const std::string_view word : {"logger", "systemd-cat"}) {
    for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
      const std::size_t end = at + word.size();
      if ((at == 0 || !is_word(text[at - 1])) && (end == text.size() || !is_word(text[end]))) return true;
    }
  }
  return text.contains("/dev/log") || text.contains("/run/systemd/journal/");
}

}  // namespace

Findings check_ways_back(const std::string& root, std::span<const SinkSettings> sinks) {
  Findings findings;
  check_rsyslog_files(
      root,
      [&](std::string_view text, const std::string& name) { return check_rsyslog_inputs(text, name, sinks); },
      findings);
  check_syslog_ng_files(
      root,
      [&](std::string_view text, const std::string& name) {
        return check_syslog_ng_inputs(text, name, sinks);
      },
      findings);
  // A file that can't be read was already reported with the outputs.
  std::erase_if(findings, [](const Finding& finding) {
    return finding.phrase.id() == PhraseId::SyslogdSettingsUnread;
  });
  for (const SinkSettings& sink : sinks) {
    std::vector<std::string> told = values_of(sink, "path");
    if (sink.type == "exec") std::ranges::copy(values_of(sink, "args"), std::back_inserter(told));
    if ((sink.type != "exec" && sink.type != "syslog") || std::ranges::none_of(told, leads_to_syslogd))
      continue;
    findings.push_back(warning({PhraseId::SinkFeedsASyslogd, {{"sink", QuotedText{sink.name}}}}));
  }
  return findings;
}

}  // namespace slurper
