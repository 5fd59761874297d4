#include "log/cursor_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>

#include "base/error.h"
#include "base/text.h"

namespace slurper {

namespace {

SlotFileNames names_of(const LogPaths& paths, std::string_view name) {
  const Phrase file = about_file(PhraseId::TheCursor, paths.cursor(name));
  return {.file = file,
          .locked = file,
          .in_use = PhraseId::CursorInUse,
          .unusable_advice = {PhraseId::SetTheCursor, {{"command", how_to_set_cursor(paths, name)}}},
          .lock_path = paths.cursor_lock(name)};
}

// Gives a cursor of the log's former id the present one.
void rename(std::optional<CursorRecord>& record, const LogIds& log) {
  if (!record || !log.is_former(record->log_id)) return;
  record->log_id = log.id;
  record->is_renamed = true;
}

Status check_log_id(const CursorReading& reading, const Uuid& log_id, const Phrase& file, Phrase advice) {
  const auto& record = reading.record;
  if (!record || record->log_id == log_id) return {};
  return fail(ErrorKind::Data, {PhraseId::UseFile, {{"file", file}}},
              {PhraseId::CursorIsOfOtherLog, {{"found", record->log_id}, {"log", log_id}}},
              std::move(advice));
}

Status check_log_id(const CursorReading& reading, const Uuid& log_id, const LogPaths& paths,
                    std::string_view name) {
  return check_log_id(reading, log_id, names_of(paths, name).file,
                      {PhraseId::LogReplacedSetCursor, {{"command", how_to_set_cursor(paths, name)}}});
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
      .flags = (record.delivered ? kCursorKnowsDelivered : 0) | (record.set_by_hand ? kCursorSetByHand : 0) |
               (record.is_renamed ? kCursorIsRenamed : 0),
      .checksum = record.checksum,
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
      .checksum = slot->checksum,
      .is_renamed = (slot->flags & kCursorIsRenamed) != 0,
  };
}

Phrase how_to_set_cursor(const LogPaths& paths, std::string_view name) {
  return {PhraseId::SetCursorCommand, {{"log", QuotedText{paths.active()}}, {"sink", printable(name)}}};
}

Status set_cursor(Os& os, const LogPaths& paths, std::string_view name, const Uuid& log_id,
                  StreamOffset offset) {
  SlotFileNames names = names_of(paths, name);
  names.in_use = PhraseId::CursorOfRunningSink;
  struct stat st{};
  if (const int result = os.lstat(paths.cursor(name).c_str(), &st); result < 0)
    return fail_errno(-result, {PhraseId::SetFile, {{"file", names.file}}});
  auto file = SlotFile::open(os, paths.cursor(name), paths.directory(), {}, names);
  if (!file) return std::unexpected(std::move(file.error()));
  CursorRecord record = file->read_what_is_whole(&decode_cursor_slot).value_or(CursorRecord{});
  record.log_id = log_id;
  record.offset = offset;
  record.delivered = StreamOffset{};  // of what it was before nothing is known that counts from here on
  record.set_by_hand = true;
  return file->overwrite(record, &encode_cursor_slot);
}

Status rename_cursor(Os& os, const LogPaths& paths, std::string_view name, const LogIds& log) {
  const Result<CursorReading> present = read_cursor(os, paths, name);
  const bool is_unusable = !present && present.error().kind == ErrorKind::Data;
  if (!present && !is_unusable) return std::unexpected(present.error());
  if (is_unusable || !present->record || !log.is_former(present->record->log_id)) return {};
  SlotFileNames names = names_of(paths, name);
  names.in_use = PhraseId::CursorOfRunningSink;
  auto file = SlotFile::open(os, paths.cursor(name), paths.directory(), {}, names);
  if (!file) return std::unexpected(std::move(file.error()));
  auto reading = file->read(&decode_cursor_slot);
  if (!reading) return std::unexpected(std::move(reading.error()));
  rename(reading->record, log);
  return reading->record ? file->overwrite(*reading->record, &encode_cursor_slot) : Status();
}

Result<CursorReading> read_cursor(Os& os, const LogPaths& paths, std::string_view name,
                                  const std::optional<LogIds>& log) {
  const SlotFileNames names = names_of(paths, name);
  const auto file = SlotFile::look(os, paths.cursor(name), names);
  if (!file) return std::unexpected(file.error());
  auto reading = file->read(&decode_cursor_slot);
  if (!reading || !log) return reading;
  rename(reading->record, *log);
  if (Status ours = check_log_id(*reading, log->id, paths, name); !ours) return std::unexpected(ours.error());
  return reading;
}

Result<CursorFile> CursorFile::open(Os& os, const LogPaths& paths, std::string_view name, const LogIds& log,
                                    const FileAccess& access) {
  if (!LogPaths::is_cursor_name(name)) {
    return fail(ErrorKind::Config, {PhraseId::NameCursor, {{"name", QuotedText{std::string(name)}}}},
                PhraseId::NotASinkName);
  }
  const SlotFileNames names = names_of(paths, name);
  auto file = SlotFile::open(os, paths.cursor(name), paths.directory(), access, names);
  if (!file) return std::unexpected(std::move(file.error()));
  auto reading = file->read(&decode_cursor_slot);
  if (!reading) return std::unexpected(std::move(reading.error()));
  rename(reading->record, log);
  if (Status ours = check_log_id(*reading, log.id, paths, name); !ours) return std::unexpected(ours.error());
  return CursorFile(std::move(*file), std::move(*reading), log.id);
}

bool CursorFile::is_in_use(Os& os, const LogPaths& paths, std::string_view name) {
  const UniqueFd cursor_fd(os.open(paths.cursor(name).c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  return cursor_fd && os.flock(cursor_fd.get(), LOCK_SH | LOCK_NB) == -EWOULDBLOCK;
}

Status CursorFile::remove(Os& os, const LogPaths& paths, std::string_view name) {
  const auto file = SlotFile::open(os, paths.cursor(name), paths.directory(), {}, names_of(paths, name));
  if (!file) return std::unexpected(file.error());
  const Phrase what(PhraseId::RemoveFile, {{"file", names_of(paths, name).file}});
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
  // The sink that runs has its place in the log: what is wrong is this file.
  if (Status ours = check_log_id(*found, log_id_, file_.names().file, PhraseId::MoveItAway); !ours)
    return ours;
  const std::optional<CursorRecord> record = reading_.record;
  file_ = std::move(*file);
  reading_ = std::move(*found);
  return record ? write(*record, Durability::Synced) : Status{};
}

Status CursorFile::write(CursorRecord record, Durability durability) {
  record.log_id = log_id_;
  return file_.write(record, &encode_cursor_slot, durability, reading_);
}

}  // namespace slurper
