#include "sink/format/json_writer.h"

#include <charconv>
#include <chrono>

#include "base/uuid.h"
#include "sink/format/timestamps.h"

namespace slurper {

void JsonWriter::time(std::string_view begin, Timestamp time) {
  const bool micro = time.time_since_epoch().count() % 1000 == 0;
  bytes(begin);
  at_ = put_rfc3339(at_, time, micro ? 6 : 9);
  bytes("\",");
}

void JsonWriter::uuid(const LogId& id) {
  at_ = put_uuid(at_, id);
}

void JsonWriter::number(std::uint64_t number) {
  constexpr std::ptrdiff_t kMaxDigits = 20;
  at_ = std::to_chars(at_, at_ + kMaxDigits, number).ptr;
}

void JsonWriter::seconds(Timestamp time) {
  using std::chrono::microseconds;
  std::int64_t micros = std::chrono::floor<microseconds>(time.time_since_epoch()).count();
  if (micros < 0) {
    *at_++ = '-';
    micros = -micros;
  }
  constexpr std::int64_t kSecond = 1'000'000;
  number(static_cast<std::uint64_t>(micros / kSecond));
  *at_++ = '.';
  for (std::int64_t unit = kSecond / 10; unit > 0; unit /= 10)
    *at_++ = static_cast<char>('0' + micros / unit % 10);
}

void JsonWriter::close_object() {
  if (at_[-1] == ',') --at_;
  *at_++ = '}';
}

}  // namespace slurper
