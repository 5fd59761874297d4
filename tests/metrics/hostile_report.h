// A status whose names and texts try to become markup, commands of a terminal, or no UTF-8.
#pragma once

#include <string>
#include <string_view>

#include "support/some_report.h"

namespace slurper::test {

inline constexpr std::string_view kHostileText =
    "</title><script>hacked=1</script>\"'><img src=x onerror=hacked=1>&amp;\x1b[2J\n\xff\xe2\x80\xae";

// Each text that comes from outside of slurper, or may have such a text in it.
inline void replace_texts(StatusReport& report, std::string_view text) {
  report.slurper = text;
  for (StatusReport::Alarm& alarm : report.alerts) alarm.title = alarm.subject = alarm.cause = text;
  report.fifo.path = report.log.path = report.quarantine.recover = text;
  for (std::string& name : report.fifo.writers) name = text;
  for (std::string& name : report.fifo.readers) name = text;
  for (StatusReport::Sink& sink : report.sinks) sink.name = sink.state = sink.shown = sink.last_error = text;
}

inline StatusReport hostile_report() {
  StatusReport report = some_report();
  report.quarantine.bytes = 4711;
  replace_texts(report, kHostileText);
  return report;
}

}  // namespace slurper::test
