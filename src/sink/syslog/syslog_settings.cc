#include "sink/syslog/syslog_settings.h"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

#include "record/syslog_names.h"

namespace slurper {

namespace {

using namespace std::chrono_literals;

constexpr std::array<std::string_view, 4> kTransports = {"unix", "udp", "tcp", "tls"};
constexpr std::array<std::string_view, 3> kFormats = {"rfc5424", "rfc3164", "local"};
constexpr std::array<std::string_view, 3> kFramings = {"octet-counting", "lf", "nul"};
constexpr std::array<std::string_view, 2> kTooLong = {"reject", "truncate"};
constexpr std::array<std::string_view, 2> kVerify = {"full", "none"};
constexpr std::uint16_t kPort = 514;
constexpr std::uint16_t kTlsPort = 6514;         // RFC 5425
constexpr std::uint64_t kMaxUdp = 65507;         // over IPv4
constexpr std::uint64_t kLeastMaxMessage = 480;  // RFC 5424 section 6.1: what every receiver takes
constexpr std::uint64_t kResend = 8U << 20;      // above the 6 MiB of tcp_rmem's default
constexpr auto kNever = 0ms;
constexpr auto kLongest = std::chrono::milliseconds(24h);

// The number behind one of these names.
std::uint8_t take_named(SinkOptions& options, std::string_view name, std::span<const SyslogName> names,
                        std::size_t otherwise) {
  std::vector<std::string_view> choices(names.size());
  std::ranges::transform(names, choices.begin(), &SyslogName::name);
  return names[options.choice(name, choices, otherwise)].number;
}

void take_targets(SinkOptions& options, SyslogSettings& settings) {
  const std::vector<std::string> targets = options.list("target");
  const std::vector<std::string> paths = options.list("path");
  const Transport transport = settings.connection.transport;
  const bool is_local = transport == Transport::Unix;
  const std::string_view wanted = is_local ? "path" : "target";
  const std::string_view unwanted = is_local ? "target" : "path";
  if (options.has(unwanted))
    options.reject(unwanted, is_local ? "must not be there with transport unix: that takes a path"
                                      : "must not be there without transport unix: others take a target");
  if ((is_local ? paths : targets).empty())
    options.reject(wanted, is_local ? "must be the path of a socket, such as \"/dev/log\""
                                    : "must be a server, such as \"logs.example:514\"");
  for (const std::string& path : paths) {
    if (!path.starts_with('/')) options.reject("path", "must begin with a '/'");
    settings.targets.push_back({.endpoint = {}, .path = path});
  }
  for (const std::string& text : targets) {
    const auto endpoint = parse_endpoint(text, transport == Transport::Tls ? kTlsPort : kPort);
    if (!endpoint)
      options.reject("target",
                     "must be a host and perhaps a port, such as \"logs.example\", \"192.0.2.1:514\", "
                     "\"[::1]:514\"");
    settings.targets.push_back({.endpoint = endpoint.value_or(Endpoint{}), .path = {}});
  }
}

void take_tls(SinkOptions& options, SyslogSettings& settings) {
  TlsSettings& tls = settings.connection.tls;
  tls.ca_file = options.text("ca_file", "");
  tls.certificate = options.text("certificate", "");
  tls.key = options.text("key", "");
  tls.server_name = options.text("server_name", "");
  tls.verify = options.choice("verify", kVerify, 0) == 0;
  if (!tls.key.empty() && tls.certificate.empty()) options.reject("certificate", "must be there with a key");
  if (settings.connection.transport == Transport::Tls) return;
  for (const std::string_view name : {"ca_file", "certificate", "key", "server_name", "verify"}) {
    if (options.has(name)) options.reject(name, "must not be there without transport tls");
  }
}

void take_connection(SinkOptions& options, ConnectionSettings& settings) {
  settings.connect_timeout = options.duration("connect_timeout", 10s, 100ms, kLongest);
  settings.write_timeout = options.duration("write_timeout", kNever, kNever, kLongest);
  settings.dead_after = options.duration("dead_after", 30s, 1s, kLongest);
  settings.keepalive = options.duration("keepalive", 60s, kNever, 8h);
  settings.send_buffer = options.size("send_buffer", 0, 0, 1U << 30);
  settings.resolve_every = options.duration("resolve_every", 60s, 1ms, kLongest);
  if (settings.transport != Transport::Udp && options.has("resolve_every"))
    options.reject("resolve_every",
                   "must not be there without transport udp: others look a name up at each connection");
}

void take_resend(SinkOptions& options, SyslogSettings& settings) {
  const Transport transport = settings.connection.transport;
  const bool is_tcp = transport == Transport::Tcp || transport == Transport::Tls;
  settings.resend = options.size("resend", is_tcp ? kResend : 0, 0, 1U << 30);
  settings.resend_time = options.duration("resend_time", is_tcp ? 1s : 0s, 0s, 1h);
  if (is_tcp) return;
  for (const std::string_view name : {"resend", "resend_time"}) {
    if (options.has(name)) options.reject(name, "must not be there without transport tcp or tls");
  }
}

void take_messages(SinkOptions& options, SyslogSettings& settings) {
  const Transport transport = settings.connection.transport;
  // On its own machine's socket a syslogd expects what syslog(3) writes: rsyslog takes the version of RFC
  // 5424 for a program there.
  const bool is_local = transport == Transport::Unix;
  const auto format = is_local ? MessageFormat::Local : MessageFormat::Rfc5424;
  const auto framing = is_local ? Framing::Lf : Framing::OctetCounting;
  settings.format =
      static_cast<MessageFormat>(options.choice("format", kFormats, static_cast<std::size_t>(format)));
  settings.framing =
      static_cast<Framing>(options.choice("framing", kFramings, static_cast<std::size_t>(framing)));
  if (transport == Transport::Udp && options.has("framing"))
    options.reject("framing", "must not be there with transport udp: a datagram is its own frame");
  settings.defaults = {.facility = take_named(options, "facility", facility_names(), 1),
                       .severity = take_named(options, "severity", severity_names(), 5),
                       .hostname = options.text("hostname", machine_name()),
                       .program = options.text("program", "-"),
                       .own_element = options.flag("own_element", true),
                       .with_host = settings.format != MessageFormat::Local,
                       // A byte that ends a message for some receiver of such frames never stands in one.
                       .escape_controls = settings.format != MessageFormat::Rfc5424 ||
                                          settings.framing != Framing::OctetCounting};
  const std::uint64_t otherwise = transport == Transport::Udp ? kMaxUdp : 0;
  settings.max_message = options.size("max_message", otherwise, 0, 1U << 30);
  if (settings.max_message == 0) settings.max_message = otherwise;
  if (settings.max_message != 0 && settings.max_message < kLeastMaxMessage)
    options.reject("max_message", "must be 0 or at least \"480B\", which every receiver takes");
  settings.truncate = options.choice("too_long", kTooLong, 0) == 1;
}

}  // namespace

SyslogSettings take_syslog_settings(SinkOptions& options) {
  SyslogSettings settings;
  settings.connection.transport = static_cast<Transport>(
      options.choice("transport", kTransports, static_cast<std::size_t>(Transport::Tcp)));
  take_targets(options, settings);
  take_connection(options, settings.connection);
  take_tls(options, settings);
  take_messages(options, settings);
  take_resend(options, settings);
  settings.fail_back = options.duration("fail_back", 5min, 1s, kLongest);
  settings.probe = options.flag("probe", true);
  return settings;
}

}  // namespace slurper
