#include "recorder/bpf_programs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/error.h"

extern "C" const unsigned char slurper_trace_object[];
extern "C" const unsigned char slurper_trace_object_end[];

namespace slurper {

namespace {

constexpr int kNoPermission = 77;  // EX_NOPERM of sysexits.h
constexpr int kUnavailable = 69;   // EX_UNAVAILABLE

constexpr std::size_t kMostSaid = 2000;

constexpr const char* kAttached[] = {"on_fork",   "on_exec",   "on_process_exit", "on_signal", "on_move",
                                     "on_switch", "on_waking", "on_free",         "on_enter",  "on_exit"};

// What libbpf says while it loads: shown only if that fails.
std::string& said() {
  static std::string text;
  return text;
}

int keep(libbpf_print_level level, const char* format, va_list arguments) {
  if (level != LIBBPF_WARN) return 0;
  char* text = nullptr;
  if (::vasprintf(&text, format, arguments) < 0) return 0;
  said() += text;
  std::free(text);
  // The verifier's reason is at its end.
  if (said().size() > kMostSaid) said().erase(0, said().size() - kMostSaid);
  return 0;
}

constexpr const char* kWithoutBpf =
    "Without BPF, a command, processes (-p) and the users of a FIFO (--fifo) can be traced by ptrace, and "
    "captures can be read: slurper trace -r FILE";

std::unexpected<RecorderError> load_error(int error) {
  if (::access("/sys/kernel/btf/vmlinux", R_OK) != 0)
    return std::unexpected(RecorderError{
        kUnavailable,
        fmt::format(
            "cannot trace: this kernel has no BTF (/sys/kernel/btf/vmlinux is missing). A kernel built "
            "with CONFIG_DEBUG_INFO_BTF=y has it. {}",
            kWithoutBpf),
        "this kernel has no BTF"});
  if (error == EPERM)
    return std::unexpected(RecorderError{
        kNoPermission,
        fmt::format(
            "cannot trace: BPF programs need CAP_BPF and CAP_PERFMON. Run it as root, or give the program "
            "both: setcap cap_bpf,cap_perfmon,cap_sys_ptrace,cap_dac_read_search=ep on slurper-trace. {}",
            kWithoutBpf),
        "BPF programs need CAP_BPF and CAP_PERFMON"});
  return std::unexpected(RecorderError{
      kUnavailable,
      fmt::format(
          "cannot trace: the kernel refuses the BPF programs: {}. They need Linux 6.2 or later. {}. The "
          "kernel said:\n{}",
          errno_text(error), kWithoutBpf, said()),
      fmt::format("the kernel refuses the BPF programs: {}", errno_text(error))});
}

// The kernel's records have the process ids of the machine.
bool is_in_container() {
  constexpr ino_t kFirstPidNamespace = 0xeffffffc;  // PROC_PID_INIT_INO of linux/proc_ns.h
  struct stat own{};
  return ::stat("/proc/self/ns/pid", &own) == 0 && own.st_ino != kFirstPidNamespace;
}

// The kernel changes it meanwhile.
std::uint64_t now_at(const u64& number) {
  return *const_cast<const volatile u64*>(&number);
}

int on_record(void* receiver, void* data, std::size_t size) {
  (*static_cast<BpfPrograms::Receiver*>(receiver))(std::string_view(static_cast<const char*>(data), size));
  return 0;
}

}  // namespace

BpfPrograms::BpfPrograms(Receiver receiver) : receiver_(std::move(receiver)) {}

BpfPrograms::~BpfPrograms() {
  detach();
  for (bpf_link* const link : {mark_, report_, files_}) bpf_link__destroy(link);
  if (processors_ != nullptr)
    ::munmap(const_cast<ProcessorState*>(processors_), TraceMaxCpus * sizeof(ProcessorState));
  ring_buffer__free(ring_);
  bpf_object__close(object_);
}

Recorded<std::unique_ptr<BpfPrograms>> BpfPrograms::load(const TraceConfig& config, Receiver receiver) {
  if (is_in_container())
    return std::unexpected(RecorderError{
        kUnavailable,
        "cannot trace in a container: its processes have other ids in the kernel's records (this is a PID "
        "namespace of its own). Run slurper trace on the machine itself, with the ids of the processes "
        "there, or use --engine ptrace",
        "BPF programs see the processes of a container under other ids"});
  libbpf_set_print(keep);
  std::unique_ptr<BpfPrograms> programs(new BpfPrograms(std::move(receiver)));
  if (const auto opened = programs->open(config); !opened) return std::unexpected(opened.error());
  if (const auto mapped = programs->map_processors(); !mapped) return std::unexpected(mapped.error());
  if (const auto made = programs->make_iterators(); !made) return std::unexpected(made.error());
  if (const auto made = programs->make_wakeup(); !made) return std::unexpected(made.error());
  return programs;
}

Recorded<void> BpfPrograms::open(const TraceConfig& config) {
  bpf_object_open_opts options{};
  options.sz = sizeof options;
  options.object_name = "slurper_trace";
  const auto size = static_cast<std::size_t>(slurper_trace_object_end - slurper_trace_object);
  by_unit_ = config.unit_size != 0;
  object_ = bpf_object__open_mem(slurper_trace_object, size, &options);
  if (object_ == nullptr) return load_error(errno);
  bpf_map* const constants = bpf_object__find_map_by_name(object_, ".rodata.config");
  if (constants == nullptr || bpf_map__set_initial_value(constants, &config, sizeof config) != 0)
    return load_error(EINVAL);
  // Where the kernel has no cgroups, only the selection of a unit fails.
  bpf_program__set_autoload(bpf_object__find_program_by_name(object_, "on_move"), by_unit_);
  if (const int failed = bpf_object__load(object_); failed != 0) return load_error(-failed);
  ring_ =
      ring_buffer__new(bpf_object__find_map_fd_by_name(object_, "records"), on_record, &receiver_, nullptr);
  if (ring_ == nullptr) return load_error(errno);
  return {};
}

Recorded<void> BpfPrograms::map_processors() {
  const int fd = bpf_object__find_map_fd_by_name(object_, "processors");
  void* const address = ::mmap(nullptr, TraceMaxCpus * sizeof(ProcessorState), PROT_READ, MAP_SHARED, fd, 0);
  if (address == MAP_FAILED) return load_error(errno);
  processors_ = static_cast<const ProcessorState*>(address);
  const int possible = libbpf_num_possible_cpus();
  processor_count_ = std::clamp<std::size_t>(static_cast<std::size_t>(possible), 1, TraceMaxCpus);
  return {};
}

Recorded<void> BpfPrograms::make_iterators() {
  const auto make = [this](const char* name) {
    return bpf_program__attach_iter(bpf_object__find_program_by_name(object_, name), nullptr);
  };
  mark_ = make("mark_threads");
  report_ = make("report_threads");
  files_ = make("visit_files");
  if (mark_ == nullptr || report_ == nullptr || files_ == nullptr) return load_error(errno);
  return {};
}

Recorded<void> BpfPrograms::attach() {
  for (const char* const name : kAttached) {
    if (!by_unit_ && std::string_view(name) == "on_move") continue;
    bpf_link* const link = bpf_program__attach(bpf_object__find_program_by_name(object_, name));
    if (link == nullptr) return load_error(errno);
    links_.push_back(link);
  }
  return {};
}

void BpfPrograms::detach() {
  for (bpf_link* const link : links_) bpf_link__destroy(link);
  links_.clear();
}

void BpfPrograms::list_process(pid_t pid) {
  const auto key = static_cast<u32>(pid);
  const u32 one = 1;
  bpf_map_update_elem(bpf_object__find_map_fd_by_name(object_, "processes"), &key, &one, BPF_ANY);
}

bool BpfPrograms::has_processes() const {
  u32 key = 0;
  return bpf_map_get_next_key(bpf_object__find_map_fd_by_name(object_, "processes"), nullptr, &key) == 0;
}

Recorded<void> BpfPrograms::mark_threads() {
  iterate(mark_, [](std::string_view) {});
  return {};
}

void BpfPrograms::report_threads(const Receiver& receiver) {
  iterate(report_, receiver);
}

void BpfPrograms::visit_files(const Receiver& receiver) {
  iterate(files_, receiver);
}

void BpfPrograms::iterate(const bpf_link* link, const Receiver& receiver) {
  const UniqueFd fd(bpf_iter_create(bpf_link__fd(link)));
  if (!fd) return;
  // Records keep the alignment that the buffer's beginning has: each is copied there.
  std::string bytes;
  char piece[65536];
  for (ssize_t size = 0; (size = ::read(fd.get(), piece, sizeof piece)) > 0 || (size < 0 && errno == EINTR);)
    if (size > 0) bytes.append(piece, static_cast<std::size_t>(size));
  alignas(TraceRecord) static char one[sizeof(TraceRecord) + TraceMaxBytes];
  for (std::string_view rest = bytes; rest.size() >= sizeof(TraceRecord);) {
    TraceRecord record;
    std::memcpy(&record, rest.data(), sizeof record);
    const std::size_t size = sizeof record + record.path_size + record.path2_size + record.address_size +
                             record.data_size + record.bound_size + record.waker_size;
    if (size > rest.size() || size > sizeof one) return;
    std::memcpy(one, rest.data(), size);
    receiver(std::string_view(one, size));
    rest.remove_prefix(size);
  }
}

void BpfPrograms::consume() {
  ring_buffer__consume(ring_);
}

Recorded<void> BpfPrograms::make_wakeup() {
  wakeup_.reset(::epoll_create1(EPOLL_CLOEXEC));
  // Edge-triggered: a ring that has records is no reason, only those that ask for it.
  epoll_event event{.events = EPOLLIN | EPOLLET, .data = {}};
  const int ring_fd = bpf_object__find_map_fd_by_name(object_, "records");
  if (!wakeup_ || ::epoll_ctl(wakeup_.get(), EPOLL_CTL_ADD, ring_fd, &event) != 0) return load_error(errno);
  return {};
}

void BpfPrograms::wait(int fd, std::chrono::milliseconds at_most) {
  epoll_event event{.events = EPOLLIN, .data = {}};
  if (waits_for_ != fd && ::epoll_ctl(wakeup_.get(), EPOLL_CTL_ADD, fd, &event) == 0) waits_for_ = fd;
  (void)::epoll_wait(wakeup_.get(), &event, 1, static_cast<int>(at_most.count()));  // the caller looks at all
}

std::optional<int> BpfPrograms::wait_status(pid_t child) {
  int status = 0;
  if (::waitpid(child, &status, WNOHANG) != child) return std::nullopt;
  return status;
}

std::vector<std::uint64_t> BpfPrograms::lost() const {
  std::vector<std::uint64_t> counts;
  for (std::size_t i = 0; i < processor_count_; ++i) counts.push_back(now_at(processors_[i].lost));
  return counts;
}

std::uint64_t BpfPrograms::complete_until(std::uint64_t now) const {
  for (std::size_t i = 0; i < processor_count_; ++i) {
    const std::uint64_t since = now_at(processors_[i].call_since);
    if (since != 0) now = std::min(now, since);
  }
  return now;
}

}  // namespace slurper
