#include "sink/options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/setting_value.h"
#include "base/text.h"

namespace slurper {

namespace {

std::string shown(const SinkOption& option) {
  if (option.is_list) return "a list";
  return describe({.kind = Value::Kind::Word, .text = option.values.front()});
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
                   .what = fmt::format("make the sink '{}'", settings_.name),
                   .why = fmt::format("its type {} does not declare the setting '{}' that it asks for",
                                      settings_.type, name),
                   .advice = {}};
  return nothing;
}

SettingValue ConfiguredOptions::read(const Setting& setting) {
  const SinkOption* const option = find(setting.name);
  if (option == nullptr) {
    if (setting.required) reject(setting.name, "must be " + allowed(setting));
  } else if (setting.type == Setting::Type::List) {
    return {.texts = option->values};
  } else if (option->is_list) {
    reject(setting.name, "must be " + allowed(setting));
  } else {
    auto good = read_value(setting, {.kind = Value::Kind::Word, .text = option->values.front()});
    if (good) return std::move(*good);
    reject(setting.name, "must be " + allowed(setting), std::move(good.error()));
  }
  return default_value(setting);
}

void ConfiguredOptions::reject(std::string_view name, std::string why) {
  reject(name, std::move(why), "");
}

void ConfiguredOptions::reject(std::string_view name, std::string why, std::string advice) {
  if (error_) return;
  const SinkOption* const option = find(name);
  error_ = Error{
      .kind = ErrorKind::Config,
      .what = fmt::format("accept '{}'", printable(option == nullptr ? settings_.place : option->place)),
      .why = option == nullptr ? fmt::format("the sink '{}' needs '{}', which {}", settings_.name, name, why)
                               : fmt::format("{} of the sink '{}' is {}, but {}", name, settings_.name,
                                             shown(*option), why),
      .advice = std::move(advice)};
}

void ConfiguredOptions::warn(std::string_view name, std::string what) {
  const SinkOption* const option = find(name);
  warnings_.push_back(fmt::format("'{}': {} of the sink '{}' {}",
                                  printable(option == nullptr ? settings_.place : option->place), name,
                                  settings_.name, what));
}

// Returns advice on an unknown key: the key that was probably meant, or all keys that exist.
std::string ConfiguredOptions::advice_on(std::string_view name) const {
  const auto slips = [name](const Setting& other) { return edit_distance(name, other.name); };
  const auto nearest = std::ranges::min_element(declared_, {}, slips);
  if (nearest != declared_.end() && slips(*nearest) <= max_edits(name))
    return fmt::format("Did you mean '{}'?", nearest->name);
  std::vector<std::string_view> names;
  for (const Setting& setting : declared_) names.push_back(setting.name);
  return fmt::format("It has: {}", fmt::join(names, ", "));
}

Status ConfiguredOptions::check() {
  // Read every declared setting, so that the ones that the sink did not read are checked, too.
  for (const Setting& setting : declared_) (void)value(setting.name);
  if (error_) return std::unexpected(*error_);
  for (const SinkOption& option : settings_.options) {
    if (std::ranges::find(declared_, option.name, &Setting::name) != declared_.end()) continue;
    return fail(ErrorKind::Config, fmt::format("accept '{}'", printable(option.place)),
                fmt::format("a sink of the type {} has no key '{}'", settings_.type, printable(option.name)),
                advice_on(option.name));
  }
  return {};
}

}  // namespace slurper
