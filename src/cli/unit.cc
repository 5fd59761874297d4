#include "cli/unit.h"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <set>

#include "base/accounts.h"
#include "base/error.h"
#include "base/listen_address.h"
#include "base/text.h"
#include "cli/unit_file.h"
#include "config/config.h"
#include "sink/file/path_template.h"

namespace slurper {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kNetworkFamilies = "AF_UNIX AF_INET AF_INET6";

std::string with_instance(std::string text, const std::string& instance) {
  for (const std::string_view specifier : {"%i", "%I"}) {
    for (std::size_t at; (at = text.find(specifier)) != std::string::npos;) text.replace(at, 2, instance);
  }
  return text;
}

std::string canonical(const std::string& path) {
  std::error_code error;
  const fs::path canonical = fs::weakly_canonical(path, error);
  return error ? path : canonical.string();
}

// Returns the configuration that slurper's ExecStart= names; empty if the command is not slurper's.
std::string configuration_of(const std::string& exec_start) {
  const std::vector<std::string> arguments = words(exec_start);
  const auto run = std::ranges::find(arguments, "run");
  if (run == arguments.begin() || run == arguments.end() || fs::path(*(run - 1)).filename() != "slurper")
    return {};
  for (auto argument = run + 1; argument != arguments.end(); ++argument) {
    if ((*argument == "-c" || *argument == "--config") && argument + 1 != arguments.end())
      return *(argument + 1);
    if (argument->starts_with("--config=")) return argument->substr(argument->find('=') + 1);
  }
  return kDefaultConfigFile;
}

// Returns the instance for which `pattern`, which contains %i, becomes `path`; empty if there is none.
std::string instance_of(const std::string& pattern, const std::string& path) {
  const std::size_t at = pattern.find("%i");
  if (at == std::string::npos || path.size() + 2 <= pattern.size()) return {};
  const std::string instance = path.substr(at, path.size() + 2 - pattern.size());
  const bool fits = with_instance(pattern, instance) == path && instance.find('/') == std::string::npos;
  return fits ? instance : std::string();
}

Unit unit_from(std::string name, const Section& section, const std::string& instance) {
  const auto expand = [&](const std::string& text) { return with_instance(text, instance); };
  Unit unit;
  unit.name = std::move(name);
  unit.user = expand(last(section, "User"));
  unit.group = expand(last(section, "Group"));
  unit.more_groups = all_words(section, "SupplementaryGroups");
  unit.dynamic_user = is_yes(last(section, "DynamicUser"));
  const std::array<std::pair<const char*, const char*>, 4> folders = {{{"RuntimeDirectory", "/run/"},
                                                                       {"StateDirectory", "/var/lib/"},
                                                                       {"CacheDirectory", "/var/cache/"},
                                                                       {"LogsDirectory", "/var/log/"}}};
  for (const auto& [key, parent] : folders) {
    for (const std::string& folder : all_words(section, key))
      unit.writable.push_back(parent + expand(folder.substr(0, folder.find(':'))));
  }
  if (!all_words(section, "RuntimeDirectory").empty()) unit.runtime_directory = unit.writable.front();
  for (std::string path : all_words(section, "ReadWritePaths")) {
    while (path.starts_with('-') || path.starts_with('+')) path.erase(0, 1);
    unit.writable.push_back(expand(path));
  }
  unit.protect_system = last(section, "ProtectSystem");
  if (unit.dynamic_user && unit.protect_system.empty()) unit.protect_system = "strict";
  if (is_yes(unit.protect_system)) unit.protect_system = "yes";
  const std::string home = last(section, "ProtectHome");
  unit.protect_home = !home.empty() && home != "no" && home != "false";
  unit.private_tmp = is_yes(last(section, "PrivateTmp")) || unit.dynamic_user;
  const std::vector<std::string> families = all_words(section, "RestrictAddressFamilies");
  const bool may_use_ip = families.empty() || std::ranges::find(families, "AF_INET") != families.end();
  const std::vector<std::string> denied = all_words(section, "IPAddressDeny");
  unit.has_network =
      may_use_ip && !is_yes(last(section, "PrivateNetwork")) &&
      (std::ranges::find(denied, "any") == denied.end() || !all_words(section, "IPAddressAllow").empty());
  return unit;
}

bool is_below(const std::string& path, const std::string& folder) {
  return path == folder || (path.starts_with(folder) && (folder == "/" || path[folder.size()] == '/'));
}

bool is_below_any(const std::string& path, std::initializer_list<const char*> folders) {
  return std::ranges::any_of(folders, [&](const char* folder) { return is_below(path, folder); });
}

std::string value_of(const SinkSettings& sink, std::string_view name) {
  const auto found = std::ranges::find(sink.options, name, &SinkOption::name);
  return found == sink.options.end() || found->values.empty() ? "" : found->values.front();
}

std::string folder_of(const std::string& path) {
  return fs::path(path).parent_path().string();
}

bool needs_network(const SinkSettings& sink) {
  return sink.type == "syslog" && value_of(sink, "transport") != "unix" && !value_of(sink, "target").empty();
}

struct Need {
  Phrase what;  // "the log 'x'"
  std::string folder;
  bool is_vital;
};

// Returns the folders to which slurper writes.
std::vector<Need> folders_needed(const Settings& settings) {
  std::vector<Need> needs = {
      {about_file(PhraseId::TheLog, settings.log.path), folder_of(settings.log.path), true}};
  if (!settings.ring.directory.empty())
    needs.push_back(
        {about_file(PhraseId::TheRingIn, settings.ring.directory), settings.ring.directory, true});
  for (const SinkSettings& sink : settings.sinks) {
    const std::string path = value_of(sink, "path");
    if (sink.type == "file" && path.starts_with('/'))
      needs.push_back(
          {{PhraseId::TheSink, {{"sink", QuotedText{sink.name}}}}, folder_needed_for(path), false});
  }
  if (!settings.metrics.textfile.empty())
    needs.push_back({about_file(PhraseId::TheTextfile, settings.metrics.textfile),
                     folder_of(settings.metrics.textfile), false});
  return needs;
}

}  // namespace

bool Unit::may_write(const std::string& path) const {
  const std::string real = canonical(path);
  const auto is_listed = [&](const std::string& folder) {
    return is_below(path, folder) || is_below(real, folder) || is_below(real, canonical(folder));
  };
  if (std::ranges::any_of(writable, is_listed)) return true;
  if (protect_home && is_below_any(real, {"/home", "/root", "/run/user"})) return false;
  if (private_tmp && is_below_any(real, {"/tmp", "/var/tmp"})) return false;  // not the same folder
  if (protect_system == "strict") return is_below_any(real, {"/dev", "/proc", "/sys"});
  if (protect_system == "full" && is_below(real, "/etc")) return false;
  return protect_system.empty() || protect_system == "no" || !is_below_any(real, {"/usr", "/boot", "/efi"});
}

std::optional<Unit> find_unit(const std::string& root, const std::string& configuration) {
  const std::string wanted = canonical(fs::absolute(configuration).string());
  std::set<std::string> seen;
  std::optional<Unit> instance_found;
  for (const char* const folder : kUnitFolders) {
    std::error_code error;
    for (fs::directory_iterator entry(root + folder, error), end; !error && entry != end;
         entry.increment(error)) {
      const std::string name = entry->path().filename().string();
      if (!name.ends_with(".service") || !seen.insert(name).second) continue;
      Section section;
      read_section(entry->path(), section);
      const bool is_template = name.ends_with("@.service");
      if (!is_template) read_drop_ins(root, {name}, section);
      const std::string named = configuration_of(last(section, "ExecStart"));
      if (named.empty()) continue;
      if (!is_template) {
        if (canonical(named) == wanted) return unit_from(name, section, "");
        continue;
      }
      const std::string instance = instance_of(named, wanted);
      if (instance.empty()) continue;
      const std::string full_name = name.substr(0, name.find('@') + 1) + instance + ".service";
      read_drop_ins(root, {full_name, name}, section);
      instance_found = unit_from(full_name, section, instance);
    }
  }
  return instance_found;
}

Unit shipped_unit() {
  Unit unit;
  unit.name = "slurper.service";
  unit.user = unit.group = "slurper";
  unit.runtime_directory = "/run/slurper";
  unit.writable = {"/run/slurper", "/var/log/slurper"};
  unit.protect_system = "strict";
  unit.protect_home = unit.private_tmp = true;
  unit.has_network = false;
  return unit;
}

std::string drop_in_for(const Settings& settings, const Unit& unit) {
  std::set<std::string> paths;
  bool home = false;
  bool temporary = false;
  for (const Need& need : folders_needed(settings)) {
    if (unit.may_write(need.folder)) continue;
    const std::string real = canonical(need.folder);
    home = home || is_below_any(real, {"/home", "/root", "/run/user"});
    temporary = temporary || is_below_any(real, {"/tmp", "/var/tmp"});
    paths.insert(need.folder);
  }
  const bool network = !unit.has_network && std::ranges::any_of(settings.sinks, needs_network);
  const bool listens = !unit.has_network && !settings.metrics.listen.empty();
  if (paths.empty() && !network && !listens) return {};
  std::string text = "[Service]\n";
  // The '-' is needed because otherwise a missing folder would keep the service from starting.
  for (const std::string& path : paths) text += fmt::format("ReadWritePaths=\"-{}\"\n", path);
  if (home && unit.protect_home) text += "ProtectHome=no\n";
  if (temporary && unit.private_tmp) text += "PrivateTmp=no\n";
  if (network || listens) {
    const auto address = parse_listen_address(settings.metrics.listen);
    const bool only_this_machine = !network && address && address->is_loopback;
    text += fmt::format("PrivateNetwork=no\n{}\nRestrictAddressFamilies={}\n",
                        only_this_machine ? "IPAddressAllow=localhost" : "IPAddressDeny=", kNetworkFamilies);
  }
  return text;
}

Findings check_unit(const Settings& settings, const Unit& unit) {
  Findings findings;
  const std::string name = printable(unit.name);
  for (const Need& need : folders_needed(settings)) {
    if (unit.may_write(need.folder)) continue;
    findings.push_back(
        {.level = need.is_vital ? Finding::Level::Error : Finding::Level::Warning,
         .phrase = {PhraseId::UnitCannotWrite,
                    {{"unit", name}, {"folder", QuotedText{need.folder}}, {"subject", need.what}}},
         .kind = ErrorKind::NoPermission});
  }
  for (const SinkSettings& sink : settings.sinks) {
    if (unit.has_network || !needs_network(sink)) continue;
    findings.push_back(
        {.level = Finding::Level::Warning,
         .phrase = {PhraseId::UnitHasNoNetwork, {{"unit", name}, {"sink", QuotedText{sink.name}}}}});
  }
  if (!unit.has_network && !settings.metrics.listen.empty()) {
    findings.push_back({.level = Finding::Level::Warning,
                        .phrase = {PhraseId::UnitCannotListen,
                                   {{"unit", name}, {"address", QuotedText{settings.metrics.listen}}}}});
  }
  return findings;
}

Phrase become(const Unit& unit) {
  const std::optional<uid_t> user = unit.user.empty() ? std::optional<uid_t>(0) : find_user(unit.user);
  if (!user) {
    return {unit.dynamic_user ? PhraseId::NoDynamicUser : PhraseId::NoSuchUser,
            {{"user", QuotedText{unit.user}}}};
  }
  const passwd* const account = ::getpwuid(*user);
  const std::optional<gid_t> group =
      !unit.group.empty()
          ? find_group(unit.group)
          : std::optional<gid_t>(account != nullptr ? account->pw_gid : static_cast<gid_t>(*user));
  if (!group) return {PhraseId::NoSuchGroup, {{"group", QuotedText{unit.group}}}};
  if (account == nullptr ? ::setgroups(0, nullptr) != 0 : ::initgroups(account->pw_name, *group) != 0)
    return {PhraseId::NotBecome, {{"errno", Errno{errno}}}};
  std::vector<gid_t> groups(static_cast<std::size_t>(std::max(::getgroups(0, nullptr), 0)));
  groups.resize(
      static_cast<std::size_t>(std::max(::getgroups(static_cast<int>(groups.size()), groups.data()), 0)));
  for (const std::string& name : unit.more_groups) {
    const std::optional<gid_t> more = find_group(name);
    if (!more) return {PhraseId::NoSuchGroup, {{"group", QuotedText{name}}}};
    groups.push_back(*more);
  }
  if (::setgroups(groups.size(), groups.data()) != 0 || ::setresgid(*group, *group, *group) != 0 ||
      ::setresuid(*user, *user, *user) != 0) {
    return {PhraseId::NotBecome, {{"errno", Errno{errno}}}};
  }
  (void)::unsetenv("XDG_RUNTIME_DIR");
  (void)::unsetenv("RUNTIME_DIRECTORY");
  if (!unit.runtime_directory.empty()) (void)::setenv("RUNTIME_DIRECTORY", unit.runtime_directory.c_str(), 1);
  return {};
}

}  // namespace slurper
