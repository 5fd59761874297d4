// slurper_bench: slurper side by side with cat, with itself without sinks, and with other forwarders; a
// process with and without slurper trace; and slurper's commands beside others. See scenarios.cc for what is
// measured.
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "base/error.h"
#include "bench/asked.h"
#include "bench/data.h"
#include "bench/forward.h"
#include "bench/looked.h"
#include "bench/peers.h"
#include "bench/plot.h"
#include "bench/scenarios.h"
#include "bench/surroundings.h"
#include "bench/traced.h"
#include "support/text_of.h"

namespace slurper::bench {
namespace {

using test::text_of;

namespace fs = std::filesystem;

struct Options {
  std::vector<std::string> scenarios;  // empty: all
  std::vector<std::string> peers;      // empty: all
  std::vector<std::string> more_peers;
  unsigned repeats = 5;
  double scale = 1;
  std::string slurper;
  std::string json;
  std::string plot;     // a file of results to draw; empty: measure
  std::string plot_to;  // where drawings go
};

// A folder with a fresh name, removed at the end.
class TemporaryFolder {
 public:
  static Result<TemporaryFolder> create(const fs::path& parent) {
    std::string name = (parent / "slurper-bench-XXXXXX").native();
    if (::mkdtemp(name.data()) == nullptr)
      return fail_errno(errno, own_words(fmt::format("make a folder in '{}'", parent.native())));
    return TemporaryFolder(name);
  }
  TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;  // nothing more can be done about it
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  explicit TemporaryFolder(fs::path path) : path_(std::move(path)) {}
  fs::path path_;
};

// Unpacks the syslogds that lines are forwarded by, if that was not done yet.
void fetch_syslogds() {
  const std::string command =
      fmt::format("'{}' '{}' rsyslog syslog-ng-core", SLURPER_FETCH_PACKAGES, SLURPER_SYSLOGDS);
  if (std::system(command.c_str()) != 0)
    fmt::print(stderr, "slurper_bench: cannot fetch rsyslog and syslog-ng\n");
}

std::vector<Peer> chosen_peers(const Options& options, const Scenario& scenario, const Programs& programs) {
  std::vector<Peer> peers = peers_of(scenario.field, programs);
  for (const std::string& peer : options.more_peers) {
    const std::size_t equals = peer.find('=');
    Peer& more = peers.emplace_back(Peer{.name = peer.substr(0, equals),
                                         .command = peer.substr(equals + 1),
                                         .notifies = peer.find("slurper run") != std::string::npos});
    if (peer.find("{port}") != std::string::npos) more.receiver = Habit::Counts;
  }
  std::erase_if(peers, [&](const Peer& peer) {
    return (!options.peers.empty() && std::ranges::find(options.peers, peer.name) == options.peers.end()) ||
           (scenario.field == Field::Forwarders && peer.receiver.has_value() != scenario.to_receiver);
  });
  return peers;
}

std::vector<Peer> peers_for(const Scenario& scenario, const std::vector<Peer>& peers) {
  std::vector<Peer> chosen;
  for (const Peer& peer : peers) {
    if (!scenario.yardsticks && peer.name.starts_with("loop")) continue;
    chosen.push_back(peer);
    if (!scenario.also_in_ram) continue;
    Peer& in_ram = chosen.emplace_back(peer);
    in_ram.name += kInRam;
    in_ram.log_in_ram = true;
  }
  return chosen;
}

// Every peer once a repeat, in a fresh random order, so that the neighbours' noise hits all alike.
Status run_scenario(const Scenario& scenario, const Options& options, const std::vector<Peer>& peers,
                    const Places& places, std::vector<Record>& records) {
  static std::mt19937 random{std::random_device{}()};
  const LineMaker maker;
  RunPlan plan = scenario.plan;
  for (std::uint64_t* const count :
       {&plan.writers.lines, &plan.calls.calls, &plan.log_size, &plan.look.processes})
    *count = static_cast<std::uint64_t>(static_cast<double>(*count) * options.scale);
  std::optional<WeekOfLines> log;
  if (scenario.field == Field::Questions) {
    auto made = WeekOfLines::make(maker, plan.log_size, places);
    if (!made) return std::unexpected(made.error());
    log = std::move(*made);
  }
  std::vector<Peer> order = peers_for(scenario, peers);
  for (unsigned repeat = 0; repeat < options.repeats; ++repeat) {
    std::shuffle(order.begin(), order.end(), random);
    for (const Peer& peer : order) {
      if (::isatty(STDERR_FILENO) != 0) {
        fmt::print(stderr, "\r\033[K{} {}/{} {}", scenario.name, repeat + 1, options.repeats, peer.name);
      }
      auto outcome = scenario.field == Field::Forwarders  ? run_forward(maker, peer, plan, places)
                     : scenario.field == Field::Recorders ? run_traced(peer, plan.calls, places)
                     : scenario.field == Field::Questions ? run_asked(peer, *log, places)
                     : scenario.field == Field::Lookers   ? run_look(peer, plan.look, places)
                                                          : run_once(maker, peer, plan, places);
      if (::isatty(STDERR_FILENO) != 0) fmt::print(stderr, "\r\033[K");
      if (!outcome) return std::unexpected(outcome.error());
      if (interrupted != 0)
        return fail(ErrorKind::Busy, own_words("measure"), own_words("it was interrupted"));
      records.push_back({scenario.name, peer.name, repeat, std::move(*outcome)});
    }
  }
  return {};
}

Status write_file(const fs::path& path, const std::string& text) {
  std::ofstream file(path);
  file << text << std::flush;
  if (!file)
    return fail(ErrorKind::CantCreate, own_words(fmt::format("write '{}'", path.native())),
                own_words("the write failed"));
  return {};
}

Status plot(const Options& options) {
  const auto data = read_data(options.plot);
  if (!data) return std::unexpected(data.error());
  const std::vector<Drawing> drawn = drawings(*data);
  if (drawn.empty()) {
    return fail(ErrorKind::Data, own_words(fmt::format("draw '{}'", options.plot)),
                own_words("it has no scenario that is drawn"),
                own_words("Measure flat, paced, bursts, burst or stall"));
  }
  fs::create_directories(options.plot_to);
  for (const Drawing& drawing : drawn) {
    const fs::path path = fs::path(options.plot_to) / drawing.file;
    if (auto written = write_file(path, drawing.svg); !written) return written;
    fmt::print("{}\n", path.lexically_normal().native());
  }
  return {};
}

std::string today() {
  const std::chrono::year_month_day date(
      std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now()));
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()));
}

Result<bool> run(const Options& options) {
  const fs::path programs = fs::read_symlink("/proc/self/exe").parent_path();
  const auto disk = TemporaryFolder::create(programs);
  if (!disk) return std::unexpected(disk.error());
  const auto ram = TemporaryFolder::create("/dev/shm");
  if (!ram) return std::unexpected(ram.error());

  const Programs measured{.slurper = options.slurper,
                          .recorder = fs::path(options.slurper).replace_filename("slurper-trace"),
                          .loop = programs / "bench_loop",
                          .syslogds = SLURPER_SYSLOGDS};
  std::vector<Record> records;
  bool good = true;
  for (const Scenario& scenario : scenarios()) {
    if (!options.scenarios.empty() && std::find(options.scenarios.begin(), options.scenarios.end(),
                                                scenario.name) == options.scenarios.end()) {
      continue;
    }
    if (scenario.plan.stall && ::geteuid() != 0) {
      fmt::print("\n{}: left out, only root can make a disk hang\n", scenario.name);
      continue;
    }
    if (scenario.field == Field::Recorders && ::geteuid() != 0) {
      fmt::print("\n{}: left out, only root can trace\n", scenario.name);
      continue;
    }
    if (scenario.field == Field::Forwarders) fetch_syslogds();
    const std::vector<Peer> peers = chosen_peers(options, scenario, measured);
    if (auto done = run_scenario(scenario, options, peers, {disk->path(), ram->path()}, records); !done) {
      return std::unexpected(done.error());
    }
    fmt::print("{}", table(scenario, records));
    std::fflush(stdout);
    for (const Peer& peer : peers) {
      if (std::ranges::find(scenario.judged, peer.name) != scenario.judged.end())
        good = good && passed(scenario, records, peer.name);
    }
  }
  if (!options.json.empty()) {
    const Data data{.machine = machine(disk->path()), .date = today(), .runs = std::move(records)};
    if (auto written = write_file(options.json, to_json(data)); !written)
      return std::unexpected(written.error());
  }
  return good;
}

int main(int argc, char** argv) {
  Options options;
  options.slurper =
      (fs::read_symlink("/proc/self/exe").parent_path() / "../../src/slurper").lexically_normal();
  CLI::App app("Measures slurper side by side with cat, with itself without sinks, and with syslogds.");
  std::vector<std::string> names;
  for (const Scenario& scenario : scenarios()) names.push_back(scenario.name);
  app.add_option("scenario", options.scenarios, "which to run; all by default")->check(CLI::IsMember(names));
  app.add_option("-n,--repeats", options.repeats, "of every peer in a scenario")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("-p,--peers", options.peers, "only these")->delimiter(',')->allow_extra_args(false);
  app.add_option("--peer", options.more_peers,
                 "one more: 'name=command', with {fifo}, {out}, {disk}, {ram}, {port}")
      ->allow_extra_args(false)
      ->check([](const std::string& peer) {
        return peer.find('=') > 0 && peer.find('=') != std::string::npos ? "" : "needs 'name=command'";
      });
  app.add_option("--slurper", options.slurper, "the program to measure")->capture_default_str();
  app.add_option("--scale", options.scale, "factor on the number of lines, for a quick look")
      ->check(CLI::PositiveNumber);
  app.add_option("--json", options.json, "write all runs to this file");
  app.add_option("--plot", options.plot,
                 "measure nothing, draw the runs of such a file; docs/performance.json by default")
      ->expected(0, 1)
      ->default_str(SLURPER_DOCS "/performance.json")
      ->excludes("scenario");
  app.add_option("--plot-to", options.plot_to, "the folder for the drawings")
      ->default_val(SLURPER_DOCS "/images");
  CLI11_PARSE(app, argc, argv);

  for (const int signal : {SIGINT, SIGTERM}) {
    struct sigaction action{};
    action.sa_handler = [](int) { interrupted = 1; };
    ::sigaction(signal, &action, nullptr);
  }
  const auto failed = [](const Error& error) {
    fmt::print(stderr, "slurper_bench: {}\n", text_of(error));
    return static_cast<int>(error.kind);
  };
  if (!options.plot.empty()) {
    const auto drawn = plot(options);
    return drawn ? 0 : failed(drawn.error());
  }
  const auto good = run(options);
  if (!good) return failed(good.error());
  return *good ? 0 : 1;
}

}  // namespace
}  // namespace slurper::bench

int main(int argc, char** argv) {
  try {
    return slurper::bench::main(argc, argv);
  } catch (const std::exception& e) {  // the file system library's, mostly
    std::fprintf(stderr, "slurper_bench: %s\n", e.what());
    return static_cast<int>(slurper::ErrorKind::Io);
  }
}
