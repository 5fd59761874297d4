#include "trace/explain/record_name.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "trace/view/shown_event.h"

namespace slurper {

namespace {

constexpr std::size_t kMaxRecords = 4;
constexpr std::size_t kMaxLine = 60;

unsigned byte(std::string_view data, std::size_t index) {
  return static_cast<unsigned char>(data[index]);
}

// FastCGI's records have a head of 8 bytes: version, type, u16 request, u16 length, u8 padding, u8 0. The
// specification, 3.3.
RecordName name_fastcgi(std::string_view data, std::uint64_t size) {
  constexpr std::size_t kHead = 8;
  constexpr std::array<std::string_view, 12> kTypes = {
      "",       "BEGIN_REQUEST", "ABORT_REQUEST", "END_REQUEST",       "PARAMS",      "STDIN", "STDOUT",
      "STDERR", "DATA",          "GET_VALUES",    "GET_VALUES_RESULT", "UNKNOWN_TYPE"};
  constexpr unsigned kStdin = 5;
  RecordName found;
  std::uint64_t at = 0;
  bool is_end = true;
  for (std::size_t count = 0; at + kHead <= data.size() && at < size; ++count) {
    const std::string_view head = data.substr(at, kHead);
    const unsigned type = byte(head, 1);
    if (byte(head, 0) != 1 || type == 0 || type >= kTypes.size() || byte(head, 7) != 0) return {};
    const std::uint64_t length = byte(head, 4) << 8 | byte(head, 5);
    at += kHead + length + byte(head, 6);
    if (length != 0 || type != kStdin) is_end = false;
    if (count == kMaxRecords) {
      found.text += ", and more";
      break;
    }
    if (count > 0) found.text += ", ";
    found.text += length == 0 ? fmt::format("an empty FCGI_{} record", kTypes[type])
                              : fmt::format("an FCGI_{} record of {} bytes", kTypes[type], length);
  }
  found.is_end_mark = is_end && at == size;
  return found;
}

std::string first_line(std::string_view data) {
  std::string line;
  append_name(line, data.substr(0, std::min(data.find_first_of("\r\n"), kMaxLine)));
  return line;
}

RecordName name_http(std::string_view data) {
  constexpr std::array<std::string_view, 8> kRequests = {"GET ",    "POST ",  "HEAD ",    "PUT ",
                                                         "DELETE ", "PATCH ", "OPTIONS ", "CONNECT "};
  if (data.starts_with("HTTP/1.")) return {.text = fmt::format("an HTTP response, '{}'", first_line(data))};
  const bool is_request = std::ranges::any_of(kRequests, [&](auto word) { return data.starts_with(word); }) &&
                          data.substr(0, data.find('\n')).contains(" HTTP/");
  return {.text = is_request ? fmt::format("an HTTP request, '{}'", first_line(data)) : std::string()};
}

// "<13>Jan  1 …": RFC 3164 and RFC 5424 begin alike.
RecordName name_syslog(std::string_view data) {
  constexpr int kMaxPriority = 191;
  const std::size_t close = data.find('>');
  if (!data.starts_with('<') || close == std::string_view::npos || close < 2 || close > 4) return {};
  int priority = 0;
  for (const char digit : data.substr(1, close - 1)) {
    if (std::isdigit(static_cast<unsigned char>(digit)) == 0) return {};
    priority = priority * 10 + (digit - '0');
  }
  if (priority > kMaxPriority) return {};
  return {.text = fmt::format("a syslog message, '{}'", first_line(data))};
}

}  // namespace

RecordName name_record(std::string_view data, std::uint64_t size) {
  for (RecordName name : {name_fastcgi(data, size), name_http(data), name_syslog(data)}) {
    if (!name.text.empty()) return name;
  }
  return {};
}

}  // namespace slurper
