#include "config/keys.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <iterator>
#include <system_error>
#include <utility>
#include <vector>

#include "base/accounts.h"
#include "base/text.h"

namespace slurper {

namespace {

using std::chrono::milliseconds;
using Kind = Value::Kind;

constexpr std::size_t kMaxShown = 60;  // bytes of a foreign text that a message repeats

constexpr std::uint64_t kKiB = 1 << 10;
constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint64_t kGiB = 1 << 30;
constexpr std::uint64_t kPage = 4096;

// A log's files are its name with up to 29 bytes more: ".<20 digits>.zst.tmp" (NAME_MAX is 255).
constexpr std::size_t kMaxLogName = 255 - 29;
constexpr std::size_t kMaxFifoName = 255;

bool is_text(const Value& value) {
  return value.kind == Kind::String || value.kind == Kind::Word;
}

bool is_integer(const Value& value) {
  return value.kind == Kind::Integer || value.kind == Kind::Octal;
}

// All of `text` in that base.
bool parse_integer(std::string_view text, int base, std::int64_t& number) {
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  const auto [rest, error] = std::from_chars(begin, end, number, base);
  return error == std::errc() && rest == end;
}

// The types of settings. Each says what it takes, takes it, and prints it.

struct Flag {
  static std::string allowed() { return "true or false"; }
  static bool read(const Value& value, bool& flag) {
    const bool is_word = value.kind == Kind::Word && (value.text == "true" || value.text == "false");
    if (value.kind != Kind::Bool && !is_word) return false;
    flag = is_word ? value.text == "true" : value.boolean;
    return true;
  }
  static std::string print(bool flag) { return flag ? "true" : "false"; }
};

bool is_path(const Value& value) {
  return is_text(value) && value.text.find('\0') == std::string::npos && is_utf8(value.text);
}

// Absolute and without "." and ".."; empty where there is no working directory.
std::filesystem::path normal_path(const std::string& text) {
  std::error_code error;
  const std::filesystem::path path = std::filesystem::absolute(text, error);
  return error ? std::filesystem::path() : path.lexically_normal();
}

template <std::size_t MaxName>
struct FilePath {
  static std::string allowed() {
    return fmt::format("the path of a file (UTF-8, and a name of at most {} bytes)", MaxName);
  }
  static bool read(const Value& value, std::string& path) {
    if (!is_path(value) || value.text.empty()) return false;
    const std::filesystem::path normal = normal_path(value.text);
    const std::string name = normal.filename().string();
    if (name.empty() || name.size() > MaxName) return false;
    path = normal.string();
    return true;
  }
  static std::string print(const std::string& path) { return quote_toml(path); }
};

struct DirectoryPath {
  static std::string allowed() { return "the path of a folder (UTF-8), or \"\" for the default"; }
  static bool read(const Value& value, std::string& path) {
    if (!is_path(value)) return false;
    if (value.text.empty()) {
      path.clear();
      return true;
    }
    std::string normal = normal_path(value.text).string();
    if (normal.empty()) return false;
    while (normal.size() > 1 && normal.back() == '/') normal.pop_back();
    path = std::move(normal);
    return true;
  }
  static std::string print(const std::string& path) { return quote_toml(path); }
};

// A string or a number; empty: no one in particular.
template <auto Find, const char* WhatIs>
struct Account {
  static std::string allowed() {
    return fmt::format("the name of a {} that exists, a number, or \"\" for slurper's own", WhatIs);
  }
  static bool read(const Value& value, std::string& name) {
    const bool is_number = value.kind == Kind::Integer;
    if (!is_number && !is_path(value)) return false;
    std::string text = is_number ? std::to_string(value.integer) : value.text;
    if (!text.empty() && !Find(text)) return false;
    name = std::move(text);
    return true;
  }
  static std::string print(const std::string& name) { return quote_toml(name); }
};

constexpr char kUser[] = "user";
constexpr char kGroup[] = "group";
using User = Account<&find_user, kUser>;
using Group = Account<&find_group, kGroup>;

// Octal, as chmod(1) takes it. A decimal integer is refused: whoever writes 640 means 0640, and TOML does
// not.
struct Mode {
  static constexpr std::int64_t kMaxMode = 07777;

  static std::string allowed() { return "an octal mode from \"0000\" to \"7777\", such as \"0640\""; }
  static bool read(const Value& value, mode_t& mode) {
    std::int64_t bits = 0;
    if (is_text(value)) {
      std::string_view digits = value.text;
      if (digits.starts_with("0o")) digits.remove_prefix(2);
      if (!parse_integer(digits, 8, bits)) return false;
    } else if (value.kind == Kind::Octal) {
      bits = value.integer;
    } else {
      return false;
    }
    if (bits < 0 || bits > kMaxMode) return false;
    mode = static_cast<mode_t>(bits);
    return true;
  }
  static std::string print(mode_t mode) { return fmt::format("\"{:04o}\"", mode); }
};

// Reads a size, or a bare integer of bytes.
std::optional<ByteSize> size_of(const Value& value) {
  if (is_text(value)) return parse_byte_size(value.text);
  if (is_integer(value) && value.integer >= 0) return ByteSize{static_cast<std::uint64_t>(value.integer)};
  return std::nullopt;
}

template <std::uint64_t Min, std::uint64_t Max, std::uint64_t Example, std::uint64_t Unit = 1>
struct Size {
  static std::string allowed() {
    return fmt::format("a size from {} to {}, such as \"{}\"", format(ByteSize{Min}), format(ByteSize{Max}),
                       format(ByteSize{Example}));
  }
  static bool read(const Value& value, ByteSize& size) {
    const auto bytes = size_of(value);
    if (!bytes || bytes->bytes < Min || bytes->bytes > Max) return false;
    size = ByteSize{(bytes->bytes + Unit - 1) / Unit * Unit};
    return true;
  }
  static std::string print(ByteSize size) { return quote_toml(format(size)); }
};

// A limit: 0 switches it off.
struct SizeLimit {
  static constexpr std::uint64_t kMin = 4 * kKiB;

  static std::string allowed() {
    return fmt::format("0 (no limit) or a size of {} and more, such as \"100MiB\"", format(ByteSize{kMin}));
  }
  static bool read(const Value& value, ByteSize& size) {
    const auto bytes = size_of(value);
    if (!bytes || (bytes->bytes != 0 && bytes->bytes < kMin)) return false;
    size = *bytes;
    return true;
  }
  static std::string print(ByteSize size) { return size.bytes == 0 ? "0" : quote_toml(format(size)); }
};

struct PeriodLimit {
  static constexpr milliseconds kMin{1000};

  static std::string allowed() { return "0 (never) or a time of 1s and more, such as \"1d\" or \"12h\""; }
  static bool read(const Value& value, milliseconds& period) {
    const bool is_zero = is_integer(value) && value.integer == 0;
    const auto time = is_zero ? milliseconds(0) : is_text(value) ? parse_duration(value.text) : std::nullopt;
    // "0.4ms" is rounded down to nothing, and nothing would mean "never".
    if (!time || (*time < kMin && !is_zero && value.text != "0")) return false;
    period = *time;
    return true;
  }
  static std::string print(milliseconds period) {
    return period.count() == 0 ? "0" : quote_toml(format(period));
  }
};

struct CountLimit {
  static constexpr std::int64_t kMax = 1'000'000;

  static std::string allowed() { return "0 (all) or a number up to 1000000"; }
  static bool read(const Value& value, std::uint32_t& count) {
    std::int64_t number = value.integer;
    if (value.kind == Kind::Word) {
      if (!parse_integer(value.text, 10, number)) return false;
    } else if (!is_integer(value)) {
      return false;
    }
    if (number < 0 || number > kMax) return false;
    count = static_cast<std::uint32_t>(number);
    return true;
  }
  static std::string print(std::uint32_t count) { return std::to_string(count); }
};

template <typename Enum>
struct Named {
  std::string_view name;
  Enum value;
};

constexpr std::array kWhenFull = {Named{"block", WhenFull::Block}, Named{"drop", WhenFull::Drop}};
constexpr std::array kCompressions = {Named{"none", Compression::None}, Named{"zstd", Compression::Zstd}};
constexpr std::array kWhenDiskFull = {Named{"wait", WhenDiskFull::Wait},
                                      Named{"remove-oldest", WhenDiskFull::RemoveOldest}};
constexpr std::array kSyncModes = {Named{"none", SyncMode::None}, Named{"always", SyncMode::Always}};

template <const auto& Names>
struct Choice {
  static std::string allowed() {
    std::vector<std::string> names;
    for (const auto& [name, value] : Names) names.push_back(quote_toml(name));
    return fmt::format("{}", fmt::join(names, " or "));
  }
  static bool read(const Value& value, auto& choice) {
    if (!is_text(value)) return false;
    for (const auto& [name, named] : Names) {
      if (name != value.text) continue;
      choice = named;
      return true;
    }
    return false;
  }
  static std::string print(auto choice) {
    for (const auto& [name, named] : Names) {
      if (named == choice) return quote_toml(name);
    }
    return quote_toml("");
  }
};

struct Sync {
  static constexpr milliseconds kMin{10};
  static constexpr milliseconds kMax{std::chrono::hours(1)};

  static std::string allowed() { return "\"none\", \"always\", or a period from 10ms to 1h, such as \"1s\""; }
  static bool read(const Value& value, SyncPolicy& sync) {
    SyncPolicy policy;
    if (!Choice<kSyncModes>::read(value, policy.mode)) {
      const auto period = is_text(value) ? parse_duration(value.text) : std::nullopt;
      if (!period || *period < kMin || *period > kMax) return false;
      policy.period = *period;
    }
    sync = policy;
    return true;
  }
  static std::string print(const SyncPolicy& sync) {
    return sync.mode == SyncMode::Periodic ? quote_toml(format(sync.period))
                                           : Choice<kSyncModes>::print(sync.mode);
  }
};

template <typename Type, auto Section, auto Member>
constexpr Key key(std::string_view table, std::string_view name, std::string_view help) {
  return {table,
          name,
          help,
          &Type::allowed,
          [](const Value& value, Settings& settings) { return Type::read(value, settings.*Section.*Member); },
          [](const Settings& settings) { return Type::print(settings.*Section.*Member); }};
}

template <typename Type, auto Member>
constexpr Key fifo(std::string_view name, std::string_view help) {
  return key<Type, &Settings::fifo, Member>("fifo", name, help);
}

template <typename Type, auto Member>
constexpr Key ring(std::string_view name, std::string_view help) {
  return key<Type, &Settings::ring, Member>("ring", name, help);
}

template <typename Type, auto Member>
constexpr Key log(std::string_view name, std::string_view help) {
  return key<Type, &Settings::log, Member>("log", name, help);
}

constexpr std::array kKeys = {
    fifo<FilePath<kMaxFifoName>, &FifoSettings::path>("path", "the named pipe to read; required"),
    fifo<Flag, &FifoSettings::create>("create", "make the FIFO when it is missing"),
    fifo<Mode, &FifoSettings::mode>("mode", "permissions of a FIFO that slurper makes"),
    fifo<User, &FifoSettings::owner>("owner", "owner of a FIFO that slurper makes"),
    fifo<Group, &FifoSettings::group>("group", "group of a FIFO that slurper makes"),
    fifo<Size<4 * kKiB, kGiB, kMiB>, &FifoSettings::pipe_size>("pipe_size", "bytes the kernel may buffer"),

    ring<DirectoryPath, &RingSettings::directory>("directory", "folder in RAM for the ring"),
    ring<Size<4 * kMiB, 64 * kGiB, 64 * kMiB, kPage>, &RingSettings::size>(
        "size", "bytes kept while the disk stalls"),
    ring<Choice<kWhenFull>, &RingSettings::when_full>("when_full", "block the writers, or drop lines"),

    log<FilePath<kMaxLogName>, &LogSettings::path>("path", "the log to write; required"),
    log<Mode, &LogSettings::mode>("mode", "permissions of the log's files"),
    log<Group, &LogSettings::group>("group", "group of the log's files"),
    log<Sync, &LogSettings::sync>("sync", "how often the log is forced to disk"),
    log<SizeLimit, &LogSettings::rotate_size>("rotate_size", "rotate at this size"),
    log<PeriodLimit, &LogSettings::rotate_every>("rotate_every", "rotate at this age"),
    log<CountLimit, &LogSettings::keep_files>("keep_files", "rotated segments to keep"),
    log<SizeLimit, &LogSettings::keep_size>("keep_size", "space that rotated segments may take"),
    log<Choice<kWhenDiskFull>, &LogSettings::when_disk_full>("when_disk_full",
                                                             "wait for room, or remove old segments"),
    log<Choice<kCompressions>, &LogSettings::compress>("compress", "compression of rotated segments"),
};

std::vector<std::string> names_of_tables() {
  std::vector<std::string> tables;
  for (const Key& k : kKeys) {
    if (tables.empty() || tables.back() != k.table) tables.emplace_back(k.table);
  }
  tables.emplace_back("sink");  // its keys are the sinks' own
  return tables;
}

std::string heading(const std::string& table) {
  return table == "sink" ? "[[sink]]" : fmt::format("[{}]", table);
}

}  // namespace

std::string quote_toml(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\u{:04x}", byte);
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string quote_toml_key(std::string_view key) {
  const bool is_bare = !key.empty() && std::ranges::all_of(key, [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
  return is_bare ? std::string(key) : quote_toml(key);
}

std::string describe(const Value& value) {
  switch (value.kind) {
    case Kind::Bool:
      return value.boolean ? "true" : "false";
    case Kind::Integer:
      return std::to_string(value.integer);
    case Kind::Octal:
      return fmt::format("0o{:o}", value.integer);
    case Kind::String:
    case Kind::Word:
      return fmt::format("\"{}{}\"", printable(value.text.substr(0, kMaxShown)),
                         value.text.size() > kMaxShown ? "…" : "");
    case Kind::Other:
      return value.text;
  }
  return value.text;
}

std::span<const Key> keys() {
  return kKeys;
}

bool is_table_name(std::string_view name) {
  return std::any_of(kKeys.begin(), kKeys.end(), [&](const Key& k) { return k.table == name; });
}

const Key* find_key(std::string_view table, std::string_view name) {
  const auto found = std::find_if(kKeys.begin(), kKeys.end(),
                                  [&](const Key& k) { return k.table == table && k.name == name; });
  return found == kKeys.end() ? nullptr : &*found;
}

std::string suggest_table(std::string_view table) {
  const auto tables = names_of_tables();
  if (table.size() <= kMaxShown) {
    const auto nearest = std::min_element(tables.begin(), tables.end(), [&](const auto& a, const auto& b) {
      return edit_distance(a, table) < edit_distance(b, table);
    });
    if (edit_distance(*nearest, table) <= max_edits(table))
      return fmt::format("Did you mean {}?", heading(*nearest));
  }
  std::vector<std::string> headings;
  std::ranges::transform(tables, std::back_inserter(headings), heading);
  return fmt::format("The tables are {}", fmt::join(headings, ", "));
}

std::string suggest_key(std::string_view table, std::string_view name) {
  if (name.size() <= kMaxShown) {
    // The same name in another table is one slip; a similar name there two.
    const auto slips = [&](const Key& k) { return edit_distance(k.name, name) + (k.table == table ? 0 : 1); };
    const auto nearest = std::min_element(kKeys.begin(), kKeys.end(),
                                          [&](const Key& a, const Key& b) { return slips(a) < slips(b); });
    if (slips(*nearest) <= max_edits(name)) return fmt::format("Did you mean '{}'?", nearest->full_name());
  }
  std::vector<std::string> names;
  for (const Key& k : kKeys) {
    if (k.table == table) names.emplace_back(k.name);
  }
  if (names.empty()) return suggest_table(table);
  return fmt::format("The keys of [{}] are {}", table, fmt::join(names, ", "));
}

}  // namespace slurper
