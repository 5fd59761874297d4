#include "config/config_files.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/fd.h"
#include "base/file_kind.h"
#include "base/os.h"

namespace slurper {

namespace {

namespace fs = std::filesystem;

// Settings are a page of text; a larger file is not a configuration.
constexpr std::size_t kMaxFileSize = 64 << 10;

// A reload reads them all between two answers to the watchdog, and holds their texts in memory.
constexpr std::size_t kMaxFiles = 256;

Result<std::string> read_file(const std::string& path, const Phrase& advice) {
  const Phrase what = about_file(PhraseId::ReadConfiguration, path);
  // O_NONBLOCK: the open of a FIFO would block, and reading from it would steal its reader's bytes.
  const UniqueFd config_fd(kernel().open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY));
  if (!config_fd) return fail_errno(-config_fd.get(), what, advice);
  struct stat st{};
  if (const int result = kernel().fstat(config_fd.get(), &st); result < 0) return fail_errno(-result, what);
  if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode))  // /dev/null is an empty file
    return fail(ErrorKind::NoInput, what, not_a_regular_file(path, st.st_mode), advice);

  std::string text(kMaxFileSize + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t count = kernel().read(config_fd.get(), text.data() + size, text.size() - size);
    if (count < 0) return fail_errno(static_cast<int>(-count), what);
    if (count == 0) break;
    size += static_cast<std::size_t>(count);
  }
  if (size > kMaxFileSize) {
    return fail(ErrorKind::Config, what, {PhraseId::LargerThan, {{"size", ByteSize{kMaxFileSize}}}}, advice);
  }
  text.resize(size);
  return text;
}

bool is_read(const fs::directory_entry& entry) {
  const std::string name = entry.path().filename().string();
  std::error_code unknown;  // what can't be examined is read, which reports why
  return name.ends_with(".toml") && !name.starts_with('.') && !entry.is_directory(unknown);
}

// Whether nothing stands at `path`: the error is not one of a link that leads nowhere.
bool is_missing(const std::string& path, int errnum) {
  struct stat st{};
  // No folder has a name that is too long, and FILE itself, which is shorter, may still exist.
  return errnum == ENAMETOOLONG || (errnum == ENOENT && kernel().lstat(path.c_str(), &st) == -ENOENT);
}

bool is_link(const std::string& path) {
  struct stat st{};
  return kernel().lstat(path.c_str(), &st) == 0 && S_ISLNK(st.st_mode);
}

}  // namespace

std::string config_folder_of(const std::string& file) {
  return file + ".d";
}

Result<ConfigFolder> list_config_folder(const std::string& file) {
  const std::string path = config_folder_of(file);
  const Phrase what = about_file(PhraseId::ReadConfigFolder, path);
  ConfigFolder folder;
  std::error_code error;
  for (fs::directory_iterator entry(path, error), end; !error && entry != end; entry.increment(error))
    (is_read(*entry) ? folder.files : folder.ignored).push_back(entry->path().string());
  if (error && is_missing(path, error.value())) return ConfigFolder{};
  if (error) return fail_errno(error.value(), what, PhraseId::MendConfigFolder);
  if (folder.files.size() > kMaxFiles) {
    return fail(ErrorKind::Config, what,
                {PhraseId::TooManyConfigFiles, {{"limit", std::uint64_t{kMaxFiles}}}});
  }
  std::ranges::sort(folder.files);
  std::ranges::sort(folder.ignored);
  return folder;
}

Result<std::vector<ConfigText>> read_configuration(const std::string& file) {
  std::vector<ConfigText> texts;
  const auto take = [&](const std::string& path, const Phrase& advice) -> Status {
    Result<std::string> text = read_file(path, advice);
    if (!text) return std::unexpected(std::move(text.error()));
    texts.push_back({.name = path, .text = std::move(*text)});
    return {};
  };
  if (Status taken = take(file, PhraseId::NameOtherConfiguration); !taken)
    return std::unexpected(std::move(taken.error()));
  const Result<ConfigFolder> folder = list_config_folder(file);
  if (!folder) return std::unexpected(folder.error());
  for (const std::string& path : folder->files) {
    Status taken = take(path, PhraseId::MendConfigFile);
    // A file that was removed after the folder was listed is as if it had never been there.
    if (!taken && (taken.error().errnum != ENOENT || is_link(path)))
      return std::unexpected(std::move(taken.error()));
  }
  return texts;
}

}  // namespace slurper
