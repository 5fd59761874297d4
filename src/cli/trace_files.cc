#include "cli/trace_files.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <system_error>
#include <vector>

namespace slurper {

namespace {

namespace fs = std::filesystem;

// The numbers of the files that exist, in order.
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
    std::uint64_t number = 0;
    const char* const end_of_name = name.data() + name.size();
    const auto [rest, error] = std::from_chars(name.data() + prefix.size(), end_of_name, number);
    if (error == std::errc() && rest == end_of_name) numbers.push_back(number);
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
