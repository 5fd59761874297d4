// The settings of the sink `syslog`.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <vector>

#include "sink/format/syslog_format.h"
#include "sink/net/connection.h"
#include "slurper/sink.h"

namespace slurper {

enum class MessageFormat : std::uint8_t { Rfc5424, Rfc3164, Local };  // the last is syslog(3)'s
enum class Framing : std::uint8_t { OctetCounting, Lf, Nul };         // RFC 6587; the last is syslog(3)'s

struct SyslogSettings {
  std::vector<Target> targets;  // at least one, in the order of preference
  ConnectionSettings connection;
  MessageFormat format = MessageFormat::Rfc5424;
  Framing framing = Framing::OctetCounting;  // of streams
  SyslogDefaults defaults;
  std::uint64_t max_message = 0;  // without the frame; 0: no limit
  bool truncate = false;          // what is longer, instead of sending nothing of it
  // What a peer's kernel has acknowledged its syslogd may not have read: it is held when so much more has
  // been acknowledged, or nothing has been on its way and so much time has passed. Of TCP and TLS; else 0: a
  // local stream tells what has been read, a datagram nothing.
  std::uint64_t resend = 0;
  std::chrono::milliseconds resend_time{0};
  std::chrono::milliseconds fail_back{0};
  bool probe = true;  // send a line that shows whether lines come back
};

// What the type declares.
[[nodiscard]] std::span<const Setting> syslog_setting_declarations();

// Rejects there what is missing or wrong.
[[nodiscard]] SyslogSettings take_syslog_settings(SinkOptions& options);

}  // namespace slurper
