#include "sink/format/format.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "base/phrase_id.h"
#include "sink/format/json_events.h"
#include "sink/format/json_line.h"

namespace slurper {

std::expected<Format, Phrase> Format::parse(std::string_view text) {
  constexpr std::array<std::string_view, 6> kNames = {"raw", "json", "rfc5424", "rfc3164", "gelf", "ecs"};
  Format format;
  format.defaults_ = {.hostname = machine_name(), .escape_controls = true};
  if (const auto name = std::ranges::find(kNames, text); name != kNames.end()) {
    format.kind_ = static_cast<Kind>(name - kNames.begin());
    return format;
  }
  format.kind_ = Kind::Template;
  if (!text.contains('{')) {
    return std::unexpected(Phrase(
        PhraseId::MustBeFormat,
        {{"formats", fmt::format("{}", fmt::join(kNames, ", "))}, {"example", R"("{time} {host}: {msg}")"}}));
  }
  auto parsed = LineTemplate::parse(text);
  if (!parsed) return std::unexpected(std::move(parsed.error()));
  format.template_ = std::move(*parsed);
  return format;
}

Format Format::from(SinkOptions& options) {
  const std::string text = options.text("format");
  auto format = parse(text);
  if (!format) {
    options.reject("format", std::move(format.error()));
    return {};
  }
  if (format->kind_ == Kind::Template) {
    if (auto warning = lint_json(text)) options.warn("format", std::move(*warning));
  }
  return std::move(*format);
}

void Format::append(const Record& record, std::string& out) const {
  switch (kind_) {
    case Kind::Raw:
      out += record.raw();
      break;
    case Kind::Json:
      append_json(record, out);
      break;
    case Kind::Rfc5424:
      append_rfc5424(record, defaults_, out);
      break;
    case Kind::Rfc3164:
      append_rfc3164(record, defaults_, out);
      break;
    case Kind::Gelf:
      append_gelf(record, defaults_.hostname, out);
      break;
    case Kind::Ecs:
      append_ecs(record, out);
      break;
    case Kind::Template:
      template_.append(record, out);
      break;
  }
  out += '\n';
}

}  // namespace slurper
