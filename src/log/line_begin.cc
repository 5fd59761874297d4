#include "log/line_begin.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/contract.h"
#include "base/phrase_id.h"
#include "log/log_reader.h"
#include "log/slot_format.h"

namespace slurper {

namespace {

constexpr std::size_t kLookBack = 64 << 10;       // bytes, for the beginning of a line
constexpr std::uint64_t kLongestLine = 16 << 20;  // the largest max_line

}  // namespace

// Backwards, by twice as much each time: nearly always the byte before `at` is a newline, and what is
// compressed is read from its beginning each time.
Result<StreamOffset> line_begin(Os& os, const LogPaths& paths, const LogFeed& feed, StreamOffset at,
                                const std::function<bool()>& stops) {
  SLURPER_ASSERT(at <= feed.end());
  StreamOffset searched = at;  // from there to `at` is no newline
  std::vector<char> piece;
  for (std::uint64_t back = 1; searched.value > 0; back = std::max<std::uint64_t>(2 * back, kLookBack)) {
    const StreamOffset from{at.value - std::min(back, at.value)};
    LogReader reader(os, paths, feed, from);
    std::optional<StreamOffset> begin;
    for (StreamOffset next = from; next < searched;) {
      if (stops && stops()) return fail(ErrorKind::Io, PhraseId::FindLineBegin, PhraseId::SlurperEnds);
      piece.resize(std::min<std::uint64_t>(searched - next, kLookBack));
      auto chunk = reader.read(piece);
      if (!chunk && chunk.error().kind == ErrorKind::Data) {
        chunk = reader.skip_segment();
        if (chunk->at <= next) return at;
        begin = chunk->at;
      }
      if (!chunk) return std::unexpected(chunk.error());
      // A line does not continue over what is gone.
      if (chunk->missing > 0) begin = chunk->at;
      const std::size_t newline = std::string_view(piece.data(), chunk->bytes).rfind('\n');
      if (newline != std::string_view::npos) begin = chunk->at + newline + 1;
      next = chunk->at + chunk->bytes;
    }
    if (begin) return std::min(*begin, at);
    searched = from;
  }
  return searched;
}

std::uint32_t line_checksum(std::string_view line) {
  const std::size_t last = line.find_last_not_of('\r');
  return crc32c(line.substr(0, last == std::string_view::npos ? 0 : last + 1));
}

Result<std::uint32_t> checksum_of_line_before(Os& os, const LogPaths& paths, const LogFeed& feed,
                                              StreamOffset end, const std::function<bool()>& stops) {
  if (end.value == 0) return 0;
  const Result<StreamOffset> begin = line_begin(os, paths, feed, StreamOffset{end.value - 1}, stops);
  if (!begin) return std::unexpected(begin.error());
  // Whether the byte before it is a newline must be seen: the line may have begun in what is gone.
  const StreamOffset from{begin->value == 0 ? 0 : begin->value - 1};
  if (end - from > kLongestLine) return 0;
  LogReader reader(os, paths, feed, from);
  std::string bytes;
  while (from + bytes.size() < end) {
    const std::size_t filled = bytes.size();
    bytes.resize(end - from);
    const auto chunk = reader.read({bytes.data() + filled, bytes.size() - filled});
    if (!chunk && chunk.error().kind == ErrorKind::Data) return 0;
    if (!chunk) return std::unexpected(chunk.error());
    if (chunk->missing > 0 || chunk->bytes == 0) return 0;
    bytes.resize(filled + chunk->bytes);
  }
  std::string_view line = bytes;
  if (from < *begin) {
    if (line.front() != '\n') return 0;
    line.remove_prefix(1);
  }
  if (line.empty() || line.back() != '\n') return 0;
  line.remove_suffix(1);
  return line_checksum(line);
}

}  // namespace slurper
