#include "log/segment_name.h"

#include <dirent.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <memory>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/text.h"

namespace slurper {

namespace {

// A 64-bit number has 20 decimal digits, so that names sort as their bases do.
constexpr std::size_t kBaseDigits = 20;
constexpr std::string_view kCompressedSuffix = ".zst";
constexpr std::string_view kTemporarySuffix = ".zst.tmp";
constexpr std::string_view kQuarantined = ".put-aside-";

// Calls `use` with each name in the log's folder.
template <typename Use>
Status scan_names(const LogPaths& paths, const Use& use) {
  const auto failed = [&] {
    return fail_errno(errno, about_file(PhraseId::ListLogFolder, paths.directory()));
  };
  const auto close_directory = [](DIR* directory) { closedir(directory); };
  const std::unique_ptr<DIR, decltype(close_directory)> directory(opendir(paths.directory().c_str()));
  if (directory == nullptr) return failed();

  for (;;) {
    errno = 0;                                       // readdir(3) tells its end from a failure by errno alone
    const dirent* entry = readdir(directory.get());  // NOLINT(concurrency-mt-unsafe): a stream of our own
    if (entry == nullptr) break;
    use(std::string_view(entry->d_name));
  }
  if (errno != 0) return failed();
  return {};
}

// By base; the raw file of a segment comes before the compressed one.
using Names = std::set<std::pair<StreamOffset, LogFileKind>>;

Status scan(const LogPaths& paths, Names& found) {
  return scan_names(paths, [&](std::string_view file) {
    if (const auto name = paths.parse(file)) found.emplace(name->base, name->kind);
  });
}

}  // namespace

LogPaths::LogPaths(std::string log_path) : active_(std::move(log_path)) {
  const std::size_t slash = active_.rfind('/');
  name_ = slash == std::string::npos ? active_ : active_.substr(slash + 1);
  directory_ = slash == std::string::npos ? "." : slash == 0 ? "/" : active_.substr(0, slash);
}

std::string LogPaths::beside(std::string_view name) const {
  return fmt::format("{}{}", std::string_view(active_).substr(0, active_.size() - name_.size()), name);
}

std::string LogPaths::index() const {
  return beside(fmt::format(".{}.index", name_));
}

std::string LogPaths::lock() const {
  return beside(fmt::format(".{}.lock", name_));
}

// Not a name that parse_cursor() knows: "lock" may be what a sink is called.
std::string LogPaths::cursor_lock(std::string_view sink) const {
  return beside(fmt::format(".{}.lock-{}", name_, sink));
}

std::string LogPaths::times() const {
  return beside(fmt::format(".{}.times", name_));
}

std::string LogPaths::times_temporary() const {
  return times() + ".tmp";
}

std::string LogPaths::dead_letters(std::string_view sink) const {
  return beside(fmt::format("{}.rejected-{}", name_, sink));
}

std::string LogPaths::replay(std::string_view sink) const {
  return beside(fmt::format(".{}.replay-{}", name_, sink));
}

std::string LogPaths::cursor(std::string_view sink) const {
  return beside(fmt::format(".{}.cursor-{}", name_, sink));
}

bool LogPaths::is_cursor_name(std::string_view sink) {
  constexpr std::size_t kMax = 64;
  return !sink.empty() && sink.size() <= kMax && std::ranges::all_of(sink, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

std::optional<std::string> LogPaths::parse_cursor(std::string_view name) const {
  const std::string prefix = fmt::format(".{}.cursor-", name_);
  if (!name.starts_with(prefix)) return std::nullopt;
  name.remove_prefix(prefix.size());
  if (!is_cursor_name(name)) return std::nullopt;
  return std::string(name);
}

std::string LogPaths::rotated(StreamOffset base) const {
  return fmt::format("{}.{:0{}}", active_, base.value, kBaseDigits);
}

std::string LogPaths::compressed(StreamOffset base) const {
  return fmt::format("{}{}", rotated(base), kCompressedSuffix);
}

std::string LogPaths::temporary(StreamOffset base) const {
  return fmt::format("{}{}", rotated(base), kTemporarySuffix);
}

std::string LogPaths::quarantined(int number) const {
  return fmt::format("{}{}{}", active_, kQuarantined, number);
}

bool LogPaths::is_quarantined(std::string_view name) const {
  return name.starts_with(fmt::format("{}{}", name_, kQuarantined));
}

std::optional<LogFileName> LogPaths::parse(std::string_view name) const {
  if (!name.starts_with(name_)) return std::nullopt;
  name.remove_prefix(name_.size());
  if (name.size() < 1 + kBaseDigits || name.front() != '.') return std::nullopt;
  name.remove_prefix(1);

  const std::string_view digits = name.substr(0, kBaseDigits);
  StreamOffset base;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), base.value);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;

  const std::string_view suffix = name.substr(kBaseDigits);
  if (suffix.empty()) return LogFileName{LogFileKind::Rotated, base};
  if (suffix == kCompressedSuffix) return LogFileName{LogFileKind::Compressed, base};
  if (suffix == kTemporarySuffix) return LogFileName{LogFileKind::Temporary, base};
  return std::nullopt;
}

bool LogPaths::include(const std::string& path) const {
  const LogPaths other(path);
  if (other.directory_ != directory_) return false;
  const std::string_view name = other.name_;
  return name == name_ || name.starts_with(fmt::format(".{}.", name_)) ||
         name.starts_with(fmt::format("{}.rejected-", name_)) || parse(name) || is_quarantined(name);
}

Result<std::vector<Segment>> list_segments(Os& os, const LogPaths& paths) {
  // A compression adds one name and removes another, and readdir(3) need not return either if that happens
  // between its first call and its last. Whatever a first pass misses is there under its new name before the
  // second begins.
  Names found;
  for (int pass = 0; pass < 2; ++pass) {
    if (Status scanned = scan(paths, found); !scanned) return std::unexpected(std::move(scanned.error()));
  }

  std::vector<Segment> segments;
  const auto add = [&](StreamOffset base, bool compressed) -> Result<bool> {
    std::string path = compressed ? paths.compressed(base) : paths.rotated(base);
    struct stat st{};
    const int result = os.lstat(path.c_str(), &st);
    if (result == -ENOENT) return false;
    if (result < 0) return fail_errno(-result, about_file(PhraseId::LookAtSegment, path));
    if (!S_ISREG(st.st_mode)) return true;
    segments.push_back(
        {.base = base,
         .path = std::move(path),
         .stored = static_cast<std::uint64_t>(st.st_size),
         .compressed = compressed,
         .mtime = std::chrono::sys_time<std::chrono::nanoseconds>(
             std::chrono::seconds(st.st_mtim.tv_sec) + std::chrono::nanoseconds(st.st_mtim.tv_nsec))});
    return true;
  };
  for (const auto& [base, kind] : found) {
    if (kind == LogFileKind::Temporary) continue;
    Result<bool> there = add(base, kind == LogFileKind::Compressed);
    // Compressed since both passes.
    if (there && !*there && !found.contains({base, LogFileKind::Compressed})) there = add(base, true);
    if (!there) return std::unexpected(std::move(there.error()));
  }
  return segments;
}

Result<std::vector<std::string>> list_cursors(const LogPaths& paths) {
  std::vector<std::string> sinks;
  const Status scanned = scan_names(paths, [&](std::string_view file) {
    if (auto sink = paths.parse_cursor(file)) sinks.push_back(std::move(*sink));
  });
  if (!scanned) return std::unexpected(scanned.error());
  std::ranges::sort(sinks);
  return sinks;
}

Result<std::vector<std::string>> list_temporaries(const LogPaths& paths) {
  Names found;
  if (Status scanned = scan(paths, found); !scanned) return std::unexpected(std::move(scanned.error()));
  std::vector<std::string> temporaries;
  for (const auto& [base, kind] : found) {
    if (kind == LogFileKind::Temporary) temporaries.push_back(paths.temporary(base));
  }
  return temporaries;
}

}  // namespace slurper
