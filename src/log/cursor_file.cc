#include "log/cursor_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>

#include "base/error.h"
#include "log/log_errors.h"

namespace slurper {

namespace {

SlotFileWords words_of(const LogPaths& paths, std::string_view name) {
  const std::string file = "the cursor " + in_quotes(paths.cursor(name));
  return {.file = file,
          .slot = "a cursor's slot",
          .locked = file,
          .in_use = "has it",
          .in_use_advice = "Each sink has a cursor of its own: give the sinks different names",
          .unusable_advice = "Set it: " + how_to_set_cursor(paths, name),
          .lock_path = paths.cursor_lock(name)};
}

Status check_log_id(const CursorReading& reading, const Uuid& log_id, const SlotFileWords& words) {
  const auto& record = reading.record;
  if (!record || record->log_id == log_id) return {};
  return fail(ErrorKind::Data, "use " + words.file,
              fmt::format("it is of another log, {}; this one is {}", format(record->log_id), format(log_id)),
              "Was the log, or its index, replaced? " + words.unusable_advice);
}

}  // namespace

CursorSlotBytes encode_cursor_slot(const CursorRecord& record) {
  return seal_slot(CursorSlotLayout{
      .magic = kCursorMagic,
      .version = kCursorVersion,
      .crc32c = 0,
      .sequence = record.sequence,
      .log_id = record.log_id,
      .offset = record.offset.value,
      .position = record.position,
      .fingerprint = record.fingerprint,
      .rejected = record.rejected,
      .missed = record.missed,
      .delivered = record.delivered.value_or(StreamOffset{}).value,
      .flags = (record.delivered ? kCursorKnowsDelivered : 0) | (record.set_by_hand ? kCursorSetByHand : 0),
      .zero = {},
  });
}

std::expected<CursorRecord, SlotDamage> decode_cursor_slot(const CursorSlotBytes& bytes) {
  const auto slot = unseal_slot<CursorSlotLayout>(bytes, kCursorMagic, kCursorVersion);
  if (!slot) return std::unexpected(slot.error());
  return CursorRecord{
      .sequence = slot->sequence,
      .log_id = slot->log_id,
      .offset = StreamOffset{slot->offset},
      .position = slot->position,
      .fingerprint = slot->fingerprint,
      .rejected = slot->rejected,
      .missed = slot->missed,
      .delivered = (slot->flags & kCursorKnowsDelivered) != 0 ? std::optional(StreamOffset{slot->delivered})
                                                              : std::nullopt,
      .set_by_hand = (slot->flags & kCursorSetByHand) != 0,
  };
}

std::string how_to_set_cursor(const LogPaths& paths, std::string_view name) {
  return fmt::format("slurper cursor {} {} --to beginning (or end, or an offset)", in_quotes(paths.active()),
                     printable(name));
}

Status set_cursor(Os& os, const LogPaths& paths, std::string_view name, const Uuid& log_id,
                  StreamOffset offset) {
  SlotFileWords words = words_of(paths, name);
  words.in_use_advice = "A sink that runs writes its cursor itself: stop slurper first";
  struct stat st{};
  if (const int result = os.lstat(paths.cursor(name).c_str(), &st); result < 0)
    return fail_errno(-result, "set " + words.file);
  auto file = SlotFile::open(os, paths.cursor(name), paths.directory(), {}, words);
  if (!file) return std::unexpected(std::move(file.error()));
  CursorRecord record = file->read_what_is_whole(&decode_cursor_slot).value_or(CursorRecord{});
  record.log_id = log_id;
  record.offset = offset;
  record.delivered = StreamOffset{};  // of what it was before nothing is known that counts from here on
  record.set_by_hand = true;
  return file->overwrite(record, &encode_cursor_slot);
}

Result<CursorReading> read_cursor(Os& os, const LogPaths& paths, std::string_view name,
                                  const std::optional<Uuid>& log_id) {
  const SlotFileWords words = words_of(paths, name);
  const auto file = SlotFile::look(os, paths.cursor(name), words);
  if (!file) return std::unexpected(file.error());
  auto reading = file->read(&decode_cursor_slot);
  if (!reading || !log_id) return reading;
  if (Status ours = check_log_id(*reading, *log_id, words); !ours) return std::unexpected(ours.error());
  return reading;
}

Result<CursorFile> CursorFile::open(Os& os, const LogPaths& paths, std::string_view name, const Uuid& log_id,
                                    const FileAccess& access) {
  if (!LogPaths::is_cursor_name(name)) {
    return fail(ErrorKind::Config, fmt::format("name a cursor '{}'", printable(name)),
                "a sink's name is of 1 to 64 letters, digits, dots, underscores and dashes",
                "Rename the sink");
  }
  const SlotFileWords words = words_of(paths, name);
  auto file = SlotFile::open(os, paths.cursor(name), paths.directory(), access, words);
  if (!file) return std::unexpected(std::move(file.error()));
  auto reading = file->read(&decode_cursor_slot);
  if (!reading) return std::unexpected(std::move(reading.error()));
  if (Status ours = check_log_id(*reading, log_id, words); !ours) return std::unexpected(ours.error());
  return CursorFile(std::move(*file), std::move(*reading), log_id);
}

bool CursorFile::is_in_use(Os& os, const LogPaths& paths, std::string_view name) {
  const UniqueFd cursor_fd(os.open(paths.cursor(name).c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  return cursor_fd && os.flock(cursor_fd.get(), LOCK_SH | LOCK_NB) == -EWOULDBLOCK;
}

Status CursorFile::remove(Os& os, const LogPaths& paths, std::string_view name) {
  const auto file = SlotFile::open(os, paths.cursor(name), paths.directory(), {}, words_of(paths, name));
  if (!file) return std::unexpected(file.error());
  const std::string what = "remove the cursor " + in_quotes(paths.cursor(name));
  if (const int error = os.unlink(paths.cursor(name).c_str()); error < 0) return fail_errno(-error, what);
  (void)os.unlink(paths.cursor_lock(name).c_str());  // who waits for it looks whether it has a name
  if (const int error = sync_directory(os, paths.directory().c_str()); error < 0)
    return fail_errno(-error, what);
  return {};
}

Status CursorFile::follow_path(const LogPaths& paths, const FileAccess& access) {
  if (file_.has_name()) return {};
  auto file = file_.open_again(paths.directory(), access);
  if (!file) return std::unexpected(std::move(file.error()));
  auto found = file->read(&decode_cursor_slot);
  if (!found) return std::unexpected(std::move(found.error()));
  const std::optional<CursorRecord> record = reading_.record;
  if (found->record && found->record->log_id != log_id_) {
    return fail(ErrorKind::Data, "make the sink's cursor again", "another log's cursor is in its place",
                "Move it away");
  }
  file_ = std::move(*file);
  reading_ = std::move(*found);
  return record ? write(*record, Durability::Synced) : Status{};
}

Status CursorFile::write(CursorRecord record, Durability durability) {
  record.log_id = log_id_;
  return file_.write(record, &encode_cursor_slot, durability, reading_);
}

}  // namespace slurper
