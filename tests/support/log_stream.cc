#include "support/log_stream.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <optional>

#include "base/fd.h"
#include "base/text.h"
#include "support/wait.h"

namespace slurper::test {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBaseDigits = 20;
constexpr std::size_t kPiece = 1 << 20;

// "messages.00000000000000123456[.zst]" -> base and whether it is compressed.
std::optional<LogSegment> parse_name(const fs::path& path, const std::string& log_name) {
  const std::string file_name = path.filename();
  std::string_view name = file_name;
  LogSegment segment{.path = path};
  if (!name.starts_with(log_name)) return std::nullopt;
  name.remove_prefix(log_name.size());
  if (name.ends_with(".zst")) {
    segment.compressed = true;
    name.remove_suffix(4);
  }
  if (name.size() != kBaseDigits + 1 || name.front() != '.') return std::nullopt;
  const auto [end, error] = std::from_chars(name.data() + 1, name.data() + name.size(), segment.base);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return segment;
}

std::optional<std::uint64_t> size_of(const LogSegment& segment) {
  const UniqueFd fd(::open(segment.path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat st{};
  if (!fd || ::fstat(fd.get(), &st) != 0) return std::nullopt;
  if (!segment.compressed) return static_cast<std::uint64_t>(st.st_size);
  std::array<char, 18> header{};  // ZSTD_FRAMEHEADERSIZE_MAX
  const ssize_t got = ::pread(fd.get(), header.data(), header.size(), 0);
  const auto size = ZSTD_getFrameContentSize(header.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN) return std::nullopt;
  return size;
}

}  // namespace

std::vector<LogSegment> LogStream::segments() const {
  std::vector<LogSegment> found;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(path_.parent_path(), error)) {
    std::error_code gone;
    if (entry.symlink_status(gone).type() != fs::file_type::regular) continue;
    if (auto segment = parse_name(entry.path(), path_.filename().native()))
      found.push_back(std::move(*segment));
  }
  std::sort(found.begin(), found.end(), [](const LogSegment& a, const LogSegment& b) {
    return std::pair(a.base, a.compressed) < std::pair(b.base, b.compressed);
  });
  const auto same_base = [](const LogSegment& a, const LogSegment& b) { return a.base == b.base; };
  found.erase(std::unique(found.begin(), found.end(), same_base), found.end());
  for (LogSegment& segment : found) {
    const auto size = size_of(segment);
    segment.size = size.value_or(0);
    segment.damaged = !size;
  }
  // The active one last: a rotation in between shows an end too low, the other way round it would be too
  // high.
  LogSegment active{.path = path_, .active = true};
  if (!found.empty()) active.base = found.back().base + found.back().size;
  active.size = size_of(active).value_or(0);
  found.push_back(std::move(active));
  return found;
}

std::uint64_t LogStream::end() const {
  const std::vector<LogSegment> all = segments();
  return std::ranges::any_of(all, &LogSegment::damaged) ? 0 : all.back().base + all.back().size;
}

std::string LogStream::read_segment(const LogSegment& segment,
                                    const std::function<void(std::string_view)>& consume) {
  const UniqueFd fd(::open(segment.path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fmt::format("{}: cannot be opened", segment.path.string());
  std::string in(kPiece, '\0');
  std::string out(kPiece, '\0');
  const std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> decoder(
      segment.compressed ? ZSTD_createDCtx() : nullptr, &ZSTD_freeDCtx);
  std::uint64_t size = 0;
  std::size_t frame_rest = segment.compressed ? 1 : 0;
  const auto pass_on = [&](std::string_view piece) {
    size += piece.size();
    consume(piece);
  };
  for (ssize_t got = 0; (got = ::read(fd.get(), in.data(), in.size())) != 0;) {
    if (got < 0) return fmt::format("{}: cannot be read", segment.path.string());
    if (!segment.compressed) {
      // The active one may have grown since.
      pass_on({in.data(), std::min(static_cast<std::uint64_t>(got), segment.size - size)});
      if (size == segment.size) break;
      continue;
    }
    for (ZSTD_inBuffer from{in.data(), static_cast<std::size_t>(got), 0}; from.pos < from.size;) {
      ZSTD_outBuffer to{out.data(), out.size(), 0};
      frame_rest = ZSTD_decompressStream(decoder.get(), &to, &from);
      if (ZSTD_isError(frame_rest) != 0)
        return fmt::format("{}: {}", segment.path.string(), ZSTD_getErrorName(frame_rest));
      pass_on({out.data(), to.pos});
    }
  }
  if (frame_rest != 0) return fmt::format("{}: the frame ends too early", segment.path.string());
  if (size != segment.size)
    return fmt::format("{}: {} bytes, not {}", segment.path.string(), size, segment.size);
  return {};
}

std::string LogStream::read(const std::function<void(std::string_view)>& consume) const {
  const std::vector<LogSegment> all = segments();
  std::uint64_t next = all.front().base;
  for (const LogSegment& segment : all) {
    if (segment.damaged) return segment.path.string() + ": damaged";
    if (segment.base != next)
      return fmt::format("{}: begins at {}, the one before it ends at {}", segment.path.string(),
                         segment.base, next);
    // A rotation that a kill cut short leaves none: the next start makes it.
    if (segment.active && segment.size == 0 && !fs::exists(segment.path)) break;
    if (std::string wrong = read_segment(segment, consume); !wrong.empty()) return wrong;
    next += segment.size;
  }
  return {};
}

std::string LogStream::bytes() const {
  std::string all;
  const std::string wrong = read([&](std::string_view piece) { all += piece; });
  EXPECT_EQ(wrong, "");
  return all;
}

std::vector<fs::path> LogStream::leftovers() const {
  std::vector<fs::path> found;
  for (const fs::directory_entry& entry : fs::directory_iterator(path_.parent_path())) {
    if (entry.path().extension() == ".tmp") found.push_back(entry.path());
  }
  return found;
}

bool LogStream::reaches(std::uint64_t size) const {
  return eventually_by_progress([&] { return end(); }, [&] { return end() >= size; });
}

std::string difference(std::string_view expected, std::string_view actual) {
  if (expected == actual) return {};
  const auto [at, other] = std::mismatch(expected.begin(), expected.end(), actual.begin(), actual.end());
  const auto offset = static_cast<std::size_t>(at - expected.begin());
  const std::size_t from = offset < 20 ? 0 : offset - 20;
  const auto around = [&](std::string_view text) {
    return from < text.size() ? printable(text.substr(from, 80)) : std::string("(its end)");
  };
  return fmt::format("{} bytes instead of {}, they part at {}: expected '{}', is '{}'", actual.size(),
                     expected.size(), offset, around(expected), around(actual));
}

}  // namespace slurper::test
