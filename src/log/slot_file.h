// SlotFile: a small record that survives a crash in the middle of its own write.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/lock_file.h"
#include "base/os.h"
#include "base/phrase_id.h"
#include "log/slot_format.h"
#include "slurper/result.h"

namespace slurper {

enum class Durability { Cached, Synced };

// Of a file that is made.
struct FileAccess {
  mode_t mode = 0640;
  gid_t group = static_cast<gid_t>(-1);  // -1: the process's own
};

// How messages name a file of slots, and where its lock is.
struct SlotFileNames {
  Phrase file;             // "the log's index '/x/.m.index'"
  Phrase locked;           // "the log '/x/m'": what its lock stands for
  PhraseId in_use;         // "{process} is writing it": what the lock's holder does
  Phrase unusable_advice;  // what to do if no slot is whole
  // The file that is locked instead of this one: flock(2) needs a descriptor and no more, and whoever may
  // read the log can have one.
  std::string lock_path;
};

// What a file of slots says.
template <typename Record>
struct SlotReading {
  std::optional<Record> record;  // the newest; nothing if none was written yet
  std::size_t slot = 0;          // where it stands
  std::vector<Phrase> damage;    // "slot B of the index '…' is damaged (…)": a whole slot is left, though
};

// Two slots of a fixed size, which take turns: whatever becomes of a write, the other slot has the record
// before it. The writer holds the file's lock, which goes with the process however that ends. Used by one
// thread at a time.
class SlotFile {
 public:
  static constexpr std::size_t kSlots = 2;

  // Takes its lock, and opens the file at `path` or makes it (its name in `directory` made durable). Fails
  // with Busy if another slurper has it, with CantCreate or NoPermission if it can't be made.
  [[nodiscard]] static Result<SlotFile> open(Os& os, std::string path, const std::string& directory,
                                             const FileAccess& access, SlotFileNames names) {
    return open(os, std::move(path), directory, access, std::move(names), LockFile());
  }
  // Whether the file's name still leads to it: others may remove it, or replace its folder.
  [[nodiscard]] bool has_name() const;
  // Opens or makes what is at its path now, as open() does, under the same lock if that is still in its
  // place. This one keeps its lock until it is destroyed.
  [[nodiscard]] Result<SlotFile> open_again(const std::string& directory, const FileAccess& access) const;
  // Opens it without a lock, for reading only. Fails with NoInput if there is none.
  [[nodiscard]] static Result<SlotFile> look(Os& os, std::string path, SlotFileNames names);

  // Fails with Data if no slot is whole, or if one is of a newer format, which may hold what this slurper
  // must not overlook.
  template <typename Record, std::size_t kSize>
  [[nodiscard]] Result<SlotReading<Record>> read(
      std::expected<Record, SlotDamage> (*decode)(const SlotBytes<kSize>&)) const {
    SlotReading<Record> reading;
    for (std::size_t slot = 0; slot < kSlots; ++slot) {
      SlotBytes<kSize> bytes{};
      if (Status got = read_slot(slot, bytes); !got) return std::unexpected(std::move(got.error()));
      std::expected<Record, SlotDamage> record = decode(bytes);
      if (!record) {
        if (Status known = note_damage(slot, record.error(), reading.damage); !known)
          return std::unexpected(std::move(known.error()));
      } else if (!reading.record || record->sequence > reading.record->sequence) {
        reading.record = *record;
        reading.slot = slot;
      }
    }
    if (!reading.record && !reading.damage.empty()) return std::unexpected(unusable());
    return reading;
  }

  // What the file says as far as it can be read; skips damaged slots and other formats.
  template <typename Record, std::size_t kSize>
  [[nodiscard]] std::optional<Record> read_what_is_whole(
      std::expected<Record, SlotDamage> (*decode)(const SlotBytes<kSize>&)) const {
    std::optional<Record> newest;
    for (std::size_t slot = 0; slot < kSlots; ++slot) {
      SlotBytes<kSize> bytes{};
      if (!read_slot(slot, bytes)) continue;
      const std::expected<Record, SlotDamage> record = decode(bytes);
      if (record && (!newest || record->sequence > newest->sequence)) newest = *record;
    }
    return newest;
  }

  // Writes `record` over both slots, whatever is in them, synced: after a crash in between, the slot that
  // counts is the old one or the new one.
  template <typename Record, std::size_t kSize>
  [[nodiscard]] Status overwrite(Record record, SlotBytes<kSize> (*encode)(const Record&)) {
    for (std::size_t slot = 0; slot < kSlots; ++slot) {
      ++record.sequence;
      if (Status written = write_slot(slot, encode(record), Durability::Synced); !written) return written;
    }
    return {};
  }

  // Writes `record`, with the next sequence number, over the older slot of `reading`, which is updated. After
  // a failure it is as before, and the next write takes the same slot; the file may hold either.
  template <typename Record, std::size_t kSize>
  [[nodiscard]] Status write(Record record, SlotBytes<kSize> (*encode)(const Record&), Durability durability,
                             SlotReading<Record>& reading) {
    // In a new file slot A comes first.
    const std::size_t slot = reading.record ? 1 - reading.slot : 0;
    record.sequence = reading.record ? reading.record->sequence + 1 : 1;
    if (Status written = write_slot(slot, encode(record), durability); !written) return written;
    reading.record = record;
    reading.slot = slot;
    return {};
  }

  [[nodiscard]] const SlotFileNames& names() const { return names_; }

  // What the operator should know about the lock; empty: nothing.
  [[nodiscard]] const Phrase& lock_note() const { return lock_note_; }

 private:
  // `held`: the lock; if it is empty, open() takes it.
  [[nodiscard]] static Result<SlotFile> open(Os& os, std::string path, const std::string& directory,
                                             const FileAccess& access, SlotFileNames names, LockFile held);
  SlotFile(Os& os, std::string path, UniqueFd fd, SlotFileNames names)
      : os_(&os), path_(std::move(path)), slots_fd_(std::move(fd)), names_(std::move(names)) {}

  Status read_slot(std::size_t slot, std::span<std::uint8_t> bytes) const;
  Status write_slot(std::size_t slot, std::span<const std::uint8_t> bytes, Durability durability);
  Status note_damage(std::size_t slot, SlotDamage damage, std::vector<Phrase>& said) const;
  [[nodiscard]] Error unusable() const;

  Os* os_;
  std::string path_;
  LockFile lock_;
  Phrase lock_note_;
  UniqueFd slots_fd_;
  SlotFileNames names_;
};

}  // namespace slurper
