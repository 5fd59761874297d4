// BpfPrograms: the programs of trace.bpf.c in the kernel.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "recorder/options.h"
#include "trace/engine/event.h"

struct bpf_link;
struct bpf_object;
struct ring_buffer;

namespace slurper {

// They go when this object does, or when its process ends, however that ends. For one thread.
class BpfPrograms {
 public:
  // A record and what follows it.
  using Receiver = std::function<void(std::string_view record)>;

  // Fails with what is missing, and how to get it.
  static Recorded<std::unique_ptr<BpfPrograms>> load(const TraceConfig& config, Receiver receiver);
  ~BpfPrograms();
  BpfPrograms(const BpfPrograms&) = delete;
  BpfPrograms& operator=(const BpfPrograms&) = delete;

  // From now on the kernel reports what watched threads do. None is watched yet, unless a FIFO is selected.
  Recorded<void> attach();
  void detach();

  // Lists the process: one to watch, or with whole_machine one to leave out.
  void list_process(pid_t pid);
  // Whether any process is listed that has not ended.
  [[nodiscard]] bool has_processes() const;
  // Watches all threads of the listed processes.
  void mark_threads();
  void report_threads(const Receiver& receiver);
  // All open files of all processes.
  void visit_files(const Receiver& receiver);

  // Hands over all records that have come.
  void consume();
  // Waits for records that are better taken at once, until `fd` is readable, or for the time.
  void wait(int fd, std::chrono::milliseconds at_most);

  // Of each processor.
  [[nodiscard]] std::vector<std::uint64_t> lost() const;
  // No call that has not been reported began before this time (CLOCK_MONOTONIC), of those that had begun at
  // `now`.
  [[nodiscard]] std::uint64_t complete_until(std::uint64_t now) const;

 private:
  explicit BpfPrograms(Receiver receiver);
  Recorded<void> open(const TraceConfig& config);
  Recorded<void> map_processors();
  Recorded<void> make_iterators();
  Recorded<void> make_wakeup();
  void iterate(const bpf_link* link, const Receiver& receiver);

  Receiver receiver_;
  bpf_object* object_ = nullptr;
  ring_buffer* ring_ = nullptr;
  std::vector<bpf_link*> links_;
  UniqueFd wakeup_;  // epoll
  int waits_for_ = -1;
  bpf_link* mark_ = nullptr;
  bpf_link* report_ = nullptr;
  bpf_link* files_ = nullptr;
  const ProcessorState* processors_ = nullptr;
  std::size_t processor_count_ = 0;
};

}  // namespace slurper
