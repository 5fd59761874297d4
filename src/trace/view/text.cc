// Numbers, times and data as a line has them.
#include <algorithm>
#include <chrono>
#include <cstring>

#include "base/json_string.h"
#include "base/local_time.h"
#include "base/text.h"
#include "trace/view/shown_event.h"

namespace slurper {

namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::size_t kRow = 16;  // bytes of a row of the hexadecimal form

bool is_printable(char c) {
  return c >= 0x20 && c < 0x7f;
}

void append_padded(std::string& out, std::uint64_t number, std::size_t digits) {
  std::array<char, 20> text{};
  for (std::size_t i = digits; i > 0; --i) {
    text[i - 1] = static_cast<char>('0' + number % 10);
    number /= 10;
  }
  out.append(text.data(), digits);
}

void append_dots(std::string& out, std::string_view data, std::size_t max) {
  constexpr std::string_view kCut = "...";
  const bool cut = max != 0 && data.size() > max;
  if (cut) data = data.substr(0, max - kCut.size());
  const std::size_t begin = out.size();
  out.append(data);
  std::replace_if(
      out.begin() + static_cast<std::ptrdiff_t>(begin), out.end(), [](char c) { return !is_printable(c); },
      '.');
  if (cut) out += kCut;
}

void append_lines(std::string& out, std::string_view data) {
  out += '\n';
  std::ranges::copy_if(data, std::back_inserter(out), [](char c) { return is_printable(c) || c == '\n'; });
}

void append_digits(std::string& out, unsigned number, std::size_t digits) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (std::size_t i = digits; i > 0; --i) out += kDigits[(number >> (4 * (i - 1))) & 0xf];
}

// Rows of 16 bytes, two and two together, with their place in front.
void append_rows(std::string& out, std::string_view data, bool with_text) {
  out += '\n';
  for (std::size_t at = 0; at < data.size(); at += kRow) {
    const std::string_view row = data.substr(at, kRow);
    out += "\t0x";
    append_digits(out, static_cast<unsigned>(at), 4);
    out += ": ";
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i > 0 && i % 2 == 0) out += ' ';
      append_digits(out, static_cast<unsigned char>(row[i]), 2);
    }
    if (with_text) {
      out.append((kRow - row.size()) / 2 * 5 + 2, ' ');
      append_dots(out, row, 0);
    }
    out += '\n';
  }
}

}  // namespace

void append_hexadecimal(std::string& out, std::uint64_t number) {
  const std::size_t begin = out.size();
  append_number(out, number, 16);
  for (std::size_t i = begin; i < out.size(); ++i) {
    if (out[i] >= 'a') out[i] = static_cast<char>(out[i] - 'a' + 'A');
  }
}

void append_name(std::string& out, std::string_view name) {
  if (std::ranges::all_of(name, is_printable)) {
    out += name;
    return;
  }
  append_visible(name, out);
}

std::string_view errno_name(std::int64_t number) {
  switch (number) {  // include/linux/errno.h: the kernel's own, which no program sees
    case 512:
      return "ERESTARTSYS";
    case 513:
      return "ERESTARTNOINTR";
    case 514:
      return "ERESTARTNOHAND";
    case 516:
      return "ERESTART_RESTARTBLOCK";
    default:
      break;
  }
  if (number <= 0 || number > 4095) return {};
  const char* const name = strerrorname_np(static_cast<int>(number));
  return name == nullptr ? std::string_view() : std::string_view(name);
}

void append_seconds(std::string& out, std::uint64_t nanoseconds) {
  append_number(out, nanoseconds / kSecond);
  out += '.';
  append_padded(out, nanoseconds % kSecond, 9);
}

void append_clock(std::string& out, std::uint64_t nanoseconds) {
  using std::chrono::seconds;
  constexpr std::int64_t kDay = 86'400;
  // Most events are of the second of the one before.
  thread_local std::uint64_t known_second = UINT64_MAX;
  thread_local std::string text;
  const std::uint64_t second = nanoseconds / kSecond;
  if (second != known_second) {
    known_second = second;
    const auto utc = static_cast<std::int64_t>(second);
    const std::int64_t local = utc + local_offset(std::chrono::sys_seconds(seconds(utc))).count();
    const auto of_day = static_cast<std::uint64_t>((local % kDay + kDay) % kDay);
    text.clear();
    append_padded(text, of_day / 3600, 2);
    text += ':';
    append_padded(text, of_day / 60 % 60, 2);
    text += ':';
    append_padded(text, of_day % 60, 2);
    text += '.';
  }
  out += text;
  append_padded(out, nanoseconds % kSecond, 9);
}

void append_data(std::string& out, std::string_view data, const ViewOptions& options) {
  switch (options.data) {
    case DataStyle::Dots:
      return append_dots(out, data, options.max_data);
    case DataStyle::Ascii:
      return append_lines(out, data);
    case DataStyle::Hex:
      return append_rows(out, data, false);
    case DataStyle::HexAscii:
      return append_rows(out, data, true);
    case DataStyle::Base64:
      return append_base64(data, out);
  }
}

void append_file(std::string& out, const OpenFile& file) {
  out += '<';
  out += type_letter(file.type);
  if (is_ip(file.type) && file.has_ends && file.protocol_is_shown && file.protocol != 0)
    out += file.protocol == kTcp ? 't' : file.protocol == kUdp ? 'u' : file.protocol == 4 ? 'i' : 'r';
  out += '>';
  append_name(out, file.name);
}

}  // namespace slurper
