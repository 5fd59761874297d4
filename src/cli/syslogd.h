// Checks the syslogds' own settings: do they lose lines on the way to the FIFO? ways_back.cc has
// check_ways_back().
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/settings.h"
#include "cli/finding.h"

namespace slurper {

// Searches /etc/rsyslog.conf, /etc/rsyslog.d/*.conf, /etc/syslog-ng/syslog-ng.conf,
// /etc/syslog-ng/conf.d/*.conf and /etc/syslog.conf below `root` (empty: the machine itself) for whatever
// writes into the FIFO at `fifo_path`. Warns of each action whose settings are known to lose lines. Only
// reads; a file that can't be read is a warning. Files that these include from elsewhere are not checked.
[[nodiscard]] Findings check_syslogds(const std::string& root, const std::string& fifo_path);

// Returns whether a syslogd's settings name the FIFO, according to the findings of check_syslogds().
[[nodiscard]] bool names_the_fifo(const Findings& syslogds);
// Finds the ways by which the output of these sinks returns to a syslogd, and so into the FIFO, for ever: an
// input that reads the file of a sink, and programs and sockets that hand lines to this machine's syslogd.
// Each is a warning. Searches the same files.
[[nodiscard]] Findings check_ways_back(const std::string& root, std::span<const SinkSettings> sinks);

// The same checks for the text of one file; `name` stands for it in findings.
[[nodiscard]] Findings check_rsyslog(std::string_view text, const std::string& name,
                                     const std::string& fifo_path);
[[nodiscard]] Findings check_syslog_ng(std::string_view text, const std::string& name,
                                       const std::string& fifo_path);
[[nodiscard]] Findings check_syslog_conf(std::string_view text, const std::string& name,
                                         const std::string& fifo_path);

}  // namespace slurper
