#include "log/compress.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <zstd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <span>
#include <utility>

#include "base/contract.h"
#include "base/error.h"
#include "base/file_kind.h"
#include "base/text.h"
#include "log/segment_reader.h"

namespace slurper {

namespace {

// zstd's own default: log lines shrink to about a tenth at 300 MB/s.
constexpr int kCompressionLevel = 3;

struct FreeCompressor {
  void operator()(ZSTD_CCtx* compressor) const { (void)ZSTD_freeCCtx(compressor); }  // always 0
};

// Removes a temporary file, unless it was renamed.
class TemporaryFile {
 public:
  TemporaryFile(Os& os, std::string path) : os_(os), path_(std::move(path)) {}
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  // A failure is dropped: the next start-up removes the file.
  ~TemporaryFile() {
    if (!path_.empty()) (void)os_.unlink(path_.c_str());
  }
  void keep() { path_.clear(); }

 private:
  Os& os_;
  std::string path_;
};

Status write_all(Os& os, int fd, std::span<const char> data, const Phrase& what) {
  while (!data.empty()) {
    const ssize_t size = os.write(fd, data.data(), data.size());
    if (size <= 0) return fail_errno(size < 0 ? static_cast<int>(-size) : ENOSPC, what);
    data = data.subspan(static_cast<std::size_t>(size));
  }
  return {};
}

// One frame of `raw_size` bytes from `raw_fd` to `temporary_fd`. The bytes written; nothing if cancelled.
Result<std::optional<std::uint64_t>> write_frame(Os& os, int raw_fd, std::uint64_t raw_size, int temporary_fd,
                                                 const std::stop_token& cancelled, const Phrase& what) {
  const std::unique_ptr<ZSTD_CCtx, FreeCompressor> compressor(ZSTD_createCCtx());
  if (compressor == nullptr) return fail_errno(ENOMEM, what);
  for (const std::size_t result :
       {ZSTD_CCtx_setParameter(compressor.get(), ZSTD_c_compressionLevel, kCompressionLevel),
        ZSTD_CCtx_setParameter(compressor.get(), ZSTD_c_checksumFlag, 1),
        ZSTD_CCtx_setPledgedSrcSize(compressor.get(), raw_size)}) {
    if (ZSTD_isError(result) != 0)
      return fail(ErrorKind::Internal, what, {PhraseId::Text, {{"text", ZSTD_getErrorName(result)}}});
  }

  std::vector<char> raw(ZSTD_CStreamInSize());
  std::vector<char> compressed(ZSTD_CStreamOutSize());
  std::uint64_t raw_done = 0;
  std::uint64_t written = 0;
  for (bool frame_done = false; !frame_done;) {
    if (cancelled.stop_requested()) return std::nullopt;
    const ssize_t raw_chunk = os.pread(raw_fd, raw.data(), raw.size(), static_cast<off_t>(raw_done));
    if (raw_chunk < 0) return fail_errno(static_cast<int>(-raw_chunk), what);
    raw_done += static_cast<std::uint64_t>(raw_chunk);

    const ZSTD_EndDirective directive = raw_chunk == 0 ? ZSTD_e_end : ZSTD_e_continue;
    ZSTD_inBuffer input{raw.data(), static_cast<std::size_t>(raw_chunk), 0};
    bool chunk_done = false;
    while (!chunk_done) {
      ZSTD_outBuffer output{compressed.data(), compressed.size(), 0};
      const std::size_t left = ZSTD_compressStream2(compressor.get(), &output, &input, directive);
      // That the size was pledged makes zstd refuse a segment that shrank or grew meanwhile.
      if (ZSTD_isError(left) != 0)
        return fail(ErrorKind::Io, what, {PhraseId::Text, {{"text", ZSTD_getErrorName(left)}}});
      if (auto status = write_all(os, temporary_fd, {compressed.data(), output.pos}, what); !status)
        return std::unexpected(std::move(status.error()));
      written += output.pos;
      frame_done = directive == ZSTD_e_end && left == 0;
      chunk_done = directive == ZSTD_e_end ? frame_done : input.pos == input.size;
    }
  }
  return written;
}

// Mode, owner and times of `like`; then size and content are checked against `size` and made durable.
Status finish(Os& os, int temporary_fd, const struct stat& like, std::uint64_t size, const Phrase& what) {
  struct stat st{};
  if (const int result = os.fstat(temporary_fd, &st); result < 0) return fail_errno(-result, what);
  if (static_cast<std::uint64_t>(st.st_size) != size)
    return fail(ErrorKind::Io, what, PhraseId::CompressedTooShort);
  if (st.st_uid != like.st_uid || st.st_gid != like.st_gid) {
    if (const int result = os.fchown(temporary_fd, like.st_uid, like.st_gid); result < 0)
      return fail_errno(-result, what);
  }
  // After fchown(2), which clears bits.
  if (const int result = os.fchmod(temporary_fd, like.st_mode & 07777); result < 0)
    return fail_errno(-result, what);
  const std::array<timespec, 2> times = {like.st_atim, like.st_mtim};
  if (const int result = os.futimens(temporary_fd, times.data()); result < 0)
    return fail_errno(-result, what);
  // Not fdatasync(2): mode, owner and times are to survive, too.
  if (const int result = os.fsync(temporary_fd); result < 0) return fail_errno(-result, what);
  return {};
}

// Reads until `out` is full or the segment ends.
Result<std::size_t> read_full(SegmentReader& reader, std::span<char> out) {
  std::size_t done = 0;
  while (done < out.size()) {
    const auto size = reader.read(out.subspan(done));
    if (!size) return size;
    if (*size == 0) break;
    done += *size;
  }
  return done;
}

enum class Comparison { Same, Different, Cancelled };

// Whether `compressed` holds exactly what `raw` does. A failure says that it can't be known.
Result<Comparison> compare(Os& os, const Segment& raw, const Segment& compressed,
                           const std::stop_token& cancelled) {
  auto raw_reader = SegmentReader::open(os, raw);
  if (!raw_reader) return std::unexpected(std::move(raw_reader.error()));
  auto compressed_reader = SegmentReader::open(os, compressed);
  const auto different_or = [](Error& error) -> Result<Comparison> {
    if (error.kind == ErrorKind::Data) return Comparison::Different;
    return std::unexpected(std::move(error));
  };
  if (!compressed_reader) return different_or(compressed_reader.error());
  if (compressed_reader->size() != raw_reader->size()) return Comparison::Different;

  std::vector<char> raw_chunk(std::size_t{128} << 10);
  std::vector<char> compressed_chunk(raw_chunk.size());
  for (;;) {
    if (cancelled.stop_requested()) return Comparison::Cancelled;
    const auto raw_size = read_full(*raw_reader, raw_chunk);
    if (!raw_size) return std::unexpected(raw_size.error());
    auto compressed_size = read_full(*compressed_reader, compressed_chunk);
    if (!compressed_size) return different_or(compressed_size.error());
    if (*raw_size != *compressed_size ||
        std::memcmp(raw_chunk.data(), compressed_chunk.data(), *raw_size) != 0)
      return Comparison::Different;
    if (*raw_size == 0) return Comparison::Same;
  }
}

}  // namespace

Result<std::optional<Segment>> compress_segment(Os& os, const LogPaths& paths, const Segment& raw,
                                                const std::stop_token& cancelled) {
  SLURPER_ASSERT(!raw.compressed);
  const Phrase what = about_file(PhraseId::CompressSegment, raw.path);
  const UniqueFd raw_fd(os.open(raw.path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  if (!raw_fd) return fail_to_open(-raw_fd.get(), raw.path, what);
  struct stat st{};
  if (const int result = os.fstat(raw_fd.get(), &st); result < 0) return fail_errno(-result, what);
  if (!S_ISREG(st.st_mode)) return fail(ErrorKind::NoInput, what, not_a_regular_file(raw.path, st.st_mode));

  const std::string temporary_path = paths.temporary(raw.base);
  // For no other user's eyes until it has the segment's mode.
  const UniqueFd temporary_fd(
      os.open(temporary_path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  if (!temporary_fd)
    return fail_errno(-temporary_fd.get(), about_file(PhraseId::CreateTemporary, temporary_path));
  TemporaryFile temporary(os, temporary_path);

  const auto written = write_frame(os, raw_fd.get(), static_cast<std::uint64_t>(st.st_size),
                                   temporary_fd.get(), cancelled, what);
  if (!written) return std::unexpected(written.error());
  const std::optional<std::uint64_t> frame_size = *written;
  if (!frame_size) return std::nullopt;
  if (auto status = finish(os, temporary_fd.get(), st, *frame_size, what); !status)
    return std::unexpected(std::move(status.error()));

  Segment compressed{.base = raw.base,
                     .path = paths.compressed(raw.base),
                     .stored = *frame_size,
                     .compressed = true,
                     .mtime = raw.mtime};
  if (const int result = os.rename(temporary_path.c_str(), compressed.path.c_str()); result < 0)
    return fail_errno(-result, what);
  temporary.keep();
  // The new name is to be durable before the old one goes.
  if (const int result = sync_directory(os, paths.directory().c_str()); result < 0)
    return fail_errno(-result, what);
  if (const int result = os.unlink(raw.path.c_str()); result < 0)
    return fail_errno(-result, about_file(PhraseId::RemoveRawSegment, raw.path));
  if (const int result = sync_directory(os, paths.directory().c_str()); result < 0)
    return fail_errno(-result, what);
  return compressed;
}

Leftovers resolve_leftovers(Os& os, const LogPaths& paths, StreamOffset active_base,
                            const std::stop_token& cancelled) {
  Leftovers leftovers;
  const auto failed = [&](Error error) { leftovers.failures.push_back(std::move(error)); };
  const auto remove = [&](const std::string& path) {
    const int result = os.unlink(path.c_str());
    if (result == 0) {
      leftovers.removed.push_back(path);
    } else if (result != -ENOENT) {
      failed(fail_errno(-result, about_file(PhraseId::RemoveLeftover, path)).error());
    }
  };
  const auto sync = [&] {
    const int result = sync_directory(os, paths.directory().c_str());
    if (result < 0)
      failed(fail_errno(-result, about_file(PhraseId::SyncLogFolder, paths.directory())).error());
    return result == 0;
  };

  const auto temporaries = list_temporaries(paths);
  if (!temporaries) {
    failed(temporaries.error());
    return leftovers;
  }
  for (const std::string& path : *temporaries) remove(path);

  const auto segments = list_segments(os, paths);
  if (!segments) {
    failed(segments.error());
    return leftovers;
  }
  for (std::size_t i = 1; i < segments->size(); ++i) {
    const Segment& raw = (*segments)[i - 1];
    const Segment& compressed = (*segments)[i];
    if (raw.base != compressed.base || raw.base >= active_base) continue;
    const auto comparison = compare(os, raw, compressed, cancelled);
    if (!comparison) {
      failed(comparison.error());
    } else if (*comparison == Comparison::Different) {
      remove(compressed.path);
    } else if (*comparison == Comparison::Cancelled) {
      break;
    } else if (sync()) {
      // The crash may have come before the compressed one's name was durable; it is now.
      remove(raw.path);
    }
  }
  if (!leftovers.removed.empty()) (void)sync();  // a failure is among the failures
  return leftovers;
}

}  // namespace slurper
