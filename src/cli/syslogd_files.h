// The files that hold the syslogds' settings, and how a finding names a place in them.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "cli/finding.h"

namespace slurper {

// Checks the text of one file, which `name` stands for.
using CheckSettings = std::function<Findings(std::string_view text, const std::string& name)>;

// Checks one file, if it is there. One that can't be read is a warning.
void check_settings_file(const std::filesystem::path& path, const CheckSettings& check, Findings& findings);

// Checks the files of rsyslog, or of syslog-ng, below `root`: the main one, and those of its folder in order.
void check_rsyslog_files(const std::string& root, const CheckSettings& check, Findings& findings);
void check_syslog_ng_files(const std::string& root, const CheckSettings& check, Findings& findings);

// "/etc/rsyslog.conf:12".
[[nodiscard]] std::string place_in(const std::string& name, std::size_t line);

}  // namespace slurper
