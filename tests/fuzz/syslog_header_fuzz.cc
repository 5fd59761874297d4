// Headers of any bytes: what is read lies in the line, in order, and is what it should be.
#include <algorithm>
#include <vector>

#include "fuzz/fuzz.h"
#include "record/syslog_header.h"
#include "record/syslog_names.h"

namespace {

using namespace slurper;  // NOLINT(google-build-using-namespace): one file, one subject
using fuzz::require;

bool has_four_digits(std::string_view text) {
  std::size_t digits = 0;
  return std::ranges::any_of(text,
                             [&](char c) { return (digits = c >= '0' && c <= '9' ? digits + 1 : 0) == 4; });
}

void check(std::string_view line, Timestamp arrival) {
  SyslogHeader header;
  parse_syslog_header(line, arrival, header);
  const char* at = line.data();
  for (const std::string_view field :
       {header.host, header.program, header.pid, header.message_id, header.structured_data, header.message}) {
    if (field.empty()) continue;
    require(field.data() >= at && field.data() + field.size() <= line.data() + line.size(),
            "fields lie in the line, one behind the other");
    at = field.data() + field.size();
  }
  require(line.ends_with(header.message), "the message is the line's end");
  for (const std::string_view field : {header.host, header.program, header.pid, header.message_id}) {
    require(std::none_of(field.begin(), field.end(), [](unsigned char c) { return c <= 0x20 || c == 0x7f; }),
            "fields have no blanks and no controls");
  }
  require(header.facility.has_value() == header.severity.has_value(), "facility and severity come together");
  if (header.facility)
    require(*header.facility < kFacilities && *header.severity < kSeverities, "facility and severity exist");
  if (header.format == HeaderFormat::None) {
    require(!header.timestamp && header.host.empty() && header.program.empty() && header.pid.empty() &&
                header.message_id.empty() && header.structured_data.empty(),
            "what does not parse has no fields");
    const auto before = line.substr(0, line.size() - header.message.size());
    require(header.facility ? before.starts_with('<') && before.ends_with('>') : before.empty(),
            "what does not parse has its whole message");
  }
  // Farther away only with a year, for "Feb 29", and at the ends of what a Timestamp can tell.
  constexpr Timestamp kEpoch;
  const bool may_have_year = has_four_digits(line.substr(0, line.size() - header.message.size()));
  if (header.format == HeaderFormat::Rfc3164 && header.timestamp && !may_have_year &&
      arrival > kEpoch - std::chrono::years(200) && arrival < kEpoch + std::chrono::years(200)) {
    require(*header.timestamp - arrival < std::chrono::days(1) + std::chrono::seconds(1),
            "a time without a year is not of the future");
    require(arrival - *header.timestamp < std::chrono::years(2), "a time without a year is near to arrival");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Of exactly this size, so that the sanitizer sees a byte read behind it.
  const std::vector<char> line(data, data + size);
  const std::string_view text(line.data(), line.size());
  check(text, Timestamp(std::chrono::seconds(1'795'301'334)));
  std::int64_t arrival = 0;
  for (std::size_t i = 0; i < std::min<std::size_t>(size, 24); ++i)
    arrival = static_cast<std::int64_t>(static_cast<std::uint64_t>(arrival) * 31 + data[i]);
  check(text, Timestamp(std::chrono::nanoseconds(arrival)));
  return 0;
}
