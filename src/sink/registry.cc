#include "sink/registry.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <iterator>
#include <map>
#include <set>

#include "base/accounts.h"
#include "base/error.h"
#include "base/phrase_id.h"
#include "base/setting_value.h"
#include "base/text.h"
#include "log/segment_name.h"
#include "sink/exec/exec_sink.h"
#include "sink/file/file_sink.h"
#include "sink/file/path_template.h"
#include "sink/journald/journald_sink.h"
#include "sink/options.h"
#include "sink/stdout/stdout_sink.h"
#include "sink/syslog/syslog_sink.h"

namespace slurper {

namespace {

// Returns the settings that every sink can have beside those of its type.
std::vector<Setting> common_settings() {
  std::vector<Setting> settings(RunnerOptions::settings().begin(), RunnerOptions::settings().end());
  settings.push_back({.name = "plugin", .help = "the path of a shared object, for a type of your own"});
  return settings;
}

constexpr const char* kEntry = "slurper_sink_plugin";
constexpr const char* kPluginPage = SLURPER_DOC_DIRECTORY "/docs/plugins.md";

const SinkOption* plugin_of(const SinkSettings& settings) {
  const auto found = std::ranges::find(settings.options, "plugin", &SinkOption::name);
  return found == settings.options.end() ? nullptr : &*found;
}

// Returns nullptr if the settings name a type that is not built in.
const SinkType* built_in(const SinkSettings& settings) {
  if (plugin_of(settings) != nullptr) return nullptr;
  const auto types = built_in_sinks();
  const auto found = std::ranges::find(types, settings.type, &SinkType::name);
  return found == types.end() ? nullptr : &*found;
}

std::string plugin_path(const SinkSettings& settings) {
  const SinkOption* const plugin = plugin_of(settings);
  return plugin != nullptr ? plugin->values.front() : fmt::format("{}/{}.so", kSinkDirectory, settings.type);
}

std::string list_of_types() {
  std::set<std::string> types;
  for (const SinkType& type : built_in_sinks()) types.emplace(type.name);
  std::error_code error;  // a missing folder has no plug-ins
  for (const auto& entry : std::filesystem::directory_iterator(kSinkDirectory, error)) {
    if (entry.path().extension() == ".so") types.insert(printable(entry.path().stem().string()));
  }
  return fmt::format("{}", fmt::join(types, ", "));
}

Phrase accept(const std::string& place) {
  return {PhraseId::AcceptSetting, {{"place", QuotedText{place}}}};
}

// Returns why the code must not run as this process's user; empty if it may. If the file can't be examined,
// the loader reports that.
Phrase why_not_trusted(const std::string& path) {
  constexpr mode_t kOthersWrite = 0022;
  struct stat st{};
  if (::stat(path.c_str(), &st) != 0) return {};
  if (st.st_uid != 0 && st.st_uid != ::geteuid()) {
    return {PhraseId::OwnedByOther, {{"user", the_user(st.st_uid)}}};
  }
  if ((st.st_mode & kOthersWrite) != 0)
    return {PhraseId::PluginWritableByOthers, {{"mode", std::uint64_t{st.st_mode & 07777}}}};
  return {};
}

Status check_plugin_option(const SinkSettings& settings) {
  const SinkOption* const plugin = plugin_of(settings);
  if (plugin == nullptr || (!plugin->is_list && !plugin->values.front().empty())) return {};
  return fail(ErrorKind::Config, accept(plugin->place), PhraseId::PluginNotOnePath);
}

// Checks that the type exists, without loading it.
Status check_type(const SinkSettings& settings) {
  if (built_in(settings) != nullptr || plugin_of(settings) != nullptr) return check_plugin_option(settings);
  const std::string path = plugin_path(settings);
  const bool is_file_name = settings.type.find('/') == std::string::npos;
  std::error_code error;  // a folder that can't be searched has no plug-in
  if (is_file_name && std::filesystem::exists(path, error)) return {};
  return fail(ErrorKind::Config, accept(settings.place),
              {PhraseId::NoSuchSinkType, {{"type", QuotedText{settings.type}}, {"file", QuotedText{path}}}},
              {PhraseId::SinkTypesAre, {{"types", list_of_types()}}});
}

// Makes a sink of this type. Any thread.
Result<std::unique_ptr<Sink>> make_sink(const SinkType& type, const SinkSettings& settings) {
  ConfiguredOptions options(settings, settings_of(type));
  (void)RunnerOptions::from(options);
  std::unique_ptr<Sink> sink = type.make(options);
  if (Status good = options.check(); !good) return std::unexpected(std::move(good.error()));
  return sink;
}

// Prepares a sink if its settings are valid. `type` is nullptr if the type is not available; then only the
// settings of every sink are checked.
Result<PreparedSink> prepare(const SinkSettings& settings, const SinkType* type) {
  ConfiguredOptions options(settings, type == nullptr ? common_settings() : settings_of(*type));
  PreparedSink sink{
      .name = settings.name, .type = settings.type, .options = RunnerOptions::from(options), .make = {}};
  if (type == nullptr) {
    if (const auto& error = options.error()) return std::unexpected(*error);
  } else {
    (void)type->make(options);
    if (Status good = options.check(); !good) return std::unexpected(std::move(good.error()));
    sink.warnings = options.warnings();
  }
  // Find the type again each time, so that the next try finds a plug-in that is installed while slurper
  // runs.
  sink.make = [settings]() -> Result<std::unique_ptr<Sink>> {
    const Result<SinkType> found = find_sink_type(settings);
    if (!found) return std::unexpected(found.error());
    return make_sink(*found, settings);
  };
  return sink;
}

struct WrittenFile {
  std::string path;    // with fields: as it was written
  std::string place;   // of the setting
  std::string folder;  // of a path with fields: the folder before the first one
};

// Returns the files that a sink of a built-in type writes.
std::vector<WrittenFile> written_files(const SinkSettings& sink) {
  std::vector<WrittenFile> files;
  const SinkType* const type = built_in(sink);
  if (type == nullptr) return files;
  for (const Setting& setting : type->settings) {
    const auto option = std::ranges::find(sink.options, setting.name, &SinkOption::name);
    if (setting.type != Setting::Type::FilePath || option == sink.options.end() || option->is_list) continue;
    const auto path = read_value(setting, {.kind = Value::Kind::Word, .text = option->values.front()});
    if (!path) continue;  // the sink rejects it
    const auto parsed = PathTemplate::parse(path->texts.front());
    if (!parsed) continue;
    WrittenFile& file =
        files.emplace_back(WrittenFile{.path = path->texts.front(), .place = option->place, .folder = {}});
    if (parsed->has_fields()) {
      file.folder = parsed->folder();
    } else {
      file.path = parsed->other_path();
    }
  }
  return files;
}

Status add_prepared(const SinkSettings& settings, const SinkType* type,
                    std::vector<ConfiguredSink>& prepared) {
  Result<PreparedSink> sink = prepare(settings, type);
  if (!sink) return std::unexpected(std::move(sink.error()));
  ConfiguredSink& added =
      prepared.emplace_back(ConfiguredSink{.settings = settings, .files = {}, .prepared = std::move(*sink)});
  for (WrittenFile& file : written_files(settings))
    added.files.push_back(std::move(file.folder.empty() ? file.path : file.folder));
  return {};
}

// Whether one of the files of `log` is one of another's. The last of `logs` is `log` itself.
bool is_beside_another(const LogPaths& log, std::span<const LogPaths> logs) {
  return std::ranges::any_of(logs.first(logs.size() - 1), [&](const LogPaths& other) {
    return other.include(log.active()) || log.include(other.active());
  });
}

bool is_below(const std::string& path, const std::string& folder) {
  return path == folder || path.starts_with(folder == "/" ? folder : folder + '/');
}

// Checks that nothing else of slurper's is where the lines of a path with fields determine the names.
// `others` are all files that slurper writes, or folders that are its own.
Status check_folder(const WrittenFile& file, std::span<const std::string> others) {
  const auto found =
      std::ranges::find_if(others, [&](const std::string& other) { return is_below(other, file.folder); });
  if (found == others.end()) return {};
  return fail(
      ErrorKind::Config, accept(file.place),
      {PhraseId::FolderNotAlone, {{"folder", QuotedText{file.folder}}, {"file", QuotedText{*found}}}});
}

// The same file has the same text, through whatever links its folder is named.
std::string resolved(const std::string& path) {
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(path, error);
  const std::filesystem::path folder = std::filesystem::weakly_canonical(absolute.parent_path(), error);
  return (error ? absolute : folder / absolute.filename()).lexically_normal();
}

// The text file of the metrics, and what it is written as, are replaced by each new one. `owners`: of all
// files.
Status check_textfile(const Settings& settings, const std::map<std::string, Phrase>& owners) {
  const std::string& textfile = settings.metrics.textfile;
  if (textfile.empty()) return {};
  const std::string name = resolved(textfile);
  const auto is_taken = [&](const std::string& path) {
    const std::string other = resolved(path);
    return other == name || other == name + ".tmp";
  };
  const auto refuse = [&](const std::string& path, Phrase why) {
    return fail(ErrorKind::Config, about_file(PhraseId::WriteTextfile, textfile),
                why.with({"file", QuotedText{path}}), PhraseId::NameAnotherFile);
  };
  if (!settings.control.path.empty() && is_taken(settings.control.path))
    return refuse(settings.control.path, PhraseId::IsSlurpersOwn);
  for (const auto& [path, owner] : owners) {
    if (owner.id() != PhraseId::IsTheTextfile && is_taken(path)) return refuse(path, owner);
  }
  return {};
}

bool is_in(const std::string& path, const std::string& folder) {
  return !folder.empty() && std::filesystem::path(path).parent_path() == folder;
}

}  // namespace

std::span<const SinkType> built_in_sinks() {
  static const std::array all = {exec_sink(), file_sink(), journald_sink(), stdout_sink(), syslog_sink()};
  return all;
}

std::vector<Setting> settings_of(const SinkType& type) {
  std::vector<Setting> settings(type.settings.begin(), type.settings.end());
  std::ranges::move(common_settings(), std::back_inserter(settings));
  return settings;
}

Result<SinkType> find_sink_type(const SinkSettings& settings) {
  const SinkOption* const plugin = plugin_of(settings);
  if (const SinkType* const type = built_in(settings)) return *type;
  if (Status known = check_type(settings); !known) return std::unexpected(known.error());
  const std::string path = plugin_path(settings);
  const auto refuse = [&](Phrase why, Phrase advice = {PhraseId::RebuildPlugin, {{"page", kPluginPage}}}) {
    return fail(ErrorKind::Config, accept(plugin != nullptr ? plugin->place : settings.place),
                {PhraseId::PluginUnusable, {{"file", QuotedText{path}}, {"why", std::move(why)}}},
                std::move(advice));
  };
  if (Phrase why = why_not_trusted(path); !why.empty())
    return refuse(std::move(why), PhraseId::MakePluginSafe);
  // The path has a slash, so the loader searches nowhere else.
  void* const object = ::dlopen(std::filesystem::absolute(path).c_str(), RTLD_NOW | RTLD_LOCAL);
  if (object == nullptr) return refuse(own_words(printable(::dlerror())));
  const auto entry = reinterpret_cast<SinkPluginEntry>(::dlsym(object, kEntry));
  if (entry == nullptr) return refuse({PhraseId::PluginLacksEntry, {{"function", kEntry}}});
  const SinkPlugin* const found = entry();
  // The version is the first field in every version.
  if (found->api_version != kSinkApiVersion) {
    return refuse(
        {PhraseId::PluginOfOtherVersion,
         {{"version", std::uint64_t{found->api_version}}, {"own", std::uint64_t{kSinkApiVersion}}}});
  }
  if (found->type.name != settings.type)
    return refuse(
        {PhraseId::PluginOfOtherType,
         {{"found", QuotedText{std::string(found->type.name)}}, {"type", QuotedText{settings.type}}}});
  return found->type;
}

Result<std::vector<ConfiguredSink>> prepare_sinks(std::span<const SinkSettings> sinks) {
  std::vector<ConfiguredSink> prepared;
  for (const SinkSettings& settings : sinks) {
    if (Status good = check_plugin_option(settings); !good) return std::unexpected(std::move(good.error()));
    const Result<SinkType> type = find_sink_type(settings);
    if (Status added = add_prepared(settings, type ? &*type : nullptr, prepared); !added)
      return std::unexpected(std::move(added.error()));
  }
  return prepared;
}

Result<std::vector<ConfiguredSink>> prepare_reload(std::span<const SinkSettings> sinks) {
  std::vector<ConfiguredSink> prepared;
  for (const SinkSettings& settings : sinks) {
    if (Status known = check_type(settings); !known) return std::unexpected(std::move(known.error()));
    if (Status added = add_prepared(settings, built_in(settings), prepared); !added)
      return std::unexpected(std::move(added.error()));
  }
  return prepared;
}

Status check_written_files(const Settings& settings) {
  std::map<std::string, Phrase> owners = {{settings.fifo.path, PhraseId::IsTheFifo},
                                          {settings.log.path, PhraseId::IsTheLog}};
  if (!settings.metrics.textfile.empty()) owners.emplace(settings.metrics.textfile, PhraseId::IsTheTextfile);
  std::vector<LogPaths> logs = {LogPaths(settings.log.path)};  // each has files beside it
  std::vector<WrittenFile> with_fields;
  for (const SinkSettings& sink : settings.sinks) {
    for (const WrittenFile& file : written_files(sink)) {
      const auto [owner, is_new] =
          owners.emplace(file.path, Phrase(PhraseId::IsWrittenBySink, {{"sink", QuotedText{sink.name}}}));
      Phrase taken = is_new ? Phrase() : owner->second;
      if (file.folder.empty()) {
        const LogPaths& added = logs.emplace_back(file.path);
        const bool is_own = is_in(file.path, settings.ring.directory) || is_beside_another(added, logs);
        if (is_new && is_own) taken = PhraseId::IsSlurpersOwn;
      } else {
        with_fields.push_back(file);
      }
      if (taken.empty()) continue;
      return fail(ErrorKind::Config, accept(file.place), taken.with({"file", QuotedText{file.path}}),
                  PhraseId::NameAnotherFile);
    }
  }
  for (const WrittenFile& file : with_fields) {
    std::vector<std::string> others;
    if (!settings.ring.directory.empty()) others.push_back(settings.ring.directory);
    for (const auto& [path, owner] : owners) {
      if (path != file.path) others.push_back(path);
    }
    if (Status alone = check_folder(file, others); !alone) return alone;
  }
  return check_textfile(settings, owners);
}

}  // namespace slurper
