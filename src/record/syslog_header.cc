#include "record/syslog_header.h"

#include <algorithm>
#include <array>

#include "record/syslog_names.h"
#include "record/syslog_time.h"

namespace slurper {

namespace {

// Which bytes may stand in which field. Bytes beyond ASCII may stand in all: RFC 5424 forbids that, but
// programs write them.
enum class In : std::uint8_t {
  Word = 1,    // in a field: neither a blank nor a control character
  SdName = 2,  // in a name of structured data
  Tag = 4,     // in a tag. No quotes, braces and the like: '{"level":' is a message
  Host = 8,    // in a host's name or address; syslog-ng writes '/' and '@' there, between the hosts that
               // relayed the line
};

constexpr std::array<std::uint8_t, 256> fields_of_bytes() {
  std::array<std::uint8_t, 256> fields{};
  for (unsigned byte = 0x21; byte < fields.size(); ++byte) {
    if (byte == 0x7f) continue;
    const char c = static_cast<char>(byte);
    const bool alphanumeric = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    const auto one_of = [c](std::string_view set) { return set.find(c) != set.npos; };
    const auto may_be = [&](In field) { fields[byte] |= static_cast<std::uint8_t>(field); };
    may_be(In::Word);
    if (!one_of("=]\"")) may_be(In::SdName);
    if (!one_of("\"'`<>{}=,;|?*&^!")) may_be(In::Tag);
    if (alphanumeric || one_of("._-:/@%")) may_be(In::Host);
  }
  return fields;
}
constexpr std::array<std::uint8_t, 256> kFieldsOfBytes = fields_of_bytes();

bool may_be(In field, char c) {
  return (kFieldsOfBytes[static_cast<unsigned char>(c)] & static_cast<std::uint8_t>(field)) != 0;
}

// The end of the run of such bytes that begins at `at`; `stop` ends it, too.
std::size_t end_of(In field, std::string_view text, std::size_t at, char stop = '\0') {
  while (at < text.size() && may_be(field, text[at]) && text[at] != stop) ++at;
  return at;
}

constexpr unsigned kHighestPri = 191;

// Reads "<34>" at the beginning of `rest`, and removes it.
void read_pri(std::string_view& rest, SyslogHeader& header) {
  constexpr std::size_t kLongest = std::string_view("<191>").size();
  if (rest.size() < 3 || rest[0] != '<') return;
  unsigned pri = 0;
  std::size_t at = 1;
  for (; at < std::min(rest.size(), kLongest) && rest[at] >= '0' && rest[at] <= '9'; ++at)
    pri = 10 * pri + static_cast<unsigned>(rest[at] - '0');
  const bool leading_zero = rest[1] == '0' && at > 2;
  if (at == 1 || at == rest.size() || rest[at] != '>' || leading_zero || pri > kHighestPri) return;
  header.facility = static_cast<std::uint8_t>(pri / kSeverities);
  header.severity = static_cast<std::uint8_t>(pri % kSeverities);
  rest.remove_prefix(at + 1);
}

// Takes a field of RFC 5424 and the blank after it. If the tag is empty, util-linux's logger writes an empty
// field.
bool take_field(std::string_view& rest, std::string_view& field) {
  const std::size_t end = end_of(In::Word, rest, 0);
  if (end == rest.size() || rest[end] != ' ') return false;
  field = rest.substr(0, end);
  if (field == "-") field = {};
  rest.remove_prefix(end + 1);
  return true;
}

// The end of the element of structured data that begins at `at`: [id name="value" …]; 0 if there is none. In
// a value, a backslash escapes a quote. An unescaped bracket in a value is an error, but misleads no parser
// here.
std::size_t end_of_element(std::string_view text, std::size_t at) {
  std::size_t end = end_of(In::SdName, text, ++at);
  while (end > at && end < text.size()) {
    if (text[end] == ']') return end + 1;
    if (text[end] != ' ') return 0;
    at = end + 1;
    end = end_of(In::SdName, text, at);
    if (end == at || !text.substr(end).starts_with("=\"")) return 0;
    for (end += 2; end < text.size() && text[end] != '"'; ++end) {
      if (text[end] == '\\') ++end;
    }
    ++end;
  }
  return 0;
}

bool take_structured_data(std::string_view& rest, std::string_view& data) {
  std::size_t end = 0;
  if (rest.starts_with('-')) {
    end = 1;
  } else {
    while (end < rest.size() && rest[end] == '[') {
      end = end_of_element(rest, end);
      if (end == 0) return false;
    }
    if (end == 0) return false;
    data = rest.substr(0, end);
  }
  rest.remove_prefix(end);
  return true;
}

// Reads RFC 5424, from the version on.
bool read_rfc5424(std::string_view rest, SyslogHeader& header) {
  constexpr std::string_view kVersion = "1 ";
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  rest.remove_prefix(kVersion.size());
  if (const std::size_t length = read_iso_time(rest, header.timestamp); length > 0) {
    rest.remove_prefix(length);
  } else if (header.facility && rest.starts_with('-')) {
    // Without <PRI> and time, "1 - - …" could be anything.
    rest.remove_prefix(1);
  } else {
    return false;
  }
  if (!rest.starts_with(' ')) return false;
  rest.remove_prefix(1);
  if (!take_field(rest, header.host) || !take_field(rest, header.program) || !take_field(rest, header.pid) ||
      !take_field(rest, header.message_id) || !take_structured_data(rest, header.structured_data))
    return false;
  if (!rest.empty()) {
    if (rest[0] != ' ') return false;
    rest.remove_prefix(1);
    if (rest.starts_with(kByteOrderMark)) rest.remove_prefix(kByteOrderMark.size());
  }
  header.message = rest;
  header.format = HeaderFormat::Rfc5424;
  return true;
}

// Reads "sshd[123]: message" or "kernel: message": a tag, which always has a colon, and the text after it.
bool read_tag(std::string_view text, SyslogHeader& header) {
  std::size_t end = end_of(In::Tag, text, 0, '[');
  if (end == 0) return false;
  if (end < text.size() && text[end] == '[') {
    const std::size_t pid = end + 1;
    const std::size_t bracket = end_of(In::Word, text, pid, ']');
    if (text.substr(bracket).starts_with("]:")) {
      header.program = text.substr(0, end);
      header.pid = text.substr(pid, bracket - pid);
      text.remove_prefix(bracket + 2);
      header.message = text.substr(text.starts_with(' ') ? 1 : 0);
      return true;
    }
    end = end_of(In::Tag, text, end);
  }
  // A tag without a pid needs a blank after its colon: "http://…" is no tag.
  if (end < 2 || text[end - 1] != ':' || (end < text.size() && text[end] != ' ')) return false;
  header.program = text.substr(0, end - 1);
  header.message = text.substr(std::min(end + 1, text.size()));
  return true;
}

bool take_host(std::string_view& rest, std::string_view& host) {
  constexpr std::size_t kLongest = 255;
  const std::size_t end = end_of(In::Host, rest, 0);
  if (end == 0 || end > kLongest || end == rest.size() || rest[end] != ' ' || rest[0] == '-') return false;
  host = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return true;
}

// Takes "auth.info ", which busybox's syslogd writes after the host.
bool take_names(std::string_view& rest, SyslogHeader& header) {
  const std::size_t blank = rest.substr(0, std::string_view("authpriv.warning ").size()).find(' ');
  if (blank == rest.npos) return false;
  const std::size_t point = rest.substr(0, blank).find('.');
  if (point == rest.npos) return false;
  const auto facility = facility_number(rest.substr(0, point));
  const auto severity = severity_number(rest.substr(point + 1, blank - point - 1));
  if (!facility || !severity) return false;
  header.facility = facility;
  header.severity = severity;
  rest.remove_prefix(blank + 1);
  return true;
}

// Reads "app[77] x", "kernel x": a tag that lacks the colon. rsyslog writes such tags for messages that it
// received as RFC 5424.
enum class Bare : std::uint8_t { Tag, TagWithNumber };
bool read_bare_tag(std::string_view text, Bare which, SyslogHeader& header) {
  const std::size_t end = end_of(In::Tag, text, 0);
  if (end == 0 || (end < text.size() && text[end] != ' ')) return false;
  const std::string_view word = text.substr(0, end);
  const std::size_t bracket = word.find('[');
  if (bracket == 0 || word.ends_with(':')) return false;
  std::string_view program = word;
  std::string_view pid;
  if (bracket != word.npos && word.find(']') == end - 1) {
    program = word.substr(0, bracket);
    pid = word.substr(bracket + 1, end - bracket - 2);
  }
  const bool is_number =
      !pid.empty() && std::ranges::all_of(pid, [](char c) { return c >= '0' && c <= '9'; });
  if (which == Bare::TagWithNumber && !is_number) return false;
  header.program = program;
  header.pid = pid;
  header.message = text.substr(std::min(end + 1, text.size()));
  return true;
}

// Whether the word is a level like "INFO": after the time, as many programs write a level as syslogds write a
// host.
bool is_level(std::string_view word) {
  static constexpr std::array<std::string_view, 12> kMore = {"trace",    "verbose", "fine",        "finer",
                                                             "finest",   "config",  "information", "severe",
                                                             "critical", "fatal",   "emergency",   "success"};
  constexpr std::size_t kLongest = std::string_view("information").size();
  if (severity_number(word)) return true;
  if (word.size() > kLongest) return false;
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::ranges::any_of(
      kMore, [&](std::string_view one) { return std::ranges::equal(one, word, {}, {}, lower); });
}

// Removes RFC 5424's NIL, which rsyslog's templates write.
void drop_nil(std::string_view& field) {
  if (field == "-") field = {};
}

// What a word after the time is if no tag follows it.
enum class Untagged : std::uint8_t { Host, Message };

// Reads the text after the host if that has no tag. `host` is empty for "-". Returns false if the host is
// part of the message.
bool read_untagged(std::string_view rest, std::string_view host, SyslogHeader& header, Untagged untagged) {
  const bool is_iso = untagged == Untagged::Message;
  if (!header.facility && take_names(rest, header)) {
    header.message = rest;
    // In lines from slurper's own templates, the place of the tag is certain, whatever it looks like. In
    // busybox's lines, which have the other time, a message may lack the tag.
    if (read_tag(rest, header) || (is_iso && read_bare_tag(rest, Bare::Tag, header))) {
      drop_nil(header.program);
      drop_nil(header.pid);
    }
    return true;
  }
  if (is_iso) return !is_level(host) && read_bare_tag(rest, Bare::TagWithNumber, header);
  header.message = rest;
  if (rest.starts_with(": %"))
    (void)read_tag(rest.substr(2), header);  // Cisco ASA's "host : %ASA-6-302013: "
  return true;
}

// Reads the text after the time in RFC 3164 and in rsyslog's file format: the host, if there is one, and the
// tag. syslog(3) and logger(1), which write no host, always write a tag.
void read_origin(std::string_view rest, SyslogHeader& header, Untagged untagged) {
  header.message = rest;
  if (read_tag(rest, header)) return;
  std::string_view host;
  const std::string_view all = rest;
  if (!take_host(rest, host)) {
    if (untagged != Untagged::Message) return;
    if (rest.starts_with("- ")) {
      rest.remove_prefix(2);
    } else {
      (void)read_bare_tag(rest, Bare::TagWithNumber, header);
      return;
    }
  } else if (read_tag(rest, header)) {
    header.host = host;
    return;
  }
  if (read_untagged(rest, host, header, untagged)) {
    header.host = host;
  } else {
    header.message = all;
  }
}

// RFC 3164 requires a host, and every syslogd writes one. Cisco's devices write a colon after the time, and
// no host.
bool read_rfc3164(std::string_view rest, Timestamp arrival, SyslogHeader& header) {
  const std::size_t length = read_local_time(rest, arrival, header.timestamp);
  if (length == 0) return false;
  rest.remove_prefix(length);
  if (rest.starts_with(' ')) {
    read_origin(rest.substr(1), header, Untagged::Host);
  } else if (rest.starts_with(": ")) {
    header.message = rest.substr(2);
    (void)read_tag(header.message, header);
  } else {
    return false;
  }
  header.format = HeaderFormat::Rfc3164;
  return true;
}

// Takes "237: ", a sequence number.
bool take_sequence(std::string_view& rest) {
  const std::size_t colon = rest.find_first_not_of("0123456789");
  if (colon == 0 || colon == rest.npos || !rest.substr(colon).starts_with(": ")) return false;
  rest.remove_prefix(colon + 2);
  return true;
}

// Reads "237: *Jan  8 10:00:00.123: %SYS-5-CONFIG_I: message", which Cisco's IOS writes: a counter of
// messages; sequence numbers and the device if they are configured ("237: R1: *Jan …"); and '*' or '.' before
// the time of a clock that is not set, or not any more.
bool read_cisco(std::string_view rest, Timestamp arrival, SyslogHeader& header) {
  std::string_view host;
  if (take_sequence(rest)) {
    (void)take_sequence(rest);
    const std::size_t end = std::min(end_of(In::Host, rest, 0), rest.size());
    if (end > 1 && rest[end - 1] == ':' && rest.substr(end).starts_with(' ')) {
      host = rest.substr(0, end - 1);
      rest.remove_prefix(end + 1);
    }
  }
  if (rest.starts_with('*') || rest.starts_with('.')) rest.remove_prefix(1);
  const std::size_t length = read_local_time(rest, arrival, header.timestamp);
  if (length == 0 || !rest.substr(length).starts_with(": ")) return false;
  header.message = rest.substr(length + 2);
  (void)read_tag(header.message, header);
  header.host = host;
  header.format = HeaderFormat::Rfc3164;
  return true;
}

// Many programs begin their lines with such a time: the word after it is as likely a level, "INFO".
bool read_iso(std::string_view rest, SyslogHeader& header) {
  const std::size_t length = read_iso_time(rest, header.timestamp);
  if (length == 0 || !rest.substr(length).starts_with(' ')) return false;
  read_origin(rest.substr(length + 1), header, Untagged::Message);
  header.format = HeaderFormat::Iso;
  return true;
}

bool read_header(std::string_view rest, Timestamp arrival, SyslogHeader& header) {
  if (rest.size() < 2) return false;
  if (rest[0] >= 'A' && rest[0] <= 'S') return read_rfc3164(rest, arrival, header);  // Apr to Sep
  if (rest[0] == '1' && rest[1] == ' ') return read_rfc5424(rest, header);
  if (read_iso(rest, header)) return true;
  const bool may_be_cisco = (rest[0] >= '0' && rest[0] <= '9') || rest[0] == '*' || rest[0] == '.';
  return may_be_cisco && read_cisco(rest, arrival, header);
}

}  // namespace

void parse_syslog_header(std::string_view line, Timestamp arrival, SyslogHeader& header) {
  header = {};
  read_pri(line, header);
  if (read_header(line, arrival, header)) return;
  SyslogHeader unread;
  unread.facility = header.facility;
  unread.severity = header.severity;
  unread.message = line;
  header = unread;
}

}  // namespace slurper
