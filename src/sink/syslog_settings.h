// The settings of the sink `syslog`.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "sink/connection.h"
#include "sink/syslog_format.h"
#include "slurper/sink.h"

namespace slurper {

enum class Framing : std::uint8_t { OctetCounting, Lf, Nul };  // RFC 6587; the last is syslog(3)'s

struct SyslogSettings {
  std::vector<Target> targets;  // at least one, in the order of preference
  ConnectionSettings connection;
  bool is_rfc3164 = false;
  Framing framing = Framing::OctetCounting;  // of streams
  SyslogDefaults defaults;
  std::uint64_t max_message = 0;  // without the frame; 0: no limit
  bool truncate = false;          // what is longer, instead of sending nothing of it
  // How much of what a peer's kernel has acknowledged counts as not held, while more follows: what its
  // syslogd may not have read.
  std::uint64_t resend = 0;
  std::chrono::milliseconds fail_back{0};
};

// What is missing or wrong is rejected there.
[[nodiscard]] SyslogSettings take_syslog_settings(SinkOptions& options);

}  // namespace slurper
