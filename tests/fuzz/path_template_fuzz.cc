// Paths with fields, and the values that lines give them. The input is the template, a NUL, and a host; the
// program is the host backwards.
#include "sink/file/path_template.h"

#include <optional>
#include <string>

#include "fuzz/fuzz.h"
#include "slurper/record.h"

using slurper::fuzz::require;

namespace {

std::optional<std::string> path_for(const slurper::PathTemplate& paths, std::string_view host,
                                    std::string_view program) {
  static constexpr slurper::LogId kLog{};
  slurper::SyslogHeader header;
  header.host = host;
  header.program = program;
  const slurper::Record record(kLog, 0, 2, "x", slurper::Part::Middle, slurper::Timestamp(), header);
  std::string path;
  return paths.make_path(record, path) ? std::optional(path) : std::nullopt;
}

// The value that stands between two texts in a name, with each %XX as its byte.
std::string unescaped(std::string_view name) {
  std::string value;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const bool is_escaped = name[i] == '%' && i + 2 < name.size();
    value +=
        is_escaped ? static_cast<char>(std::stoi(std::string(name.substr(i + 1, 2)), nullptr, 16)) : name[i];
    if (is_escaped) i += 2;
  }
  return value;
}

void check_value(std::string_view host) {
  constexpr std::string_view kFolder = "/l/";
  constexpr std::string_view kEnd = ".log";
  static const auto paths = slurper::PathTemplate::parse("/l/{host}.log");
  const auto path = path_for(*paths, host, "");
  if (!path) return;
  require(path->starts_with(kFolder) && path->ends_with(kEnd), "the text of the template is there");
  const std::string_view name = std::string_view(*path).substr(kFolder.size());
  require(name.front() != '.' && !name.contains('/') && !name.contains('\0'), "it is a name in that folder");
  require(name.size() <= 226, "there is room for the names beside it");
  const std::string_view value = name.substr(0, name.size() - kEnd.size());
  require(host.empty() ? value == "_none" : value.front() != '_', "slurper's own names are free");
  require(host.empty() || unescaped(value) == host, "no other value has this name");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = slurper::fuzz::as_text(data, size);
  const std::size_t nul = std::min(input.find('\0'), input.size());
  const std::string_view host = input.substr(std::min(nul + 1, input.size()));
  check_value(host);
  const std::string text = "/" + std::string(input.substr(0, nul));
  const auto paths = slurper::PathTemplate::parse(text);
  if (!paths || !paths->has_fields()) return 0;
  const std::string folder = paths->folder() == "/" ? "/" : paths->folder() + '/';
  const auto path = path_for(*paths, host, std::string(host.rbegin(), host.rend()));
  if (!path) return 0;
  require(path->starts_with(folder), "it is below the folder");
  require(paths->matches(*path), "it is known again after a restart");
  require(paths->other_path().starts_with(folder), "so is that of all others");
  return 0;
}
