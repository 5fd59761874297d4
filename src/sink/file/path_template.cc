#include "sink/file/path_template.h"

#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <iterator>
#include <utility>

#include "base/phrase_id.h"
#include "base/settings_keys.h"
#include "record/syslog_names.h"
#include "sink/format/escaped_name.h"
#include "sink/format/no_such_field.h"

namespace slurper {

namespace {

constexpr std::size_t kMaxFolderName = 255;  // NAME_MAX
constexpr std::size_t kMaxPath = 3800;       // PATH_MAX, less what names of the files beside it need

struct Field {
  std::string_view name;
  std::string_view (*value)(const Record& record);
};

constexpr Field kFields[] = {
    {.name = "host", .value = [](const Record& r) { return r.header().host; }},
    {.name = "program", .value = [](const Record& r) { return r.header().program; }},
    {.name = "facility",
     .value =
         [](const Record& r) {
           return r.header().facility ? facility_name(*r.header().facility) : std::string_view();
         }},
    {.name = "severity",
     .value =
         [](const Record& r) {
           return r.header().severity ? severity_name(*r.header().severity) : std::string_view();
         }},
};

constexpr auto kNames = [] {
  std::array<std::string_view, std::size(kFields)> names;
  std::ranges::transform(kFields, names.begin(), &Field::name);
  return names;
}();

std::unexpected<Phrase> wrong(PhraseId id, std::size_t at, std::vector<PhraseArgument> arguments) {
  Phrase phrase(id, {{"column", std::uint64_t{at + 1}}});
  for (PhraseArgument& argument : arguments) phrase.with(std::move(argument));
  return std::unexpected(std::move(phrase));
}

// The longest name that leaves room for those of the files beside it.
std::size_t max_file_name() {
  return find_key("log", "path")->setting.max;
}

bool fits(const std::string& path, std::size_t folder_size) {
  if (path.size() > kMaxPath) return false;
  std::string_view rest = std::string_view(path).substr(folder_size);
  for (std::size_t slash = 0; (slash = rest.find('/')) != rest.npos; rest.remove_prefix(slash + 1)) {
    if (slash > kMaxFolderName) return false;
  }
  return rest.size() <= max_file_name();
}

}  // namespace

std::expected<PathTemplate, Phrase> PathTemplate::parse(std::string_view path) {
  PathTemplate made;
  std::string literal;
  for (std::size_t at = 0; at < path.size();) {
    const char c = path[at];
    const bool is_brace = c == '{' || c == '}';
    if (!is_brace) {
      literal += c;
      ++at;
    } else if (path.substr(at + 1, 1) == path.substr(at, 1)) {
      literal += c;
      at += 2;
    } else if (c == '}') {
      return wrong(PhraseId::TemplateNeverOpened, at, {{"brace", QuotedText{"}"}}});
    } else {
      const std::size_t end = path.find('}', at);
      if (end == std::string_view::npos)
        return wrong(PhraseId::TemplateNeverClosed, at, {{"brace", QuotedText{"{"}}});
      const std::string_view name = path.substr(at + 1, end - at - 1);
      const auto* const field = std::ranges::find(kFields, name, &Field::name);
      if (field == std::end(kFields)) return std::unexpected(no_such_field(name, at + 2, kNames));
      made.pieces_.push_back({.text = std::move(literal), .field = field->value});
      literal.clear();
      at = end + 1;
    }
  }
  made.pieces_.push_back({.text = std::move(literal)});

  const std::string& first = made.pieces_.front().text;
  made.folder_ = first.substr(0, std::max<std::size_t>(first.rfind('/'), 1));
  if (!made.has_fields()) return made;
  std::string names;  // below the folder, with a '*' for each field
  for (const Piece& piece : made.pieces_) {
    for (const char c : piece.text) {
      if (std::string_view("*?[]\\").contains(c)) made.pattern_ += '\\';
      made.pattern_ += c;
    }
    names += piece.text;
    if (piece.field == nullptr) continue;
    made.pattern_ += '*';
    names += '*';
  }
  names.erase(0, first.rfind('/') + 1);
  made.depth_ = static_cast<int>(std::ranges::count(names, '/'));
  // A rotated segment ends with digits, and its forms with .zst and .tmp: no file may be called like one of
  // another's. The files beside it begin with a '.'.
  const std::string_view end = made.pieces_.back().text;
  const bool is_like_segment = end.ends_with(".zst") || end.ends_with(".tmp") || end.empty() ||
                               std::string_view("0123456789").contains(end.back());
  if (is_like_segment || names.starts_with('.') || names.contains("/."))
    return std::unexpected(Phrase(PhraseId::MustEndWithText));
  return made;
}

bool PathTemplate::make_path(const Record& record, std::string& path) const {
  path.clear();
  for (const Piece& piece : pieces_) {
    path += piece.text;
    if (piece.field != nullptr) append_escaped(piece.field(record), kFileNames, path);
  }
  return fits(path, folder_ == "/" ? 1 : folder_.size() + 1);
}

std::string PathTemplate::other_path() const {
  std::string path;
  for (const Piece& piece : pieces_) {
    path += piece.text;
    if (piece.field != nullptr) path += kFileNames.other;
  }
  return path;
}

bool PathTemplate::matches(const std::string& path) const {
  return ::fnmatch(pattern_.c_str(), path.c_str(), FNM_PATHNAME) == 0;
}

std::string folder_needed_for(const std::string& path) {
  const std::filesystem::path whole = std::filesystem::absolute(path);
  const auto parsed = PathTemplate::parse(whole.lexically_normal().string());
  return parsed && parsed->has_fields() ? parsed->folder() : whole.parent_path().string();
}

}  // namespace slurper
