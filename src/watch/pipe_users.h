// PipeUsers: which processes have the FIFO open besides slurper.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "base/event.h"
#include "fifo/inotify.h"
#include "proc/open_descriptors.h"

namespace slurper {

// Combines the kernel's counts of opens and closes, which name no process, with searches of /proc, which name
// them as far as slurper's permissions allow. Writers come and go; a second reader takes lines away. A
// process that opens the FIFO for both (rsyslog, syslog-ng, systemd) is a writer. An open without a name may
// be any of these, and each start of the machine or of a syslogd causes some: it is worth only a debug
// message. A reader reveals itself by what it does: it closes a descriptor that could only read, or takes
// what slurper was about to read. Pure: the caller passes events and looks, reports go to a listener. Used by
// one thread.
class PipeUsers {
 public:
  // `events` outlives it. `parent`: slurper's parent. If that process, or process 1, is systemd, it may hold
  // the FIFO in any mode, for its socket unit or in its descriptor store; it never reads.
  PipeUsers(std::string path, pid_t parent, EventListener& events)
      : path_(std::move(path)), parent_(parent), events_(events) {}

  struct Observation {
    FifoEvents events;  // since the last look, and read after this one: a process that the look found has
                        // made its event
    OpenDescriptors holders;
    bool settled = true;      // a process that made an event and is still invisible will stay so
    bool short_read = false;  // before that look, slurper found less in the pipe than the kernel had reported
    bool nothing_was_read = false;  // by others since the last look; false if that is unknown
  };
  void observe(const Observation& observation);

  // A process has opened the FIFO but was not visible yet: the event comes before the descriptor. Look again
  // soon.
  [[nodiscard]] bool expects_more() const { return unexplained_opens_ > 0; }
  // The last second reader: "'cat' (pid 12) reads it"; "": none since the last forget_second_readers(), or
  // those that came have left again and have taken nothing.
  [[nodiscard]] const std::string& second_reader() const { return second_reader_; }
  // The processes that the last look has found, each as describe_process() shows it.
  [[nodiscard]] std::vector<std::string> writers() const { return described(writers_); }
  [[nodiscard]] std::vector<std::string> readers() const { return described(readers_); }
  // The operator knows about them. A second reader that is still there stays.
  void forget_second_readers();
  // The number of second readers so far, visible or not.
  [[nodiscard]] std::uint64_t second_readers() const { return second_readers_; }
  // The number of processes so far that have opened it for writing. One that is invisible counts when it
  // closes it.
  [[nodiscard]] std::uint64_t writer_connects() const { return writer_connects_; }
  // How many looks so far have found that a writer has left, and none is there as far as is known.
  [[nodiscard]] std::uint64_t last_writers_left() const { return last_writers_left_; }

 private:
  using Descriptor = std::tuple<ProcessId, int, Access>;
  using Processes = std::map<ProcessId, std::string>;  // and each one's command

  struct Change {
    std::uint32_t came = 0;
    std::uint32_t readers_left = 0;
    std::uint32_t writers_left = 0;
  };

  [[nodiscard]] static std::vector<std::string> described(const Processes& processes);
  [[nodiscard]] bool is_service_manager(const OpenDescriptor& holder) const;
  Change update_descriptors(const OpenDescriptors& holders);
  void report_readers(const Processes& now_there);
  [[nodiscard]] bool report_writers(const Processes& now_there, bool complete);
  [[nodiscard]] bool report_unseen(const Observation& observation, const Change& seen);

  std::string path_;
  pid_t parent_;
  EventListener& events_;
  std::set<Descriptor> descriptors_;
  Processes readers_;
  Processes writers_;
  std::uint32_t unexplained_opens_ = 0;
  std::uint32_t unseen_ = 0;  // invisible processes that have it open, by their events
  std::uint64_t second_readers_ = 0;
  std::uint64_t writer_connects_ = 0;
  std::uint64_t last_writers_left_ = 0;
  std::string second_reader_;
  bool reader_left_before_ = false;  // a known one, in the look before
  bool may_have_taken_ = false;      // it, or one before it
};

// "'rsyslogd' (pid 123)"
[[nodiscard]] std::string describe_process(const ProcessId& process, const std::string& command);

}  // namespace slurper
