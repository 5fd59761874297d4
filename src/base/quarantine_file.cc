#include "base/quarantine_file.h"

#include <cerrno>

namespace slurper {

std::expected<std::string, int> quarantine_file(Os& os, const std::string& path,
                                                const std::function<std::string(int)>& name_of) {
  for (int number = 1;; ++number) {
    std::string quarantined = name_of(number);
    const int error = os.rename_noreplace(path.c_str(), quarantined.c_str());
    if (error >= 0) return quarantined;
    if (error != -EEXIST) return std::unexpected(-error);
  }
}

}  // namespace slurper
