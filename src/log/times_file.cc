#include "log/times_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/error.h"
#include "base/file_kind.h"
#include "log/log_errors.h"

namespace slurper {

namespace {

constexpr std::uint64_t kChunkEntries = 4096;

off_t place_of(std::uint64_t entry) {
  return static_cast<off_t>(kTimesHeaderSize + entry * kTimesEntrySize);
}

}  // namespace

Result<std::shared_ptr<TimesFile>> TimesFile::open(Os& os, const LogPaths& paths, const LogIds& log,
                                                   int flags) {
  const Phrase what = about_file(PhraseId::UseTimes, paths.times());
  UniqueFd fd(os.open(paths.times().c_str(), flags | O_NOFOLLOW | O_NONBLOCK));
  if (!fd) return fail_to_open(-fd.get(), paths.times(), what);
  struct stat st{};
  if (const int error = os.fstat(fd.get(), &st); error < 0) return fail_errno(-error, what);
  if (!S_ISREG(st.st_mode)) return fail(ErrorKind::Data, what, not_a_regular_file(paths.times(), st.st_mode));
  TimesHeaderBytes header{};
  if (const ssize_t got = os.pread(fd.get(), header.data(), header.size(), 0); got < 0)
    return fail_errno(static_cast<int>(-got), what);
  const auto id = decode_times_header(header);
  if (!id && id.error() == SlotDamage::Version)
    return fail(ErrorKind::Data, what, PhraseId::WrittenByOtherVersion);
  if (!id) return fail(ErrorKind::Data, what, PhraseId::HeaderDamaged);
  if (!log.include(*id)) return fail(ErrorKind::Data, what, {PhraseId::OfOtherLog, {{"log", *id}}});
  const auto size = static_cast<std::uint64_t>(st.st_size) -
                    std::min<std::uint64_t>(static_cast<std::uint64_t>(st.st_size), kTimesHeaderSize);
  std::shared_ptr<TimesFile> file(new TimesFile(os, paths.times(), std::move(fd)));
  file->entries_ = size / kTimesEntrySize;
  file->has_tail_ = size % kTimesEntrySize != 0;
  file->has_former_id_ = *id != log.id;
  return file;
}

Result<std::shared_ptr<TimesFile>> TimesFile::create(Os& os, const LogPaths& paths, const Uuid& log_id,
                                                     const FileAccess& access, const TimesFile* from,
                                                     std::uint64_t first) {
  const std::string temporary = paths.times_temporary();
  const Phrase what = about_file(PhraseId::WriteTimes, temporary);
  (void)os.unlink(temporary.c_str());  // an attempt that failed left it; open(2) reports a failure
  UniqueFd fd(os.open(temporary.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, access.mode));
  if (!fd) return fail_errno(-fd.get(), what);
  std::shared_ptr<TimesFile> file(new TimesFile(os, paths.times(), std::move(fd)));
  Status done = file->write_header(log_id, access, what);
  if (done && from != nullptr) done = file->copy(*from, first);
  if (done) {
    if (const int error = os.rename(temporary.c_str(), paths.times().c_str()); error < 0)
      done = fail_errno(-error, what);
  }
  if (!done) {
    (void)os.unlink(temporary.c_str());  // the next attempt does it
    return std::unexpected(std::move(done.error()));
  }
  return file;
}

Status TimesFile::write_header(const Uuid& log_id, const FileAccess& access, const Phrase& what) {
  if (access.group != static_cast<gid_t>(-1)) {
    if (const int error = os_.fchown(fd_.get(), static_cast<uid_t>(-1), access.group); error < 0)
      return fail_errno(-error, what);
  }
  if (const int error = os_.fchmod(fd_.get(), access.mode); error < 0) return fail_errno(-error, what);
  const TimesHeaderBytes header = encode_times_header(log_id);
  const ssize_t written = os_.pwrite(fd_.get(), header.data(), header.size(), 0);
  if (written != static_cast<ssize_t>(header.size()))
    return fail_errno(written < 0 ? static_cast<int>(-written) : ENOSPC, what);
  return {};
}

Status TimesFile::rename(const Uuid& log_id) {
  const TimesHeaderBytes header = encode_times_header(log_id);
  const ssize_t written = os_.pwrite(fd_.get(), header.data(), header.size(), 0);
  if (written != static_cast<ssize_t>(header.size()))
    return fail_errno(written < 0 ? static_cast<int>(-written) : ENOSPC,
                      about_file(PhraseId::WriteTimes, path_));
  has_former_id_ = false;
  return {};
}

Status TimesFile::copy(const TimesFile& from, std::uint64_t first) {
  const std::uint64_t end = from.entries();
  while (first < end) {
    const std::uint64_t count = std::min(end - first, kChunkEntries);
    const auto marks = from.read(first, count);
    if (!marks) return std::unexpected(marks.error());
    std::vector<TimeMark> good;
    for (const auto& mark : *marks) {
      if (mark) good.push_back(*mark);
    }
    if (Status appended = append(good); !appended) return appended;
    first += count;
  }
  return {};
}

// Returns as many whole entries as there are.
Result<std::vector<std::optional<TimeMark>>> TimesFile::read(std::uint64_t first, std::uint64_t count) const {
  std::vector<TimesEntryBytes> bytes(count);
  const std::size_t wanted = count * kTimesEntrySize;
  std::size_t done = 0;
  while (done < wanted) {
    const ssize_t got = os_.pread(fd_.get(), reinterpret_cast<char*>(bytes.data()) + done, wanted - done,
                                  place_of(first) + static_cast<off_t>(done));
    if (got < 0) return fail_errno(static_cast<int>(-got), about_file(PhraseId::ReadTimes, path_));
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  std::vector<std::optional<TimeMark>> marks;
  marks.reserve(done / kTimesEntrySize);
  for (std::size_t i = 0; i < done / kTimesEntrySize; ++i) marks.push_back(decode_times_entry(bytes[i]));
  return marks;
}

std::optional<TimeMark> TimesFile::mark(std::uint64_t entry) const {
  TimesEntryBytes bytes{};
  if (os_.pread(fd_.get(), bytes.data(), bytes.size(), place_of(entry)) != static_cast<ssize_t>(bytes.size()))
    return std::nullopt;
  return decode_times_entry(bytes);
}

std::uint64_t TimesFile::count_up_to(StreamOffset offset, std::uint64_t entries) const {
  std::uint64_t begin = 0;
  std::uint64_t end = entries;
  while (begin < end) {
    const std::uint64_t middle = begin + (end - begin) / 2;
    std::uint64_t probe = middle;
    std::optional<TimeMark> found = mark(probe);
    while (!found && probe > begin) found = mark(--probe);
    if (!found || found->offset <= offset) {
      begin = middle + 1;
    } else {
      end = probe;
    }
  }
  return begin;
}

Result<std::uint64_t> TimesFile::sound_entries() const {
  std::uint64_t entries = entries_.load();
  while (entries > 0) {
    const std::uint64_t first = entries - std::min(entries, kChunkEntries);
    const auto marks = read(first, entries - first);
    if (!marks) return std::unexpected(marks.error());
    std::uint64_t sound = 0;
    StreamOffset last;
    for (const std::optional<TimeMark>& mark : *marks) {
      if (!mark || mark->offset < last) break;
      last = mark->offset;
      ++sound;
    }
    if (sound > 0) return first + sound;
    entries = first;
  }
  return 0;
}

bool TimesFile::is_at_path() const {
  struct stat ours{};
  struct stat named{};
  if (os_.fstat(fd_.get(), &ours) < 0) return true;  // unknown: no reason to make it again
  return os_.lstat(path_.c_str(), &named) >= 0 && named.st_dev == ours.st_dev && named.st_ino == ours.st_ino;
}

Status TimesFile::cut(std::uint64_t entries) {
  if (const int error = os_.ftruncate(fd_.get(), place_of(entries)); error < 0)
    return fail_errno(-error, about_file(PhraseId::CutTimes, path_));
  entries_ = entries;
  has_tail_ = false;
  return {};
}

Status TimesFile::append(std::span<const TimeMark> marks) {
  std::array<TimesEntryBytes, 256> bytes{};
  std::uint64_t entries = entries_.load();
  while (!marks.empty()) {
    const std::size_t count = std::min(marks.size(), bytes.size());
    for (std::size_t i = 0; i < count; ++i) bytes[i] = encode_times_entry(marks[i]);
    const std::size_t wanted = count * kTimesEntrySize;
    for (std::size_t done = 0; done < wanted;) {
      const ssize_t written = os_.pwrite(fd_.get(), reinterpret_cast<const char*>(bytes.data()) + done,
                                         wanted - done, place_of(entries) + static_cast<off_t>(done));
      if (written <= 0)
        return fail_errno(written < 0 ? static_cast<int>(-written) : ENOSPC,
                          about_file(PhraseId::WriteTimes, path_));
      done += static_cast<std::size_t>(written);
    }
    entries += count;
    marks = marks.subspan(count);
  }
  entries_ = entries;
  return {};
}

Result<std::optional<Phrase>> inspect_times(Os& os, const LogPaths& paths, const LogIds& log) {
  const auto file = TimesFile::open(os, paths, log, O_RDONLY);
  if (!file && file.error().kind == ErrorKind::Data) return file.error().why;
  if (!file) return std::unexpected(file.error());
  const Result<std::uint64_t> sound = (*file)->sound_entries();
  if (!sound) return std::unexpected(sound.error());
  if (*sound == (*file)->entries()) return std::nullopt;
  return Phrase(PhraseId::LastEntriesDamaged, {{"count", (*file)->entries() - *sound}});
}

}  // namespace slurper
