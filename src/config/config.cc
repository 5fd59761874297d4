#include "config/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/error.h"
#include "base/listen_address.h"
#include "base/secret_place.h"
#include "base/setting_value.h"
#include "base/settings_keys.h"
#include "base/text.h"
#include "config/assign.h"
#include "config/document.h"
#include "config/keys.h"
#include "config/sinks.h"

namespace slurper {

namespace {

// What is known so far.
struct Taken {
  Settings settings;
  Origins origins;
};

Status take_override(const std::string& text, Taken& all) {
  const std::size_t equals = text.find('=');
  const bool is_hidden = equals != std::string::npos && resembles_name_of_secret(text.substr(0, equals));
  const std::string where =
      "--set " + (is_hidden ? text.substr(0, equals + 1) + std::string(kNotShown) : text);
  if (equals == std::string::npos) {
    return fail(ErrorKind::Usage, accept_setting(where), PhraseId::OverrideLacksEquals);
  }
  const std::string full_name = text.substr(0, equals);
  const std::size_t dot = std::min(full_name.find('.'), full_name.size());
  const std::string table = dot == full_name.size() ? "" : full_name.substr(0, dot);
  const std::string name = dot == full_name.size() ? full_name : full_name.substr(dot + 1);
  const Key* const key = find_key(table, name);
  if (key == nullptr)
    return reject_at(where, fmt::format("there is no key {}", shown(full_name)), suggest_key(table, name));

  Value value{.kind = Value::Kind::Word, .text = text.substr(equals + 1)};
  if (value.text.starts_with('"') || value.text.starts_with('\'')) {
    const std::optional<Value> string = read_string(value.text);
    if (!string) return reject_at(where, "what follows the '=' is not a string as TOML writes it");
    value = *string;
  }
  if (auto assigned = assign(where, *key, value, all.settings); !assigned) return assigned;
  all.origins.overrides.push_back({.key = key, .place = where});
  return {};
}

// `file` is nullptr if there is no file.
Status check_as_a_whole(const Taken& all, const std::string* file) {
  const Settings& settings = all.settings;
  const Phrase what =
      file != nullptr ? about_file(PhraseId::UseConfiguration, *file) : Phrase(PhraseId::StartWithoutFile);
  const auto missing = [&](const char* key, const char* option) {
    return fail(ErrorKind::Config, what, {PhraseId::SettingMissing, {{"setting", key}}},
                {file != nullptr ? PhraseId::SetItInFile : PhraseId::NameItOrFile, {{"option", option}}});
  };
  if (settings.fifo.path.empty()) return missing("fifo.path", "--fifo");
  if (settings.log.path.empty()) return missing("log.path", "--log");
  if (settings.fifo.path == settings.log.path) {
    const auto set_by = [&](std::string_view table) {
      return QuotedText{all.origins.places_of(*find_key(table, "path")).back()};
    };
    return fail(
        ErrorKind::Config, what,
        {PhraseId::SamePathTwice,
         {{"file", QuotedText{settings.fifo.path}}, {"fifo", set_by("fifo")}, {"log", set_by("log")}}});
  }
  return {};
}

// What the table of keys can't say of the values of [metrics].
Status check_metrics(const Taken& all) {
  const MetricsSettings& metrics = all.settings.metrics;
  const auto place = [&](std::string_view name) {
    return all.origins.places_of(*find_key("metrics", name)).back();
  };
  if (!metrics.listen.empty() && !parse_listen_address(metrics.listen)) {
    return reject_at(
        place("listen"),
        fmt::format("metrics.listen is {}, but must be an IP address and a port", shown(metrics.listen)),
        R"(Write "127.0.0.1:9127" or "[::1]:9127")");
  }
  if (!metrics.textfile.empty() && !metrics.textfile.ends_with(".prom")) {
    return reject_at(place("textfile"),
                     fmt::format("metrics.textfile is {}, and node_exporter reads only files whose names end "
                                 "in .prom",
                                 shown(metrics.textfile)));
  }
  if (!metrics.textfile.empty() &&
      (metrics.textfile == all.settings.fifo.path || metrics.textfile == all.settings.log.path)) {
    return reject_at(place("textfile"),
                     fmt::format("metrics.textfile is {}, which is {}", shown(metrics.textfile),
                                 metrics.textfile == all.settings.log.path ? "log.path" : "fifo.path"));
  }
  return {};
}

Status take_overrides(std::span<const std::string> overrides, Taken& all) {
  for (const std::string& text : overrides) {
    if (auto taken = take_override(text, all); !taken) return taken;
  }
  return {};
}

Status take_sink_urls(std::span<const std::string> urls, Settings& settings) {
  for (const std::string& url : urls) {
    Result<SinkSettings> sink = parse_sink_url(url);
    if (!sink) return std::unexpected(sink.error());
    settings.sinks.push_back(std::move(*sink));
  }
  return {};
}

Status take_text(const ConfigText& text, Taken& all) {
  all.origins.files.push_back({.name = text.name, .values = {}});
  return read_document(text.text, all.origins.files.back(), all.settings);
}

Status take_all(std::span<const ConfigText> texts, std::span<const std::string> overrides,
                std::span<const std::string> sink_urls, Taken& all) {
  for (const ConfigText& text : texts) {
    if (auto taken = take_text(text, all); !taken) return taken;
  }
  if (auto taken = take_overrides(overrides, all); !taken) return taken;
  if (auto taken = take_sink_urls(sink_urls, all.settings); !taken) return taken;
  all.origins.sink_urls = sink_urls.size();
  if (auto named = name_sinks(all.settings.sinks); !named) return named;
  if (auto good = check_metrics(all); !good) return good;
  return check_as_a_whole(all, texts.empty() ? nullptr : &texts.front().name);
}

// A comment can't end before its line does, whatever a file is called.
std::string comment(std::string_view place) {
  return "  # " + printable(place);
}

constexpr std::string_view kOnCommandLine = "on the command line";

std::string origin_of(const Key& key, const Origins& origins) {
  if (std::ranges::find(origins.overrides, &key, &Origins::Value::key) != origins.overrides.end())
    return comment(kOnCommandLine);
  const std::vector<std::string> places = origins.places_of(key);
  return places.empty() ? "" : comment(places.back());
}

}  // namespace

Result<Settings> parse_settings(std::span<const ConfigText> texts, std::span<const std::string> overrides,
                                std::span<const std::string> sink_urls, Origins* origins) {
  Taken all;
  if (auto taken = take_all(texts, overrides, sink_urls, all); !taken)
    return std::unexpected(std::move(taken.error()));
  if (origins != nullptr) *origins = std::move(all.origins);
  return std::move(all.settings);
}

Result<Settings> load_settings(const std::optional<std::string>& file, std::span<const std::string> overrides,
                               std::span<const std::string> sink_urls, Origins* origins) {
  if (!file) return parse_settings({}, overrides, sink_urls, origins);
  const auto texts = read_configuration(*file);
  if (!texts) return std::unexpected(texts.error());
  return parse_settings(*texts, overrides, sink_urls, origins);
}

std::vector<Phrase> lint(const Settings& settings) {
  std::vector<Phrase> found;
  const LogSettings& log = settings.log;
  const bool rotates = log.rotate_size.bytes != 0 || log.rotate_every.count() != 0;
  const bool keeps = log.keep_files != 0 || log.keep_size.bytes != 0;
  const bool removes = log.when_disk_full == WhenDiskFull::RemoveOldest;
  if (!rotates && (keeps || removes || log.compress != Compression::None))
    found.emplace_back(PhraseId::LogIsNeverRotated);
  if (log.keep_size.bytes != 0 && log.keep_size < log.rotate_size && log.compress == Compression::None)
    found.emplace_back(PhraseId::KeepSizeTooSmall);
  if (settings.ring.when_full == WhenFull::Drop) found.emplace_back(PhraseId::RingDropsLines);
  return found;
}

std::string to_toml(const Settings& settings, Comments comments, const Origins& origins) {
  std::string out;
  if (comments == Comments::All) {
    out +=
        "# slurper's settings, with their defaults. Sizes are written \"64MiB\" or \"10MB\", times "
        "\"500ms\",\n"
        "# \"1s\" or \"12h\". The command line wins over this file: slurper run --set log.sync=always\n\n";
  }
  std::string_view table;
  for (const Key& key : keys()) {
    if (table != key.table) {
      out += fmt::format("{}[{}]\n", table.empty() ? "" : "\n", key.table);
      table = key.table;
    }
    if (comments == Comments::All) {
      std::string help(key.setting.help);
      help.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(help.front())));
      out += fmt::format("# {}\n#   {}\n", help, allowed(key.setting));
    }
    out += fmt::format("{} = {}{}\n", key.setting.name, print_value(key.setting, key.value(settings)),
                       origin_of(key, origins));
  }
  std::size_t in_files = 0;
  for (const Origins::File& file : origins.files) in_files += file.sinks;
  for (std::size_t i = 0; i < settings.sinks.size(); ++i) {
    const SinkSettings& sink = settings.sinks[i];
    std::string origin;
    if (i < in_files)
      origin = comment(sink.place);
    else if (i < in_files + origins.sink_urls)
      origin = comment(kOnCommandLine);
    out += "\n" + to_toml(sink, origin);
  }
  return out;
}

}  // namespace slurper
