#include "config/sinks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include "base/phrase_id.h"
#include "base/secret_place.h"
#include "base/setting_value.h"
#include "base/text.h"
#include "config/assign.h"

namespace slurper {

namespace {

constexpr std::size_t kMaxName = 64;  // names become parts of file names
constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
constexpr std::string_view kTypeLetters = "abcdefghijklmnopqrstuvwxyz0123456789-_";

bool consists_of(std::string_view text, std::string_view letters) {
  return !text.empty() && text.find_first_not_of(letters) == std::string_view::npos;
}

bool is_name(std::string_view name) {
  return name.size() <= kMaxName && name.front() != '.' && consists_of(name, std::string(kLetters) + "._-");
}

// Returns nothing if a % is not followed by two hexadecimal digits.
std::optional<std::string> decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    unsigned byte = 0;
    const char* const digits = text.data() + i + 1;
    if (text.size() - i < 3 || std::from_chars(digits, digits + 2, byte, 16).ptr != digits + 2)
      return std::nullopt;
    out += static_cast<char>(byte);
    i += 2;
  }
  return out;
}

// The same, for what only messages show.
std::string decoded(std::string_view text) {
  return decode(text).value_or(std::string(text));
}

// Cuts `text` at the first of `ends` and returns what is before it; `text` keeps the rest, including that
// character.
std::string_view cut(std::string_view& text, std::string_view ends) {
  const std::string_view part = text.substr(0, text.find_first_of(ends));
  text.remove_prefix(part.size());
  return part;
}

void add(SinkSettings& sink, const std::string& key, const std::string& value) {
  if (key == "name" || key == "type") {
    (key == "name" ? sink.name : sink.type) = value;
    return;
  }
  const auto known = std::ranges::find(sink.options, key, &SinkOption::name);
  if (known == sink.options.end()) {
    sink.options.push_back({.name = key, .values = {value}, .is_list = false, .place = sink.place});
  } else {
    known->values.push_back(value);
    known->is_list = true;
  }
}

// Whether a password stands in what names a server: USER:PASSWORD@HOST. An '@' that comes after the port
// belongs to a password with a '/' in it.
bool holds_password(std::string_view target) {
  const std::size_t colon = target.find(':');
  return !target.starts_with('[') && colon < target.rfind('@') && target.contains('@');
}

bool is_secret(std::string_view key, std::string_view value) {
  return is_name_of_secret(key) && !is_secret_place(value);
}

// The URL as messages show it, without what may be a secret.
struct ShownUrl {
  std::string text;
  bool has_password = false;          // of a server
  bool has_misplaced_secret = false;  // where no setting's value stands, as in "host;key_password=hunter2"
};

// Returns the end of the first word that may be a secret's name and that one of `followers` follows; npos if
// there is none.
std::size_t end_of_secret_name(std::string_view text, std::string_view followers) {
  const std::string letters = std::string(kLetters) + "_-";
  for (std::size_t end = 0;;) {
    const std::size_t begin = text.find_first_of(letters, end);
    if (begin == std::string_view::npos) return begin;
    end = std::min(text.find_first_not_of(letters, begin), text.size());
    const bool is_followed = end + 1 < text.size() && followers.contains(text[end]);
    if (is_followed && resembles_name_of_secret(text.substr(begin, end - begin))) return end;
  }
}

// The part of the URL between the type and the settings.
void show_place(std::string_view& rest, ShownUrl& shown) {
  // A password may contain a '/' or a '?'.
  const bool has_authority = rest.starts_with("//");
  const std::size_t begin = has_authority ? 2 : rest.starts_with('/') ? 1 : 0;
  const std::string_view head = rest.substr(begin, rest.substr(begin).find('='));
  const std::size_t slash = std::min(head.find_first_of("/?"), head.size());
  const std::string authority = decoded(head.substr(0, slash));
  const std::string port = authority.substr(std::min(authority.find(':'), authority.size()));
  const bool may_be_port = port.find_first_not_of("0123456789", 1) == std::string::npos;
  const bool reaches_beyond = begin != 1 && !port.empty() && !may_be_port && holds_password(decoded(head));
  shown.has_password = holds_password(authority) || reaches_beyond;
  if (shown.has_password) {
    const std::size_t end = reaches_beyond ? head.rfind('@') : slash;
    shown.text += fmt::format("{}{}", rest.substr(0, begin), kNotShown);
    rest.remove_prefix(begin + std::min(end, head.size()));
  }
  const std::string_view place = cut(rest, "?");
  const std::string text = decoded(place);
  // Behind a server stands no path. In a path, "password/" is a folder's name.
  const bool names_server = has_authority && !authority.empty();
  const std::size_t end = end_of_secret_name(text, names_server ? "=:/;," : "=");
  shown.has_misplaced_secret = end != std::string::npos;
  shown.text += shown.has_misplaced_secret ? fmt::format("{}{}", text.substr(0, end), kNotShown) : place;
}

void show_setting(std::string_view key, std::string_view value, ShownUrl& shown) {
  const std::string name = decoded(key);
  // A key has no punctuation: what follows is the secret.
  const std::size_t name_end = end_of_secret_name(name + ' ', "=:/;,@?!#$%+*.~ ");
  if (name_end < name.size()) {
    shown.text += fmt::format("{}{}", name.substr(0, name_end), kNotShown);
    shown.has_misplaced_secret = true;
    return;
  }
  shown.text += key;
  if (value.empty()) return;
  const std::string text = decoded(value.substr(1));
  const bool is_hidden =
      name == "target" ? holds_password(text) : resembles_name_of_secret(name) && !is_secret_place(text);
  // Such as "ca_file=/x;key_password=hunter2". Filters, formats and arguments may well contain a '='.
  const std::size_t end = end_of_secret_name(text, "=");
  if (is_hidden) {
    shown.text += fmt::format("={}", kNotShown);
  } else if (end != std::string::npos) {
    shown.text += fmt::format("={}{}", text.substr(0, end), kNotShown);
    const bool may_contain_any = name == "filter" || name == "format" || name == "args";
    shown.has_misplaced_secret = shown.has_misplaced_secret || !may_contain_any;
  } else {
    shown.text += value;
  }
}

ShownUrl without_secrets(std::string_view url) {
  ShownUrl shown;
  std::string_view rest = url;
  shown.text += cut(rest, ":");
  if (!rest.empty()) {
    shown.text += ':';
    rest.remove_prefix(1);
    show_place(rest, shown);
  }
  while (!rest.empty()) {
    shown.text += rest.front();  // a ? or a &
    rest.remove_prefix(1);
    std::string_view value = cut(rest, "&");
    const std::string_view key = cut(value, "=");
    show_setting(key, value, shown);
  }
  return shown;
}

std::string derived_name(const SinkSettings& sink) {
  std::string name = sink.type;
  for (const SinkOption& option : sink.options) {
    if (option.name != "path" && option.name != "target") continue;
    for (const char c : fmt::format("/{}", fmt::join(option.values, "/"))) {
      const bool fits = kLetters.find(c) != std::string_view::npos || c == '.' || c == '_';
      if (fits || name.back() != '-') name += fits ? c : '-';
    }
  }
  return name.substr(0, kMaxName);
}

// Returns a TOML key, bare if possible.
std::string quote_toml_key(std::string_view key) {
  return consists_of(key, std::string(kLetters) + "_-") ? std::string(key) : quote_toml(key);
}

bool has_nul(std::string_view text) {
  return text.find('\0') != std::string_view::npos;
}

// Paths, names and arguments reach the kernel and libraries as C strings, which end at the first NUL: slurper
// would open another file than the one that was named, and check only a part of a server's name.
Status check_for_nuls(const SinkSettings& sink) {
  const auto reject = [&](const std::string& what, const std::string& place) {
    return reject_at(place, fmt::format("{} has a NUL byte in it (%00 in a URL, \\u0000 in TOML)", what),
                     "Leave it out");
  };
  if (has_nul(sink.type)) return reject("the type of a sink", sink.place);
  for (const SinkOption& option : sink.options) {
    const std::string name = printable(option.name);
    if (has_nul(option.name)) return reject(fmt::format("the key '{}'", name), option.place);
    if (std::ranges::any_of(option.values, has_nul))
      return reject(fmt::format("{} of the sink '{}'", name, printable(sink.name)), option.place);
  }
  return {};
}

// Settings name the place of a secret: the command line, the configuration, the status, and the output of
// `check` can be read by others.
Status check_for_secrets(const SinkSettings& sink) {
  for (const SinkOption& option : sink.options) {
    const auto names_server = [&](const std::string& value) {
      return option.name == "target" || (option.name == "path" && !value.starts_with('/'));
    };
    if (std::ranges::any_of(option.values, [&](const std::string& value) {
          return names_server(value) && holds_password(value);
        })) {
      return reject_at(option.place, fmt::format("{} has a password in it", option.name),
                       "Write the server without it: other users can read a password there");
    }
    const auto is_wrong = [&](const std::string& value) {
      return !value.empty() && is_secret(option.name, value);
    };
    if (std::ranges::any_of(option.values, is_wrong)) {
      return reject_at(option.place,
                       fmt::format("{} {} must name the place of a secret, and not be the secret",
                                   printable(option.name), kNotShown),
                       "Write the absolute path of a file that contains it, or \"credential:NAME\"");
    }
  }
  return {};
}

}  // namespace

Result<SinkSettings> parse_sink_url(std::string_view url) {
  const ShownUrl shown = without_secrets(url);
  SinkSettings sink{.name = {}, .type = {}, .place = "--sink " + shown.text, .options = {}};
  const auto reject = [&](std::string why, std::string advice = {}) {
    if (advice.empty())
      advice = "Write TYPE:[//TARGET][PATH][?KEY=VALUE&…], such as file:/var/log/auth.log?format=json";
    return reject_at(sink.place, std::move(why), std::move(advice));
  };
  if (shown.has_password)
    return reject("it has a password in it",
                  "Write the server without it: other users can read a password there");
  if (shown.has_misplaced_secret)
    return reject("it seems to have a secret in it",
                  "Write the secret into a file, and its absolute path here, such as "
                  "?key_password=/etc/slurper/key.pass: other users can read a secret there");
  std::string_view scheme = cut(url, ":");
  const std::string_view type = cut(scheme, "+");
  if (url.empty() || !consists_of(type, kTypeLetters)) return reject("it does not begin with a type and ':'");
  url.remove_prefix(1);
  sink.type = type;

  std::vector<std::pair<std::string_view, std::string_view>> parts;
  if (!scheme.empty()) {
    parts.emplace_back("transport", scheme.substr(1));
    if (!consists_of(scheme.substr(1), kTypeLetters)) return reject("there is no transport behind the '+'");
  }
  if (url.starts_with("//")) {
    url.remove_prefix(2);
    if (const std::string_view target = cut(url, "/?"); !target.empty()) parts.emplace_back("target", target);
  }
  if (const std::string_view path = cut(url, "?"); !path.empty()) parts.emplace_back("path", path);
  while (url.size() > 1) {  // after a ? or a &
    url.remove_prefix(1);
    std::string_view value = cut(url, "&");
    const std::string_view key = cut(value, "=");
    if (key.empty() && url.starts_with('&')) {
      return reject("an '&' ends a setting, so '&&' is not a part of its value",
                    "In a filter write 'and', or %26%26");
    }
    if (key.empty() || value.empty())
      return reject(fmt::format("'{}{}' is not KEY=VALUE", printable(key), printable(value)));
    parts.emplace_back(key, value.substr(1));
  }
  for (const auto& [key, value] : parts) {
    const auto name = decode(key);
    const auto text = decode(value);
    if (!name || !text)
      return reject(fmt::format("a % in '{}' has no two hexadecimal digits behind it",
                                printable(name && !resembles_name_of_secret(*name) ? value : key)));
    add(sink, *name, *text);
  }
  return sink;
}

Status name_sinks(std::vector<SinkSettings>& sinks) {
  std::map<std::string, std::string> taken;  // the names, with the sinks' places
  for (SinkSettings& sink : sinks) {
    if (Status without = check_for_secrets(sink); !without) return without;
    const bool is_given = !sink.name.empty();
    if (!is_given) sink.name = derived_name(sink);
    if (Status without = check_for_nuls(sink); !without) return without;
    if (!is_name(sink.name)) {
      return reject_at(sink.place, fmt::format("a sink can't be called '{}'", printable(sink.name)),
                       fmt::format("Give it a name of up to {} letters, digits, '.', '_' and '-'", kMaxName));
    }
    if (const auto [first, is_new] = taken.emplace(sink.name, sink.place); !is_new) {
      return fail(
          ErrorKind::Config, accept_setting(sink.place),
          {PhraseId::SinkNameTaken, {{"place", QuotedText{first->second}}, {"sink", QuotedText{sink.name}}}},
          is_given ? PhraseId::NameEachSink : PhraseId::NameUnnamedSinks);
    }
  }
  return {};
}

std::string to_toml(const SinkSettings& sink, std::string_view comment) {
  std::string out = fmt::format("[[sink]]{}\nname = {}\ntype = {}\n", comment, quote_toml(sink.name),
                                quote_toml(sink.type));
  for (const SinkOption& option : sink.options) {
    std::vector<std::string> values;
    values.reserve(option.values.size());
    for (const std::string& value : option.values) values.push_back(quote_toml(value));
    out += fmt::format(fmt::runtime(option.is_list ? "{} = [{}]\n" : "{} = {}\n"),
                       quote_toml_key(option.name), fmt::join(values, ", "));
  }
  return out;
}

}  // namespace slurper
