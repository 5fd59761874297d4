#include "bench/asked.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <stop_token>
#include <string_view>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "base/error.h"
#include "bench/one_command.h"
#include "bench/surroundings.h"
#include "log/compress.h"
#include "log/log_files.h"
#include "log/log_writer.h"
#include "log/time_index.h"
#include "support/text_of.h"

namespace slurper::bench {

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using std::chrono::sys_seconds;

constexpr std::uint64_t kSegmentSize = 100 << 20;
constexpr std::chrono::seconds kWeek = 7 * 24h;
constexpr sys_seconds kBegin = std::chrono::sys_days{std::chrono::year{2026} / 11 / 23};
constexpr sys_seconds kAsked = kBegin + 3 * 24h + 23h + 50min;  // ten minutes, which one prefix covers
constexpr double kBatch = 16 << 10;  // bytes that come at once, if a second brings fewer
constexpr std::chrono::seconds kPatience(600);

// The lines of one second, which begin with its time. `number` is the next line's, and moves.
void add_lines(const LineMaker& maker, sys_seconds second, std::uint64_t size, std::uint64_t& number,
               std::string& text) {
  const std::string time = fmt::format("{:%b %e %H:%M:%S}", second);
  while (text.size() < size) {
    std::array<char, kLongestLine> line;
    const std::size_t length = maker.make(line.data(), 0, number++, Moment(second.time_since_epoch()));
    std::ranges::copy(time, line.begin());
    text.append(line.data(), length);
  }
}

Status append_all(LogWriter& writer, std::string_view text) {
  while (!text.empty()) {
    const auto written = writer.append(text);
    if (!written) return std::unexpected(written.error());
    text.remove_prefix(*written);
  }
  return {};
}

// So that the disk need not hold all of it raw.
Status compress_rotated(const LogPaths& paths) {
  const auto segments = list_segments(kernel(), paths);
  if (!segments) return std::unexpected(segments.error());
  for (const Segment& segment : *segments) {
    if (segment.compressed) continue;
    const auto done = compress_segment(kernel(), paths, segment, std::stop_token());
    if (!done) return std::unexpected(done.error());
  }
  return {};
}

}  // namespace

Result<WeekOfLines> WeekOfLines::make(const LineMaker& maker, std::uint64_t size, const Places& places) {
  WeekOfLines week;
  week.path_ = places.disk / "week" / "messages";
  fs::create_directories(week.path_.parent_path());
  LogSettings settings;
  settings.path = week.path_;
  settings.rotate_size = ByteSize{kSegmentSize};
  settings.compress = Compression::Zstd;
  auto writer = LogWriter::open(kernel(), settings, Uuid{1});
  if (!writer) return std::unexpected(writer.error());
  const LogPaths paths{week.path_};
  const auto times =
      TimeIndex::open(kernel(), paths, (*writer)->log_ids(), (*writer)->access(), TimeIndex::Stream{});
  std::uint64_t number = 0;
  std::uint64_t rotations = 0;
  std::string text;
  const double rate = static_cast<double>(size) / static_cast<double>(kWeek.count());
  const std::chrono::seconds step(std::max<std::int64_t>(1, static_cast<std::int64_t>(kBatch / rate)));
  double due = 0;  // bytes, by the end of a step
  for (sys_seconds second = kBegin; second < kBegin + kWeek && interrupted == 0; second += step) {
    due += rate * static_cast<double>(step.count());
    text.clear();
    add_lines(maker, second, static_cast<std::uint64_t>(due), number, text);
    due -= static_cast<double>(text.size());
    times->mark({.offset = (*writer)->end(), .time = second});
    times->write();
    if (auto appended = append_all(**writer, text); !appended) return std::unexpected(appended.error());
    if (second >= kAsked && second < kAsked + 10min) week.answer_size_ += text.size();
    if ((*writer)->rotations() == rotations) continue;
    rotations = (*writer)->rotations();
    if (auto compressed = compress_rotated(paths); !compressed) return std::unexpected(compressed.error());
  }
  if (auto closed = (*writer)->close(); !closed) return std::unexpected(closed.error());
  return week;
}

std::string WeekOfLines::first_moment() {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", kAsked);
}

std::string WeekOfLines::last_moment() {
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.9Z", kAsked + 10min - 1s);
}

std::string WeekOfLines::beginning_of_lines() {
  std::string time = fmt::format("{:%b %e %H:%M}", kAsked);
  time.pop_back();
  return time;
}

Result<Outcome> run_asked(const Peer& peer, const WeekOfLines& log, const Places& places) {
  const Folders folders(places);
  Filling filling{};
  filling.out = folders.disk() / "out";
  filling.disk = folders.disk();
  filling.log = log.path();
  Result<Outcome> outcome = run_to_its_end(peer, filling, kPatience);
  if (!outcome || !outcome->failure.empty()) return outcome;
  if (const std::uint64_t size = size_of(filling.out); size != log.answer_size()) {
    outcome->failure = fmt::format("its answer has {} bytes instead of {}{}", size, log.answer_size(),
                                   complaint(folders.disk()));
  }
  return outcome;
}

}  // namespace slurper::bench
