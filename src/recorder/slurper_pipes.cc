// slurper-pipes: answers `slurper inspect` from the kernel's own structures. A program of its own: it alone
// needs the rights to load BPF programs, and it loads a tenth of what slurper-trace does.
//
// Standard input and output are a socket. Each byte that arrives is a question, and PipeWalks::answer() is
// written in return. The program ends with its input. Its only argument is the number of a descriptor that it
// has open, O_PATH, of the pipe in question. Whoever runs it takes its data for that of a stranger.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>

#include "base/fd.h"
#include "inspect/pipe_record.h"
#include "inspect/pipe_walks.h"

extern "C" const unsigned char slurper_pipes_object[];
extern "C" const unsigned char slurper_pipes_object_end[];

namespace slurper {

namespace {

constexpr int kUnavailable = 69;   // EX_UNAVAILABLE of sysexits.h
constexpr int kNoPermission = 77;  // EX_NOPERM

int say_nothing(libbpf_print_level /*level*/, const char* /*format*/, va_list /*arguments*/) {
  return 0;
}

int status_for(int error) {
  return error == EPERM || error == EACCES ? kNoPermission : kUnavailable;
}

// Ends with the process, and so do the programs.
class Iterators {
 public:
  // 0, or the status with which to exit.
  int load(const PipeConfig& config) {
    bpf_object_open_opts options{};
    options.sz = sizeof options;
    options.object_name = "slurper_pipes";
    const auto size = static_cast<std::size_t>(slurper_pipes_object_end - slurper_pipes_object);
    bpf_object* const object = bpf_object__open_mem(slurper_pipes_object, size, &options);
    if (object == nullptr) return kUnavailable;
    bpf_map* const constants = bpf_object__find_map_by_name(object, ".rodata.config");
    if (constants == nullptr || bpf_map__set_initial_value(constants, &config, sizeof config) != 0)
      return kUnavailable;
    if (const int failed = bpf_object__load(object); failed != 0) return status_for(-failed);
    for (const char* const name : {"visit_pipes", "visit_threads"}) {
      bpf_link*& link = pipes_ == nullptr ? pipes_ : threads_;
      link = bpf_program__attach_iter(bpf_object__find_program_by_name(object, name), nullptr);
      if (link == nullptr) return status_for(errno);
    }
    return 0;
  }

  [[nodiscard]] std::string answer() const {
    using std::chrono::milliseconds;
    constexpr milliseconds kPauses[] = {milliseconds{0}, milliseconds{1}, milliseconds{2}, milliseconds{4}};
    PipeWalks walks;
    for (const milliseconds pause : kPauses) {
      std::this_thread::sleep_for(pause);
      walks.add(read_all(pipes_) + read_all(threads_));
      if (walks.is_settled()) break;
    }
    return walks.answer();
  }

 private:
  static std::string read_all(const bpf_link* link) {
    const UniqueFd fd(bpf_iter_create(bpf_link__fd(link)));
    std::string bytes;
    char piece[65536];
    for (ssize_t size = 0;
         fd && ((size = ::read(fd.get(), piece, sizeof piece)) > 0 || (size < 0 && errno == EINTR));)
      if (size > 0) bytes.append(piece, static_cast<std::size_t>(size));
    return bytes;
  }

  bpf_link* pipes_ = nullptr;
  bpf_link* threads_ = nullptr;
};

bool write_all(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t size = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (size < 0 && errno != EINTR) return false;
    bytes.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  }
  return true;
}

int serve(const PipeConfig& config) {
  Iterators iterators;
  if (const int status = iterators.load(config); status != 0) return status;
  char question = 0;
  while (::read(STDIN_FILENO, &question, 1) == 1)
    if (!write_all(iterators.answer())) break;
  return 0;
}

}  // namespace

}  // namespace slurper

int main(int argc, char** argv) {
  libbpf_set_print(slurper::say_nothing);
  if (argc > 2 || ::isatty(STDIN_FILENO) == 1) {
    (void)std::fprintf(stderr, "slurper-pipes: slurper inspect runs this program\n");
    return 64;  // EX_USAGE
  }
  return slurper::serve({.target_fd = argc == 2 ? std::atoi(argv[1]) : -1});
}
