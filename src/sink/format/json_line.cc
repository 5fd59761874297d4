#include "sink/format/json_line.h"

#include <cstddef>
#include <string_view>

#include "record/syslog_names.h"
#include "sink/format/json_writer.h"
#include "sink/format/syslog_format.h"

namespace slurper {

namespace {

// Room for the names of members, numbers and times: everything that does not grow with the line.
constexpr std::size_t kMaxRest = 512;

char* put_record(char* at, const Record& record) {
  const SyslogHeader& header = record.header();
  JsonWriter out(at);
  out.bytes("{");
  if (header.timestamp) out.time(R"("time":")", *header.timestamp);
  if (!header.host.empty()) out.string(R"("host":")", header.host);
  if (!header.program.empty()) out.string(R"("program":")", header.program);
  if (!header.pid.empty()) out.string(R"("pid":")", header.pid);
  if (!header.message_id.empty()) out.string(R"("msgid":")", header.message_id);
  if (header.facility) out.string(R"("facility":")", facility_name(*header.facility));
  if (header.severity) out.string(R"("severity":")", severity_name(*header.severity));
  if (!header.structured_data.empty()) out.string(R"("sd":")", header.structured_data);
  out.string(R"("msg":")", header.message);
  if (record.part() != Part::Whole) out.string(R"("part":")", part_name(record.part()));
  out.time(R"("arrival":")", record.arrival());
  if (out.damaged()) {
    out.bytes(R"("raw_base64":")");
    out.base64(record.raw());
    out.bytes("\",");
  }
  out.bytes(R"("log_id":")");
  out.uuid(record.log_id());
  out.bytes(R"(","offset":)");
  out.number(record.offset());
  out.bytes("}");
  return out.at();
}

}  // namespace

void append_json(const Record& record, std::string& out) {
  const SyslogHeader& header = record.header();
  const std::size_t texts = header.host.size() + header.program.size() + header.pid.size() +
                            header.message_id.size() + header.structured_data.size() + header.message.size();
  const std::size_t most = kMaxJsonGrowth * texts + 2 * record.raw().size() + kMaxRest;
  const std::size_t begin = out.size();
  out.resize_and_overwrite(begin + most, [&](char* data, std::size_t) {
    return static_cast<std::size_t>(put_record(data + begin, record) - data);
  });
}

}  // namespace slurper
