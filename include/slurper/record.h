// Record: one line of the log, and its contents. Part of the plug-in API: uses standard headers only.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace slurper {

// Identifies a log, and is given at the log's creation. Together with an offset, it identifies a record for
// ever, on every machine.
using LogId = std::array<std::uint8_t, 16>;

// Identifies a machine to slurper alone: derived from /etc/machine-id, which is confidential (machine-id(5)).
// All zero if the machine has none.
using MachineId = std::array<std::uint8_t, 16>;

using Timestamp = std::chrono::sys_time<std::chrono::nanoseconds>;  // UTC

// A line that is longer than the sink's max_line comes in parts, one record for each.
enum class Part : std::uint8_t { Whole, First, Middle, Last };

// The format by which the line's header was parsed.
enum class HeaderFormat : std::uint8_t {
  None,     // no format was recognised: the message is the whole line
  Rfc5424,  // <34>1 2003-10-11T22:14:15.003Z host program pid msgid [sd] message
  Rfc3164,  // Oct 11 22:14:15 host program[pid]: message
  Iso,      // 2003-10-11T22:14:15.003+02:00 host program[pid]: message (rsyslog's file format)
};

// What a syslog line states about itself. All views are valid as long as the record. A field that is missing,
// or "-" in RFC 5424, is empty. All parts of a split line have the line's header, each with a message of its
// own.
struct SyslogHeader {
  HeaderFormat format = HeaderFormat::None;
  // 0 (kern) to 23 (local7), RFC 5424 table 1; set only if the line has a <PRI>, or busybox's "auth.info".
  // The severity is set with it: 0 (emerg) to 7 (debug), RFC 5424 table 2.
  std::optional<std::uint8_t> facility;
  std::optional<std::uint8_t> severity;
  std::optional<Timestamp> timestamp;  // RFC 3164 usually has no year: the last such time before arrival
  std::string_view host;
  std::string_view program;          // APP-NAME; in a tag "sshd[123]:", the part before the bracket
  std::string_view pid;              // PROCID; in a tag, the part in brackets: usually a number
  std::string_view message_id;       // RFC 5424 only
  std::string_view structured_data;  // RFC 5424 only: as it stands, with its brackets
  std::string_view message;          // the rest; if no format was recognised, the whole line (or part)
};

// One line, without its line end. A view: valid as long as the batch that delivered it. For one thread.
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

  // A later part of a split line, Middle or Last. `line` is the header of the line's first part; its views
  // outlive the record.
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
  // The offset of the line's first byte, and that of the byte after its line end, where the next record
  // begins.
  [[nodiscard]] std::uint64_t offset() const { return offset_; }
  [[nodiscard]] std::uint64_t next_offset() const { return next_offset_; }
  // The bytes as they arrived: any bytes, including NUL, but no newline.
  [[nodiscard]] std::string_view raw() const { return raw_; }
  [[nodiscard]] Part part() const { return part_; }
  // When slurper read the line from the FIFO, within a second.
  [[nodiscard]] Timestamp arrival() const { return arrival_; }
  // Parsed at the first call. A later part that was created without its line's header has none.
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
