#include "watch/pipe_users.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace slurper {

namespace {

bool can_write(Access access) {
  return access == Access::Write || access == Access::ReadWrite;
}

std::string why_unseen(const OpenDescriptors& holders) {
  if (holders.others_hidden) return "other users' processes are hidden from slurper";
  if (!holders.unseen.empty())
    return fmt::format("there are {} processes that slurper may not look at", holders.unseen.size());
  return "it was gone too soon";
}

// Subtracts `part` from `whole`, as far as there is enough. Returns how much it subtracted.
std::uint32_t take(std::uint32_t& whole, std::uint32_t part) {
  const std::uint32_t taken = std::min(whole, part);
  whole -= taken;
  return taken;
}

}  // namespace

std::string describe_process(const ProcessId& process, const std::string& command) {
  return fmt::format("'{}' (pid {})", printable(command), process.pid);
}

std::vector<std::string> PipeUsers::described(const Processes& processes) {
  std::vector<std::string> texts;
  for (const auto& [process, command] : processes) texts.push_back(describe_process(process, command));
  return texts;
}

bool PipeUsers::is_service_manager(const OpenDescriptor& holder) const {
  return holder.command == "systemd" && (holder.process.pid == 1 || holder.process.pid == parent_);
}

PipeUsers::Change PipeUsers::update_descriptors(const OpenDescriptors& holders) {
  std::set<Descriptor> now_there;
  Change change;
  for (const OpenDescriptor& holder : holders.open) {
    const Descriptor descriptor(holder.process, holder.fd, holder.access);
    now_there.insert(descriptor);
    if (!descriptors_.contains(descriptor)) ++change.came;
  }
  for (const Descriptor& descriptor : descriptors_) {
    if (!now_there.contains(descriptor))
      ++(can_write(std::get<Access>(descriptor)) ? change.writers_left : change.readers_left);
  }
  descriptors_ = std::move(now_there);
  return change;
}

void PipeUsers::observe(const Observation& observation) {
  Processes readers;
  Processes writers;
  for (const OpenDescriptor& holder : observation.holders.open) {
    if (is_service_manager(holder)) continue;
    if (can_write(holder.access)) writers.emplace(holder.process, holder.command);
    if (holder.access == Access::Read) readers.emplace(holder.process, holder.command);
  }
  const Change seen = update_descriptors(observation.holders);
  report_readers(readers);
  const bool a_seen_one_left = report_writers(writers, observation.holders.complete());
  const bool an_unseen_one_left = report_unseen(observation, seen);
  if ((a_seen_one_left || an_unseen_one_left) && writers_.empty() && unseen_ == 0) ++last_writers_left_;
  if (!second_reader_.empty() && !observation.nothing_was_read) may_have_taken_ = true;
  // One that has taken nothing has done no harm: a status of slurper, or a shell that was started for it.
  if (!second_reader_.empty() && readers_.empty() && !may_have_taken_) forget_second_readers();
  // Also reported after the reader has left, and after the FIFO that it read was replaced.
  if (!second_reader_.empty()) events_.report(EventId::SecondReaderKnown, {{"reader", second_reader_}});
}

void PipeUsers::report_readers(const Processes& now_there) {
  for (const auto& [process, command] : now_there) {
    if (readers_.contains(process)) continue;
    ++second_readers_;
    events_.report(EventId::SecondReaderCame,
                   {{"process", describe_process(process, command)}, {"fifo", Quoted{path_}}});
  }
  for (const auto& [process, command] : readers_) {
    if (now_there.contains(process)) continue;
    second_reader_ = describe_process(process, command) + " has read it";
    events_.report(EventId::SecondReaderLeft, {{"process", describe_process(process, command)}});
  }
  readers_ = now_there;
  if (!readers_.empty()) {
    const auto& [process, command] = *readers_.begin();
    second_reader_ = describe_process(process, command) + " reads it";
  }
}

// Returns whether one has left.
bool PipeUsers::report_writers(const Processes& now_there, bool complete) {
  const Processes before = std::exchange(writers_, now_there);
  for (const auto& [process, command] : now_there) {
    if (before.contains(process)) continue;
    ++writer_connects_;
    events_.report(EventId::WriterCame, {{"process", describe_process(process, command)}});
  }
  std::size_t there = before.size();
  for (const auto& [process, command] : before) {
    if (now_there.contains(process)) continue;
    --there;
    const bool last = there == 0 && now_there.empty() && complete;
    events_.report(last ? EventId::LastWriterLeft : EventId::WriterLeft,
                   {{"process", describe_process(process, command)}});
  }
  return there < before.size();
}

void PipeUsers::forget_second_readers() {
  if (!readers_.empty()) return;
  second_reader_.clear();
  may_have_taken_ = false;
  events_.report(EventId::SecondReaderSettled);
}

// Reports what the counts show beyond the processes that were found. Returns whether a writer has left.
bool PipeUsers::report_unseen(const Observation& observation, const Change& seen) {
  const FifoEvents& events = observation.events;
  const OpenDescriptors& holders = observation.holders;
  if (events.overflow) {
    // The counts are lost; the look just now has found the processes that are there.
    unexplained_opens_ = unseen_ = 0;
    return false;
  }
  unexplained_opens_ += events.opens;
  (void)take(unexplained_opens_, seen.came);

  // Counts closes that no known process explains, of opens that no known process explains. Other processes
  // have had the FIFO open since before slurper looked.
  const auto left = [&](std::uint32_t closes, std::uint32_t seen_to_leave) {
    closes -= std::min(closes, seen_to_leave);
    const std::uint32_t at_once = take(unexplained_opens_, closes);
    return at_once + take(unseen_, closes - at_once);
  };
  if (const std::uint32_t readers = left(events.read_closes, seen.readers_left); readers > 0) {
    second_readers_ += readers;
    if (readers_.empty()) second_reader_ = "a process that could not be seen has had it open for reading";
    events_.report(EventId::UnseenReaderLeft, {{"fifo", Quoted{path_}}, {"reason", why_unseen(holders)}});
  }
  // A writer that is there all the time and opens the FIFO again and again, as busybox syslogd does, is no
  // news.
  const std::uint32_t writers = left(events.write_closes, seen.writers_left);
  writer_connects_ += writers;
  if (writers > 0 && writers_.empty())
    events_.report(EventId::UnseenWriterLeft, {{"reason", why_unseen(holders)}});

  if (observation.settled) {
    const std::uint32_t came = std::exchange(unexplained_opens_, 0);
    // If all processes are visible, these opens were slurper's own, or neither read nor wrote (O_PATH).
    if (came > 0 && !holders.complete()) {
      unseen_ += came;
      events_.report(EventId::UnseenOpen, {{"fifo", Quoted{path_}}, {"reason", why_unseen(holders)}});
    }
  }
  // One that was known and has just left explains it, too: slurper may notice the short read a look later.
  const bool one_has_left = seen.readers_left > 0;
  const bool one_left_before = std::exchange(reader_left_before_, one_has_left);
  if (observation.short_read && readers_.empty() && !one_has_left && !one_left_before) {
    second_reader_ = "a process that can't be seen reads it";
    events_.report(EventId::UnseenReaderTakes, {{"fifo", Quoted{path_}}, {"reason", why_unseen(holders)}});
  }
  return writers > 0;
}

}  // namespace slurper
