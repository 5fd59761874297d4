// Advice on names that the tables of the configuration do not have.
#pragma once

#include <string>
#include <string_view>

namespace slurper {

[[nodiscard]] bool is_table_name(std::string_view name);

// Advice on a table or on a key that does not exist: "Did you mean 'log.sync'?", or what there is.
[[nodiscard]] std::string suggest_table(std::string_view table);
[[nodiscard]] std::string suggest_key(std::string_view table, std::string_view name);

}  // namespace slurper
