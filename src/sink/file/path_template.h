// PathTemplate: the path of a file, in which fields of the line may stand.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "slurper/record.h"
#include "slurper/result.h"

namespace slurper {

// "/var/log/hosts/{host}.log": text, and fields in braces; "{{" and "}}" are braces. Whatever bytes a line
// has, its path is below folder(), and two values of a field are never written alike. Immutable; any
// thread may use it.
class PathTemplate {
 public:
  // `path` is absolute and normal. The error completes the sentence "path is …, but ".
  [[nodiscard]] static std::expected<PathTemplate, Phrase> parse(std::string_view path);

  [[nodiscard]] bool has_fields() const { return pieces_.size() > 1; }
  // The folder before the first field; without fields, the file's.
  [[nodiscard]] const std::string& folder() const { return folder_; }
  // How many folders are between folder() and a file.
  [[nodiscard]] int depth() const { return depth_; }

  // Makes `path` the path of the record's file. False if a name in it would be too long.
  [[nodiscard]] bool make_path(const Record& record, std::string& path) const;
  // The path of the lines that have no file of their own; without fields, the one path.
  [[nodiscard]] std::string other_path() const;

  // Whether make_path() could have made this path.
  [[nodiscard]] bool matches(const std::string& path) const;

 private:
  // Text, followed by a field (the last piece has none).
  struct Piece {
    std::string text;
    std::string_view (*field)(const Record& record) = nullptr;
  };

  std::vector<Piece> pieces_;
  std::string folder_;
  std::string pattern_;  // for fnmatch(3)
  int depth_ = 0;
};

// Returns the folder that must exist for a sink whose path a configuration gives so, as an absolute path.
[[nodiscard]] std::string folder_needed_for(const std::string& path);

}  // namespace slurper
