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
  std::vector<Target> targets;  // at least one, in order of preference
  ConnectionSettings connection;
  MessageFormat format = MessageFormat::Rfc5424;
  Framing framing = Framing::OctetCounting;  // for streams
  SyslogDefaults defaults;
  std::uint64_t max_message = 0;  // without the frame; 0: no limit
  bool truncate = false;          // truncate a longer message instead of rejecting it
  // The peer's kernel may have acknowledged bytes that its syslogd has not read. So a byte counts as held
  // only if `resend` more bytes have been acknowledged, or if nothing has been in flight for `resend_time`.
  // For TCP and TLS; else 0, since a local stream shows what has been read, and a datagram shows nothing.
  std::uint64_t resend = 0;
  std::chrono::milliseconds resend_time{0};
  std::chrono::milliseconds fail_back{0};
  bool probe = true;  // send a line that shows whether lines come back
};

// Returns the settings that the type declares.
[[nodiscard]] std::span<const Setting> syslog_setting_declarations();

// Reads the settings; rejects in `options` what is missing or wrong.
[[nodiscard]] SyslogSettings take_syslog_settings(SinkOptions& options);

}  // namespace slurper
