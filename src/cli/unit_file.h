// Reads the [Service] section of systemd's unit files (systemd.syntax(7)).
#pragma once

#include <array>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace slurper {

// The folders of unit files, by systemd.unit(5): the first match wins.
inline constexpr std::array kUnitFolders = {"/etc/systemd/system", "/run/systemd/system",
                                            "/usr/local/lib/systemd/system", "/usr/lib/systemd/system",
                                            "/lib/systemd/system"};

// The [Service] section: each key with its values in their order; an empty value clears those before it.
using Section = std::map<std::string, std::vector<std::string>>;

// Adds what the file at `path` sets. A file that can't be read sets nothing.
void read_section(const std::filesystem::path& path, Section& section);

// Reads the drop-ins of `names` (folders without ".d") below `root`, in the order of the files' names, as
// systemd does.
void read_drop_ins(const std::string& root, const std::vector<std::string>& names, Section& section);

// The last value of a key; empty if there is none.
[[nodiscard]] std::string last(const Section& section, const char* key);
// The words of all values of a key.
[[nodiscard]] std::vector<std::string> all_words(const Section& section, const char* key);
// Splits words that may be in quotes; the escapes of systemd.syntax(7) are not supported.
[[nodiscard]] std::vector<std::string> words(std::string_view text);
[[nodiscard]] bool is_yes(std::string_view text);

}  // namespace slurper
