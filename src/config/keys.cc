#include "config/keys.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <vector>

#include "base/settings_keys.h"
#include "base/text.h"

namespace slurper {

namespace {

constexpr std::size_t kMaxShown = 60;  // bytes; a longer name is not a misspelling

std::vector<std::string> names_of_tables() {
  std::vector<std::string> tables;
  for (const Key& k : keys()) {
    if (tables.empty() || tables.back() != k.table) tables.emplace_back(k.table);
  }
  tables.emplace_back("sink");  // the sinks define its keys
  return tables;
}

std::string heading(const std::string& table) {
  return table == "sink" ? "[[sink]]" : fmt::format("[{}]", table);
}

}  // namespace

bool is_table_name(std::string_view name) {
  return !keys_of(name).empty();
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
    // The same name in another table counts as one slip.
    const auto slips = [&](const Key& k) {
      return edit_distance(k.setting.name, name) + (k.table == table ? 0 : 1);
    };
    const auto nearest = std::ranges::min_element(keys(), {}, slips);
    if (slips(*nearest) <= max_edits(name)) return fmt::format("Did you mean '{}'?", nearest->full_name());
  }
  std::vector<std::string> names;
  for (const Key& k : keys_of(table)) names.emplace_back(k.setting.name);
  if (names.empty()) return suggest_table(table);
  return fmt::format("The keys of [{}] are {}", table, fmt::join(names, ", "));
}

}  // namespace slurper
