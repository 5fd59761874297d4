// BpfPrograms: the programs of trace.bpf.c in the kernel.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "recorder/engine.h"
#include "recorder/options.h"
#include "trace/engine/event.h"

struct bpf_link;
struct bpf_object;
struct ring_buffer;

namespace slurper {

// The engine that costs little, and sees the whole machine.
class BpfPrograms : public Engine {
 public:
  // Fails with what is missing, and how to get it.
  static Recorded<std::unique_ptr<BpfPrograms>> load(const TraceConfig& config, Receiver receiver);
  ~BpfPrograms() override;

  Recorded<void> attach() override;
  void detach() override;
  [[nodiscard]] std::string objection_to(pid_t) const override { return {}; }
  void list_process(pid_t pid) override;
  [[nodiscard]] bool has_processes() const override;
  [[nodiscard]] bool finds_newcomers() const override { return true; }
  Recorded<void> mark_threads() override;
  void report_threads(const Receiver& receiver) override;
  void visit_files(const Receiver& receiver) override;
  void consume() override;
  void wait(int fd, std::chrono::milliseconds at_most) override;
  std::optional<int> wait_status(pid_t child) override;
  [[nodiscard]] std::vector<std::uint64_t> lost() const override;
  [[nodiscard]] std::uint64_t complete_until(std::uint64_t now) const override;

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
  bool by_unit_ = false;
  UniqueFd wakeup_;  // epoll
  int waits_for_ = -1;
  bpf_link* mark_ = nullptr;
  bpf_link* report_ = nullptr;
  bpf_link* files_ = nullptr;
  const ProcessorState* processors_ = nullptr;
  std::size_t processor_count_ = 0;
};

}  // namespace slurper
