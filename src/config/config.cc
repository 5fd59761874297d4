#include "config/config.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <toml++/toml.h>
#include <algorithm>
#include <cctype>

#include "base/error.h"
#include "base/fd.h"
#include "base/os.h"
#include "config/keys.h"

namespace slurper {

namespace {

// Settings are a page of text; whatever is larger is another file.
constexpr std::size_t kMaxFileSize = 64 << 10;

std::unexpected<Error> reject(const std::string& where, std::string why, std::string advice = {}) {
  return fail(ErrorKind::Config, fmt::format("accept '{}'", printable(where)), std::move(why),
              std::move(advice));
}

std::string place(const std::string& name, const toml::source_position& position) {
  return fmt::format("{}:{}:{}", name, position.line, position.column);
}

Value value_of(const toml::node& node) {
  using Kind = Value::Kind;
  if (const auto* flag = node.as_boolean()) return {.kind = Kind::Bool, .boolean = flag->get()};
  if (const auto* string = node.as_string()) return {.kind = Kind::String, .text = string->get()};
  if (const auto* integer = node.as_integer()) {
    const bool octal = (integer->flags() & toml::value_flags::format_as_octal) != toml::value_flags::none;
    return {.kind = octal ? Kind::Octal : Kind::Integer, .integer = integer->get()};
  }
  const char* const what = node.is_table()            ? "a table"
                           : node.is_array()          ? "an array"
                           : node.is_floating_point() ? "a number with a fraction"
                                                      : "a date or a time";
  return {.kind = Kind::Other, .text = what};
}

Status take(const std::string& where, const Key& key, const Value& value, Settings& settings) {
  if (key.read(value, settings)) return {};
  return reject(where,
                fmt::format("{} is {}, but must be {}", key.full_name(), describe(value), key.allowed()));
}

// toml++ keeps tables sorted by name; people read files from the top, and should meet the first error first.
std::vector<std::pair<const toml::key*, const toml::node*>> in_file_order(const toml::table& table) {
  std::vector<std::pair<const toml::key*, const toml::node*>> entries;
  for (const auto& [key, node] : table) entries.emplace_back(&key, &node);
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
    const auto& left = a.first->source().begin;
    const auto& right = b.first->source().begin;
    return std::pair(left.line, left.column) < std::pair(right.line, right.column);
  });
  return entries;
}

// Foreign names for messages: in quotes, and without.
std::string shown(std::string_view name) {
  return describe({.kind = Value::Kind::Word, .text = std::string(name)});
}

std::string bare(std::string_view name) {
  const std::string quoted = shown(name);
  return quoted.substr(1, quoted.size() - 2);
}

Status take_table(const std::string& name, std::string_view table_name, const toml::table& table,
                  Settings& settings) {
  for (const auto& [key, node] : in_file_order(table)) {
    const std::string where = place(name, key->source().begin);
    const Key* const known = find_key(table_name, key->str());
    if (known == nullptr) {
      return reject(where, fmt::format("the table [{}] has no key {}", table_name, shown(key->str())),
                    suggest_key(table_name, key->str()));
    }
    if (auto taken = take(place(name, node->source().begin), *known, value_of(*node), settings); !taken)
      return taken;
  }
  return {};
}

Status take_document(const std::string& name, const toml::table& document, Settings& settings) {
  for (const auto& [key, node] : in_file_order(document)) {
    const std::string where = place(name, key->source().begin);
    const bool is_known = is_table_name(key->str());
    const bool is_table = node->is_table() || node->is_array_of_tables();
    if (!is_known && is_table)
      return reject(where, fmt::format("there is no table [{}]", bare(key->str())),
                    suggest_table(key->str()));
    if (!is_known) {
      return reject(where, fmt::format("the key {} stands in no table", shown(key->str())),
                    suggest_key("", key->str()));
    }
    const toml::table* const table = node->as_table();
    if (table == nullptr) {
      return reject(where,
                    fmt::format("{} is {}, but must be a table", key->str(), describe(value_of(*node))),
                    fmt::format("Write [{}] on a line of its own, and its keys below", key->str()));
    }
    if (auto taken = take_table(name, key->str(), *table, settings); !taken) return taken;
  }
  return {};
}

Status take_override(const std::string& text, Settings& settings) {
  const std::string where = "--set " + text;
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos) {
    return fail(ErrorKind::Usage, fmt::format("accept '{}'", printable(where)), "it has no '='",
                "Write --set table.key=value, such as --set log.sync=1s");
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
    const toml::parse_result document = toml::parse("value = " + value.text);
    const bool is_string = document && document.table().size() == 1 && document.table()["value"].is_string();
    if (!is_string) return reject(where, "what follows the '=' is not a string as TOML writes it");
    value = value_of(*document.table().get("value"));
  }
  return take(where, *key, value, settings);
}

// `file` is nullptr where there is none.
Status check_as_a_whole(const Settings& settings, const std::string* file) {
  const std::string what =
      file != nullptr ? fmt::format("use the configuration '{}'", printable(*file)) : "start without a file";
  const auto missing = [&](const char* key, const char* option) {
    const std::string name_it = file != nullptr ? "Set it there, or name it" : "Name it";
    const std::string or_file = file != nullptr ? "" : ", or name a configuration with -c FILE";
    return fail(ErrorKind::Config, what, fmt::format("{} is not set", key),
                fmt::format("{} with {} PATH{}", name_it, option, or_file));
  };
  if (settings.fifo.path.empty()) return missing("fifo.path", "--fifo");
  if (settings.log.path.empty()) return missing("log.path", "--log");
  if (settings.fifo.path == settings.log.path) {
    return fail(ErrorKind::Config, what,
                fmt::format("fifo.path and log.path are both '{}'", printable(settings.fifo.path)),
                "Name a file of its own for the log");
  }
  return {};
}

Result<std::string> read_file(const std::string& path) {
  const std::string what = fmt::format("read the configuration '{}'", printable(path));
  const std::string advice =
      "Name another file with -c FILE, or use --fifo PATH and --log PATH without a file";
  // O_NONBLOCK: a FIFO would hold us up, and reading one would steal from whom it is for.
  const UniqueFd config_fd(kernel().open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY));
  if (!config_fd) return fail_errno(-config_fd.get(), what, advice);
  struct stat st{};
  if (const int result = kernel().fstat(config_fd.get(), &st); result < 0) return fail_errno(-result, what);
  if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode))  // /dev/null is an empty file
    return fail(ErrorKind::NoInput, what, "it is not a regular file", advice);

  std::string text(kMaxFileSize + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t count = kernel().read(config_fd.get(), text.data() + size, text.size() - size);
    if (count < 0) return fail_errno(static_cast<int>(-count), what);
    if (count == 0) break;
    size += static_cast<std::size_t>(count);
  }
  if (size > kMaxFileSize) {
    return fail(ErrorKind::Config, what, fmt::format("it is larger than {}", format(ByteSize{kMaxFileSize})),
                advice);
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

}  // namespace

Result<Settings> parse_settings(std::string_view text, const std::string& name,
                                std::span<const std::string> overrides) {
  const toml::parse_result document = toml::parse(text);
  if (!document) {
    const toml::parse_error& error = document.error();
    return reject(place(name, error.source().begin), printable(error.description()),
                  "It must be TOML, as https://toml.io/ describes it");
  }
  Settings settings;
  if (auto taken = take_document(name, document.table(), settings); !taken)
    return std::unexpected(taken.error());
  if (auto taken = take_overrides(overrides, settings); !taken) return std::unexpected(taken.error());
  if (auto checked = check_as_a_whole(settings, &name); !checked) return std::unexpected(checked.error());
  return settings;
}

Result<Settings> load_settings(const std::optional<std::string>& file,
                               std::span<const std::string> overrides) {
  if (file) {
    const auto text = read_file(*file);
    if (!text) return std::unexpected(text.error());
    return parse_settings(*text, *file, overrides);
  }
  Settings settings;
  if (auto taken = take_overrides(overrides, settings); !taken) return std::unexpected(taken.error());
  if (auto checked = check_as_a_whole(settings, nullptr); !checked) return std::unexpected(checked.error());
  return settings;
}

std::vector<std::string> doubts(const Settings& settings) {
  std::vector<std::string> found;
  const LogSettings& log = settings.log;
  const bool rotates = log.rotate_size.bytes != 0 || log.rotate_every.count() != 0;
  const bool keeps = log.keep_files != 0 || log.keep_size.bytes != 0;
  if (!rotates && (keeps || log.compress != Compression::None)) {
    found.emplace_back(
        "log.keep_files, log.keep_size and log.compress are about rotated segments, and without "
        "log.rotate_size "
        "or log.rotate_every only SIGUSR1 makes one: the log grows without bound");
  }
  if (log.keep_size.bytes != 0 && log.keep_size < log.rotate_size && log.compress == Compression::None) {
    found.emplace_back(
        "log.keep_size is smaller than log.rotate_size: a segment is deleted as soon as it is rotated");
  }
  if (settings.ring.when_full == WhenFull::Drop)
    found.emplace_back("ring.when_full is \"drop\": when the ring is full, lines are dropped (and counted)");
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
      std::string help(key.help);
      help.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(help.front())));
      out += fmt::format("# {}\n#   {}\n", help, key.allowed());
    }
    out += fmt::format("{} = {}\n", key.name, key.print(settings));
  }
  return out;
}

}  // namespace slurper
