#include "config/assign.h"

#include <fmt/format.h>

#include <utility>

namespace slurper {

namespace {

// The parser's own words.
Phrase says(std::string text) {
  return text.empty() ? Phrase() : Phrase(PhraseId::ParserSays, {{"text", std::move(text)}});
}

}  // namespace

Phrase accept_setting(const std::string& where) {
  return {PhraseId::AcceptSetting, {{"place", QuotedText{where}}}};
}

std::unexpected<Error> reject_at(const std::string& where, std::string why, std::string advice) {
  return fail(ErrorKind::Config, accept_setting(where), says(std::move(why)), says(std::move(advice)));
}

std::string shown(std::string_view name) {
  return describe({.kind = Value::Kind::Word, .text = std::string(name)});
}

Status assign(const std::string& where, const Key& key, const Value& value, Settings& settings) {
  const auto read = read_value(key.setting, value);
  if (!read) {
    return reject_at(
        where,
        fmt::format("{} is {}, but must be {}", key.full_name(), describe(value), allowed(key.setting)),
        read.error());
  }
  key.assign(*read, settings);
  return {};
}

}  // namespace slurper
