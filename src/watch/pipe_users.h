// PipeUsers: who has the FIFO open besides slurper.
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

// Makes sense of the kernel's counts of opens and closes (which say that, not who) and of looks into /proc
// (which say who, as far as it is permitted). Writers come and go; a reader besides slurper takes lines away.
// One that opens it for both (rsyslog, syslog-ng, systemd) is a writer. An open that can't be named may be
// any of them, and each start of the machine or of a syslogd makes some: it is worth no more than a debug
// message. A reader shows by what it does: it closes what was open for reading only, or takes what slurper
// was about to read. Pure: events and looks come from outside, reports go to a listener; one thread.
class PipeUsers {
 public:
  // `events` outlives it. `parent`: slurper's own. Where that, or process 1, is systemd, it may hold the FIFO
  // in any way: for its socket unit, or in its store of descriptors; it never reads.
  PipeUsers(std::string path, pid_t parent, EventListener& events)
      : path_(std::move(path)), parent_(parent), events_(events) {}

  struct Observation {
    FifoEvents events;  // since the last one; read after the look: who is seen there has made its event
    OpenDescriptors holders;
    bool settled = true;      // who has made an event and is not to be seen now, will not be
    bool short_read = false;  // before that look, slurper found less in the pipe than it was said to hold
  };
  void observe(const Observation& observation);

  // A process has opened it that was not to be seen: the event comes before the descriptor. Look again soon.
  [[nodiscard]] bool expects_more() const { return unexplained_opens_ > 0; }
  // The last reader besides slurper: "'cat' (pid 12) reads it"; "": none since the last
  // forget_second_readers().
  [[nodiscard]] const std::string& second_reader() const { return second_reader_; }
  // The operator knows. One that is still there stays.
  void forget_second_readers();
  // Readers besides slurper so far, seen or not.
  [[nodiscard]] std::uint64_t second_readers() const { return second_readers_; }

 private:
  using Descriptor = std::tuple<ProcessId, int, Access>;
  using Processes = std::map<ProcessId, std::string>;  // and what each is called

  struct Change {
    std::uint32_t came = 0;
    std::uint32_t readers_left = 0;
    std::uint32_t writers_left = 0;
  };

  [[nodiscard]] bool is_service_manager(const OpenDescriptor& holder) const;
  Change update_descriptors(const OpenDescriptors& holders);
  void report_readers(const Processes& now_there);
  void report_writers(const Processes& now_there, bool complete);
  void report_unseen(const Observation& observation, const Change& seen);

  std::string path_;
  pid_t parent_;
  EventListener& events_;
  std::set<Descriptor> descriptors_;
  Processes readers_;
  Processes writers_;
  std::uint32_t unexplained_opens_ = 0;
  std::uint32_t unseen_ = 0;  // have it open, as their events say
  std::uint64_t second_readers_ = 0;
  std::string second_reader_;
};

// "'rsyslogd' (pid 123)"
[[nodiscard]] std::string describe_process(const ProcessId& process, const std::string& command);

}  // namespace slurper
