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
#include "base/setting_value.h"
#include "base/text.h"
#include "sink/exec/exec_sink.h"
#include "sink/file/file_sink.h"
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

// Returns why the code must not run as this process's user, or an empty text if it may. If the file can't be
// examined, the loader reports that.
std::string why_not_trusted(const std::string& path) {
  constexpr mode_t kOthersWrite = 0022;
  struct stat st{};
  if (::stat(path.c_str(), &st) != 0) return {};
  if (st.st_uid != 0 && st.st_uid != ::geteuid()) return "it belongs to " + the_user(st.st_uid);
  if ((st.st_mode & kOthersWrite) != 0)
    return fmt::format("others may write to it (mode {:04o})", st.st_mode & 07777);
  return {};
}

Status check_plugin_option(const SinkSettings& settings) {
  const SinkOption* const plugin = plugin_of(settings);
  if (plugin == nullptr || (!plugin->is_list && !plugin->values.front().empty())) return {};
  return fail(ErrorKind::Config, fmt::format("accept '{}'", printable(plugin->place)),
              "plugin must be the path of one shared object");
}

// Checks that the type exists, without loading it.
Status check_type(const SinkSettings& settings) {
  if (built_in(settings) != nullptr || plugin_of(settings) != nullptr) return check_plugin_option(settings);
  const std::string path = plugin_path(settings);
  const bool is_file_name = settings.type.find('/') == std::string::npos;
  std::error_code error;  // a folder that can't be searched has no plug-in
  if (is_file_name && std::filesystem::exists(path, error)) return {};
  return fail(ErrorKind::Config, fmt::format("accept '{}'", printable(settings.place)),
              fmt::format("there is no sink of the type '{}', and no plug-in '{}'", printable(settings.type),
                          printable(path)),
              fmt::format("The types are {}", list_of_types()));
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
  const auto refuse = [&](std::string_view why) {
    const std::string& place = plugin != nullptr ? plugin->place : settings.place;
    return fail(ErrorKind::Config, fmt::format("accept '{}'", printable(place)),
                fmt::format("the plug-in '{}' can't be used: {}", printable(path), why),
                "Build it against the headers of this slurper, see " SLURPER_DOC_DIRECTORY
                "/docs/plugins.md");
  };
  if (const std::string why = why_not_trusted(path); !why.empty()) {
    return fail(
        ErrorKind::Config,
        fmt::format("accept '{}'", printable(plugin != nullptr ? plugin->place : settings.place)),
        fmt::format("the plug-in '{}' can't be used: {}", printable(path), why),
        "What it holds runs as slurper: let only root, or slurper's user, own it and write to it, with "
        "chown(1) and chmod go-w");
  }
  // The path has a slash, so the loader searches nowhere else.
  void* const object = ::dlopen(std::filesystem::absolute(path).c_str(), RTLD_NOW | RTLD_LOCAL);
  if (object == nullptr) return refuse(printable(::dlerror()));
  const auto entry = reinterpret_cast<SinkPluginEntry>(::dlsym(object, kEntry));
  if (entry == nullptr) return refuse(fmt::format("it does not export {}()", kEntry));
  const SinkPlugin* const found = entry();
  // The version is the first field in every version.
  if (found->api_version != kSinkApiVersion) {
    return refuse(fmt::format("it is of version {} of the interface, and this slurper has version {}",
                              found->api_version, kSinkApiVersion));
  }
  if (found->type.name != settings.type)
    return refuse(fmt::format("it is a sink of the type '{}', not '{}'", printable(found->type.name),
                              printable(settings.type)));
  return found->type;
}

Result<std::vector<PreparedSink>> prepare_sinks(std::span<const SinkSettings> sinks) {
  std::vector<PreparedSink> prepared;
  for (const SinkSettings& settings : sinks) {
    if (Status good = check_plugin_option(settings); !good) return std::unexpected(std::move(good.error()));
    const Result<SinkType> type = find_sink_type(settings);
    Result<PreparedSink> sink = prepare(settings, type ? &*type : nullptr);
    if (!sink) return std::unexpected(std::move(sink.error()));
    prepared.push_back(std::move(*sink));
  }
  return prepared;
}

Status check_written_files(const Settings& settings) {
  std::map<std::string, std::string> owners = {{settings.fifo.path, "is the FIFO"},
                                               {settings.log.path, "is the log itself"}};
  for (const SinkSettings& sink : settings.sinks) {
    const SinkType* const type = built_in(sink);
    if (type == nullptr) continue;
    for (const Setting& setting : type->settings) {
      const auto option = std::ranges::find(sink.options, setting.name, &SinkOption::name);
      if (setting.type != Setting::Type::FilePath || option == sink.options.end() || option->is_list)
        continue;
      const auto path = read_value(setting, {.kind = Value::Kind::Word, .text = option->values.front()});
      if (!path) continue;  // the sink rejects it
      const auto [owner, is_new] =
          owners.emplace(path->texts.front(), fmt::format("is what the sink '{}' writes to", sink.name));
      if (is_new) continue;
      return fail(ErrorKind::Config, fmt::format("accept '{}'", printable(option->place)),
                  fmt::format("{} {}", in_quotes(owner->first), owner->second),
                  "Name a file of the sink's own");
    }
  }
  return {};
}

Status check_for_reload(std::span<const SinkSettings> sinks) {
  for (const SinkSettings& settings : sinks) {
    if (Status known = check_type(settings); !known) return known;
    if (const Result<PreparedSink> sink = prepare(settings, built_in(settings)); !sink)
      return std::unexpected(sink.error());
  }
  return {};
}

}  // namespace slurper
