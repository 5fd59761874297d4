#include "log/log_index_format.h"

#include <algorithm>
#include <iterator>

namespace slurper {

IndexSlotBytes encode_index_slot(const IndexRecord& record) {
  return seal_slot(IndexSlotLayout{
      .magic = kIndexMagic,
      .version = kIndexVersion,
      .crc32c = 0,
      .sequence = record.sequence,
      .log_id = record.log_id,
      .active_base = record.active_base.value,
      .active_inode = record.active_inode,
      .active_created_ns = static_cast<std::uint64_t>(record.active_created.time_since_epoch().count()),
      .boot_id = record.boot_id,
      .torn_lines_closed = record.torn_lines_closed,
      .reserved = record.reserved.value,
      .session = record.session,
      .forgotten_before = record.forgotten_before.value,
      .notes = record.notes,
      .former_id = record.former_id,
  });
}

std::expected<IndexRecord, SlotDamage> decode_index_slot(const IndexSlotBytes& bytes) {
  const auto slot = unseal_slot<IndexSlotLayout>(bytes, kIndexMagic, kIndexVersion);
  if (!slot) return std::unexpected(slot.error());
  return IndexRecord{
      .sequence = slot->sequence,
      .log_id = slot->log_id,
      .active_base = StreamOffset{slot->active_base},
      .active_inode = slot->active_inode,
      .active_created = std::chrono::sys_time<std::chrono::nanoseconds>(
          std::chrono::nanoseconds(static_cast<std::int64_t>(slot->active_created_ns))),
      .boot_id = slot->boot_id,
      .torn_lines_closed = slot->torn_lines_closed,
      .reserved = StreamOffset{slot->reserved},
      .session = slot->session,
      .forgotten_before = StreamOffset{slot->forgotten_before},
      .notes = slot->notes,
      .former_id = slot->former_id,
  };
}

void IndexRecord::add_note(const StreamNote& note) {
  const auto unused = std::ranges::find(notes, NoteKind::None, &StreamNote::kind);
  if (unused != notes.begin()) {
    StreamNote& last = *std::prev(unused);
    if (last.kind == note.kind && last.end() == note.offset) {
      last.bytes = note.kind == NoteKind::Foreign ? note.bytes : last.bytes + note.bytes;
      return;
    }
  }
  if (unused != notes.end()) {
    *unused = note;
    return;
  }
  forgotten_before = std::max(forgotten_before, notes.front().end());
  std::ranges::rotate(notes, std::next(notes.begin()));
  notes.back() = note;
}

std::optional<StreamNote> IndexRecord::next_noted(StreamOffset from) const {
  std::optional<StreamNote> next;
  for (const StreamNote& note : notes) {
    if (note.kind == NoteKind::None || note.kind == NoteKind::Foreign || note.end() <= from) continue;
    const StreamOffset begin = std::max(note.offset, from);
    if (!next || begin < next->offset) next = {note.kind, begin, note.end() - begin};
  }
  return next;
}

std::uint64_t IndexRecord::own_bytes(StreamOffset base, std::uint64_t size) const {
  for (const StreamNote& note : notes) {
    if (note.kind == NoteKind::Foreign && note.offset > base && note.offset - base < size)
      return note.offset - base;
  }
  return size;
}

}  // namespace slurper
