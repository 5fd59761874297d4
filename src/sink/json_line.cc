#include "sink/json_line.h"

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/text.h"
#include "base/uuid.h"
#include "record/syslog_names.h"
#include "sink/syslog_format.h"
#include "sink/timestamps.h"

namespace slurper {

namespace {

// What a byte of a text becomes at most: \u001b, U+FFFD.
constexpr std::size_t kMaxGrowth = 6;
// Members' names, numbers, times: all that does not grow with the line.
constexpr std::size_t kMaxRest = 512;
constexpr std::size_t kWord = 8;

constexpr std::uint64_t every_byte(std::uint8_t value) {
  return 0x0101'0101'0101'0101U * value;
}

// Whether one of eight bytes is a control character, a quote, a backslash, or no ASCII: the classic test for
// a zero byte (and for one below n), done to all at once.
bool has_special(std::uint64_t word) {
  constexpr std::uint64_t kHigh = every_byte(0x80);
  const auto below = [word](std::uint8_t n) { return (word - every_byte(n)) & ~word; };
  const auto equal = [word](std::uint8_t c) {
    const std::uint64_t zero = word ^ every_byte(c);
    return (zero - every_byte(1)) & ~zero;
  };
  return ((word | below(0x20) | equal('"') | equal('\\') | equal(0x7f)) & kHigh) != 0;
}

// Writes behind the end of a text in which room has been made for all that can come.
class Writer {
 public:
  explicit Writer(char* at) : at_(at) {}

  [[nodiscard]] char* at() const { return at_; }
  // A text was not valid UTF-8.
  [[nodiscard]] bool damaged() const { return damaged_; }

  void bytes(std::string_view text) {
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }
  // A string is written as `"name":"`, its text, and `",`.
  void string(std::string_view begin, std::string_view text) {
    bytes(begin);
    escaped(text);
    bytes("\",");
  }
  void time(std::string_view begin, Timestamp time) {
    const bool micro = time.time_since_epoch().count() % 1000 == 0;
    bytes(begin);
    at_ = put_rfc3339(at_, time, micro ? 6 : 9);
    bytes("\",");
  }
  void uuid(const LogId& id) { at_ = put_uuid(at_, id); }
  void number(std::uint64_t number) { at_ = std::to_chars(at_, at_ + 20, number).ptr; }
  void base64(std::string_view data);

 private:
  void escaped(std::string_view text);
  void escape_one(std::string_view& text);
  void code_unit(unsigned unit) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    bytes("\\u");
    for (int shift = 12; shift >= 0; shift -= 4) *at_++ = kDigits[(unit >> shift) & 0xf];
  }

  char* at_;
  bool damaged_ = false;
};

void Writer::escaped(std::string_view text) {
  while (!text.empty()) {
    while (text.size() >= kWord) {
      std::uint64_t word = 0;
      std::memcpy(&word, text.data(), kWord);
      if (has_special(word)) break;
      std::memcpy(at_, &word, kWord);
      at_ += kWord;
      text.remove_prefix(kWord);
    }
    // The rest of the text, or up to the byte that stands out and past it.
    for (std::size_t left = kWord; left > 0 && !text.empty(); --left) escape_one(text);
  }
}

void Writer::escape_one(std::string_view& text) {
  const auto first = static_cast<unsigned char>(text.front());
  const std::size_t length = first < 0x80 ? 1 : utf8_length(text);
  if (length == 0) {
    damaged_ = true;
    bytes("\xef\xbf\xbd");  // U+FFFD
    text.remove_prefix(1);
    return;
  }
  const std::string_view character = text.substr(0, length);
  text.remove_prefix(length);
  if (first == '"' || first == '\\') {
    *at_++ = '\\';
    *at_++ = static_cast<char>(first);
  } else if (first == '\t') {
    bytes("\\t");
  } else if (first < 0x20 || first == 0x7f) {
    code_unit(first);
  } else if (first == 0xc2 && static_cast<unsigned char>(character[1]) < 0xa0) {
    code_unit(static_cast<unsigned char>(character[1]));  // C1: an order to some terminals
  } else if (character == "\u2028" || character == "\u2029") {
    bytes(character == "\u2028" ? "\\u2028" : "\\u2029");  // ends a line for some readers
  } else {
    bytes(character);
  }
}

// RFC 4648 section 4.
void Writer::base64(std::string_view data) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (; !data.empty(); data.remove_prefix(std::min<std::size_t>(3, data.size()))) {
    unsigned group = 0;
    for (std::size_t i = 0; i < 3; ++i)
      group = group << 8 | (i < data.size() ? static_cast<unsigned char>(data[i]) : 0U);
    for (std::size_t i = 0; i < 4; ++i)
      *at_++ = i <= data.size() ? kDigits[(group >> (18 - 6 * i)) & 0x3f] : '=';
  }
}

char* put_record(char* at, const Record& record) {
  const SyslogHeader& header = record.header();
  Writer out(at);
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
  const std::size_t most = kMaxGrowth * texts + 2 * record.raw().size() + kMaxRest;
  const std::size_t begin = out.size();
  out.resize_and_overwrite(begin + most, [&](char* data, std::size_t) {
    return static_cast<std::size_t>(put_record(data + begin, record) - data);
  });
}

void append_json_string(std::string_view text, std::string& out) {
  const std::size_t begin = out.size();
  out.resize_and_overwrite(begin + kMaxGrowth * text.size() + kMaxRest, [&](char* data, std::size_t) {
    Writer writer(data + begin);
    writer.string("\"", text);
    return static_cast<std::size_t>(writer.at() - data) - 1;  // without the comma
  });
}

}  // namespace slurper
