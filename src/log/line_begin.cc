#include "log/line_begin.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/contract.h"
#include "base/phrase_id.h"
#include "log/log_reader.h"

namespace slurper {

namespace {

constexpr std::size_t kLookBack = 64 << 10;  // bytes, for the beginning of a line

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

}  // namespace slurper
