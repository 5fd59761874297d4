// What is written of a record: a template of the operator's (up to the first newline), and the record's bytes
// (behind it), in every format.
#include "sink/format/format.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "base/text.h"
#include "fuzz/fuzz.h"
#include "record/syslog_header.h"
#include "sink/format/json_events.h"
#include "sink/format/json_line.h"

using slurper::fuzz::require;

namespace {

bool is_control(unsigned char c) {
  return (c < 0x20 && c != '\t') || c == 0x7f;
}

slurper::SyslogHeader of_pieces(std::string_view line) {
  slurper::SyslogHeader header;
  const auto next = [&line] {
    const std::string_view piece = line.substr(0, line.find(' '));
    line.remove_prefix(std::min(line.size(), piece.size() + 1));
    return piece;
  };
  header.host = next();
  header.program = next();
  header.pid = next();
  header.message_id = next();
  header.structured_data = next();
  header.message = line;
  return header;
}

void check_json(const std::string& out) {
  require(slurper::is_utf8(out), "JSON is UTF-8");
  require(std::ranges::none_of(out,
                               [](char c) { return is_control(static_cast<unsigned char>(c)) || c == '\t'; }),
          "JSON has no control characters");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = slurper::fuzz::as_text(data, size);
  const std::string_view pattern = input.substr(0, input.find('\n'));
  std::string raw(input.substr(std::min(input.size(), pattern.size() + 1)));
  std::ranges::replace(raw, '\n', ' ');  // no record has any
  const slurper::LogId log{};
  const slurper::Record record(log, size, size + raw.size() + 1, raw, slurper::Part::Whole,
                               slurper::Timestamp(),
                               [](std::string_view line, slurper::Timestamp, slurper::SyslogHeader& header) {
                                 header = of_pieces(line);
                               });

  std::string out;
  slurper::append_json(record, out);
  check_json(out);
  const auto read = nlohmann::json::parse(out, nullptr, false);
  require(!read.is_discarded(), "JSON is valid");
  require(read.contains("raw_base64") != slurper::is_utf8(raw), "what is not UTF-8 is kept");
  if (slurper::is_utf8(raw)) require(read["msg"] == record.header().message, "the message is read back");

  out.clear();
  slurper::append_gelf(record, "host", out);
  check_json(out);
  const auto gelf = nlohmann::json::parse(out, nullptr, false);
  require(!gelf.is_discarded(), "GELF is valid JSON");
  require(gelf.contains("_raw_base64") != slurper::is_utf8(raw), "GELF keeps what is not UTF-8");
  require(!gelf["short_message"].get<std::string>().empty() && !gelf["host"].get<std::string>().empty(),
          "GELF has what it must have");

  out.clear();
  slurper::append_ecs(record, out);
  check_json(out);
  const auto ecs = nlohmann::json::parse(out, nullptr, false);
  require(!ecs.is_discarded(), "ECS is valid JSON");
  require(ecs["slurper"].contains("raw_base64") != slurper::is_utf8(raw), "ECS keeps what is not UTF-8");
  if (slurper::is_utf8(raw)) require(ecs["message"] == record.header().message, "ECS has the message");

  // Whatever the fields are, they are JSON between quotes.
  out.clear();
  slurper::LineTemplate::parse(R"({{"a":"{host:json}{msg:json}","b":"{raw:json}"}})")->append(record, out);
  check_json(out);
  require(!nlohmann::json::parse(out, nullptr, false).is_discarded(), "escaped fields are JSON");
  (void)slurper::lint_json(pattern);

  const slurper::SyslogDefaults escaped = {.escape_controls = true};
  out.clear();
  slurper::append_rfc5424(record, escaped, out);
  slurper::append_rfc3164(record, escaped, out);
  if (const auto pieces = slurper::LineTemplate::parse(pattern)) pieces->append(record, out);
  require(std::ranges::none_of(out, [](char c) { return is_control(static_cast<unsigned char>(c)); }),
          "formats for people have no control characters");
  return 0;
}
