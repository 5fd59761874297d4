#include "cli/unit_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <fstream>
#include <system_error>

namespace slurper {

namespace fs = std::filesystem;

namespace {

std::string trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(" \t\r") + 1 - first));
}

}  // namespace

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> all;
  while (true) {
    const std::size_t begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return all;
    text.remove_prefix(begin);
    const bool quoted = text.front() == '"' || text.front() == '\'';
    const std::size_t end = quoted ? text.find(text.front(), 1) : text.find_first_of(" \t");
    all.emplace_back(
        text.substr(quoted ? 1 : 0, end == std::string_view::npos ? end : end - (quoted ? 1 : 0)));
    if (end == std::string_view::npos) return all;
    text.remove_prefix(end + (quoted ? 1 : 0));
  }
}

void read_section(const fs::path& path, Section& section) {
  std::ifstream file(path);
  std::string name;
  for (std::string line; std::getline(file, line);) {
    line = trimmed(line);
    while (line.ends_with('\\')) {
      std::string next;
      if (!std::getline(file, next)) break;
      line.back() = ' ';
      line += trimmed(next);
    }
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    if (line.front() == '[') {
      name = line;
      continue;
    }
    const std::size_t equals = line.find('=');
    if (name != "[Service]" || equals == std::string::npos) continue;
    const std::string value = trimmed(line.substr(equals + 1));
    std::vector<std::string>& values = section[trimmed(line.substr(0, equals))];
    if (value.empty()) values.clear();
    values.push_back(value);
  }
}

void read_drop_ins(const std::string& root, const std::vector<std::string>& names, Section& section) {
  std::map<std::string, fs::path> files;
  for (const char* const folder : kUnitFolders) {
    for (const std::string& name : names) {
      std::error_code error;
      for (fs::directory_iterator entry(root + folder + "/" + name + ".d", error), end;
           !error && entry != end; entry.increment(error)) {
        if (entry->path().extension() == ".conf") files.emplace(entry->path().filename(), entry->path());
      }
    }
  }
  for (const auto& [name, path] : files) read_section(path, section);
}

std::string last(const Section& section, const char* key) {
  const auto found = section.find(key);
  return found == section.end() || found->second.empty() ? "" : found->second.back();
}

std::vector<std::string> all_words(const Section& section, const char* key) {
  const auto found = section.find(key);
  return found == section.end() ? std::vector<std::string>{}
                                : words(fmt::format("{}", fmt::join(found->second, " ")));
}

bool is_yes(std::string_view text) {
  return text == "yes" || text == "true" || text == "on" || text == "1";
}

}  // namespace slurper
