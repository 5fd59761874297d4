// Format: how a sink writes a record to a file, a pipe or a terminal.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "sink/format/line_template.h"
#include "sink/format/syslog_format.h"
#include "slurper/sink.h"

namespace slurper {

inline constexpr Setting kFormatSetting = {
    .name = "format", .help = "how a line is written", .initial = "raw"};

// The setting `format` of the sinks that write lines: raw, json, rfc5424, rfc3164, gelf, ecs, or a template;
// see docs/sinks/formats.md. Whatever bytes a record has, it becomes exactly one line, so no record can
// forge another. Immutable; any thread may use it.
class Format {
 public:
  static Format from(SinkOptions& options);
  // The error says what is wrong; it completes the sentence "the format is …, but ".
  [[nodiscard]] static std::expected<Format, Phrase> parse(std::string_view text);

  // Appends the record and a newline.
  void append(const Record& record, std::string& out) const;

 private:
  enum class Kind { Raw, Json, Rfc5424, Rfc3164, Gelf, Ecs, Template };

  Kind kind_ = Kind::Raw;
  LineTemplate template_;
  SyslogDefaults defaults_;
};

}  // namespace slurper
