// A stream as a sink's runner cuts it: through a buffer that is filled in pieces.
#pragma once

#include <algorithm>
#include <cstring>
#include <functional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "record/framer.h"

namespace slurper {

// A record that needs no buffer.
struct Piece {
  std::uint64_t offset;
  std::uint64_t next_offset;
  std::string raw;
  Part part;
  bool operator==(const Piece&) const = default;
};

inline std::ostream& operator<<(std::ostream& out, const Piece& piece) {
  static constexpr std::array<const char*, 4> kParts = {"whole", "first", "middle", "last"};
  return out << kParts.at(static_cast<std::size_t>(piece.part)) << ' ' << piece.offset << ".."
             << piece.next_offset << " '" << piece.raw << "'";
}

inline constexpr LogId kCutLog{};

// The records of `stream`, which begins at `begin` and has a gap at its end, `piece()` bytes read at a time,
// `limit()` records taken at a time.
inline std::vector<Piece> cut_stream(const FramerSettings& settings, std::string_view stream,
                                     std::uint64_t begin, const std::function<std::size_t()>& piece,
                                     const std::function<std::size_t()>& limit) {
  Framer framer(kCutLog, settings, StreamOffset{begin});
  // Of exactly the size that is promised to be enough.
  std::vector<char> buffer(framer.window());
  std::size_t filled = 0;
  std::size_t read = 0;
  std::vector<Piece> pieces;
  std::vector<Record> records;
  const auto keep = [&] {
    for (const Record& record : records)
      pieces.push_back({record.offset(), record.next_offset(), std::string(record.raw()), record.part()});
    records.clear();
  };
  while (true) {
    const std::size_t used = framer.cut({buffer.data(), filled}, {}, limit(), records);
    keep();
    std::memmove(buffer.data(), buffer.data() + used, filled - used);
    filled -= used;
    if (used > 0) continue;
    const std::size_t room = std::min(buffer.size() - filled, stream.size() - read);
    if (room == 0) break;
    const std::size_t size = std::clamp<std::size_t>(piece(), 1, room);
    std::memcpy(buffer.data() + filled, stream.data() + read, size);
    filled += size;
    read += size;
  }
  framer.flush({buffer.data(), filled}, {}, records);
  keep();
  return pieces;
}

inline std::vector<Piece> cut_stream(const FramerSettings& settings, std::string_view stream) {
  return cut_stream(settings, stream, 0, [] { return SIZE_MAX; }, [] { return SIZE_MAX; });
}

// What must hold whatever the stream is; empty if it does.
inline std::string fault_in(const std::vector<Piece>& pieces, const FramerSettings& settings,
                            std::string_view stream, std::uint64_t begin) {
  std::uint64_t at = begin;
  bool in_parts = false;
  for (const Piece& piece : pieces) {
    if (piece.offset != at) return "a record does not begin where the one before ended";
    if (piece.next_offset <= piece.offset || piece.next_offset > begin + stream.size())
      return "no such offset";
    const std::string_view bytes = stream.substr(piece.offset - begin, piece.next_offset - piece.offset);
    if (!bytes.starts_with(piece.raw)) return "a record has other bytes than the stream";
    const std::string_view line_end = bytes.substr(piece.raw.size());
    const bool at_end = piece.next_offset == begin + stream.size();
    const bool followed = piece.part == Part::First || piece.part == Part::Middle;
    if (followed || (at_end && line_end.empty())) {
      if (!line_end.empty()) return "a part that is followed has a line end";
    } else if (line_end != "\n" && !(settings.crlf && line_end == "\r\n")) {
      return "a line has no line end";
    }
    if (settings.crlf && line_end == "\n" && piece.raw.ends_with('\r')) return "CR and LF are no line end";
    if (piece.raw.find('\n') != std::string::npos) return "a newline in a record";
    if (piece.raw.size() > settings.max_line) return "a record is too long";
    if (followed && piece.raw.size() + 3 < settings.max_line) return "a part is too short";
    if ((piece.part == Part::Middle || piece.part == Part::Last) != in_parts) return "parts out of order";
    in_parts = followed;
    at = piece.next_offset;
  }
  if (at != begin + stream.size()) return "bytes are missing";
  return in_parts ? "a line in parts has no last one" : "";
}

}  // namespace slurper
