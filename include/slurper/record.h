// Record: one line of the log, and what it says. Part of the plug-in API: standard headers only.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace slurper {

// Of a log, given at its creation: together with an offset it names a record for ever, everywhere.
using LogId = std::array<std::uint8_t, 16>;

using Timestamp = std::chrono::sys_time<std::chrono::nanoseconds>;  // UTC

// A line that is longer than the sink's max_line comes in parts, one record each.
enum class Part : std::uint8_t { Whole, First, Middle, Last };

// Which rules the line's header was read by.
enum class HeaderFormat : std::uint8_t {
  None,     // nothing was recognised: the message is the whole line
  Rfc5424,  // <34>1 2003-10-11T22:14:15.003Z host program pid msgid [sd] message
  Rfc3164,  // Oct 11 22:14:15 host program[pid]: message
  Iso,      // 2003-10-11T22:14:15.003+02:00 host program[pid]: message (rsyslog's file format)
};

// What a syslog line says of itself. All views are valid as long as the record. A field that is missing, or
// "-" in RFC 5424, is empty. All parts of a split line have the line's header, each with a message of its
// own.
struct SyslogHeader {
  HeaderFormat format = HeaderFormat::None;
  // 0 (kern) to 23 (local7), RFC 5424 table 1; only where there is a <PRI>, or busybox's "auth.info". With it
  // comes the severity, 0 (emerg) to 7 (debug), RFC 5424 table 2.
  std::optional<std::uint8_t> facility;
  std::optional<std::uint8_t> severity;
  std::optional<Timestamp> timestamp;  // RFC 3164 mostly has no year: the last one before arrival
  std::string_view host;
  std::string_view program;          // APP-NAME; of a tag "sshd[123]:" the part before the bracket
  std::string_view pid;              // PROCID; of a tag what is in the brackets: mostly a number
  std::string_view message_id;       // RFC 5424 only
  std::string_view structured_data;  // RFC 5424 only: as it stands, with its brackets
  std::string_view message;          // what is left; if nothing was recognised, the whole line (or part)
};

// One line, without its line end. A view: valid as long as the batch that it came in. One thread.
class Record {
 public:
  using Parser = void (*)(std::string_view raw, Timestamp arrival, SyslogHeader& header);

  Record(const LogId& log_id, std::uint64_t offset, std::uint64_t next_offset, std::string_view raw,
         Part part, Timestamp arrival, Parser parser)
      : log_id_(&log_id),
        offset_(offset),
        next_offset_(next_offset),
        raw_(raw),
        arrival_(arrival),
        parser_(parser),
        part_(part) {}

  // A later part of a split line, Middle or Last. `line` is the header of its first part; what it points to
  // outlives the record.
  Record(const LogId& log_id, std::uint64_t offset, std::uint64_t next_offset, std::string_view raw,
         Part part, Timestamp arrival, const SyslogHeader& line)
      : log_id_(&log_id),
        offset_(offset),
        next_offset_(next_offset),
        raw_(raw),
        arrival_(arrival),
        parser_(nullptr),
        part_(part),
        parsed_(true),
        header_(line) {
    header_.message = raw;
  }

  [[nodiscard]] const LogId& log_id() const { return *log_id_; }
  // Of the line's first byte, and of the byte after its line end: the next record's.
  [[nodiscard]] std::uint64_t offset() const { return offset_; }
  [[nodiscard]] std::uint64_t next_offset() const { return next_offset_; }
  // The bytes as they came: any bytes, NUL among them, but no newline.
  [[nodiscard]] std::string_view raw() const { return raw_; }
  [[nodiscard]] Part part() const { return part_; }
  // When slurper read it from the FIFO, within a second.
  [[nodiscard]] Timestamp arrival() const { return arrival_; }
  // Parsed when it is first asked for. A later part that was made without its line's header has none.
  [[nodiscard]] const SyslogHeader& header() const {
    if (!parsed_) {
      parsed_ = true;
      if (part_ == Part::Whole || part_ == Part::First) {
        parser_(raw_, arrival_, header_);
      } else {
        header_.message = raw_;
      }
    }
    return header_;
  }

 private:
  const LogId* log_id_;
  std::uint64_t offset_;
  std::uint64_t next_offset_;
  std::string_view raw_;
  Timestamp arrival_;
  Parser parser_;
  Part part_;
  mutable bool parsed_ = false;
  mutable SyslogHeader header_;
};

}  // namespace slurper
