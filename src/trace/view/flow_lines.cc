#include "trace/view/flow_lines.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "trace/view/shown_event.h"

namespace slurper {

namespace {

// Reads that returned before one that took earlier bytes.
constexpr std::size_t kMostWaiting = 64;
constexpr std::size_t kMostPipes = 8192;  // more than ByteFlow follows at once

// "84,211"
std::string grouped(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, 1, ',');
  return digits;
}

std::string_view what_became(Fate fate) {
  return fate == Fate::Lost ? ", lost: the pipe was closed before they were read"
                            : ", not read when the recording ended";
}

void append_user(std::string& out, const PipeUser& user) {
  append_name(out, user.name.empty() ? "<NA>" : user.name);
  out += fmt::format(" ({}) fd {}", user.pid, user.fd);
}

bool has_same_writer(const FlowPiece& one, const FlowPiece& other) {
  if (one.doubt != other.doubt || one.discarded != 0) return false;
  if (!one.write || !other.write) return !one.write && !other.write;
  return one.write->user == other.write->user && one.write->is_wanted == other.write->is_wanted;
}

// The bytes of the piece, if all were recorded.
std::optional<std::string_view> bytes_of(const FlowRead& read, const FlowPiece& piece,
                                         std::uint64_t position) {
  if (piece.discarded == 0 && read.read.data.size() >= position + piece.length)
    return std::string_view(read.read.data).substr(position, piece.length);
  const std::uint64_t size = piece.length + piece.discarded;
  if (piece.doubt == Doubt::None && piece.write && piece.write->data.size() >= piece.from + size)
    return std::string_view(piece.write->data).substr(piece.from, size);
  return std::nullopt;
}

// Nothing that follows has a place that is known.
bool loses_count(const FlowPiece& piece) {
  return !piece.offset && piece.doubt != Doubt::None && piece.doubt != Doubt::Identical;
}

}  // namespace

std::string_view reason_of(Doubt doubt) {
  switch (doubt) {
    case Doubt::None:
      break;
    case Doubt::Snaplen:
      return "too little of the data was recorded (--snaplen)";
    case Doubt::Dropped:
      return "events were lost";
    case Doubt::NotWatched:
      return "a process that is not recorded may use the pipe, too";
    case Doubt::BeforeTrace:
      return "the bytes may have been in the pipe before the recording began";
    case Doubt::Identical:
      return "writes at the same time had the same data";
    case Doubt::UnderWay:
      return "another call on the pipe had not ended";
  }
  return "";
}

void FlowLines::take(std::uint64_t id, const std::string& name, FlowRead read) {
  Pipe& pipe = pipes_[id];
  pipe.name = name;
  if (pipes_.size() > kMostPipes && pipes_.begin()->first != id) {  // that one is gone
    say_waiting(pipes_.begin()->second, true);
    pipes_.erase(pipes_.begin());
  }
  const std::optional<std::uint64_t> offset = read.pieces.front().offset;
  if (offset && *offset > pipe.offset && pipe.line) {
    pipe.waiting.emplace(*offset, std::move(read));
    if (pipe.waiting.size() > kMostWaiting) say_waiting(pipe, true);
    return;
  }
  say(pipe, read);
  say_waiting(pipe, !pipe.line);
}

void FlowLines::say_waiting(Pipe& pipe, bool all) {
  while (!pipe.waiting.empty() && (all || pipe.waiting.begin()->first <= pipe.offset)) {
    const auto first = pipe.waiting.extract(pipe.waiting.begin());
    if (first.key() != pipe.offset) pipe.line.reset();
    say(pipe, first.mapped());
  }
}

void FlowLines::finish() {
  for (auto& [id, pipe] : pipes_) say_waiting(pipe, true);
}

FlowLines::Part FlowLines::count(Pipe& pipe, const FlowRead& read, const FlowPiece& piece,
                                 std::uint64_t position) {
  Part part{.piece = piece, .first_line = {}, .last_line = {}};
  pipe.offset = piece.offset.value_or(pipe.offset) + piece.length + piece.discarded;
  const std::optional<std::string_view> bytes = bytes_of(read, piece, position);
  if (!bytes || loses_count(piece)) pipe.line.reset();
  if (!pipe.line) return part;
  const auto ends = static_cast<std::uint64_t>(std::ranges::count(*bytes, '\n'));
  if (piece.offset) {  // else which of them is it
    part.first_line = pipe.line;
    part.last_line = *pipe.line + ends - (bytes->ends_with('\n') ? 1 : 0);
  }
  *pipe.line += ends;
  return part;
}

void FlowLines::say(Pipe& pipe, const FlowRead& read) {
  std::vector<Part> parts;
  std::uint64_t position = 0;
  for (const FlowPiece& piece : read.pieces) {
    Part part = count(pipe, read, piece, position);
    position += piece.length;
    if (parts.empty() || !has_same_writer(parts.back().piece, piece)) {
      parts.push_back(std::move(part));
      continue;
    }
    parts.back().piece.length += piece.length;
    parts.back().piece.discarded = piece.discarded;
    parts.back().last_line = part.last_line;
    if (!part.last_line) parts.back().first_line.reset();
  }
  for (const Part& part : parts) say(pipe.name, read, part);
}

void FlowLines::say(const std::string& name, const FlowRead& read, const Part& part) {
  const FlowPiece& piece = part.piece;
  if (!read.read.is_wanted && !(piece.write && piece.write->is_wanted)) return;
  std::string place = fmt::format("{} byte{}", grouped(piece.length), piece.length == 1 ? "" : "s");
  if (piece.offset) place += " at " + grouped(*piece.offset);
  std::string line;
  if (part.first_line) {
    line = *part.first_line == *part.last_line
               ? fmt::format("line {} of ", *part.first_line)
               : fmt::format("lines {} to {} of ", *part.first_line, *part.last_line);
    append_name(line, name);
    line += fmt::format(" ({})", place);
  } else {
    line = place + " of ";
    append_name(line, name);
  }
  line += ": ";
  if (piece.write) {
    append_user(line, piece.write->user);
  } else {
    line += "an unknown writer";
  }
  if (read.fate == Fate::Read) {
    line += " -> ";
    append_user(line, read.read.user);
  } else {
    line += what_became(read.fate);
  }
  if (piece.discarded != 0)
    line += fmt::format(", which left {} bytes of the packet, and they are lost", grouped(piece.discarded));
  if (piece.doubt != Doubt::None) line += fmt::format("; unsure: {}", reason_of(piece.doubt));
  output_(line);
}

}  // namespace slurper
