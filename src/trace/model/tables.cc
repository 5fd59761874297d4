// The tables at the beginning of a capture, and wherever the recorder restates them.
#include <cstring>
#include <utility>

#include "trace/model/model.h"
#include "trace/scap/byte_cursor.h"
#include "trace/scap/format.h"

namespace slurper {

namespace {

// The entries of a table, each with its length in front. `includes_itself`: the length counts itself.
template <typename Take>
bool for_each_entry(std::string_view body, bool includes_itself, const Take& take) {
  ByteCursor cursor(body);
  // The block is padded with up to three bytes.
  while (cursor.rest().size() >= sizeof(std::uint32_t)) {
    std::size_t length = cursor.take<std::uint32_t>();
    if (includes_itself) {
      if (length < sizeof(std::uint32_t)) return false;
      length -= sizeof(std::uint32_t);
    }
    ByteCursor entry(cursor.take_bytes(length));
    if (!cursor.good() || !take(entry)) return false;
  }
  return true;
}

IpEnd take_address(ByteCursor& cursor, std::size_t size) {
  IpEnd end;
  const std::string_view bytes = cursor.take_bytes(size);
  std::memcpy(end.address.data(), bytes.data(), bytes.size());
  return end;
}

void take_ip(OpenFile& file, ByteCursor& cursor) {
  const bool is_v6 = file.type == FdType::IPv6 || file.type == FdType::IPv6Server;
  const std::size_t size = is_v6 ? 16 : 4;
  if (!is_server(file.type)) file.client = take_address(cursor, size);
  file.server = take_address(cursor, size);
  if (!is_server(file.type)) file.client.port = cursor.take<std::uint16_t>();
  file.server.port = cursor.take<std::uint16_t>();
  file.protocol = cursor.take<std::uint8_t>();
  file.has_ends = file.has_server = true;
  // sysdig forgets it here, and its lines are to be the same.
  file.protocol_is_shown = file.type != FdType::IPv6;
  file.name = name_of_ends(file);
}

// A file that was opened, which the events tell, and its entry in a table have different types if it is a
// FIFO.
bool is_same(const OpenFile& one, const OpenFile& other) {
  const bool has_type = one.type == other.type || (one.type == FdType::File && other.type == FdType::Fifo);
  const bool has_inode = one.inode == other.inode || one.inode == 0 || other.inode == 0;
  return has_type && has_inode && one.name == other.name && one.unix_source == other.unix_source &&
         one.unix_target == other.unix_target;
}

// What the descriptor was in `former`, with its story, if it is still that.
bool take_fd(ByteCursor& entry, FdTable& fds, const FdTable* former = nullptr) {
  const auto fd = entry.take<std::int64_t>();
  auto file = std::make_shared<OpenFile>();
  file->inode = entry.take<std::uint64_t>();
  file->type = static_cast<FdType>(entry.take<std::uint8_t>());
  bool close_on_exec = false;
  if (is_ip(file->type)) {
    take_ip(*file, entry);
  } else if (file->type == FdType::Unix) {
    file->unix_source = entry.take<std::uint64_t>();
    file->unix_target = entry.take<std::uint64_t>();
    file->name = entry.take_string();
  } else if (file->type == FdType::File) {
    close_on_exec = (entry.take<std::uint32_t>() & kOpenCloseOnExec) != 0;
    file->name = entry.take_string();
    file->device = entry.take<std::uint32_t>();
  } else {
    file->name = entry.take_string();
  }
  if (!entry.good()) return false;
  const OpenFilePointer before = former == nullptr ? nullptr : former->find(fd);
  if (before != nullptr && is_same(*before, *file)) file = before;
  fds.set(fd, std::move(file), close_on_exec);
  return true;
}

std::string as_directory(std::string_view path) {
  std::string directory(path);
  if (!directory.ends_with('/')) directory += '/';
  return directory;
}

constexpr std::uint32_t kCloneFiles = 1;
constexpr std::uint32_t kCloneThread = 1U << 13;

}  // namespace

bool take_fd_entry(std::string_view entry, FdTable& fds) {
  ByteCursor cursor(entry);
  return take_fd(cursor, fds);
}

bool Model::take_table(const Block& block) {
  if (block.type == kSectionHeader)
    for (const auto& [tid, thread] : threads_) thread->is_listed = false;
  if (block.type == kProcessesBlock) return take_processes(block.body);
  if (block.type == kFdsBlock) return take_fds(block.body);
  if (block.type == kUsersBlock) return take_users(block.body);
  return true;
}

// What the table does not tell of the thread stays as it is.
Thread& Model::restated_thread(std::int64_t tid) {
  const auto found = threads_.find(tid);
  if (found == threads_.end()) return new_thread(tid);
  const std::unique_ptr<Thread> before = std::move(found->second);
  Thread& thread = new_thread(tid);
  thread.pending = std::move(before->pending);
  thread.was_shown = before->was_shown;
  thread.cloned_at = before->cloned_at;
  thread.identity = before->identity;
  former_[tid] = std::move(before->fds);
  return thread;
}

bool Model::take_processes(std::string_view body) {
  const bool good = for_each_entry(body, true, [this](ByteCursor& entry) {
    const auto tid = entry.take<std::int64_t>();
    if (!entry.good()) return false;
    Thread& thread = restated_thread(tid);
    thread.is_known = true;
    thread.pid = entry.take<std::int64_t>();
    thread.parent = entry.take<std::int64_t>();
    thread.session = entry.take<std::int64_t>();
    (void)entry.take<std::int64_t>();  // the process group
    thread.name = entry.take_string();
    thread.exe = entry.take_string();
    thread.exe_path = entry.take_string();
    thread.arguments = joined(entry.take_string());
    thread.directory = as_directory(entry.take_string());
    (void)entry.take<std::uint64_t>();  // the limit of descriptors
    const auto flags = entry.take<std::uint32_t>();
    const auto uid = entry.take<std::uint32_t>();
    const auto gid = entry.take<std::uint32_t>();
    if (thread.identity.euid != uid || thread.identity.gid != gid)
      thread.identity = {.ruid = uid, .euid = uid, .suid = uid, .fsuid = uid, .gid = gid};
    if (!entry.good()) return false;
    // The rest is missing in older captures.
    (void)entry.take_bytes(3 * sizeof(std::uint32_t) + 2 * sizeof(std::uint64_t));  // memory, page faults
    (void)entry.take_string();                                                      // the environment
    thread.virtual_tid = entry.take<std::int64_t>();
    thread.virtual_pid = entry.take<std::int64_t>();
    (void)entry.take_string();  // control groups
    (void)entry.take_string();  // the root
    if (entry.rest().size() >= sizeof(std::uint32_t)) thread.identity.loginuid = entry.take<std::uint32_t>();
    thread.shares_files = thread.pid != tid && (flags & (kCloneFiles | kCloneThread)) != 0;
    return true;
  });
  share_files();
  return good;
}

// A thread may stand before its main thread in the table.
void Model::share_files() {
  for (const auto& [tid, thread] : threads_) {
    if (!thread->shares_files) continue;
    if (const auto main = threads_.find(thread->pid); main != threads_.end()) thread->fds = main->second->fds;
  }
}

bool Model::take_fds(std::string_view body) {
  ByteCursor cursor(body);
  const auto tid = cursor.take<std::int64_t>();
  if (!cursor.good()) return false;
  FdTable& fds = *thread(tid).fds;
  const auto found = former_.find(tid);
  const FdTable* const former = found == former_.end() ? nullptr : found->second.get();
  return for_each_entry(cursor.rest(), true, [&](ByteCursor& entry) { return take_fd(entry, fds, former); });
}

bool Model::take_users(std::string_view body) {
  return for_each_entry(body, true, [this](ByteCursor& entry) {
    const bool is_group = entry.take<std::uint8_t>() != 0;
    const auto id = entry.take<std::uint32_t>();
    if (!is_group) (void)entry.take<std::uint32_t>();  // the user's group
    std::string name(entry.take_string());
    if (!entry.good()) return false;
    (is_group ? groups_ : users_)[id] = std::move(name);
    return true;
  });
}

}  // namespace slurper
