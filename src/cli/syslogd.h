// The syslogds' own settings: do they lose lines on the way to the FIFO?
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/settings.h"
#include "cli/finding.h"

namespace slurper {

// Looks below `root` (empty: the machine itself) in /etc/rsyslog.conf, /etc/rsyslog.d/*.conf,
// /etc/syslog-ng/syslog-ng.conf, /etc/syslog-ng/conf.d/*.conf and /etc/syslog.conf for what writes into the
// FIFO at `fifo_path`, and warns of each action whose settings are known to lose lines. Reads only; a file
// that can't be read is a warning. What they include from elsewhere is not seen.
[[nodiscard]] Findings check_syslogds(const std::string& root, const std::string& fifo_path);

// Whether a syslogd's settings name the FIFO, by what check_syslogds() has found.
[[nodiscard]] bool names_the_fifo(const Findings& syslogds);
// The ways by which what these sinks write gets back to a syslogd, and so into the FIFO, for ever: an input
// that reads the file of a sink, and programs and sockets that hand lines to this machine's syslogd. Each is
// a warning. Looks in the same files.
[[nodiscard]] Findings check_ways_back(const std::string& root, std::span<const SinkSettings> sinks);

// The same for the text of one file; `name` stands for it in findings.
[[nodiscard]] Findings check_rsyslog(std::string_view text, const std::string& name,
                                     const std::string& fifo_path);
[[nodiscard]] Findings check_syslog_ng(std::string_view text, const std::string& name,
                                       const std::string& fifo_path);
[[nodiscard]] Findings check_syslog_conf(std::string_view text, const std::string& name,
                                         const std::string& fifo_path);

}  // namespace slurper
