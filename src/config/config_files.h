// The files of a configuration: FILE, and then those of the folder FILE.d.
#pragma once

#include <string>
#include <vector>

#include "slurper/result.h"

namespace slurper {

// A text of the configuration. Messages call it `name`, which is the file's path.
struct ConfigText {
  std::string name;
  std::string text;
};

// What is in a configuration's folder, as paths, in the order of the names' bytes.
struct ConfigFolder {
  std::vector<std::string> files;    // those that are read
  std::vector<std::string> ignored;  // all others
};

// Returns FILE.d for FILE.
[[nodiscard]] std::string config_folder_of(const std::string& file);

// Lists `file`'s folder: packages and editors leave other files there, so only those
// count whose names end in .toml and do not begin with a dot, and no directories. A link counts even if it
// leads nowhere: reading it then fails, and the operator learns that it is missing. A missing folder is
// empty. Errors: NoInput, NoPermission or Io if it can't be read; Config if it has too many files.
[[nodiscard]] Result<ConfigFolder> list_config_folder(const std::string& file);

// Reads `file` and the files of its folder, in their order. Errors: those of list_config_folder(); NoInput,
// NoPermission or Io if a file can't be read; Config if one is too large.
[[nodiscard]] Result<std::vector<ConfigText>> read_configuration(const std::string& file);

}  // namespace slurper
