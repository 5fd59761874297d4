#include "bench/one_command.h"

#include <algorithm>
#include <thread>

#include "bench/reader.h"

namespace slurper::bench {

Result<Outcome> run_to_its_end(const Peer& peer, const Filling& filling, std::chrono::seconds patience) {
  constexpr std::chrono::milliseconds kInterval(1);
  constexpr double kMilliseconds = 1e3;
  const double busy_before = busy_seconds();
  const Moment began = now();
  auto command = Reader::start(filled_in(peer.command, filling), filling.disk.native());
  if (!command) return std::unexpected(command.error());
  Outcome outcome;
  while (!command->ended()) {
    if (interrupted != 0 || now() - began > patience) {
      outcome.failure = interrupted != 0 ? "interrupted" : "it did not end" + complaint(filling.disk);
      return outcome;
    }
    std::this_thread::sleep_for(kInterval);
  }
  const double elapsed = static_cast<double>((now() - began).count()) * 1e-6;
  const double cpu = command->whole_cpu_seconds();
  outcome.metrics = {{"wall_ms", elapsed * kMilliseconds},
                     {"cpu_ms", cpu * kMilliseconds},
                     {"noise_cpus", std::max(0.0, (busy_seconds() - busy_before - cpu) / elapsed)}};
  return outcome;
}

}  // namespace slurper::bench
