#include "trace/scap/capture_output.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <new>

#include "base/error.h"
#include "base/text.h"
#include "trace/scap/private_file.h"

namespace slurper {

namespace {

constexpr int kCantCreate = 73;  // EX_CANTCREAT of sysexits.h
constexpr int kIo = 74;          // EX_IOERR

}  // namespace

void CaptureOutput::EndDeflation::operator()(z_stream* stream) const {
  deflateEnd(stream);
  delete stream;
}

Captured<CaptureOutput> CaptureOutput::open_file(const std::string& path, Compression compression) {
  std::expected<UniqueFd, std::string> fd = create_private_file(path);
  if (!fd)
    return std::unexpected(CaptureError{
        kCantCreate, fmt::format("cannot create the capture {}: {}", in_quotes(path), fd.error())});
  CaptureOutput output(std::move(*fd), path);
  if (compression == Compression::None) return output;
  output.deflation_.reset(new z_stream{});
  // Level 1: a recorder has to keep up. 16: the header of gzip.
  if (deflateInit2(output.deflation_.get(), Z_BEST_SPEED, Z_DEFLATED, 16 + MAX_WBITS, 8,
                   Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::bad_alloc();
  return output;
}

Captured<CaptureOutput> CaptureOutput::use_descriptor(int fd) {
  if (::isatty(fd) != 0)
    return std::unexpected(
        CaptureError{64, "a capture is no text for a terminal: name a file with -w, or run slurper trace"});
  if (::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
    return std::unexpected(CaptureError{64, fmt::format("descriptor {} is not open", fd)});
  return CaptureOutput(UniqueFd(fd), fmt::format("descriptor {}", fd));
}

Captured<void> CaptureOutput::write(std::string_view bytes) {
  return deflation_ ? deflate_all(bytes, Z_NO_FLUSH) : put(bytes);
}

Captured<void> CaptureOutput::finish() {
  return deflation_ ? deflate_all({}, Z_FINISH) : Captured<void>();
}

Captured<void> CaptureOutput::deflate_all(std::string_view bytes, int flush) {
  std::array<char, 64UL << 10> packed;
  // zlib takes a pointer to what it only reads. No caller has 4 GiB at once.
  deflation_->next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  deflation_->avail_in = static_cast<uInt>(bytes.size());
  do {
    deflation_->next_out = reinterpret_cast<Bytef*>(packed.data());
    deflation_->avail_out = static_cast<uInt>(packed.size());
    (void)deflate(deflation_.get(), flush);  // fails only if it is called wrongly
    if (const auto done = put({packed.data(), packed.size() - deflation_->avail_out}); !done) return done;
  } while (deflation_->avail_out == 0);
  return {};
}

Captured<void> CaptureOutput::put(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd_.get(), bytes.data(), bytes.size());
    if (written > 0) {
      size_ += static_cast<std::uint64_t>(written);
      bytes.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {
      pollfd writable{.fd = fd_.get(), .events = POLLOUT, .revents = 0};
      (void)::poll(&writable, 1, -1);  // the write reports what is wrong
    } else if (errno == EPIPE) {
      closed_ = true;
      return {};
    } else if (errno != EINTR) {
      return std::unexpected(
          CaptureError{kIo, fmt::format("cannot write the capture {}: {}. What was written can be read",
                                        name_, errno_text(errno))});
    }
  }
  return {};
}

}  // namespace slurper
