#include "config/ring_directory.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace slurper {

namespace {

constexpr std::size_t kNameMax = 255;

// FNV-1a: the same in every release, which std::hash does not promise, and a ring must be found again.
std::uint64_t stable_hash(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

std::string from_environment(const char* name) {
  const char* const value = std::getenv(name);
  return value != nullptr ? value : "";
}

// Nothing is resolved in the file's own name: it may not be there yet, and must not be a link.
std::string canonical(const std::string& log_path) {
  const std::filesystem::path path(log_path);
  std::error_code error;
  const std::filesystem::path directory = std::filesystem::weakly_canonical(path.parent_path(), error);
  return error ? log_path : (directory / path.filename()).string();
}

}  // namespace

std::string escape_path(std::string_view path) {
  std::string out;
  for (std::size_t i = 0; i < path.size(); ++i) {
    const char c = path[i];
    const bool is_alphanumeric = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (c == '/') {
      if (!out.empty() && i + 1 < path.size() && path[i + 1] != '/') out += '-';
    } else if (is_alphanumeric || c == ':' || c == '_' || (c == '.' && !out.empty())) {
      out += c;
    } else {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  if (out.empty()) return "-";
  if (out.size() > kNameMax) {
    const std::string tail = fmt::format("-{:016x}", stable_hash(path));
    out.resize(kNameMax - tail.size());
    out += tail;
  }
  return out;
}

Result<std::string> ring_directory(const Settings& settings, const RuntimeDirectories& runtime) {
  if (!settings.ring.directory.empty()) return settings.ring.directory;

  std::string base = runtime.runtime_directory.substr(0, runtime.runtime_directory.find(':'));
  if (!base.starts_with('/')) {
    if (runtime.euid == 0) {
      base = "/run/slurper";
    } else if (runtime.xdg_runtime_directory.starts_with('/')) {
      base = runtime.xdg_runtime_directory + "/slurper";
    } else {
      return fail(ErrorKind::Config, "choose a folder for the ring",
                  "neither $RUNTIME_DIRECTORY nor $XDG_RUNTIME_DIR is set",
                  "Set ring.directory to a folder in RAM that is this log's and this user's own");
    }
  }
  return base + '/' + escape_path(canonical(settings.log.path));
}

Result<std::string> ring_directory(const Settings& settings) {
  return ring_directory(settings, {.runtime_directory = from_environment("RUNTIME_DIRECTORY"),
                                   .xdg_runtime_directory = from_environment("XDG_RUNTIME_DIR"),
                                   .euid = geteuid()});
}

}  // namespace slurper
