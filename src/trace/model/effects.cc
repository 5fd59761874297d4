#include "trace/model/effects.h"

#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "trace/model/tuple.h"

namespace slurper {

namespace {

// The enter types of the calls that change what is known; an exit's type is one above.
constexpr std::uint16_t kOpen = 2;
constexpr std::uint16_t kClose = 4;
constexpr std::uint16_t kSocket = 18;
constexpr std::uint16_t kBind = 20;
constexpr std::uint16_t kConnect = 22;
constexpr std::uint16_t kSendTo = 30;
constexpr std::uint16_t kRecvFrom = 34;
constexpr std::uint16_t kSocketPair = 42;
constexpr std::uint16_t kSendMsg = 48;
constexpr std::uint16_t kRecvMsg = 52;
constexpr std::uint16_t kCreat = 58;
constexpr std::uint16_t kPipe = 60;
constexpr std::uint16_t kEventFd = 62;
constexpr std::uint16_t kChdir = 94;
constexpr std::uint16_t kFchdir = 96;
constexpr std::uint16_t kDup = 124;
constexpr std::uint16_t kSignalFd = 126;
constexpr std::uint16_t kTimerFd = 136;
constexpr std::uint16_t kInotify = 138;
constexpr std::uint16_t kFcntl = 150;
constexpr std::uint16_t kMmap = 160;
constexpr std::uint16_t kSetResUid = 192;
constexpr std::uint16_t kSetResGid = 194;
constexpr std::uint16_t kSetUid = 198;
constexpr std::uint16_t kSetGid = 200;
constexpr std::uint16_t kOldExecve = 230;
constexpr std::uint16_t kAccept = 246;
constexpr std::uint16_t kAccept4 = 248;
constexpr std::uint16_t kExecve = 292;
constexpr std::uint16_t kOpenAt = 306;
constexpr std::uint16_t kOpenAt2 = 326;
constexpr std::uint16_t kExecveAt = 330;
constexpr std::uint16_t kCopyFileRange = 332;
constexpr std::uint16_t kDup2 = 362;
constexpr std::uint16_t kDup3 = 364;
constexpr std::uint16_t kDup1 = 366;
constexpr std::uint16_t kAccept4New = 388;
constexpr std::uint16_t kPipe2 = 392;
constexpr std::uint16_t kInotify1 = 394;
constexpr std::uint16_t kEventFd2 = 396;
constexpr std::uint16_t kSignalFd4 = 398;
constexpr std::uint16_t kSetReUid = 426;

constexpr std::uint32_t kSocketCloseOnExec = SOCK_CLOEXEC;
constexpr std::uint8_t kFcntlDup = 1;
constexpr std::uint8_t kFcntlDupCloseOnExec = 26;

Thread& thread_of(TraceEvent& event) {
  return *event.thread;
}

void open(TraceEvent& event, std::int64_t fd, OpenFile file, bool close_on_exec) {
  Thread& thread = thread_of(event);
  file.was_opened_here = true;
  file.opened_at = event.raw.time;
  file.opener_uid = thread.identity.euid;
  file.opener_pid = thread.pid;
  file.opener = event.model->process_name(thread);
  event.fd = fd;
  event.file = std::make_shared<OpenFile>(std::move(file));
  thread.fds->set(fd, event.file, close_on_exec);
}

void open_kind(TraceEvent& event, FdType type) {
  const std::int64_t fd = event.result();
  if (fd >= 0) open(event, fd, OpenFile(type), false);
}

// The exit of open, openat, openat2 or creat; `directory` is the parameter with its descriptor, or none.
void open_path(TraceEvent& event, int directory, std::size_t path, int flags, std::size_t device) {
  const std::int64_t fd = event.result();
  const ScapEvent& raw = event.raw;
  const std::string_view name = text_of(raw.param(path));
  const std::uint32_t bits = flags < 0 ? 0 : raw.number<std::uint32_t>(static_cast<std::size_t>(flags));
  const std::string_view base =
      directory < 0
          ? std::string_view(thread_of(event).directory)
          : directory_of(thread_of(event), raw.number<std::int64_t>(static_cast<std::size_t>(directory)));
  // In a directory that is not known, sysdig names a file so, too.
  const bool is_known = name.starts_with('/') || !base.empty();
  OpenFile file((bits & kOpenDirectory) != 0 ? FdType::Directory : FdType::File,
                is_known ? join_path(base, name) : "<UNKNOWN>" + std::string(name));
  if (fd < 0) {  // shown by its name, and in no table
    event.fd = -1;
    event.file = std::make_shared<OpenFile>(FdType::Unknown, std::move(file.name));
    return;
  }
  file.is_for_reading = (bits & kOpenForReading) != 0;
  file.is_for_writing = (bits & kOpenForWriting) != 0;
  file.is_nonblocking = (bits & kOpenNonblocking) != 0;
  file.device = raw.number<std::uint32_t>(device);
  if (raw.param_count > device + 1) file.inode = raw.number<std::uint64_t>(device + 1);
  open(event, fd, std::move(file), (bits & kOpenCloseOnExec) != 0);
}

void open_socket(TraceEvent& event) {
  const std::int64_t fd = event.result();
  if (fd < 0 || event.enter == nullptr) return;
  const ScapEvent enter = event.enter->event(event.raw.tid);
  const auto domain = enter.number<std::uint32_t>(0);
  const auto type = enter.number<std::uint32_t>(1);
  OpenFile file;
  file.type = domain == AF_UNIX      ? FdType::Unix
              : domain == AF_INET    ? FdType::IPv4
              : domain == AF_INET6   ? FdType::IPv6
              : domain == AF_NETLINK ? FdType::Netlink
                                     : FdType::Unknown;
  constexpr std::uint32_t kKind = 0xf;  // the rest are flags: socket(2)
  file.is_datagram = (type & kKind) == SOCK_DGRAM;
  open(event, fd, std::move(file), (type & kSocketCloseOnExec) != 0);
}

// What a stream socket or a datagram socket uses; sysdig shows it once the ends are known.
void set_protocol(OpenFile& file, std::uint8_t protocol) {
  if (is_ip(file.type)) file.protocol = protocol;
}

void connect(TraceEvent& event) {
  const std::int64_t result = event.result();
  if (event.file == nullptr || (result < 0 && result != -EINPROGRESS)) return;
  if (set_tuple(*event.file, event.raw.param(1)) && event.file->protocol == 0)
    set_protocol(*event.file, kTcp);
}

void accept(TraceEvent& event) {
  const std::int64_t fd = event.result();
  if (fd < 0) return;
  OpenFile file;
  set_tuple(file, event.raw.param(1));
  set_protocol(file, kTcp);
  open(event, fd, std::move(file), false);
}

void bind(TraceEvent& event) {
  if (event.file == nullptr || event.result() < 0) return;
  if (set_address(*event.file, event.raw.param(1)) && event.file->protocol == 0)
    set_protocol(*event.file, kTcp);
}

void open_pair(TraceEvent& event, FdType type) {
  if (event.result() < 0) return;
  const ScapEvent& raw = event.raw;
  for (const std::size_t param : {std::size_t{1}, std::size_t{2}}) {
    OpenFile file(type);
    if (type == FdType::Fifo) {
      file.inode = raw.number<std::uint64_t>(3);
      file.is_for_reading = param == 1;
      file.is_for_writing = param == 2;
    } else {
      file.unix_source = raw.number<std::uint64_t>(param == 1 ? 3 : 4);
      file.unix_target = raw.number<std::uint64_t>(param == 1 ? 4 : 3);
    }
    open(event, raw.number<std::int64_t>(param), std::move(file), false);
  }
}

void duplicate(TraceEvent& event, std::int64_t from, bool close_on_exec) {
  const std::int64_t fd = event.result();
  if (fd < 0) return;
  event.file = thread_of(event).fds->find(from);
  event.fd = fd;
  if (event.file == nullptr) return;
  if (const OpenFilePointer& before = thread_of(event).fds->find(fd); before != event.file)
    event.replaced = before;
  thread_of(event).fds->set(fd, event.file, close_on_exec);
}

void fcntl(TraceEvent& event) {
  std::uint8_t command = 0;
  if (event.enter != nullptr) {
    command = event.enter->event(event.raw.tid).number<std::uint8_t>(1);
  } else if (event.raw.param_count > 2) {
    command = event.raw.number<std::uint8_t>(2);
  }
  if (command == kFcntlDup || command == kFcntlDupCloseOnExec)
    duplicate(event, event.fd, command == kFcntlDupCloseOnExec);
}

// The parameter `index` of the call's enter, or of the exit behind its result.
std::uint32_t argument(const TraceEvent& event, std::size_t index) {
  if (event.enter != nullptr) return event.enter->event(event.raw.tid).number<std::uint32_t>(index);
  return event.raw.param_count > index + 1 ? event.raw.number<std::uint32_t>(index + 1) : kNoId;
}

void change_identity(TraceEvent& event) {
  if (event.result() < 0) return;
  Identity& id = thread_of(event).identity;
  const auto set = [](std::uint32_t& one, std::uint32_t value) {
    if (value != kNoId) one = value;
  };
  switch (event.raw.type - 1) {
    case kSetResUid:
      set(id.ruid, argument(event, 0));
      set(id.euid, argument(event, 1));
      set(id.suid, argument(event, 2));
      break;
    case kSetReUid:
      set(id.ruid, argument(event, 0));
      set(id.euid, argument(event, 1));
      break;
    case kSetUid:
      if (id.euid == 0) id.ruid = id.suid = argument(event, 0);
      set(id.euid, argument(event, 0));
      break;
    case kSetResGid:
      return set(id.gid, argument(event, 1));
    default:
      return set(id.gid, argument(event, 0));
  }
  id.fsuid = id.euid;  // it follows the effective uid: credentials(7)
}

// The tuple of a datagram names the socket that has no name yet.
void name_datagram(TraceEvent& event, std::string_view tuple, bool is_received) {
  if (event.file == nullptr || !event.file->name.empty() || tuple.empty()) return;
  if (!set_tuple(*event.file, tuple)) return;
  if (is_received && event.file->has_ends) std::swap(event.file->client, event.file->server);
  if (is_received && event.file->has_ends) event.file->name = name_of_ends(*event.file);
  if (event.file->protocol == 0) set_protocol(*event.file, kUdp);
}

void change_directory(TraceEvent& event, std::string path) {
  if (event.result() < 0) return;
  Thread& thread = thread_of(event);
  thread.directory = join_path(thread.directory, path);
  if (!thread.directory.ends_with('/')) thread.directory += '/';
}

}  // namespace

void note_enter(TraceEvent& event) {
  if (event.file == nullptr || event.raw.type != kConnect || set_target(*event.file, event.raw.param(1)))
    return;
  std::string name;
  append_sockaddr(name, event.raw.param(1));
  if (!name.empty()) event.file->name = std::move(name);
}

void apply_to_thread(TraceEvent& event) {
  const ScapEvent& raw = event.raw;
  switch (raw.type - 1) {
    case kOpen:
      return open_path(event, -1, 1, 2, 4);
    case kOpenAt:
      return open_path(event, 1, 2, 3, 5);
    case kOpenAt2:
      return open_path(event, 1, 2, 3, 6);
    case kCreat:
      return open_path(event, -1, 1, -1, 3);
    case kSocket:
      return open_socket(event);
    case kConnect:
      return connect(event);
    case kBind:
      return bind(event);
    case kAccept:
    case kAccept4:
    case kAccept4New:
      return accept(event);
    case kSocketPair:
      return open_pair(event, FdType::Unix);
    case kPipe:
    case kPipe2:
      return open_pair(event, FdType::Fifo);
    case kEventFd:
    case kEventFd2:
      return open_kind(event, FdType::Event);
    case kSignalFd:
    case kSignalFd4:
      return open_kind(event, FdType::SignalFd);
    case kTimerFd:
      return open_kind(event, FdType::TimerFd);
    case kInotify:
    case kInotify1:
      return open_kind(event, FdType::Inotify);
    case kDup:
    case kDup1:
    case kDup2:
    case kDup3:
      return duplicate(event, event.fd, false);
    case kFcntl:
      return fcntl(event);
    case kChdir:
      return change_directory(event, std::string(text_of(raw.param(1))));
    case kFchdir:
      if (event.file != nullptr) change_directory(event, event.file->name);
      return;
    case kCopyFileRange:
      event.fd = raw.number<std::int64_t>(1);
      event.file = event.thread->fds->find(event.fd);
      return;
    case kSendTo:
    case kSendMsg:
      if (event.enter != nullptr && event.result() >= 0)
        name_datagram(event, event.enter->event(raw.tid).param(2), false);
      return;
    case kRecvFrom:
      return name_datagram(event, raw.param(2), true);
    case kRecvMsg:
      return name_datagram(event, raw.param(3), true);
    case kSetResUid:
    case kSetReUid:
    case kSetUid:
    case kSetResGid:
    case kSetGid:
      return change_identity(event);
    default:
      return;
  }
}

namespace {

// The calls that sysdig has no event for, by their numbers on x86-64.
bool changes_state(std::uint16_t generic_call) {
  constexpr std::uint16_t kEpollCreate = 213;
  constexpr std::uint16_t kEpollCreate1 = 291;
  constexpr std::uint16_t kIoUringSetup = 425;
  constexpr std::uint16_t kCloseRange = 436;
  return generic_call == kEpollCreate || generic_call == kEpollCreate1 || generic_call == kIoUringSetup ||
         generic_call == kCloseRange;
}

bool maps_file_to_write(const ScapEvent& mmap) {
  constexpr std::uint32_t kProtWrite = 2;
  constexpr std::uint32_t kMapShared = 1;
  return (mmap.number<std::uint32_t>(2) & kProtWrite) != 0 &&
         (mmap.number<std::uint32_t>(3) & kMapShared) != 0 && mmap.number<std::int64_t>(4) >= 0;
}

}  // namespace

bool changes_state(const TraceEvent& event) {
  const auto call = static_cast<std::uint16_t>(event.raw.type & ~1U);
  const PendingCall* const pending = event.is_exit() ? event.enter : &event.thread->pending;
  const ScapEvent begin = pending == nullptr ? ScapEvent{} : pending->event(event.raw.tid);
  switch (call) {
    case kOpen:
    case kOpenAt:
    case kOpenAt2:
    case kCreat:
    case kClose:
    case kSocket:
    case kSocketPair:
    case kConnect:
    case kBind:
    case kAccept:
    case kAccept4:
    case kAccept4New:
    case kPipe:
    case kPipe2:
    case kEventFd:
    case kEventFd2:
    case kSignalFd:
    case kSignalFd4:
    case kTimerFd:
    case kInotify:
    case kInotify1:
    case kDup:
    case kDup1:
    case kDup2:
    case kDup3:
    case kChdir:
    case kFchdir:
    case kSetResUid:
    case kSetReUid:
    case kSetUid:
    case kSetResGid:
    case kSetGid:
    case kExecve:
    case kExecveAt:
    case kOldExecve:
    case kProcessExit:
      return true;
    case kFcntl: {
      const auto command = begin.number<std::uint8_t>(1);
      return command == kFcntlDup || command == kFcntlDupCloseOnExec;
    }
    case kSendTo:
    case kSendMsg:
    case kRecvFrom:
    case kRecvMsg:
      // It may name the socket; that of a pair it does not.
      return event.file != nullptr && event.file->name.empty() && event.file->unix_source == 0;
    case kMmap:
      return maps_file_to_write(begin);
    case kGenericEnter:
      return changes_state(begin.number<std::uint16_t>(1));
    default:
      return is_clone_exit(static_cast<std::uint16_t>(call + 1));
  }
}

}  // namespace slurper
