#include "cli/trace_files.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/text.h"

namespace slurper {

namespace {

namespace fs = std::filesystem;

constexpr int kCantCreate = 73;  // EX_CANTCREAT of sysexits.h

constexpr std::size_t kMostDigits = 9;

bool is_own_file(const fs::path& path) {
  struct stat file{};
  return ::lstat(path.c_str(), &file) == 0 && S_ISREG(file.st_mode) && file.st_uid == ::geteuid();
}

// The numbers of the files that exist, in order. Any other name is none of ours.
std::vector<std::uint64_t> numbers_of(const std::string& path) {
  const fs::path file(path);
  const std::string prefix = file.filename().string() + '.';
  const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  std::vector<std::uint64_t> numbers;
  std::error_code ignored;  // what can't be listed has none; creating the file says why
  for (fs::directory_iterator entry(folder, ignored), end; !ignored && entry != end;
       entry.increment(ignored)) {
    const std::string name = entry->path().filename().string();
    if (!name.starts_with(prefix)) continue;
    const std::string_view digits = std::string_view(name).substr(prefix.size());
    std::uint64_t number = 0;
    const char* const end_of_name = digits.data() + digits.size();
    const auto [rest, error] = std::from_chars(digits.data(), end_of_name, number);
    const bool is_number = error == std::errc() && rest == end_of_name && digits.front() != '0';
    if (is_number && digits.size() <= kMostDigits && is_own_file(entry->path())) numbers.push_back(number);
  }
  std::ranges::sort(numbers);
  return numbers;
}

std::string numbered(const std::string& path, std::uint64_t number) {
  return fmt::format("{}.{}", path, number);
}

}  // namespace

CaptureFiles::~CaptureFiles() {
  struct stat file{};
  const bool is_empty = output_ && output_->size() == 0 && ::lstat(path_.c_str(), &file) == 0;
  // At worst an empty file stays. /dev/null is none.
  if (is_empty && S_ISREG(file.st_mode) && file.st_size == 0) (void)::unlink(path_.c_str());
}

Captured<void> CaptureFiles::create() {
  path_ = options_.path;
  if (options_.is_numbered) {
    const std::vector<std::uint64_t> numbers = numbers_of(options_.path);
    path_ = numbered(options_.path, numbers.empty() ? 1 : numbers.back() + 1);
  }
  struct stat file{};
  const bool exists = ::stat(path_.c_str(), &file) == 0 && S_ISREG(file.st_mode) && file.st_size > 0;
  if (exists && !options_.may_overwrite)
    return std::unexpected(CaptureError{
        kCantCreate, fmt::format("cannot create the capture {}: it exists, and what was caught before is not "
                                 "overwritten. Name another, or move it away",
                                 in_quotes(path_))});
  Captured<CaptureOutput> output = CaptureOutput::open_file(path_, options_.compression);
  if (!output) return std::unexpected(output.error());
  output_ = std::move(*output);
  return {};
}

Captured<void> CaptureFiles::finish() {
  const Captured<void> finished = output_->finish();
  finished_size_ = output_->size();
  output_.reset();
  if (finished) remove_oldest();
  return finished;
}

// One that can't be removed stays.
void CaptureFiles::remove_oldest() const {
  if (options_.keep == 0) return;
  const std::vector<std::uint64_t> numbers = numbers_of(options_.path);
  for (std::size_t i = 0; i + options_.keep < numbers.size(); ++i)
    (void)::unlink(numbered(options_.path, numbers[i]).c_str());
}

}  // namespace slurper
