#include "recorder/traced_descriptors.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "proc/proc_files.h"
#include "trace/engine/flags.h"

namespace slurper {

std::string_view RecordBuffer::join(TraceRecord& record, const CallPieces& pieces) {
  record.path_size = static_cast<u16>(pieces.path.size());
  record.path2_size = static_cast<u16>(pieces.path2.size());
  record.address_size = static_cast<u16>(pieces.address.size());
  record.data_size = static_cast<u16>(pieces.data.size());
  record.bound_size = static_cast<u16>(pieces.bound.size());
  record.requested = pieces.requested;
  std::memcpy(bytes_, &record, sizeof record);
  std::size_t size = sizeof record;
  for (const std::string* const piece :
       {&pieces.path, &pieces.path2, &pieces.address, &pieces.data, &pieces.bound}) {
    std::memcpy(bytes_ + size, piece->data(), piece->size());
    size += piece->size();
  }
  return {bytes_, size};
}

TraceObject describe_descriptor(pid_t pid, pid_t tid, int fd, SocketBook::Made made, SocketBook& sockets) {
  TraceObject object{};
  struct stat file{};
  // Looks at the file itself, and opens nothing.
  if (fd < 0 || ::stat(fmt::format("/proc/{}/fd/{}", tid, fd).c_str(), &file) != 0) return object;
  object.ino = file.st_ino;
  object.dev = device_for_kernel(file.st_dev);
  object.mode = static_cast<u16>(file.st_mode);
  object.kind = S_ISFIFO(file.st_mode) ? ObjectPipe : ObjectFile;
  if (S_ISSOCK(file.st_mode)) sockets.describe(pid, fd, made, object);
  return object;
}

namespace {

std::vector<int> open_descriptors_of(pid_t pid) {
  std::vector<int> all;
  const Directory directory = entries_of(open_directory(AT_FDCWD, fmt::format("/proc/{}/fd", pid).c_str()));
  if (!directory) return all;
  while (const dirent* const entry = ::readdir(directory.get()))
    if (const auto number = number_of(entry->d_name)) all.push_back(*number);
  return all;
}

std::string name_of(pid_t tid, int fd) {
  std::string name = read_link(AT_FDCWD, fmt::format("/proc/{}/fd/{}", tid, fd).c_str());
  name.resize(std::min<std::size_t>(name.size(), TraceMaxPiece - 1));
  return name;
}

std::uint64_t number_after(std::string_view text, std::string_view label, int base) {
  const std::size_t at = text.find(label);
  if (at == std::string_view::npos) return 0;
  return parse_number<std::uint64_t>(text.substr(at + label.size()), base).value_or(0);
}

}  // namespace

u64 process_of_pidfd(pid_t tid, int pidfd) {
  return number_after(read_small(AT_FDCWD, fmt::format("/proc/{}/fdinfo/{}", tid, pidfd).c_str()), "\nPid:\t",
                      10);
}

std::string open_bits(pid_t tid) {
  constexpr std::size_t kWord = 8;  // bytes, as in the kernel's table
  std::string bits;
  const UniqueFd folder = open_directory(AT_FDCWD, fmt::format("/proc/{}/fd", tid).c_str());
  if (!folder) return bits;
  bits.resize(kWord);
  for (const int fd : open_descriptors_of(tid)) {
    if (fd < 0 || fd >= TraceMostOpen) continue;
    const auto number = static_cast<std::size_t>(fd);
    if (number / 8 >= bits.size()) bits.resize((number / 8 / kWord + 1) * kWord);
    bits[number / 8] = static_cast<char>(bits[number / 8] | 1 << number % 8);
  }
  return bits;
}

CallPieces fill_descriptor(pid_t pid, pid_t tid, int fd, SocketBook& sockets, TraceRecord& record) {
  // "flags:" in octal, with the descriptor's O_CLOEXEC.
  const std::string info = read_small(AT_FDCWD, fmt::format("/proc/{}/fdinfo/{}", tid, fd).c_str());
  record.object = describe_descriptor(pid, tid, fd, SocketBook::Made::Nothing, sockets);
  record.args[0] = static_cast<u64>(fd);
  record.args[1] = number_after(info, "flags:\t", 8);
  record.args[2] = u64{record.object.dev} << 32 ^ record.object.ino;
  CallPieces pieces;
  pieces.path = name_of(tid, fd);
  if (record.object.kind == ObjectUnix) pieces.bound = sockets.bound(record.object);
  return pieces;
}

namespace {

class FileVisitor {
 public:
  FileVisitor(SocketBook& sockets, const Engine::Receiver& receiver)
      : sockets_(sockets), receiver_(receiver) {}

  void visit_all(pid_t pid) {
    for (const int fd : open_descriptors_of(pid)) visit(pid, fd, true);
  }
  void visit_other_ends(pid_t pid) {
    if (ends_.empty()) return;
    for (const int fd : open_descriptors_of(pid))
      if (ends_.contains(name_of(pid, fd))) visit(pid, fd, false);
  }

 private:
  void note_ends(const TraceObject& object, const std::string& name) {
    if (object.kind == ObjectPipe) ends_.insert(name);
    if (object.kind == ObjectUnix && object.local.peer_ino != 0)
      ends_.insert(fmt::format("socket:[{}]", object.local.peer_ino));
  }
  void visit(pid_t pid, int fd, bool is_listed) {
    TraceRecord record{};
    record.kind = RecordFile;
    record.pid = record.tid = static_cast<u32>(pid);
    const CallPieces pieces = fill_descriptor(pid, pid, fd, sockets_, record);
    if (record.object.kind == ObjectNone) return;  // it has been closed since
    receiver_(buffer_.join(record, pieces));
    if (is_listed) note_ends(record.object, pieces.path);
  }

  SocketBook& sockets_;
  const Engine::Receiver& receiver_;
  std::set<std::string> ends_;  // by name: a FIFO's path, pipe:[INODE], or socket:[INODE] of a peer
  RecordBuffer buffer_;
};

}  // namespace

void visit_open_files(const std::set<pid_t>& pids, const std::vector<pid_t>& others, SocketBook& sockets,
                      const Engine::Receiver& receiver) {
  FileVisitor visitor(sockets, receiver);
  for (const pid_t pid : pids) visitor.visit_all(pid);
  for (const pid_t pid : others)
    if (!pids.contains(pid)) visitor.visit_other_ends(pid);
}

}  // namespace slurper
