#include "sink/options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/phrase_id.h"
#include "base/secret_place.h"
#include "base/setting_value.h"
#include "base/text.h"

namespace slurper {

namespace {

std::string shown(const SinkOption& option) {
  if (option.is_list) return "a list";
  if (option.is_decimal) return option.values.front();
  return describe({.kind = Value::Kind::Word, .text = option.values.front()});
}

Phrase must_be(const Setting& setting) {
  return {PhraseId::MustBe, {{"allowed", allowed(setting)}}};
}

}  // namespace

const SinkOption* ConfiguredOptions::find(std::string_view name) const {
  const auto found = std::ranges::find(settings_.options, name, &SinkOption::name);
  return found == settings_.options.end() ? nullptr : &*found;
}

const SettingValue& ConfiguredOptions::value(std::string_view name) {
  const auto known = values_.find(name);
  if (known != values_.end()) return known->second;
  const auto setting = std::ranges::find(declared_, name, &Setting::name);
  if (setting != declared_.end()) return values_[setting->name] = read(*setting);
  static const SettingValue nothing;
  if (!error_)
    error_ = Error{.kind = ErrorKind::Internal,
                   .what = {PhraseId::MakeTheSink, {{"sink", QuotedText{settings_.name}}}},
                   .why = {PhraseId::UndeclaredSetting,
                           {{"type", settings_.type}, {"setting", QuotedText{std::string(name)}}}},
                   .advice = {}};
  return nothing;
}

SettingValue ConfiguredOptions::read(const Setting& setting) {
  const SinkOption* const option = find(setting.name);
  if (option == nullptr) {
    if (setting.required) reject(setting.name, must_be(setting));
  } else if (setting.type == Setting::Type::List) {
    return {.texts = option->values};
  } else if (option->is_list || (option->is_decimal && setting.type == Setting::Type::Mode)) {
    reject(setting.name, must_be(setting));
  } else {
    auto good = read_value(setting, {.kind = Value::Kind::Word, .text = option->values.front()});
    if (good) return std::move(*good);
    reject(setting.name, must_be(setting), own_words(std::move(good.error())));
  }
  return default_value(setting);
}

// Whether the value may be a secret, which was written where only its place may stand.
bool ConfiguredOptions::hides(const SinkOption& option) const {
  const auto setting = std::ranges::find(declared_, option.name, &Setting::name);
  return setting != declared_.end() && setting->type == Setting::Type::Secret &&
         !std::ranges::all_of(option.values, is_secret_place);
}

PhraseValue ConfiguredOptions::place_of(const SinkOption* option) const {
  return QuotedText{option == nullptr ? settings_.place : option->place};
}

void ConfiguredOptions::reject(std::string_view name, Phrase why, Phrase advice) {
  if (error_) return;
  const SinkOption* const option = find(name);
  const bool is_hidden = option != nullptr && hides(*option);
  Phrase reason(is_hidden           ? PhraseId::SinkSecretIs
                : option == nullptr ? PhraseId::SinkNeedsSetting
                                    : PhraseId::SinkSettingIs,
                {{"sink", QuotedText{settings_.name}}, {"why", std::move(why)}});
  if (option == nullptr) {
    reason.with({"setting", QuotedText{std::string(name)}});
  } else {
    reason.with({"setting", name});
    if (!is_hidden) reason.with({"value", shown(*option)});
  }
  error_ = Error{.kind = ErrorKind::Config,
                 .what = {PhraseId::AcceptSetting, {{"place", place_of(option)}}},
                 .why = std::move(reason),
                 .advice = std::move(advice)};
}

void ConfiguredOptions::warn(std::string_view name, Phrase what) {
  warnings_.emplace_back(PhraseId::SinkSettingDoubt,
                         std::initializer_list<PhraseArgument>{{"place", place_of(find(name))},
                                                               {"setting", name},
                                                               {"sink", QuotedText{settings_.name}},
                                                               {"reason", std::move(what)}});
}

// Returns advice on an unknown key: the key that was probably meant, or all keys that exist.
Phrase ConfiguredOptions::advice_on(std::string_view name) const {
  const auto slips = [name](const Setting& other) { return edit_distance(name, other.name); };
  const auto nearest = std::ranges::min_element(declared_, {}, slips);
  if (nearest != declared_.end() && slips(*nearest) <= max_edits(name))
    return {PhraseId::DidYouMean, {{"name", QuotedText{std::string(nearest->name)}}}};
  std::vector<std::string_view> names;
  for (const Setting& setting : declared_) names.push_back(setting.name);
  return {PhraseId::SinkSettingsAre, {{"settings", fmt::format("{}", fmt::join(names, ", "))}}};
}

Status ConfiguredOptions::check() {
  // Read every declared setting, so that the ones that the sink did not read are checked, too.
  for (const Setting& setting : declared_) (void)value(setting.name);
  if (error_) return std::unexpected(*error_);
  for (const SinkOption& option : settings_.options) {
    if (std::ranges::find(declared_, option.name, &Setting::name) != declared_.end()) continue;
    return fail(
        ErrorKind::Config, {PhraseId::AcceptSetting, {{"place", place_of(&option)}}},
        {PhraseId::NoSuchSinkSetting, {{"type", settings_.type}, {"setting", QuotedText{option.name}}}},
        advice_on(option.name));
  }
  return {};
}

}  // namespace slurper
