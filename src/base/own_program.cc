#include "base/own_program.h"

#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace slurper {

std::string find_own_program(const char* variable, const std::string& installed) {
  namespace fs = std::filesystem;
  if (const char* const chosen = std::getenv(variable); chosen != nullptr) return chosen;
  std::error_code ignored;  // then it is not there
  const fs::path own_folder = fs::read_symlink("/proc/self/exe", ignored).parent_path();
  const fs::path name = fs::path(installed).filename();
  for (const fs::path& place :
       {fs::path(installed), own_folder / "../libexec/slurper" / name, own_folder / name})
    if (fs::exists(place, ignored)) return place.lexically_normal().string();
  return installed;
}

}  // namespace slurper
