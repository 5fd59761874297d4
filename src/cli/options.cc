#include "cli/options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>

#include "base/settings_keys.h"
#include "sink/registry.h"

namespace slurper {

namespace {

// Returns the path as a bare word: a path that begins with a quote must not be mistaken for a TOML string.
std::string as_word(const std::string& path) {
  return path.starts_with('"') || path.starts_with('\'') ? "./" + path : path;
}

std::string list_of_settings() {
  std::string text = "Settings for --set and for the tables of the file:\n";
  for (const Key& key : keys()) text += fmt::format("  {:<26}{}\n", key.full_name(), key.setting.help);
  text += "\nSinks for --sink and for [[sink]] tables; see\n" SLURPER_DOC_DIRECTORY "/docs/sinks.md:\n";
  for (const SinkType& type : built_in_sinks()) text += fmt::format("  {:<26}{}\n", type.name, type.help);
  text += fmt::format(
      "\nWithout -c, --fifo and --log, FILE is {}. The\nfiles FILE.d/*.toml are read after FILE, in the "
      "order of their names: a later\nvalue overrides an earlier one, and each [[sink]] is added.",
      kDefaultConfigFile);
  return text;
}

}  // namespace

Result<Settings> ConfigOptions::load(Origins* origins) const {
  Result<Settings> settings = load_settings(used_file(), overrides, sink_urls, origins);
  if (!settings) return settings;
  if (Status good = check_written_files(*settings); !good) return std::unexpected(std::move(good.error()));
  return settings;
}

std::optional<std::string> ConfigOptions::used_file() const {
  const bool stands_alone = std::any_of(overrides.begin(), overrides.end(), [](const std::string& text) {
    return text.starts_with("fifo.path=") || text.starts_with("log.path=");
  });
  return file || stands_alone ? file : std::optional<std::string>(kDefaultConfigFile);
}

std::shared_ptr<const ConfigOptions> add_config_options(CLI::App& command) {
  auto options = std::make_shared<ConfigOptions>();
  command.add_option("-c,--config", options->file, "read the settings from FILE and FILE.d/*.toml")
      ->type_name("FILE");
  const auto add = [&](const char* name, const char* value, const std::string& help) {
    return command.add_option(name, help)
        ->type_name(value)
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  };
  const std::map<const CLI::Option*, std::string> prefixes = {
      {add("--fifo", "PATH", "the FIFO to read (the setting fifo.path)"), "fifo.path="},
      {add("--log", "PATH", "the log to write (the setting log.path)"), "log.path="},
      {add("--set", "KEY=VALUE", "set any setting; overrides the file; repeatable"), ""},
  };
  command
      .add_option("--sink", options->sink_urls,
                  "another destination, as a URL such as\nfile:/var/log/auth.log?format=json; repeatable")
      ->type_name("URL")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  // CLI11 groups the values by option, but the value that was written last must override all others.
  command.parse_complete_callback([&command, options, prefixes] {
    // One slurper reads one FIFO into one log, so a user who names two expects something else.
    for (const auto& [option, prefix] : prefixes) {
      const auto& values = option->results();
      if (prefix.empty() || values.size() < 2) continue;
      throw CLI::ValidationError(
          option->get_name(),
          fmt::format(
              "it names {} and {}: one slurper has one. Start another for each, with a FIFO, a log and a "
              "ring.directory of its own",
              values.at(0), values.at(1)));
    }
    std::map<const CLI::Option*, std::size_t> taken;
    for (const CLI::Option* option : command.parse_order()) {
      const auto prefix = prefixes.find(option);
      if (prefix == prefixes.end()) continue;
      const std::string& value = option->results().at(taken[option]++);
      options->overrides.push_back(prefix->second.empty() ? value : prefix->second + as_word(value));
    }
  });
  command.footer(list_of_settings());
  return options;
}

}  // namespace slurper
