#include "sink/record_source.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <limits>
#include <memory>
#include <string>
#include <utility>

#include "base/text.h"
#include "log/line_begin.h"

namespace slurper {

namespace {

// Shorter lines are rare. This is an estimate: a batch that is waited for may be short, or come as late as
// batch_time allows.
constexpr std::size_t kShortLine = 32;
constexpr std::size_t kFewLines = 100;
// A batch may be spread over thousands of tiny segments, which take time: the caller checks for a stop in
// between.
constexpr int kReadsAtOnce = 64;
// Memory of earlier batches that is kept for later ones.
constexpr std::size_t kSpares = 4;
// A batch of so few records must not keep the memory of a large one.
constexpr std::size_t kFewRecords = 64;

}  // namespace

std::uint32_t record_checksum(const Record& record) {
  return record.part() == Part::Whole ? line_checksum(record.raw()) : 0;
}

RecordSource::RecordSource(Os& os, LogPaths paths, const LogFeed& feed, const TimeIndex& times,
                           const LogId& log_id, const Options& options)
    : os_(os),
      paths_(std::move(paths)),
      feed_(feed),
      times_(times),
      log_id_(log_id),
      options_(options),
      framer_(log_id_, options.framing, {}) {
  free_buffers_.reserve(kSpares);
  free_records_.reserve(kSpares);
}

// Has room for a batch after a line that is almost complete.
std::shared_ptr<std::vector<char>> RecordSource::new_buffer() {
  if (free_buffers_.empty()) {
    const std::size_t window = framer_.window();
    return std::make_shared<std::vector<char>>(std::max(options_.batch_bytes, window) + window);
  }
  auto buffer = std::move(free_buffers_.back());
  free_buffers_.pop_back();
  return buffer;
}

// Allocates nothing: it is called when memory has run out, too.
void RecordSource::recycle(RecordBatch batch) {
  batch.records.clear();
  if (free_records_.size() < kSpares && batch.records.capacity() > kFewRecords)
    free_records_.push_back(std::move(batch.records));
  if (batch.bytes && batch.bytes != buffer_ && batch.bytes.use_count() == 1 && free_buffers_.size() < kSpares)
    free_buffers_.push_back(std::move(batch.bytes));
}

Status RecordSource::seek(StreamOffset from, const std::function<bool()>& stops) {
  reader_ = std::make_unique<LogReader>(os_, paths_, feed_, from);
  framer_.seek(from);
  // Not at the construction: that may happen on the intake's thread, and the buffer may be large.
  if (!buffer_ || buffer_.use_count() > 1) buffer_ = new_buffer();
  begin_ = filled_ = 0;
  news_ = new_lines_ = 0;
  gap_up_to_.reset();
  arrival_.reset();
  wants_line_ = true;
  block_.clear();
  block_buffers_.clear();
  block_size_ = 0;
  // The next read() reports an offset beyond the log's end.
  if (from > feed_.end()) return {};
  const Result<StreamOffset> begin = line_begin(from, stops);
  if (!begin) return std::unexpected(begin.error());
  return *begin < from ? go_on_in_line(*begin, from) : Status();
}

// Continues in the line that begins at `begin`, as if its first part had just been handed out.
Status RecordSource::go_on_in_line(StreamOffset begin, StreamOffset from) {
  LogReader reader(os_, paths_, feed_, begin);
  std::string bytes(framer_.window(), '\0');
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const auto chunk = reader.read({bytes.data() + filled, bytes.size() - filled});
    if (!chunk && chunk.error().kind == ErrorKind::Data) break;
    if (!chunk) return std::unexpected(chunk.error());
    if (chunk->missing > 0 || (chunk->bytes == 0 && begin + filled >= feed_.end())) break;
    filled += chunk->bytes;
  }
  bytes.resize(filled);
  Framer framer(log_id_, options_.framing, begin);
  std::vector<Record> first;
  const Timestamp arrival = arrival_of(begin);
  if (framer.cut(bytes, {.time = arrival}, 1, first) == 0) framer.flush(bytes, arrival, first);
  if (first.empty()) return {};  // removed meanwhile
  framer_.go_on(from, first.front().header());
  (void)wants(first.front());
  return {};
}

Result<StreamOffset> RecordSource::oldest() const {
  LogReader reader(os_, paths_, feed_, LogReader::kBeginning);
  char byte = 0;
  const auto chunk = reader.read({&byte, 1});
  if (chunk) return chunk->at;
  // The segment is damaged, which is reported when it is read.
  if (const auto position = reader.position()) return *position;
  return std::unexpected(chunk.error());
}

Result<StreamOffset> RecordSource::line_begin(StreamOffset at, const std::function<bool()>& stops) const {
  return slurper::line_begin(os_, paths_, feed_, at, stops);
}

Result<RecordSource::Place> RecordSource::place_of(StreamOffset at,
                                                   const std::function<bool()>& stops) const {
  const Result<StreamOffset> line = line_begin(at, stops);
  if (!line) return std::unexpected(line.error());
  if (*line == at) return Place{.line = at, .begins_a_record = true};
  // So `at` is inside a line. The framer decides whether a part begins there.
  LogReader reader(os_, paths_, feed_, *line);
  Framer framer(log_id_, options_.framing, *line);
  std::vector<char> bytes(2 * framer.window());
  std::vector<Record> parts;
  for (std::size_t filled = 0; framer.offset() < at && !(stops && stops());) {
    const auto chunk = reader.read({bytes.data() + filled, bytes.size() - filled});
    if (!chunk) return std::unexpected(chunk.error());
    if (chunk->missing > 0 || (chunk->bytes == 0 && framer.offset() + filled >= feed_.end())) break;
    filled += chunk->bytes;
    parts.clear();
    std::size_t used = 0;
    while (framer.offset() < at) {
      const std::size_t size = framer.cut({bytes.data() + used, filled - used}, {}, 1, parts);
      if (size == 0) break;
      used += size;
      parts.clear();
    }
    std::memmove(bytes.data(), bytes.data() + used, filled - used);
    filled -= used;
  }
  return Place{.line = *line, .begins_a_record = framer.offset() == at};
}

Result<std::uint32_t> RecordSource::checksum_before(StreamOffset end,
                                                    const std::function<bool()>& stops) const {
  return checksum_of_line_before(os_, paths_, feed_, end, stops);
}

Result<RecordSource::Missing> RecordSource::read() {
  Missing missing;
  for (int reads = 0; reads < kReadsAtOnce; ++reads) {
    if (border_ != 0) gather();
    if (gap_up_to_ || is_full()) break;
    make_room();
    const auto chunk = reader_->read({buffer_->data() + filled_, buffer_->size() - filled_});
    if (!chunk) return std::unexpected(chunk.error());
    if (chunk->missing > 0) return note(*chunk);
    if (chunk->bytes == 0) break;
    news_ += chunk->bytes;
    new_lines_ += count_lines({buffer_->data() + filled_, chunk->bytes});
    filled_ += chunk->bytes;
  }
  if (border_ != 0) gather();
  return missing;
}

RecordSource::Missing RecordSource::skip_damaged() {
  const LogReader::Chunk skipped = reader_->skip_segment();
  return skipped.missing > 0 ? note(skipped) : Missing{};
}

RecordSource::Missing RecordSource::note(const LogReader::Chunk& chunk) {
  gap_up_to_ = chunk.at;
  std::vector<Record> none;
  if (border_ != 0) {
    gather();
  } else if (uncut().empty()) {
    end_line_at_gap(chunk.at, none);
  }
  return {.bytes = chunk.missing, .why = chunk.why, .up_to = chunk.at};
}

void RecordSource::make_room() {
  if (buffer_->size() - filled_ >= framer_.window() || begin_ == 0) return;
  const std::string_view rest = uncut();
  const auto before = buffer_;
  if (before.use_count() > 2 || !block_.empty()) buffer_ = new_buffer();  // a batch has it, too
  if (!block_.empty()) {
    block_buffers_.push_back(before);
    block_size_ += before->size();
  }
  std::memmove(buffer_->data(), rest.data(), rest.size());
  filled_ = rest.size();
  begin_ = 0;
}

Timestamp RecordSource::arrival_of(StreamOffset offset) const {
  const auto found = times_.find(offset);
  return found ? found->mark.time : std::chrono::system_clock::now();
}

// Returns the arrival of the next byte. An unknown arrival was before now.
Arrival RecordSource::arrival() {
  const StreamOffset offset = framer_.offset();
  if (!arrival_ || offset >= arrival_->until) {
    const auto found = times_.find(offset);
    const Timestamp now = std::chrono::system_clock::now();
    // The times of all bytes that have been read were recorded before the bytes were. The clock may have
    // been ahead when they came, but bytes can't have come in the future.
    arrival_ = {.time = found ? std::min(found->mark.time, now) : now,
                .until = found && found->next ? *found->next : std::max(read_up_to(), offset + 1)};
  }
  return *arrival_;
}

// Ends the line before the gap, which will never get its newline.
void RecordSource::end_line_at_gap(StreamOffset up_to, std::vector<Record>& records) {
  framer_.flush(uncut(), arrival().time, records);
  framer_.seek(up_to);
  begin_ = filled_;
  gap_up_to_.reset();
}

bool RecordSource::is_full() const {
  if (border_ != 0) return block_is_complete();
  return news_ >= options_.batch_bytes || new_lines_ >= options_.batch_lines ||
         filled_ - begin_ >= buffer_->size() - framer_.window();
}

StreamOffset RecordSource::full_at() const {
  if (border_ != 0) return std::max(block_end(), read_up_to() + 1);
  const std::uint64_t lines =
      options_.batch_lines - std::min<std::uint64_t>(new_lines_, options_.batch_lines);
  const std::uint64_t bytes = options_.batch_bytes - std::min<std::uint64_t>(news_, options_.batch_bytes);
  return read_up_to() +
         std::max<std::uint64_t>(1, std::min(bytes, lines < kFewLines ? 1 : lines * kShortLine));
}

RecordBatch RecordSource::take() {
  if (border_ != 0) return take_block();
  RecordBatch batch{.records = {}, .bytes = buffer_};
  std::vector<Record>& records = batch.records;
  if (!free_records_.empty()) {
    records = std::move(free_records_.back());
    free_records_.pop_back();
  }
  const std::size_t limit = options_.batch_lines;
  while (records.size() < limit && begin_ < filled_) {
    const std::size_t used = framer_.cut(uncut(), arrival(), limit, records);
    begin_ += used;
    if (used == 0) break;
  }
  if (records.size() < limit) {
    news_ = new_lines_ = 0;
    if (gap_up_to_) end_line_at_gap(*gap_up_to_, records);
  }
  if (records.size() <= kFewRecords && records.capacity() > kFewRecords) {
    std::vector<Record> few(records.begin(), records.end());
    std::swap(records, few);
    few.clear();
    if (free_records_.size() < kSpares) free_records_.push_back(std::move(few));
  }
  batch.kept = framer_.headers();
  keep_wanted(records);
  return batch;
}

void RecordSource::keep_wanted(std::vector<Record>& records) {
  if (options_.filter) std::erase_if(records, [&](const Record& record) { return !wants(record); });
}

// The end of the block that the record at position() begins in.
StreamOffset RecordSource::block_end() const {
  return {(position().value / border_ + 1) * border_};
}

// Cuts what was read, as far as the block goes. The block continues behind a gap that ends in it.
void RecordSource::gather() {
  while (!block_is_complete()) {
    const Arrival came = arrival();
    const std::size_t used =
        framer_.cut(uncut(), {.time = came.time, .until = std::min(came.until, block_end())},
                    std::numeric_limits<std::size_t>::max(), block_);
    begin_ += used;
    if (used > 0) continue;
    if (!gap_up_to_) return;
    end_line_at_gap(*gap_up_to_, block_);
  }
}

RecordBatch RecordSource::take_block() {
  gather();
  RecordBatch batch{.records = {}, .bytes = buffer_};
  if (!block_is_complete()) return batch;
  // What a gap has cut off can be two records, of which the second begins in the next block.
  const auto end = std::ranges::lower_bound(block_, block_end().value, {}, &Record::offset);
  batch.kept = framer_.headers();
  std::ranges::move(block_buffers_, std::back_inserter(batch.kept));
  batch.kept_size = std::exchange(block_size_, 0);
  block_buffers_.clear();
  std::vector<Record> next(end, block_.end());
  block_.erase(end, block_.end());
  std::swap(batch.records, block_);
  std::swap(block_, next);
  keep_wanted(batch.records);
  return batch;
}

// Call this for each record, in order.
bool RecordSource::wants(const Record& record) {
  const bool begins_a_line = record.part() == Part::Whole || record.part() == Part::First;
  if (begins_a_line) wants_line_ = !options_.filter || options_.filter->matches(record);
  return wants_line_;
}

}  // namespace slurper
