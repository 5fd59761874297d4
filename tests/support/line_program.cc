// line_program FOLDER [confirm] - what the sink exec starts in tests. What it reads goes to a file of its own
// in FOLDER, at once; the first word in FOLDER/manner says how it behaves: "read", "slow" (a byte a second),
// "refuse" (it ends at its start), or "die N" (SIGKILL once it has read N bytes). With "confirm" it answers
// as docs/sinks/exec.md has it.

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>

namespace {

struct Manner {
  std::string name = "read";
  std::uint64_t bytes = ~std::uint64_t{0};
};

Manner manner_in(const std::string& folder) {
  Manner manner;
  std::ifstream(folder + "/manner") >> manner.name >> manner.bytes;
  if (manner.name != "die") manner.bytes = ~std::uint64_t{0};
  return manner;
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno != EINTR) return false;
    text.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(written, 0)));
  }
  return true;
}

// Names sort as they were made.
std::string new_file(const std::string& folder) {
  const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
  const std::string digits = std::to_string(now);
  return folder + "/out-" + std::string(20 - digits.size(), '0') + digits + "-" + std::to_string(::getpid());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 64;
  const std::string folder = argv[1];
  const bool confirms = argc > 2 && std::string_view(argv[2]) == "confirm";
  const auto refuse = [] {
    (void)std::fputs("not today\n", stderr);
    return 1;
  };
  if (manner_in(folder).name == "refuse") return refuse();
  const int out_fd = ::open(new_file(folder).c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (out_fd < 0 || (confirms && !write_all(STDOUT_FILENO, "OK\n"))) return 74;
  std::array<char, 1 << 16> buffer{};
  for (std::uint64_t read_so_far = 0;;) {
    const Manner manner = manner_in(folder);
    if (manner.name == "refuse") return refuse();
    const bool slow = manner.name == "slow";
    if (slow) std::this_thread::sleep_for(std::chrono::seconds(1));
    if (slow && confirms && !write_all(STDOUT_FILENO, ".")) return 74;
    const std::size_t most = slow ? 1 : std::min<std::uint64_t>(buffer.size(), manner.bytes - read_so_far);
    const ssize_t size = ::read(STDIN_FILENO, buffer.data(), most);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return 0;
    const std::string_view bytes(buffer.data(), static_cast<std::size_t>(size));
    if (!write_all(out_fd, bytes)) return 74;
    std::string answers;
    for (auto lines = std::ranges::count(bytes, '\n'); confirms && lines > 0; --lines) answers += "OK\n";
    read_so_far += bytes.size();
    if (read_so_far >= manner.bytes) {
      (void)std::rename((folder + "/manner").c_str(), (folder + "/died").c_str());
      (void)::raise(SIGKILL);
    }
    if (!write_all(STDOUT_FILENO, answers)) return 74;
  }
}
