// Drives a fuzz target if there is no libFuzzer: every seed as it is, then simple mutations of them. The
// same seeds and the same number of runs make the same inputs, on every machine.
//
//   x_fuzz [-runs=N] FILE|FOLDER...
//
// The input that a property does not hold for is left in ./fuzz-failure; given as the only FILE with -runs=0,
// it is tried again.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "fuzz/fuzz.h"

namespace {

constexpr std::size_t kMaxSize = 8192;

// The present run's, for the signal handler.
std::string current;

extern "C" void save_input(int /*signal*/) {
  const int fd = open("fuzz-failure", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd >= 0) {
    (void)!write(fd, current.data(), current.size());
    close(fd);
  }
  // The handler is used once: abort() then ends the process.
}

void run(const std::string& input) {
  current = input;
  (void)LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(current.data()), current.size());
}

void read_seeds(const std::filesystem::path& path, std::vector<std::string>& seeds) {
  if (std::filesystem::is_directory(path)) {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(path)) files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    for (const auto& file : files) read_seeds(file, seeds);
    return;
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    (void)std::fprintf(stderr, "cannot read the seed '%s'\n", path.c_str());
    std::exit(1);
  }
  seeds.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

class Mutator {
 public:
  explicit Mutator(const std::vector<std::string>& seeds) : seeds_(seeds) {}

  std::string next() {
    std::string input = seeds_[below(seeds_.size())];
    for (std::size_t i = 1 + below(4); i > 0; --i) mutate(input);
    if (input.size() > kMaxSize) input.resize(kMaxSize);
    return input;
  }

 private:
  // Not std::uniform_int_distribution: that is another one in every library.
  std::size_t below(std::size_t end) { return end == 0 ? 0 : random_() % end; }

  void mutate(std::string& input) {
    const std::size_t at = below(input.size() + 1);
    const std::size_t length = below(std::min<std::size_t>(input.size() - at, 16) + 1);
    const std::string& other = seeds_[below(seeds_.size())];
    const std::size_t other_at = below(other.size() + 1);
    switch (below(6)) {
      case 0:
        if (at < input.size()) input[at] = static_cast<char>(input[at] ^ static_cast<char>(1U << below(8)));
        break;
      case 1:
        if (at < input.size()) input[at] = static_cast<char>(below(256));
        break;
      case 2:
        input.erase(at, length);
        break;
      case 3:
        input.insert(at, input.substr(at, length));
        break;
      case 4:
        input.insert(at, 1, static_cast<char>(below(256)));
        break;
      default:
        input.replace(at, length, other.substr(other_at, 1 + below(24)));
        break;
    }
  }

  const std::vector<std::string>& seeds_;
  std::mt19937_64 random_{1};  // NOLINT(bugprone-random-generator-seed): the same inputs each time
};

}  // namespace

int main(int argc, char** argv) {
  std::size_t runs = 10'000;
  std::vector<std::string> seeds;
  for (int i = 1; i < argc; ++i) {
    constexpr const char* kRuns = "-runs=";
    if (std::strncmp(argv[i], kRuns, std::strlen(kRuns)) == 0) {
      runs = std::strtoull(argv[i] + std::strlen(kRuns), nullptr, 10);
    } else {
      read_seeds(argv[i], seeds);
    }
  }
  if (seeds.empty()) {
    (void)std::fprintf(stderr, "usage: %s [-runs=N] FILE|FOLDER...\n", argv[0]);
    return 64;
  }
  struct sigaction action{};
  action.sa_handler = save_input;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGABRT, &action, nullptr);

  for (const std::string& seed : seeds) run(seed);
  Mutator mutator(seeds);
  for (std::size_t i = 0; i < runs; ++i) run(mutator.next());
  std::printf("%zu seeds and %zu mutations: every property held\n", seeds.size(), runs);
  return 0;
}
