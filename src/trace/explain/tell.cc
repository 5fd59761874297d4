#include "trace/explain/tell.h"

#include <algorithm>

namespace slurper {

bool holds_both_ends(const History& history, const TraceFinding& finding) {
  const Thread* const process = history.model().find_thread(finding.who.pid);
  if (process == nullptr) return false;
  const OpenFilePointer& written = process->fds->find(finding.fd);
  bool can_read = false;
  process->fds->for_each([&](std::int64_t /*fd*/, const OpenFile& file, bool /*close_on_exec*/) {
    can_read = can_read || (written != nullptr && file.inode == written->inode && file.is_for_reading);
  });
  return can_read;
}

TraceFinding finding_of(const TraceEvent& event, Pattern pattern) {
  TraceFinding finding{.pattern = pattern,
                       .time = event.raw.time,
                       .who = actor_of(*event.model, *event.thread),
                       .fd = event.fd};
  if (event.file != nullptr) finding.file = text_of_file(*event.file);
  return finding;
}

std::vector<Actor> servers_of(const Model& model, const OpenFile& socket, std::int64_t but_not) {
  std::vector<Actor> servers;
  if (socket.type != FdType::Unix) return servers;
  const std::string path = socket.name.substr(std::min(socket.name.find(' ') + 1, socket.name.size()));
  model.for_each_thread([&](const Thread& thread) {
    if (thread.tid != thread.pid || thread.pid == but_not) return;
    bool is_server = false;
    thread.fds->for_each([&](std::int64_t /*fd*/, const OpenFile& file, bool /*close_on_exec*/) {
      if (file.type != FdType::Unix || &file == &socket) return;
      const bool is_address = file.unix_source != 0 && file.unix_source == socket.unix_target;
      const bool is_path = socket.is_datagram && !path.empty() && file.name == path;
      is_server = is_server || is_address || is_path;
    });
    if (is_server) servers.push_back(actor_of(model, thread));
  });
  return servers;
}

std::optional<PipeReader> reader_of(const History& history, const Channel& channel, const OpenFile& written,
                                    std::int64_t but_not) {
  const ChannelEnd* last = nullptr;
  for (const ChannelEnd& end : channel.ends) {
    if (!end.last_read || end.last_read.who.pid == but_not) continue;
    if (history.model().find_thread(end.last_read.who.tid) == nullptr) continue;  // it has ended
    if (last == nullptr || end.last_read.time > last->last_read.time) last = &end;
  }
  if (last != nullptr)
    return PipeReader{.who = last->last_read.who,
                      .last_read = last->last_read,
                      .first_read = last->first_read,
                      .before_pause = last->before_pause};
  std::optional<PipeReader> found;
  for (const Holder& holder : history.holders(channel)) {
    if (holder.process->pid == but_not || (channel.is_pipe && !holder.file->is_for_reading)) continue;
    PipeReader reader{.who = actor_of(history.model(), *holder.process)};
    if (!holder.file->is_for_writing) return reader;
    if (!found) found = reader;  // one that keeps the pipe open may be its reader
  }
  if (found || channel.is_pipe) return found;
  const std::vector<Actor> servers = servers_of(history.model(), written, but_not);
  if (servers.size() == 1) found = {.who = servers.front(), .is_server = true};
  return found;
}

namespace {

// Nothing is known of one, or of none any more.
Statement without_reader(const TraceFinding& finding, const History& history, const Channel& channel) {
  if (holds_both_ends(history, finding)) return {.saying = Saying::ReaderIsWriter};
  const Closing* const closing = channel.last_closing(true, nullptr);
  if (closing == nullptr || closing->who.pid == finding.who.pid) return {.saying = Saying::ReaderUnknown};
  return {.saying = Saying::ReaderLeft,
          .arguments = {{"reader", closing->who}, {"event", EventNumber{closing->number}}}};
}

void tell_last_read(TraceFinding& finding, const PipeReader& reader, std::uint64_t from, std::uint64_t to) {
  if (reader.is_server) {
    finding.story.push_back({.saying = Saying::ServerHasSocket, .arguments = {{"reader", reader.who}}});
    return;
  }
  const Deed* last = &reader.last_read;
  const Deed& before = reader.before_pause;
  // The read that made room came at the end of the wait.
  if (*last && last->time >= from && before && to >= before.time + kLongWait) last = &before;
  if (last != &before && reader.first_read && reader.first_read.time > from && reader.first_read.time < to) {
    finding.story.push_back({.saying = Saying::ReaderFirstRead,
                             .arguments = {{"reader", reader.who},
                                           {"after", span_between(from, reader.first_read.time)},
                                           {"event", EventNumber{reader.first_read.number}}}});
  } else if (*last && last->time < to) {
    finding.story.push_back({.saying = Saying::ReaderRead,
                             .arguments = {{"reader", last->who},
                                           {"before", span_between(last->time, to)},
                                           {"event", EventNumber{last->number}}}});
  } else if (!*last) {
    finding.story.push_back({.saying = Saying::ReaderNeverRead, .arguments = {{"reader", reader.who}}});
  }
}

}  // namespace

Waiting tell_reader(TraceFinding& finding, const History& history, const Channel& channel,
                    const std::optional<PipeReader>& reader, std::uint64_t from, std::uint64_t to) {
  if (!reader) {
    finding.story.push_back(without_reader(finding, history, channel));
    return Waiting::ForReader;
  }
  const Actor& who = reader->who;
  tell_last_read(finding, *reader, from, to);
  if (const std::optional<Stop> stop = history.stopped(who.pid, from, to)) {
    const bool lasts = stop->until == 0;
    finding.story.push_back({.saying = lasts ? Saying::ReaderStopped : Saying::ReaderWasStopped,
                             .arguments = {{"reader", who},
                                           {"event", EventNumber{stop->number}},
                                           {"span", span_between(stop->time, lasts ? to : stop->until)}}});
    return lasts ? Waiting::ForStopped : Waiting::ForContinued;
  }
  const auto call = history.long_call(who.tid, from, to);
  if (!call) return Waiting::ForReader;
  const bool lasts = call->is_under_way && call->end >= to;
  finding.story.push_back(
      {.saying = !lasts                ? Saying::ReaderInCall
                 : call->began_earlier ? Saying::ReaderStillInCallEarlier
                                       : Saying::ReaderStillInCall,
       .arguments = {{"reader", who},
                     {"call", call->file.empty() ? call->call : call->call + " on " + call->file},
                     {"span", span_between(call->begin, lasts ? to : call->end)},
                     {"event", EventNumber{call->number}}}});
  return Waiting::ForReader;
}

}  // namespace slurper
