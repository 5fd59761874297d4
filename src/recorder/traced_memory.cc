#include "recorder/traced_memory.h"

#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace slurper {

namespace {

constexpr std::uint64_t kPage = 4096;
constexpr std::size_t kMostAddress = 128;
constexpr std::size_t kMostVectors = 64;
constexpr std::uint64_t kMostPolled = 64;

std::uint64_t argument(const TraceRecord& record, u8 number) {
  return number == 0 || number > 6 ? 0 : record.args[number - 1];
}

}  // namespace

// One element a page: the kernel reads an element completely or not at all.
std::size_t TracedMemory::read(std::uint64_t from, void* to, std::size_t size) const {
  std::size_t done = 0;
  while (done < size) {
    const std::uint64_t at = from + done;
    const std::size_t piece = std::min<std::uint64_t>(size - done, kPage - at % kPage);
    iovec local{.iov_base = static_cast<char*>(to) + done, .iov_len = piece};
    iovec remote{.iov_base = reinterpret_cast<void*>(at), .iov_len = piece};
    if (::process_vm_readv(tid_, &local, 1, &remote, 1, 0) != static_cast<ssize_t>(piece)) break;
    done += piece;
  }
  return done;
}

std::string TracedMemory::bytes(std::uint64_t from, std::uint64_t size) const {
  std::string result(std::min<std::uint64_t>(size, TraceMaxPiece - 1), '\0');
  result.resize(from == 0 ? 0 : read(from, result.data(), result.size()));
  return result;
}

std::string TracedMemory::text(std::uint64_t from) const {
  std::string result = bytes(from, TraceMaxPiece - 1);
  const std::size_t end = result.find('\0');
  if (end != std::string::npos) result.resize(end + 1);
  return result;
}

namespace {

class PieceReader {
 public:
  PieceReader(const TracedMemory& memory, const CallShape& shape, const TraceRecord& record, bool ended,
              std::uint32_t snaplen)
      : memory_(memory), shape_(shape), record_(record), ended_(ended), snaplen_(snaplen) {}

  CallPieces read() {
    if (shape_.path != 0) pieces_.path = memory_.text(argument(record_, shape_.path));
    if (shape_.path2 != 0) pieces_.path2 = memory_.text(argument(record_, shape_.path2));
    if (shape_.address != 0 || shape_.buffer_kind == BufferMsghdr) pieces_.address = address();
    if (shape_.buffer != 0) pieces_.data = buffer();
    return std::move(pieces_);
  }

 private:
  [[nodiscard]] bool has_failed() const { return record_.result < 0; }

  // What was refused is worth as much as what was written: the bytes tell which message it was.
  [[nodiscard]] std::uint64_t wanted() const {
    std::uint64_t most = (shape_.flags & ShapeInput) != 0 && (!ended_ || has_failed()) ? 0 : snaplen_;
    if (ended_ && !has_failed()) most = std::min(most, static_cast<std::uint64_t>(record_.result));
    return most;
  }

  std::string buffer() {
    const std::uint64_t from = argument(record_, shape_.buffer);
    const std::uint64_t count = argument(record_, shape_.count);
    switch (shape_.buffer_kind) {
      case BufferFixed:
        if ((shape_.flags & ShapeFdPair) != 0 && (!ended_ || has_failed())) return {};
        return memory_.bytes(from, shape_.count);
      case BufferPoll:
        return memory_.bytes(from, std::min(count, kMostPolled) * 8);
      case BufferBytes:
        return memory_.bytes(from, has_failed() || !ended_ ? std::min(count, wanted()) : wanted());
      case BufferIovec:
        return vectors(from, count);
      default:
        break;
    }
    msghdr message{};
    if (!memory_.read_value(from, message)) return {};
    return vectors(reinterpret_cast<std::uint64_t>(message.msg_iov), message.msg_iovlen);
  }

  std::string vectors(std::uint64_t from, std::uint64_t count) {
    const std::uint64_t most = std::min<std::uint64_t>(wanted(), TraceMaxPiece - 1);
    std::string data;
    for (std::uint64_t i = 0; i < std::min<std::uint64_t>(count, kMostVectors); ++i) {
      iovec one{};
      if (!memory_.read_value(from + i * sizeof one, one)) break;
      pieces_.requested += one.iov_len;
      const auto rest = std::min<std::uint64_t>(most - data.size(), one.iov_len);
      data += memory_.bytes(reinterpret_cast<std::uint64_t>(one.iov_base), rest);
    }
    return data;
  }

  std::string address() const {
    std::uint64_t from = argument(record_, shape_.address);
    std::uint64_t size = argument(record_, shape_.address_len);
    if (shape_.buffer_kind == BufferMsghdr) {
      msghdr message{};
      if ((shape_.flags & ShapeInput) != 0 && !ended_) return {};
      if (!memory_.read_value(argument(record_, shape_.buffer), message)) return {};
      from = reinterpret_cast<std::uint64_t>(message.msg_name);
      size = message.msg_namelen;
    } else if ((shape_.flags & ShapeAddressOut) != 0) {
      std::uint32_t given = 0;
      if (!ended_ || !memory_.read_value(size, given)) return {};
      size = given;
    }
    return memory_.bytes(from, std::min<std::uint64_t>(size, kMostAddress));
  }

  const TracedMemory& memory_;
  const CallShape& shape_;
  const TraceRecord& record_;
  bool ended_;
  std::uint32_t snaplen_;
  CallPieces pieces_;
};

}  // namespace

CallPieces read_pieces(const TracedMemory& memory, const CallShape& shape, const TraceRecord& record,
                       bool ended, std::uint32_t snaplen) {
  return PieceReader(memory, shape, record, ended, snaplen).read();
}

}  // namespace slurper
