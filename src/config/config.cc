#include "config/config.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cctype>

#include "base/error.h"
#include "base/fd.h"
#include "base/file_kind.h"
#include "base/os.h"
#include "base/setting_value.h"
#include "base/settings_keys.h"
#include "config/assign.h"
#include "config/document.h"
#include "config/keys.h"
#include "config/sinks.h"

namespace slurper {

namespace {

// Settings are a page of text; a larger file is not a configuration.
constexpr std::size_t kMaxFileSize = 64 << 10;

Status take_override(const std::string& text, Settings& settings) {
  const std::string where = "--set " + text;
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos) {
    return fail(ErrorKind::Usage, accept_setting(where), PhraseId::OverrideLacksEquals);
  }
  const std::string full_name = text.substr(0, equals);
  const std::size_t dot = std::min(full_name.find('.'), full_name.size());
  const std::string table = dot == full_name.size() ? "" : full_name.substr(0, dot);
  const std::string name = dot == full_name.size() ? full_name : full_name.substr(dot + 1);
  const Key* const key = find_key(table, name);
  if (key == nullptr)
    return reject(where, fmt::format("there is no key {}", shown(full_name)), suggest_key(table, name));

  Value value{.kind = Value::Kind::Word, .text = text.substr(equals + 1)};
  if (value.text.starts_with('"') || value.text.starts_with('\'')) {
    const std::optional<Value> string = read_string(value.text);
    if (!string) return reject(where, "what follows the '=' is not a string as TOML writes it");
    value = *string;
  }
  return assign(where, *key, value, settings);
}

// `file` is nullptr if there is no file.
Status check_as_a_whole(const Settings& settings, const std::string* file) {
  const Phrase what =
      file != nullptr ? about_file(PhraseId::UseConfiguration, *file) : Phrase(PhraseId::StartWithoutFile);
  const auto missing = [&](const char* key, const char* option) {
    return fail(ErrorKind::Config, what, {PhraseId::SettingMissing, {{"setting", key}}},
                {file != nullptr ? PhraseId::SetItInFile : PhraseId::NameItOrFile, {{"option", option}}});
  };
  if (settings.fifo.path.empty()) return missing("fifo.path", "--fifo");
  if (settings.log.path.empty()) return missing("log.path", "--log");
  if (settings.fifo.path == settings.log.path) {
    return fail(ErrorKind::Config, what, about_file(PhraseId::SamePathTwice, settings.fifo.path));
  }
  return {};
}

Result<std::string> read_file(const std::string& path) {
  const Phrase what = about_file(PhraseId::ReadConfiguration, path);
  const Phrase advice = PhraseId::NameOtherConfiguration;
  // O_NONBLOCK: the open of a FIFO would block, and reading from it would steal its reader's bytes.
  const UniqueFd config_fd(kernel().open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY));
  if (!config_fd) return fail_errno(-config_fd.get(), what, advice);
  struct stat st{};
  if (const int result = kernel().fstat(config_fd.get(), &st); result < 0) return fail_errno(-result, what);
  if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode))  // /dev/null is an empty file
    return fail(ErrorKind::NoInput, what, not_a_regular_file(path, st.st_mode), advice);

  std::string text(kMaxFileSize + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t count = kernel().read(config_fd.get(), text.data() + size, text.size() - size);
    if (count < 0) return fail_errno(static_cast<int>(-count), what);
    if (count == 0) break;
    size += static_cast<std::size_t>(count);
  }
  if (size > kMaxFileSize) {
    return fail(ErrorKind::Config, what, {PhraseId::LargerThan, {{"size", ByteSize{kMaxFileSize}}}}, advice);
  }
  text.resize(size);
  return text;
}

Status take_overrides(std::span<const std::string> overrides, Settings& settings) {
  for (const std::string& text : overrides) {
    if (auto taken = take_override(text, settings); !taken) return taken;
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

// Adds what the command line provides, and checks that the result is consistent.
Status complete(Settings& settings, std::span<const std::string> overrides,
                std::span<const std::string> sink_urls, const std::string* file) {
  if (auto taken = take_overrides(overrides, settings); !taken) return taken;
  if (auto taken = take_sink_urls(sink_urls, settings); !taken) return taken;
  if (auto named = name_sinks(settings.sinks); !named) return named;
  return check_as_a_whole(settings, file);
}

}  // namespace

Result<Settings> parse_settings(std::string_view text, const std::string& name,
                                std::span<const std::string> overrides,
                                std::span<const std::string> sink_urls) {
  Settings settings;
  if (auto read = read_document(text, name, settings); !read) return std::unexpected(read.error());
  if (auto good = complete(settings, overrides, sink_urls, &name); !good)
    return std::unexpected(good.error());
  return settings;
}

Result<Settings> load_settings(const std::optional<std::string>& file, std::span<const std::string> overrides,
                               std::span<const std::string> sink_urls) {
  if (file) {
    const auto text = read_file(*file);
    if (!text) return std::unexpected(text.error());
    return parse_settings(*text, *file, overrides, sink_urls);
  }
  Settings settings;
  if (auto good = complete(settings, overrides, sink_urls, nullptr); !good)
    return std::unexpected(good.error());
  return settings;
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

std::string to_toml(const Settings& settings, Comments comments) {
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
    out += fmt::format("{} = {}\n", key.setting.name, print_value(key.setting, key.value(settings)));
  }
  for (const SinkSettings& sink : settings.sinks) out += "\n" + to_toml(sink);
  return out;
}

}  // namespace slurper
