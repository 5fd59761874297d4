#include "cli/tail_reader.h"

#include <algorithm>
#include <cstring>

#include "base/os.h"

namespace slurper {

namespace {

// The longest line that a sink can have whole, too.
constexpr std::size_t kMaxLine = std::size_t{16} << 20;
constexpr std::size_t kFirstBuffer = std::size_t{256} << 10;
constexpr std::size_t kLeastRoom = std::size_t{64} << 10;
constexpr std::size_t kRecordsAtOnce = 1000;

StreamOffset before(StreamOffset offset, bool one) {
  return one && offset.value > 0 ? StreamOffset{offset.value - 1} : offset;
}

}  // namespace

Result<TailedLog> TailedLog::open(Os& os, const LogPaths& paths) {
  auto view = LogView::open(os, paths);
  if (!view) return std::unexpected(std::move(view.error()));
  const LogIds ids = (*view)->ids();
  TailedLog log{.view = std::move(*view), .times = ArrivalTimes(os, paths, ids)};
  log.times.refresh(log.view->last_write());
  return log;
}

// In this order: the times of bytes are written before the bytes.
Result<bool> TailedLog::refresh() {
  const Result<bool> looked = view->refresh();
  times.refresh(view->last_write());
  return looked;
}

// Whether a line begins at `from` is what the byte before it shows.
TailReader::TailReader(TailedLog& log, TailListener& listener, StreamOffset from, bool at_line)
    : log_(log),
      listener_(listener),
      framer_(log.view->ids().id, {.max_line = kMaxLine}, before(from, !at_line)),
      in_line_(!at_line && from.value > 0),
      buffer_(kFirstBuffer),
      block_{.begin = {}, .end = {}, .time = {}, .next = {}} {
  reader_.emplace(kernel(), log.view->paths(), log.view->feed(), framer_.offset());
}

Status TailReader::read_to(StreamOffset end) {
  block_.end = {};  // what is known of the last block may be more by now
  for (;;) {
    cut_lines(end);
    if (listener_.is_done() || is_replaced_ || (!in_line_ && framer_.offset() >= end)) return {};
    make_room();
    const auto chunk = next();
    if (!chunk && chunk.error().kind == ErrorKind::Data) {
      if (Status skipped = skip_damage(chunk.error()); !skipped) return skipped;
      continue;
    }
    if (!chunk) return std::unexpected(chunk.error());
    if (chunk->missing > 0) {
      end_at(*chunk);
    } else if (chunk->bytes > 0) {
      filled_ += chunk->bytes;
      if (in_line_) drop_until_newline();
    } else if (read_up_to() >= log_.view->end()) {
      return {};
    }
  }
}

// What is read of the active segment, or is missing there, counts if it is still the one that was seen.
Result<LogReader::Chunk> TailReader::next() {
  for (;;) {
    const StreamOffset at = read_up_to();
    const auto chunk = reader_->read({buffer_.data() + filled_, buffer_.size() - filled_});
    const bool is_end = chunk && chunk->bytes == 0 && chunk->missing == 0;
    const StreamOffset up_to = chunk ? chunk->at + chunk->bytes : at + 1;
    if (is_end || up_to <= log_.view->feed().snapshot().active.base || log_.view->is_current()) return chunk;
    const Result<bool> looked = log_.refresh();
    if (!looked) return std::unexpected(looked.error());
    is_replaced_ = !*looked;
    if (is_replaced_) return LogReader::Chunk{.at = at};
    reader_.emplace(kernel(), log_.view->paths(), log_.view->feed(), at);
  }
}

Status TailReader::skip_damage(const Error& error) {
  const StreamOffset at = read_up_to();
  const LogReader::Chunk skipped = reader_->skip_segment();
  if (skipped.missing == 0 && std::exchange(failed_at_, at) == at) return std::unexpected(error);
  listener_.damage(error);
  if (skipped.missing > 0) end_at(skipped);
  return {};
}

void TailReader::end_at(const LogReader::Chunk& gap) {
  const StreamOffset from = read_up_to();
  flush(gap.at);
  listener_.gap(from, gap.at, gap.why);
  framer_.seek(gap.at);
  in_line_ = false;
}

void TailReader::flush(StreamOffset end) {
  records_.clear();
  if (!in_line_ && !uncut().empty() && framer_.offset() < end) {
    if (framer_.offset() >= block_.end) block_ = log_.times.block_of(framer_.offset());
    framer_.flush(uncut(), arrival(), records_);
    pass_on(records_);
  }
  begin_ = filled_ = 0;
}

Timestamp TailReader::arrival() const {
  if (block_.time) return *block_.time;
  return block_.next.value_or(std::chrono::system_clock::now());
}

void TailReader::cut_lines(StreamOffset end) {
  while (!in_line_ && framer_.offset() < end && !uncut().empty() && !listener_.is_done()) {
    if (framer_.offset() >= block_.end) block_ = log_.times.block_of(framer_.offset());
    records_.clear();
    const std::size_t used = framer_.cut(uncut(), {.time = arrival(), .until = std::min(block_.end, end)},
                                         kRecordsAtOnce, records_);
    if (used == 0) return;
    pass_on(records_);
    begin_ += used;
  }
}

void TailReader::pass_on(const std::vector<Record>& records) {
  for (const Record& record : records) {
    if (listener_.is_done()) return;
    listener_.line(record, block_);
  }
}

void TailReader::drop_until_newline() {
  const std::size_t newline = uncut().find('\n');
  const std::size_t size = newline == std::string_view::npos ? uncut().size() : newline + 1;
  framer_.seek(framer_.offset() + size);
  begin_ += size;
  in_line_ = newline == std::string_view::npos;
}

void TailReader::make_room() {
  if (buffer_.size() - filled_ >= kLeastRoom) return;
  const std::size_t size = filled_ - begin_;
  std::memmove(buffer_.data(), buffer_.data() + begin_, size);
  begin_ = 0;
  filled_ = size;
  if (buffer_.size() - filled_ < kLeastRoom) buffer_.resize(2 * buffer_.size());
}

}  // namespace slurper
