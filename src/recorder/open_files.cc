#include "recorder/open_files.h"

#include <fcntl.h>

#include <string_view>

namespace slurper {

OpenFiles::OpenFiles(Engine& engine, ListeningPorts& ports) {
  engine.visit_files([&](std::string_view bytes) {
    const RecordView view = view_of(bytes);
    if (view.record == nullptr) return;
    note_listening(view, ports);
    by_pid_[static_cast<pid_t>(view.record->pid)].emplace_back(bytes);
  });
}

std::vector<pid_t> OpenFiles::pids() const {
  std::vector<pid_t> all;
  for (const auto& [pid, files] : by_pid_) all.push_back(pid);
  return all;
}

namespace {

template <std::size_t Size>
std::string end_of(const TraceObject& object, const u8 (&address)[Size], u16 port) {
  std::string end(reinterpret_cast<const char*>(address), Size);
  end.append({static_cast<char>(object.kind), static_cast<char>(object.protocol)});
  return end.append(std::to_string(port));
}

std::pair<std::string, std::string> ends_of(const TraceObject& object) {
  const InetEnds& ends = object.inet;
  return {end_of(object, ends.local_ip, ends.local_port), end_of(object, ends.remote_ip, ends.remote_port)};
}

bool is_inet(const TraceObject& object) {
  return object.kind == ObjectIpv4 || object.kind == ObjectIpv6;
}

}  // namespace

SharedFiles::SharedFiles(const OpenFiles& files, const std::function<bool(pid_t)>& is_chosen)
    : files_(files) {
  for (const pid_t pid : files.pids())
    if (is_chosen(pid)) files.each(pid, [this](const RecordView& file) { add(file); });
}

SharedFiles::Access SharedFiles::access_of(const RecordView& file) {
  const u64 mode = file.record->args[1] & O_ACCMODE;
  return {.reads = mode != O_WRONLY, .writes = mode != O_RDONLY};
}

void SharedFiles::add(const RecordView& file) {
  const TraceObject& object = file.record->object;
  if (object.kind == ObjectPipe) {
    const Access access = access_of(file);
    Access& all = pipes_[object.ino];
    all.reads = all.reads || access.reads;
    all.writes = all.writes || access.writes;
  }
  if (is_inet(object) && object.inet.remote_port != 0) connections_.insert(ends_of(object));
  if (object.kind != ObjectUnix) return;
  keys_.insert(object.local.key);
  if (object.local.peer_key != 0) peer_keys_.insert(object.local.peer_key);
}

bool SharedFiles::is_end(const TraceObject& object) const {
  if (object.kind == ObjectPipe) return pipes_.contains(object.ino);
  return object.kind == ObjectUnix && keys_.contains(object.local.key);
}

bool SharedFiles::is_other_end(const RecordView& file) const {
  const TraceObject& object = file.record->object;
  if (object.kind == ObjectPipe) {
    const auto pipe = pipes_.find(object.ino);
    const Access access = access_of(file);
    return pipe != pipes_.end() &&
           ((access.reads && pipe->second.writes) || (access.writes && pipe->second.reads));
  }
  if (is_inet(object)) {
    const auto [local, remote] = ends_of(object);
    return connections_.contains({remote, local});
  }
  return object.kind == ObjectUnix &&
         (keys_.contains(object.local.peer_key) || peer_keys_.contains(object.local.key));
}

bool SharedFiles::has_end_in(pid_t pid) const {
  bool shares = false;
  files_.each(pid, [&](const RecordView& file) {
    shares = shares || is_end(file.record->object) || is_other_end(file);
  });
  return shares;
}

bool SharedFiles::has_other_end_in(pid_t pid) const {
  bool shares = false;
  files_.each(pid, [&](const RecordView& file) { shares = shares || is_other_end(file); });
  return shares;
}

}  // namespace slurper
