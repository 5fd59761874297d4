#include "trace/flow/byte_flow.h"

#include <algorithm>
#include <set>
#include <utility>

#include "trace/own_events.h"

namespace slurper {

namespace {

constexpr std::uint16_t kCloseEnter = 4;  // types of events
constexpr std::uint16_t kPipeEnter = 60;
constexpr std::uint16_t kPipeExit = 61;
constexpr std::uint16_t kPipe2Exit = 393;
constexpr std::uint16_t kFcntlExit = 151;
constexpr std::uint16_t kTee = 276;  // numbers of calls
constexpr std::uint16_t kVmsplice = 278;
constexpr std::uint16_t kIoUringSetup = 425;
constexpr std::uint8_t kSetPipeSize = 28;  // of fcntl(2), as sysdig numbers its commands
constexpr std::uint8_t kGetPipeSize = 29;
constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kMostSize = std::uint64_t{1} << 31;  // of a pipe
constexpr std::size_t kMostPipes = 4096;
constexpr std::size_t kMostThreads = 65536;

bool is_open_exit(std::uint16_t enter_type) {
  return enter_type == 2 || enter_type == 306 || enter_type == 326;
}

// Only the tables have a name of a pipe that is no FIFO.
std::pair<std::uint64_t, std::string> key_of(const OpenFile& file) {
  return {file.inode, file.name.starts_with("pipe:[") ? std::string() : file.name};
}

// Calls whose reads and writes are not recorded.
bool moves_unseen(std::uint16_t number) {
  constexpr std::uint16_t kIoSubmit = 209;
  constexpr std::uint16_t kIoUringRegister = 427;  // and setup, and enter in front of it
  return number == kIoSubmit || (number >= kIoUringSetup && number <= kIoUringRegister);
}

bool is_open_elsewhere(const Model& model, const OpenFile& pipe) {
  bool found = false;
  model.for_each_open([&](const OpenFile& file) {
    found = found || (&file != &pipe && is_pipe(file) && key_of(file) == key_of(pipe));
  });
  return found;
}

}  // namespace

bool ByteFlow::is_seen_as_a_whole(std::uint64_t inode) const {
  return !is_bypassed_ && !doubtful_.contains(inode) &&
         (sees_machine_ || (seen_fifo_ != 0 && seen_fifo_ == inode));
}

void ByteFlow::lose_sight_of(std::uint64_t inode) {
  if (doubtful_.size() >= kMostPipes) return lose_sight();
  if (!doubtful_.insert(inode).second) return;
  for (const auto& [key, pipe] : pipes_)
    if (key.first == inode) pipe->set_sees_all(false);
}

void ByteFlow::lose_sight() {
  is_bypassed_ = true;
  for (const auto& [key, pipe] : pipes_) pipe->set_sees_all(false);
}

// A FIFO with two names is one pipe, and so is a pipe that was opened as /dev/stdout. Two FIFOs of different
// file systems may have the same number.
void ByteFlow::note_identity(const OpenFile& file) {
  const auto [known, is_new] = identities_.try_emplace(file.inode, key_of(file).second, file.device);
  if (is_new) return;
  auto& [name, device] = known->second;
  const bool is_other_device = device != 0 && file.device != 0 && device != file.device;
  if (name != key_of(file).second || is_other_device) lose_sight_of(file.inode);
  if (device == 0) device = file.device;
}

PipeFlow& ByteFlow::add_pipe(const Key& key, bool is_new, bool sees_all) {
  if (pipes_.size() >= kMostPipes) {
    for (const auto& [other, pipe] : pipes_) pipe->flush(Fate::Read);
    pipes_.clear();
    identities_.clear();
    begun_.clear();
  }
  const std::string name = key.second.empty() ? "pipe " + std::to_string(key.first) : key.second;
  auto& pipe = pipes_[key];
  if (pipe != nullptr) {  // another one had the number
    pipe->flush(Fate::Lost);
    for (auto& [tid, sides] : begun_)
      std::erase_if(sides, [&](const Begun& one) { return one.pipe == pipe.get(); });
  }
  pipe = std::make_unique<PipeFlow>(++count_, name, is_new, sees_all, report_);
  if (is_losing_) pipe->begin_loss();
  return *pipe;
}

PipeFlow& ByteFlow::pipe_of(const OpenFile& file) {
  note_identity(file);
  const Key key = key_of(file);
  const auto found = pipes_.find(key);
  return found != pipes_.end() ? *found->second : add_pipe(key, false, is_seen_as_a_whole(file.inode));
}

void ByteFlow::take(TraceEvent& event, bool is_wanted) {
  if (event.is_own && event.raw.type != kResultEvent) return take_own(event);
  if ((event.raw.flags & kStateOnly) != 0) return;
  if (event.raw.type == kProcessExit) return end_thread(event.raw.tid);
  if (event.raw.type == kPipeExit || event.raw.type == kPipe2Exit) return take_pair(event);
  if (event.raw.type == kFcntlExit) return take_size(event);
  if (event.raw.type == kGenericEnter && moves_unseen(event.raw.number<std::uint16_t>(1))) lose_sight();
  if (event.raw.type == kGenericExit) return;  // its result follows
  std::vector<PipeSide> sides = pipe_sides(event);
  const bool is_end = event.is_exit() || event.is_own;
  const bool is_single = !event.is_own && event.shape->info->is_single;
  if (!is_end && !is_single) end_thread(event.raw.tid);
  if (event.raw.type == kGenericEnter) begin_unknown(event);
  if (is_end) {
    for (PipeSide& side : sides) {
      side.call.is_wanted = is_wanted;
      end_side(event, std::move(side));
    }
    end_unknown(event.raw.tid);
    begun_.erase(event.raw.tid);
  } else {
    for (PipeSide& side : sides) {
      PipeFlow& pipe = pipe_of(*side.file);
      side.call.is_wanted = is_wanted;
      if (side.is_write) {
        pipe.begin_write(event.raw.tid, std::move(side.call));
      } else {
        pipe.begin_read(event.raw.tid, side.call.begin);
      }
      begun_[event.raw.tid].push_back({&pipe, side.is_write});
    }
  }
  if (sides.empty()) return;
  if (last_events_.size() >= kMostThreads) last_events_.clear();
  last_events_[event.raw.tid] = event.number;
}

void ByteFlow::end_side(TraceEvent& event, PipeSide side) {
  PipeFlow& pipe = pipe_of(*side.file);
  if (side.call.begin == 0) {  // behind what the thread has done before
    const auto last = last_events_.find(event.raw.tid);
    side.call.begin = last == last_events_.end() ? 0 : last->second;
    side.call.number = event.number;
  }
  if (side.is_write) {
    pipe.end_write(event.raw.tid, std::move(side.call));
  } else if (side.call.length > 0 || side.found_empty) {
    pipe.end_read(event.raw.tid, std::move(side.call));
  } else {
    pipe.end_read(event.raw.tid, std::nullopt);
  }
  if (!event.is_own) event.pipe_offset = pipe.last_offset();
}

// The end of a call was not recorded: what it did is not known.
void ByteFlow::end_thread(std::int64_t tid) {
  const auto begun = begun_.find(tid);
  if (begun == begun_.end()) return;
  const std::vector<Begun> sides = std::move(begun->second);
  begun_.erase(begun);
  for (const Begun& side : sides) {
    if (side.is_unknown) {
      side.pipe->end_read(tid, std::nullopt);
    } else {
      side.pipe->abandon(tid);
    }
  }
}

// Until tee(2) and vmsplice(2) end, any pipe may be theirs.
void ByteFlow::begin_unknown(const TraceEvent& event) {
  const auto number = event.raw.number<std::uint16_t>(1);
  if (number != kTee && number != kVmsplice) return;
  for (const auto& [key, pipe] : pipes_) {
    pipe->begin_read(event.raw.tid, event.number);
    begun_[event.raw.tid].push_back({.pipe = pipe.get(), .is_unknown = true});
  }
}

void ByteFlow::end_unknown(std::int64_t tid) {
  const auto begun = begun_.find(tid);
  if (begun == begun_.end()) return;
  for (const Begun& side : begun->second)
    if (side.is_unknown) side.pipe->end_read(tid, std::nullopt);
}

void ByteFlow::take_own(const TraceEvent& event) {
  if (event.raw.type == kDropsEvent) {
    is_losing_ = true;
    for (const auto& [key, pipe] : pipes_) pipe->begin_loss();
  }
  if (event.raw.type == kTablesEvent && is_losing_) {
    is_losing_ = false;
    for (const auto& [key, pipe] : pipes_) pipe->end_loss();
  }
  // A 32-bit program's calls are known by their results only.
  if (event.raw.type == kCompatEvent) lose_sight();
  if (event.raw.type == kMappingEvent && event.raw.param(0).starts_with(kIoUringQueues)) lose_sight();
  if (event.raw.type == kSentEvent && !sees_machine_) {
    const OpenFilePointer& sent = event.thread->fds->find(event.raw.number<std::int64_t>(0));
    if (sent != nullptr && is_pipe(*sent)) lose_sight_of(sent->inode);  // its receiver may not be recorded
  }
  if (event.raw.type == kPipeEvent) take_state(event);
  if (event.raw.type == kPipeKindEvent) take_kind(event);
  if (event.raw.type != kScopeEvent) return;
  const auto inode = event.raw.number<std::uint64_t>(0);
  sees_machine_ = inode == 0;
  seen_fifo_ = inode;
}

void ByteFlow::take_state(const TraceEvent& event) {
  if (event.file == nullptr || !is_pipe(*event.file)) return;
  const PendingCall& call = event.thread->pending;
  if (call.is_open || call.type == kCloseEnter) return;  // the state is that at the beginning of the close
  PipeFlow& pipe = pipe_of(*event.file);
  pipe.set_capacity(std::min(kMostSize, event.raw.number<std::uint32_t>(3) * kPage));
  if (event.raw.number<std::uint32_t>(2) == 0) pipe.set_empty();
}

void ByteFlow::take_kind(const TraceEvent& event) {
  const bool was_before = (event.raw.number<std::uint32_t>(2) & kWasPipeBefore) != 0;
  if (event.file == nullptr || was_before) return;
  const auto found = pipes_.find(key_of(*event.file));
  if (found == pipes_.end()) return;
  const std::uint16_t call = event.thread->pending.type;
  // Who comes to have a pipe that was made in the recording is a child, or gets it in a message.
  if (call == kPipeEnter)
    found->second->set_sees_all(!is_bypassed_ && !doubtful_.contains(event.file->inode));
  // With the last descriptor of a FIFO, the kernel gives up what was in it.
  if (is_open_exit(call) && !is_open_elsewhere(*event.model, *event.file)) found->second->renew();
}

void ByteFlow::take_pair(const TraceEvent& event) {
  if (!event.has_result() || event.result() < 0 || event.file == nullptr) return;
  identities_.erase(event.file->inode);
  doubtful_.erase(event.file->inode);
  note_identity(*event.file);
  (void)add_pipe(key_of(*event.file), true, is_seen_as_a_whole(event.file->inode));
}

void ByteFlow::take_size(const TraceEvent& event) {
  if (event.file == nullptr || !is_pipe(*event.file) || event.enter == nullptr || event.result() <= 0) return;
  const auto command = event.enter->event(event.raw.tid).number<std::uint8_t>(1);
  if (command == kSetPipeSize || command == kGetPipeSize)
    pipe_of(*event.file)
        .set_capacity(std::min<std::uint64_t>(kMostSize, static_cast<std::uint64_t>(event.result())));
}

void ByteFlow::finish(const Model& model) {
  std::set<Key> open;
  model.for_each_open([&open](const OpenFile& file) {
    if (is_pipe(file)) open.insert(key_of(file));
  });
  for (const auto& [key, pipe] : pipes_) pipe->flush(open.contains(key) ? Fate::Unread : Fate::Lost);
}

}  // namespace slurper
