#include "sink/format/json_events.h"

#include <algorithm>
#include <cstddef>
#include <optional>

#include "record/syslog_names.h"
#include "sink/format/json_writer.h"
#include "sink/format/syslog_format.h"

namespace slurper {

namespace {

// Room for the names of members, numbers and times: everything that does not grow with the line.
constexpr std::size_t kMaxRest = 1024;
// A line without <PRI> is user.notice, as in the other formats.
constexpr std::uint8_t kNotice = 5;

// The most bytes that a record needs if program and pid are written twice.
std::size_t most_bytes(const Record& record, std::string_view hostname) {
  const SyslogHeader& header = record.header();
  const std::size_t texts = std::max(header.host.size(), hostname.size()) + 2 * header.program.size() +
                            2 * header.pid.size() + header.message_id.size() + header.structured_data.size() +
                            header.message.size();
  return kMaxJsonGrowth * texts + 2 * record.raw().size() + kMaxRest;
}

template <typename Put>
void append(std::size_t most, std::string& out, Put put) {
  const std::size_t begin = out.size();
  out.resize_and_overwrite(begin + most, [&](char* data, std::size_t) {
    JsonWriter writer(data + begin);
    put(writer);
    return static_cast<std::size_t>(writer.at() - data);
  });
}

void put_string_if_any(JsonWriter& out, std::string_view begin, std::string_view text) {
  if (!text.empty()) out.string(begin, text);
}

// Base64 needs no escape.
void put_raw_if_damaged(JsonWriter& out, std::string_view begin, const Record& record) {
  if (!out.damaged()) return;
  out.bytes(begin);
  out.base64(record.raw());
  out.bytes("\",");
}

// Whether the pid is a number, as an operating system assigns it.
bool is_process_id(std::string_view pid) {
  constexpr std::size_t kMaxDigits = 10;
  return !pid.empty() && pid.size() <= kMaxDigits && (pid.size() == 1 || pid[0] != '0') &&
         std::ranges::all_of(pid, [](char c) { return c >= '0' && c <= '9'; });
}

void put_gelf(JsonWriter& out, const Record& record, std::string_view hostname) {
  const SyslogHeader& header = record.header();
  out.string(R"({"version":"1.1","host":")", header.host.empty() ? hostname : header.host);
  // Graylog refuses an empty message.
  out.string(R"("short_message":")", header.message.empty() ? "-" : header.message);
  out.bytes(R"("timestamp":)");
  out.seconds(header.timestamp.value_or(record.arrival()));
  // Without a level, Graylog treats a line as an alert.
  out.bytes(R"(,"level":)");
  out.number(header.severity.value_or(kNotice));
  out.bytes(",");
  if (header.facility) out.string(R"("_facility":")", facility_name(*header.facility));
  put_string_if_any(out, R"("_program":")", header.program);
  put_string_if_any(out, R"("_pid":")", header.pid);
  put_string_if_any(out, R"("_msgid":")", header.message_id);
  put_string_if_any(out, R"("_sd":")", header.structured_data);
  if (record.part() != Part::Whole) out.string(R"("_part":")", part_name(record.part()));
  put_raw_if_damaged(out, R"("_raw_base64":")", record);
  out.bytes(R"("_arrival":)");
  out.seconds(record.arrival());
  out.bytes(R"(,"_log_id":")");
  out.uuid(record.log_id());
  out.bytes(R"(","_offset":)");
  out.number(record.offset());
  out.bytes("}");
}

void put_code_and_name(JsonWriter& out, std::string_view begin, std::uint8_t code, std::string_view name) {
  out.bytes(begin);
  out.number(code);
  out.string(R"(,"name":")", name);
  out.close_object();
  out.bytes(",");
}

void put_ecs_log(JsonWriter& out, const SyslogHeader& header) {
  const bool any = header.facility || header.severity || !header.program.empty() || !header.pid.empty() ||
                   !header.message_id.empty();
  if (!any) return;
  out.bytes(R"("log":{)");
  if (header.severity) out.string(R"("level":")", severity_name(*header.severity));
  out.bytes(R"("syslog":{)");
  if (header.facility && header.severity) {
    out.bytes(R"("priority":)");
    out.number(std::uint64_t{*header.facility} * kSeverities + *header.severity);
    out.bytes(",");
  }
  if (header.facility)
    put_code_and_name(out, R"("facility":{"code":)", *header.facility, facility_name(*header.facility));
  if (header.severity)
    put_code_and_name(out, R"("severity":{"code":)", *header.severity, severity_name(*header.severity));
  put_string_if_any(out, R"("appname":")", header.program);
  put_string_if_any(out, R"("procid":")", header.pid);
  put_string_if_any(out, R"("msgid":")", header.message_id);
  out.close_object();
  out.close_object();
  out.bytes(",");
}

void put_ecs(JsonWriter& out, const Record& record) {
  const SyslogHeader& header = record.header();
  out.time(R"({"@timestamp":")", header.timestamp.value_or(record.arrival()));
  out.string(R"("ecs":{"version":"8.11.0"},"message":")", header.message);
  if (!header.host.empty()) {
    out.string(R"("host":{"name":")", header.host);
    out.close_object();
    out.bytes(",");
  }
  if (!header.program.empty() || is_process_id(header.pid)) {
    out.bytes(R"("process":{)");
    put_string_if_any(out, R"("name":")", header.program);
    if (is_process_id(header.pid)) {
      out.bytes(R"("pid":)");
      out.bytes(header.pid);
    }
    out.close_object();
    out.bytes(",");
  }
  put_ecs_log(out, header);
  out.time(R"("event":{"created":")", record.arrival());
  out.bytes(R"("sequence":)");
  out.number(record.offset());
  out.bytes(R"(},"slurper":{)");
  put_string_if_any(out, R"("sd":")", header.structured_data);
  if (record.part() != Part::Whole) out.string(R"("part":")", part_name(record.part()));
  put_raw_if_damaged(out, R"("raw_base64":")", record);
  out.bytes(R"("log_id":")");
  out.uuid(record.log_id());
  out.bytes(R"(","offset":)");
  out.number(record.offset());
  out.bytes("}}");
}

}  // namespace

void append_gelf(const Record& record, std::string_view hostname, std::string& out) {
  append(most_bytes(record, hostname), out, [&](JsonWriter& writer) { put_gelf(writer, record, hostname); });
}

void append_ecs(const Record& record, std::string& out) {
  append(most_bytes(record, {}), out, [&](JsonWriter& writer) { put_ecs(writer, record); });
}

}  // namespace slurper
