// Advice on unknown names of tables and keys in the configuration.
#pragma once

#include <string>
#include <string_view>

namespace slurper {

[[nodiscard]] bool is_table_name(std::string_view name);

// Returns advice on an unknown table or key: "Did you mean 'log.sync'?", or the names that exist.
[[nodiscard]] std::string suggest_table(std::string_view table);
[[nodiscard]] std::string suggest_key(std::string_view table, std::string_view name);

}  // namespace slurper
