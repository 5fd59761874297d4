#include "ring/ring_directory.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/phrase_id.h"

namespace slurper {

namespace {

constexpr std::size_t kNameMax = 255;

// FNV-1a: the same in every release, because a later slurper must find the ring again. std::hash does not
// promise that.
std::uint64_t stable_hash(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

std::string from_environment(const char* name) {
  const char* const value = std::getenv(name);
  return value != nullptr ? value : "";
}

// Resolves nothing in the file's own name: the file may not exist yet, and must not be a link. Its folder may
// be missing, too.
std::string canonical(const std::string& log_path) {
  std::error_code error;
  const std::filesystem::path path = std::filesystem::absolute(log_path, error);
  if (error) return log_path;
  const std::filesystem::path directory = std::filesystem::weakly_canonical(path.parent_path(), error);
  return error ? log_path : (directory / path.filename()).string();
}

// The folder's name in earlier versions, which gave one ring to logs with the same name in several working
// folders.
std::string without_working_folder(const std::string& log_path) {
  const std::filesystem::path path(log_path);
  std::error_code error;
  const std::filesystem::path directory = std::filesystem::weakly_canonical(path.parent_path(), error);
  return error ? log_path : (directory / path.filename()).string();
}

}  // namespace

std::string absolute_log_path(const std::string& log_path) {
  std::error_code error;
  const std::filesystem::path path = std::filesystem::absolute(log_path, error);
  return error ? log_path : path.lexically_normal().string();
}

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
  return shortened_name(std::move(out), path, kNameMax);
}

std::string shortened_name(std::string name, std::string_view hashed, std::size_t longest) {
  if (name.size() <= longest) return name;
  const std::string tail = fmt::format("-{:016x}", stable_hash(hashed));
  name.resize(longest - tail.size());
  return name += tail;
}

namespace {

// The parent of the folders of rings that no setting names.
Result<std::string> rings_base(const RuntimeDirectories& runtime) {
  std::string base = runtime.runtime_directory.substr(0, runtime.runtime_directory.find(':'));
  if (!base.starts_with('/')) {
    if (runtime.euid == 0) {
      base = "/run/slurper";
    } else if (runtime.xdg_runtime_directory.starts_with('/')) {
      base = runtime.xdg_runtime_directory + "/slurper";
    } else {
      return fail(ErrorKind::Config, PhraseId::ChooseRingFolder, PhraseId::NoRuntimeDirectory);
    }
  }
  return base;
}

RuntimeDirectories this_process() {
  return {.runtime_directory = from_environment("RUNTIME_DIRECTORY"),
          .xdg_runtime_directory = from_environment("XDG_RUNTIME_DIR"),
          .euid = geteuid()};
}

// The target of the link `link`, in its own folder; empty: it is no such link.
std::string neighbour(const std::filesystem::path& link) {
  std::error_code error;
  std::string target = std::filesystem::read_symlink(link, error).string();
  if (error || target.empty() || target == "." || target == ".." || target.contains('/')) return {};
  return target;
}

}  // namespace

Result<std::string> ring_directory(const Settings& settings, const RuntimeDirectories& runtime) {
  if (!settings.ring.directory.empty()) return settings.ring.directory;
  const Result<std::string> base = rings_base(runtime);
  if (!base) return base;
  return *base + '/' + escape_path(canonical(settings.log.path));
}

Result<std::vector<std::string>> ring_directories(const Settings& settings,
                                                  const RuntimeDirectories& runtime) {
  const Result<std::string> first = ring_directory(settings, runtime);
  if (!first) return std::unexpected(first.error());
  std::vector<std::string> directories{*first};
  if (!settings.ring.directory.empty()) return directories;
  const std::filesystem::path base = std::filesystem::path(*first).parent_path();
  if (const std::string before = (base / escape_path(without_working_folder(settings.log.path))).string();
      before != *first)
    directories.push_back(before);
  const std::filesystem::path given = base / escape_path(absolute_log_path(settings.log.path));
  if (given == *first) return directories;
  std::error_code error;
  if (const std::string target = neighbour(given); !target.empty()) {
    const std::string led_to = (given.parent_path() / target).string();
    if (led_to != *first) directories.push_back(led_to);
  } else if (std::filesystem::symlink_status(given, error).type() == std::filesystem::file_type::directory) {
    directories.push_back(given.string());  // the link was a folder when the ring was created
  }
  return directories;
}

void link_ring_directory(const Settings& settings, const std::string& directory,
                         const RuntimeDirectories& runtime) {
  if (!settings.ring.directory.empty()) return;
  const Result<std::string> base = rings_base(runtime);
  if (!base) return;
  const std::filesystem::path given =
      std::filesystem::path(*base) / escape_path(absolute_log_path(settings.log.path));
  const std::string target = std::filesystem::path(directory).filename().string();
  std::error_code error;
  if (given == directory || neighbour(given) == target) return;
  const auto type = std::filesystem::symlink_status(given, error).type();
  if (type != std::filesystem::file_type::not_found && type != std::filesystem::file_type::symlink) return;
  const std::filesystem::path temporary = given.string() + ".new";
  std::filesystem::remove(temporary, error);
  std::filesystem::create_symlink(target, temporary, error);
  if (!error) std::filesystem::rename(temporary, given, error);
}

Result<std::string> ring_directory(const Settings& settings) {
  return ring_directory(settings, this_process());
}

Result<std::vector<std::string>> ring_directories(const Settings& settings) {
  return ring_directories(settings, this_process());
}

void link_ring_directory(const Settings& settings, const std::string& directory) {
  link_ring_directory(settings, directory, this_process());
}

}  // namespace slurper
