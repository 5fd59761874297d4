#include "sink/syslog/syslog_settings.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

#include "base/phrase_id.h"
#include "record/syslog_names.h"

namespace slurper {

namespace {

using namespace std::chrono_literals;

constexpr std::array<std::string_view, 4> kTransports = {"unix", "udp", "tcp", "tls"};
constexpr std::array<std::string_view, 3> kFormats = {"rfc5424", "rfc3164", "local"};
constexpr std::array<std::string_view, 3> kFramings = {"octet-counting", "lf", "nul"};
constexpr std::array<std::string_view, 2> kTooLong = {"reject", "truncate"};
constexpr std::uint16_t kPort = 514;
constexpr std::uint16_t kTlsPort = 6514;         // RFC 5425
constexpr std::uint64_t kMaxUdp = 65507;         // over IPv4
constexpr std::uint64_t kLeastMaxMessage = 480;  // RFC 5424 section 6.1: every receiver accepts this
constexpr std::uint64_t kDay = in_milliseconds(24h);
constexpr std::uint64_t kGiB = 1U << 30;

std::vector<std::string_view> choices_of(std::span<const SyslogName> names) {
  std::vector<std::string_view> choices(names.size());
  std::ranges::transform(names, choices.begin(), &SyslogName::name);
  return choices;
}

// Rejects each of `names` that is set, because it has an effect only with `transports`.
void reject_all(SinkOptions& options, std::initializer_list<std::string_view> names,
                std::string_view transports) {
  for (const std::string_view name : names) {
    if (options.has(name)) options.reject(name, {PhraseId::OnlyWithTransport, {{"transports", transports}}});
  }
}

void take_targets(SinkOptions& options, SyslogSettings& settings) {
  const std::vector<std::string> targets = options.list("target");
  const std::vector<std::string> paths = options.list("path");
  const Transport transport = settings.connection.transport;
  const bool is_local = transport == Transport::Unix;
  const std::string_view wanted = is_local ? "path" : "target";
  if (is_local) {
    reject_all(options, {"target"}, "udp, tcp or tls");
  } else {
    reject_all(options, {"path"}, "unix");
  }
  if ((is_local ? paths : targets).empty())
    options.reject(wanted, is_local ? PhraseId::NeedsSocket : PhraseId::NeedsServer);
  for (const std::string& path : paths) {
    if (!path.starts_with('/')) options.reject("path", PhraseId::MustBeginWithSlash);
    settings.targets.push_back({.endpoint = {}, .path = path});
  }
  for (const std::string& text : targets) {
    const auto endpoint = parse_endpoint(text, transport == Transport::Tls ? kTlsPort : kPort);
    if (!endpoint) options.reject("target", PhraseId::MustBeHostAndPort);
    settings.targets.push_back({.endpoint = endpoint.value_or(Endpoint{}), .path = {}});
  }
}

void take_connection(SinkOptions& options, ConnectionSettings& settings) {
  const Transport transport = settings.transport;
  settings = ConnectionSettings::from(options);
  settings.transport = transport;
  settings.tls = TlsSettings::from(options);
  if (transport != Transport::Tls) {
    for (const Setting& setting : TlsSettings::settings()) reject_all(options, {setting.name}, "tls");
  }
  settings.resolve_every = options.duration("resolve_every");
  // The others look a name up for each connection.
  if (transport != Transport::Udp) reject_all(options, {"resolve_every"}, "udp");
}

void take_resend(SinkOptions& options, SyslogSettings& settings) {
  const Transport transport = settings.connection.transport;
  const bool is_tcp = transport == Transport::Tcp || transport == Transport::Tls;
  if (is_tcp) {
    settings.resend = options.number("resend");
    settings.resend_time = options.duration("resend_time");
  } else {
    reject_all(options, {"resend", "resend_time"}, "tcp or tls");
  }
}

void take_messages(SinkOptions& options, SyslogSettings& settings) {
  const Transport transport = settings.connection.transport;
  // On the socket of its own machine, a syslogd expects the format of syslog(3): rsyslog mistakes the
  // version of RFC 5424 for a program there.
  const bool is_local = transport == Transport::Unix;
  settings.format = static_cast<MessageFormat>(options.choice("format"));
  settings.framing = static_cast<Framing>(options.choice("framing"));
  if (is_local && !options.has("format")) settings.format = MessageFormat::Local;
  if (is_local && !options.has("framing")) settings.framing = Framing::Lf;
  // A datagram is its own frame.
  if (transport == Transport::Udp) reject_all(options, {"framing"}, "tcp, tls or unix");
  settings.defaults = {.facility = facility_names()[options.choice("facility")].number,
                       .severity = severity_names()[options.choice("severity")].number,
                       .hostname = options.has("hostname") ? options.text("hostname") : machine_name(),
                       .program = options.text("program"),
                       .own_element = options.flag("own_element"),
                       .with_host = settings.format != MessageFormat::Local,
                       // A message must not contain a byte that ends a message for a receiver of such
                       // frames.
                       .escape_controls = settings.format != MessageFormat::Rfc5424 ||
                                          settings.framing != Framing::OctetCounting};
  settings.max_message = options.number("max_message");
  if (settings.max_message == 0 && transport == Transport::Udp) settings.max_message = kMaxUdp;
  if (settings.max_message != 0 && settings.max_message < kLeastMaxMessage)
    options.reject("max_message", PhraseId::MessageLimitTooSmall);
  settings.truncate = options.choice("too_long") == 1;
}

std::vector<Setting> with_groups(std::span<const Setting> own) {
  std::vector<Setting> all(own.begin(), own.end());
  for (const std::span<const Setting> group : {ConnectionSettings::settings(), TlsSettings::settings()})
    all.insert(all.end(), group.begin(), group.end());
  return all;
}

}  // namespace

std::span<const Setting> syslog_setting_declarations() {
  using Type = Setting::Type;
  static const std::vector<std::string_view> facilities = choices_of(facility_names());
  static const std::vector<std::string_view> severities = choices_of(severity_names());
  static const std::array own = {
      Setting{.name = "transport",
              .type = Type::Choice,
              .help = "how messages travel",
              .initial = "tcp",
              .choices = kTransports},
      Setting{.name = "target",
              .type = Type::List,
              .help = "host or host:port of the server; the first of a list that works"},
      Setting{.name = "path", .type = Type::List, .help = "the socket, of transport unix"},
      Setting{.name = "fail_back",
              .type = Type::Duration,
              .help = "how often the first of a list is tried while a later one is in use",
              .initial = "5min",
              .min = in_milliseconds(1s),
              .max = kDay},
      Setting{.name = "format",
              .type = Type::Choice,
              .help = "how a message is written",
              .initial = "rfc5424",
              .choices = kFormats},
      Setting{.name = "framing",
              .type = Type::Choice,
              .help = "how messages are kept apart in a stream",
              .initial = "octet-counting",
              .choices = kFramings},
      Setting{.name = "facility",
              .type = Type::Choice,
              .help = "of lines that have none",
              .initial = "user",
              .choices = facilities},
      Setting{.name = "severity",
              .type = Type::Choice,
              .help = "of lines that have none",
              .initial = "notice",
              .choices = severities},
      Setting{.name = "hostname", .help = "of lines that have none; by default this machine's"},
      Setting{.name = "program", .help = "of lines that have none", .initial = "-"},
      Setting{.name = "probe",
              .type = Type::Flag,
              .help = "send a line that shows whether lines come back",
              .initial = "true"},
      Setting{.name = "own_element",
              .type = Type::Flag,
              .help = "name each line for ever in RFC 5424's structured data",
              .initial = "true"},
      Setting{.name = "max_message",
              .type = Type::Size,
              .help = "bytes of a message; 0: no limit, or what a datagram holds",
              .initial = "0",
              .max = kGiB},
      Setting{.name = "too_long",
              .type = Type::Choice,
              .help = "what becomes of a longer one",
              .initial = "reject",
              .choices = kTooLong},
      // More than the 6 MiB of tcp_rmem's default.
      Setting{.name = "resend",
              .type = Type::Size,
              .help = "what is sent again after a break, although the peer's kernel has acknowledged it",
              .initial = "8MiB",
              .max = kGiB},
      Setting{.name = "resend_time",
              .type = Type::Duration,
              .help = "how old that is at most while nothing is on its way",
              .initial = "1s",
              .max = in_milliseconds(1h)},
      Setting{.name = "resolve_every",
              .type = Type::Duration,
              .help = "of transport udp: how long a name's address is good for",
              .initial = "60s",
              .min = in_milliseconds(1ms),
              .max = kDay},
  };
  static const std::vector<Setting> all = with_groups(own);
  return all;
}

SyslogSettings take_syslog_settings(SinkOptions& options) {
  SyslogSettings settings;
  settings.connection.transport = static_cast<Transport>(options.choice("transport"));
  take_targets(options, settings);
  take_connection(options, settings.connection);
  take_messages(options, settings);
  take_resend(options, settings);
  settings.fail_back = options.duration("fail_back");
  settings.probe = options.flag("probe");
  return settings;
}

}  // namespace slurper
