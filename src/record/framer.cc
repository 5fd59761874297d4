#include "record/framer.h"

#include <array>
#include <bit>
#include <cstddef>

#include "record/newlines.h"
#include "record/syslog_header.h"

namespace slurper {

namespace {

// The number of bytes that the next part takes of a line longer than `max_line`: it cuts no UTF-8 character.
std::size_t part_size(std::string_view line, std::size_t max_line) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(line[at]); };
  const auto continues = [](unsigned char c) { return (c & 0xc0) == 0x80; };
  constexpr std::size_t kLongestCharacter = 4;
  if (!continues(byte(max_line))) return max_line;
  for (std::size_t back = 1; back < kLongestCharacter && back < max_line; ++back) {
    const unsigned char lead = byte(max_line - back);
    if (continues(lead)) continue;
    const auto length = static_cast<std::size_t>(std::countl_one(lead));
    return length > back && length <= kLongestCharacter ? max_line - back : max_line;
  }
  return max_line;
}

}  // namespace

// The state of cutting one run of bytes.
struct Framer::Cutting {
  Framer& framer;
  std::string_view bytes;
  Timestamp arrival;
  std::vector<Record>& records;
  std::size_t begin = 0;  // of the next record

  template <typename Header>
  void add(std::size_t size, std::size_t line_end, Part part, const Header& header) {
    const StreamOffset offset = framer.offset_ + begin;
    const StreamOffset next = offset + size + line_end;
    records.emplace_back(framer.log_id_, offset.value, next.value, bytes.substr(begin, size), part, arrival,
                         header);
    begin += size + line_end;
  }
  // The first part of a line is parsed. A later part has the line's header, and is rare enough to stay out of
  // the loop.
  void add_first(std::size_t size, std::size_t line_end, Part part) {
    add(size, line_end, part, &parse_syslog_header);
  }
  [[gnu::noinline]] void add_later(std::size_t size, std::size_t line_end, Part part) {
    add(size, line_end, part, framer.headers_.back()->header);
  }

  [[gnu::noinline]] void add_part() {
    const std::size_t size = part_size(bytes.substr(begin), framer.settings_.max_line);
    if (framer.in_parts_) return add_later(size, 0, Part::Middle);
    add_first(size, 0, Part::First);
    framer.keep(records.back().header());
    framer.in_parts_ = true;
  }

  void add_end(std::size_t size, std::size_t line_end) {
    if (!framer.in_parts_) return add_first(size, line_end, Part::Whole);
    add_later(size, line_end, Part::Last);
    framer.in_parts_ = false;
  }
};

std::size_t Framer::cut(std::string_view bytes, const Arrival& arrival, std::size_t limit,
                        std::vector<Record>& records) {
  if (records.empty()) forget_headers();
  if (arrival.until <= offset_) return 0;
  const std::uint64_t before = arrival.until - offset_;
  Cutting cutting{.framer = *this, .bytes = bytes, .arrival = arrival.time, .records = records};
  Newlines newlines(bytes, searched_);
  std::size_t newline = newlines.next();
  while (cutting.begin < before && records.size() < limit) {
    const bool ended = newline < bytes.size();
    std::size_t size = newline - cutting.begin;
    if (ended) {
      const std::size_t line_end = settings_.crlf && size > 0 && bytes[newline - 1] == '\r' ? 2 : 1;
      size -= line_end - 1;
      if (size <= settings_.max_line) {
        cutting.add_end(size, line_end);
        newline = newlines.next();
        continue;
      }
    } else if (size < window()) {
      break;  // its line end may still come: LF, or CR and LF, right after max_line
    }
    cutting.add_part();
  }
  offset_ += cutting.begin;
  searched_ = newline - cutting.begin;
  return cutting.begin;
}

void Framer::flush(std::string_view bytes, Timestamp arrival, std::vector<Record>& records) {
  if (records.empty()) forget_headers();
  Cutting cutting{.framer = *this, .bytes = bytes, .arrival = arrival, .records = records};
  while (bytes.size() - cutting.begin > settings_.max_line) cutting.add_part();
  if (cutting.begin < bytes.size()) cutting.add_end(bytes.size() - cutting.begin, 0);
  seek(offset_ + cutting.begin);
}

void Framer::seek(StreamOffset offset) {
  offset_ = offset;
  searched_ = 0;
  in_parts_ = false;
}

void Framer::go_on(StreamOffset offset, const SyslogHeader& line) {
  seek(offset);
  keep(line);
  in_parts_ = true;
}

// Headers are short, and split lines are rare. The header is parsed when the framer first knows that the line
// has parts, because the first part's bytes may be gone when the next part comes.
void Framer::keep(const SyslogHeader& line) {
  const auto owner = std::make_shared<LineHeader>();
  headers_.push_back(owner);
  LineHeader& kept = *owner;
  kept.header = line;
  kept.header.message = {};
  const std::array fields = {&kept.header.host, &kept.header.program, &kept.header.pid,
                             &kept.header.message_id, &kept.header.structured_data};
  std::size_t size = 0;
  for (const std::string_view* field : fields) size += field->size();
  kept.text.reserve(size);  // so that it never moves
  for (std::string_view* field : fields) {
    const std::size_t begin = kept.text.size();
    kept.text += *field;
    *field = std::string_view(kept.text).substr(begin);
  }
}

// Forgets the headers of lines before the one at offset_: their records are gone.
void Framer::forget_headers() {
  const std::size_t needed = in_parts_ ? 1 : 0;
  if (headers_.size() > needed)
    headers_.erase(headers_.begin(), headers_.end() - static_cast<std::ptrdiff_t>(needed));
}

}  // namespace slurper
