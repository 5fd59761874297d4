#include "trace/model/event_window.h"

#include <algorithm>
#include <optional>

#include "trace/scap/byte_cursor.h"
#include "trace/scap/scap_writer.h"

namespace slurper {

namespace {

constexpr std::size_t kPiece = std::size_t{256} << 10;

std::uint64_t time_of(const Block& block) {
  const std::optional<ScapEvent> event = holds_event(block.type) ? event_in(block) : std::nullopt;
  return event ? event->time : 0;
}

}  // namespace

bool describes_machine(std::uint32_t block_type) {
  return block_type == kSectionHeader || block_type == kMachineBlock || block_type == kInterfacesBlock ||
         block_type == kUsersBlock;
}

void EventWindow::take(const Block& block) {
  // A section's beginning: the machine and the tables. Those that a recorder restates later have their place
  // among the events.
  if (pieces_.empty() && !holds_event(block.type)) {
    if (block.type == kSectionHeader) machine_.clear();
    if (describes_machine(block.type)) append_block(machine_, block.type, block.body);
    return apply(block);
  }
  if (pieces_.empty() || pieces_.back().bytes.size() >= kPiece) {
    pieces_.emplace_back();
    pieces_.back().bytes.reserve(kPiece);
  }
  std::string& bytes = pieces_.back().bytes;
  const std::size_t before = bytes.size();
  append_block(bytes, block.type, block.body);
  bytes_ += bytes.size() - before;
  if (holds_event(block.type)) last_time_ = time_of(block);
  drop_old();
}

void EventWindow::drop_old() {
  while (bytes_ > limits_.memory) {
    const bool is_young = first_time() + limits_.time >= last_time_;
    is_cut_ = is_cut_ || is_young;
    drop_first();
  }
  // What has no time, a table, goes with the event before it.
  while (!pieces_.empty() && first_time() + limits_.time < last_time_) {
    is_cut_ = false;
    drop_first();
  }
}

Block EventWindow::first_block() const {
  const Piece& piece = pieces_.front();
  const char* const at = piece.bytes.data() + piece.begin;
  const auto total = load<std::uint32_t>(at + 4);
  return {.type = load<std::uint32_t>(at), .body = {at + kBlockHead, total - kBlockFrame}};
}

std::uint64_t EventWindow::first_time() const {
  return pieces_.empty() ? last_time_ : time_of(first_block());
}

void EventWindow::drop_first() {
  const Block block = first_block();
  apply(block);
  Piece& piece = pieces_.front();
  const std::size_t total = block.body.size() + kBlockFrame;
  piece.begin += total;
  bytes_ -= total;
  if (piece.begin == piece.bytes.size()) pieces_.pop_front();
}

void EventWindow::apply(const Block& block) {
  if (!holds_event(block.type)) {
    (void)before_.take_table(block);  // whoever reads the capture reports what is wrong with it
    return;
  }
  const std::optional<ScapEvent> raw = event_in(block);
  TraceEvent event;
  if (raw && before_.take(*raw, event)) before_.finish(event);
}

bool EventWindow::write(const std::function<bool(std::string_view)>& write) const {
  std::string tables = machine_;
  before_.append_tables(tables, first_time());
  if (!write(tables)) return false;
  return std::ranges::all_of(
      pieces_, [&](const Piece& piece) { return write(std::string_view(piece.bytes).substr(piece.begin)); });
}

}  // namespace slurper
