#include "bench/lines.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <ctime>
#include <optional>

namespace slurper::bench {

namespace {

constexpr std::string_view kPattern = "Jan  1 00:00:00 gw b[00]: S=00000000000 T=0000000000000 ";
constexpr std::size_t kWriterAt = 21, kWriterDigits = 2;
constexpr std::size_t kNumberAt = 28, kNumberDigits = 11;
constexpr std::size_t kTimeAt = 42, kTimeDigits = 13;
constexpr std::size_t kWords = 1 << 16;
static_assert(kPattern.substr(kWriterAt - 1, 1) == "[" && kPattern.substr(kNumberAt - 2, 2) == "S=" &&
              kPattern.substr(kTimeAt - 2, 2) == "T=");
static_assert(kPattern.size() + 2 <= kShortestLine);

// splitmix64's finalizer: every bit of the key moves every bit of the result.
std::uint64_t mix(std::uint64_t key) {
  key += 0x9e3779b97f4a7c15;
  key = (key ^ (key >> 30)) * 0xbf58476d1ce4e5b9;
  key = (key ^ (key >> 27)) * 0x94d049bb133111eb;
  return key ^ (key >> 31);
}

void put_decimal(char* at, std::size_t digits, std::uint64_t value) {
  for (std::size_t i = digits; i-- > 0; value /= 10) at[i] = static_cast<char>('0' + value % 10);
}

std::optional<std::uint64_t> get_decimal(std::string_view digits) {
  std::uint64_t value = 0;
  for (const char digit : digits) {
    if (digit < '0' || digit > '9') return std::nullopt;
    value = value * 10 + static_cast<std::uint64_t>(digit - '0');
  }
  return value;
}

}  // namespace

Moment now() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return std::chrono::duration_cast<Moment>(std::chrono::seconds(time.tv_sec) +
                                            std::chrono::nanoseconds(time.tv_nsec));
}

LineMaker::LineMaker() {
  constexpr std::array<std::string_view, 24> kVocabulary = {
      "connection", "from", "192.0.2.17", "port", "52214",   "accepted",    "session", "opened",
      "DHCPACK",    "on",   "eth0",       "via",  "br-lan",  "status=sent", "GET",     "/index.html",
      "200",        "4312", "timeout",    "in",   "(uid=0)", "delay=0.42",  "user",    "password"};
  for (std::uint64_t state = 42; words_.size() < kWords + kLongestLine;) {
    state = mix(state);
    words_.append(kVocabulary[state % kVocabulary.size()]).push_back(' ');
  }
  // Many short lines and a few long ones: the mean of u^(5/3) is 3/8 of the range, 150 bytes.
  for (std::size_t i = 0; i < lengths_.size(); ++i) {
    const double uniform = (static_cast<double>(i) + 0.5) / static_cast<double>(lengths_.size());
    lengths_[i] = static_cast<std::uint16_t>(kShortestLine +
                                             std::pow(uniform, 5.0 / 3) * (kLongestLine - kShortestLine + 1));
  }
}

std::size_t LineMaker::make(char* line, unsigned writer, std::uint64_t number, Moment written) const {
  const std::uint64_t key = mix(number | static_cast<std::uint64_t>(writer) << 48);
  const auto time = static_cast<std::uint64_t>(written.count());
  const std::size_t length = lengths_[key % lengths_.size()];
  std::memcpy(line, kPattern.data(), kPattern.size());
  put_decimal(line + kWriterAt, kWriterDigits, writer);
  put_decimal(line + kNumberAt, kNumberDigits, number);
  put_decimal(line + kTimeAt, kTimeDigits, time);
  std::memcpy(line + kPattern.size(), words_.data() + mix(key ^ time) % kWords, length - kPattern.size() - 1);
  line[length - 1] = '\n';
  return length;
}

bool LineMaker::identify(std::string_view line, Identity* identity) const {
  if (line.size() < kShortestLine || line.size() > kLongestLine) return false;
  const auto writer = get_decimal(line.substr(kWriterAt, kWriterDigits));
  const auto number = get_decimal(line.substr(kNumberAt, kNumberDigits));
  const auto written = get_decimal(line.substr(kTimeAt, kTimeDigits));
  if (!writer || !number || !written) return false;
  *identity = {static_cast<unsigned>(*writer), *number, Moment(*written)};
  std::array<char, kLongestLine> exact;
  const std::size_t length = make(exact.data(), identity->writer, identity->number, identity->written);
  return line == std::string_view(exact.data(), length);
}

Verdict check_lines(const LineMaker& maker, std::string_view text, std::span<const std::uint64_t> accepted,
                    std::span<const Sample> samples, std::uint64_t offset) {
  Verdict verdict;
  std::vector<std::vector<bool>> seen;
  std::vector<std::uint64_t> newest(accepted.size(), 0);
  for (const std::uint64_t lines : accepted) seen.emplace_back(lines, false);

  auto visible = samples.begin();
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t newline = text.find('\n', from);
    const std::size_t end = newline == std::string_view::npos ? text.size() : newline + 1;
    LineMaker::Identity line{};
    // A line that no writer wrote is as wrong as a damaged one.
    if (!maker.identify(text.substr(from, end - from), &line) || line.writer >= accepted.size() ||
        line.number >= accepted[line.writer]) {
      ++verdict.torn;
    } else if (seen[line.writer][line.number]) {
      ++verdict.duplicated;
    } else {
      ++verdict.lines;
      seen[line.writer][line.number] = true;
      if (line.number < newest[line.writer]) ++verdict.reordered;
      newest[line.writer] = std::max(newest[line.writer], line.number);
      while (visible != samples.end() && visible->size < offset + end) ++visible;
      if (visible != samples.end()) verdict.latencies.push_back(visible->when - line.written);
    }
    from = end;
  }
  for (const std::vector<bool>& writer : seen) {
    verdict.lost += static_cast<std::uint64_t>(std::count(writer.begin(), writer.end(), false));
  }
  return verdict;
}

}  // namespace slurper::bench
