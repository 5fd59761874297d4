#include "cli/syslogd_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/text.h"

namespace slurper {

namespace {

void check_directory(const std::filesystem::path& path, const CheckSettings& check, Findings& findings) {
  std::error_code error;
  std::vector<std::filesystem::path> files;
  for (std::filesystem::directory_iterator entry(path, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().extension() == ".conf") files.push_back(entry->path());
  }
  std::sort(files.begin(), files.end());
  for (const auto& file : files) check_settings_file(file, check, findings);
}

}  // namespace

void check_settings_file(const std::filesystem::path& path, const CheckSettings& check, Findings& findings) {
  std::error_code unseen;                                                  // then opening it reports why
  if (!std::filesystem::is_regular_file(path, unseen) && !unseen) return;  // a FIFO would block
  errno = 0;
  std::ifstream file(path);
  if (!file) {
    if (errno == ENOENT || errno == ENOTDIR) return;
    Finding unread = warning(
        {PhraseId::SyslogdSettingsUnread, {{"file", QuotedText{path.string()}}, {"errno", Errno{errno}}}});
    unread.check_only = true;  // slurper need not be able to read root's settings
    findings.push_back(std::move(unread));
    return;
  }
  std::ostringstream text;
  text << file.rdbuf();
  for (Finding& finding : check(text.str(), path.string())) findings.push_back(std::move(finding));
}

void check_rsyslog_files(const std::string& root, const CheckSettings& check, Findings& findings) {
  check_settings_file(root + "/etc/rsyslog.conf", check, findings);
  check_directory(root + "/etc/rsyslog.d", check, findings);
}

void check_syslog_ng_files(const std::string& root, const CheckSettings& check, Findings& findings) {
  check_settings_file(root + "/etc/syslog-ng/syslog-ng.conf", check, findings);
  check_directory(root + "/etc/syslog-ng/conf.d", check, findings);
}

std::string place_in(const std::string& name, std::size_t line) {
  return fmt::format("{}:{}", printable(name), line);
}

}  // namespace slurper
