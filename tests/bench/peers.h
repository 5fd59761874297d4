// Who is measured.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "bench/run.h"
#include "bench/scenarios.h"

namespace slurper::bench {

struct Programs {
  std::string slurper;
  std::string recorder = {};        // slurper-trace
  std::filesystem::path loop = {};  // bench_loop
  std::filesystem::path syslogds =
      {};  // where scripts/fetch-packages has unpacked rsyslog and syslog-ng-core
};

// The peers of a field, without those whose program is missing: standard error reports these.
[[nodiscard]] std::vector<Peer> peers_of(Field field, const Programs& programs);

}  // namespace slurper::bench
