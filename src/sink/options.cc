#include "sink/options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace slurper {

namespace {

std::string shown(const SinkOption& option) {
  if (option.is_list) return "a list";
  constexpr std::size_t kMaxShown = 60;
  const std::string text = printable(option.values.front());
  return '"' + (text.size() > kMaxShown ? text.substr(0, kMaxShown) + "…" : text) + '"';
}

}  // namespace

const SinkOption* ConfiguredOptions::find(std::string_view name) const {
  const auto found = std::ranges::find(settings_.options, name, &SinkOption::name);
  return found == settings_.options.end() ? nullptr : &*found;
}

// The one value of `name`; nullptr where it is missing, or a list, which is rejected.
const std::string* ConfiguredOptions::single(std::string_view name, std::string_view must_be) {
  asked_for(name);
  const SinkOption* const option = find(name);
  if (option == nullptr) return nullptr;
  if (!option->is_list) return &option->values.front();
  reject(name, std::string(must_be));
  return nullptr;
}

std::string ConfiguredOptions::text(std::string_view name, std::string_view otherwise) {
  const std::string* const value = single(name, "must be one string");
  return value == nullptr ? std::string(otherwise) : *value;
}

std::vector<std::string> ConfiguredOptions::list(std::string_view name) {
  asked_for(name);
  const SinkOption* const option = find(name);
  return option == nullptr ? std::vector<std::string>() : option->values;
}

bool ConfiguredOptions::flag(std::string_view name, bool otherwise) {
  constexpr std::string_view kMustBe = "must be true or false";
  const std::string* const value = single(name, kMustBe);
  if (value == nullptr) return otherwise;
  if (*value != "true" && *value != "false") reject(name, std::string(kMustBe));
  return *value == "true";
}

std::uint64_t ConfiguredOptions::number(std::string_view name, std::uint64_t otherwise, std::uint64_t min,
                                        std::uint64_t max) {
  const std::string must_be = fmt::format("must be a number from {} to {}", min, max);
  const std::string* const value = single(name, must_be);
  if (value == nullptr) return otherwise;
  std::uint64_t number = 0;
  const char* const end = value->data() + value->size();
  const auto [rest, error] = std::from_chars(value->data(), end, number);
  if (error == std::errc() && rest == end && number >= min && number <= max) return number;
  reject(name, must_be);
  return otherwise;
}

std::uint64_t ConfiguredOptions::size(std::string_view name, std::uint64_t otherwise, std::uint64_t min,
                                      std::uint64_t max) {
  const std::string must_be = fmt::format("must be a size from {} to {}, such as \"64KiB\"",
                                          format(ByteSize{min}), format(ByteSize{max}));
  const std::string* const value = single(name, must_be);
  if (value == nullptr) return otherwise;
  const auto size = parse_byte_size(*value);
  if (size && size->bytes >= min && size->bytes <= max) return size->bytes;
  reject(name, must_be);
  return otherwise;
}

std::chrono::milliseconds ConfiguredOptions::duration(std::string_view name,
                                                      std::chrono::milliseconds otherwise,
                                                      std::chrono::milliseconds min,
                                                      std::chrono::milliseconds max) {
  const std::string must_be =
      fmt::format("must be a time from {} to {}, such as \"1s\"", format(min), format(max));
  const std::string* const value = single(name, must_be);
  if (value == nullptr) return otherwise;
  const auto duration = parse_duration(*value);
  if (duration && *duration >= min && *duration <= max) return *duration;
  reject(name, must_be);
  return otherwise;
}

std::size_t ConfiguredOptions::choice(std::string_view name, std::span<const std::string_view> choices,
                                      std::size_t otherwise) {
  const std::string must_be = fmt::format("must be one of {}", fmt::join(choices, ", "));
  const std::string* const value = single(name, must_be);
  if (value == nullptr) return otherwise;
  const auto chosen = std::ranges::find(choices, *value);
  if (chosen != choices.end()) return static_cast<std::size_t>(chosen - choices.begin());
  reject(name, must_be);
  return otherwise;
}

void ConfiguredOptions::reject(std::string_view name, std::string why) {
  if (error_) return;
  const SinkOption* const option = find(name);
  error_ = Error{
      .kind = ErrorKind::Config,
      .what = fmt::format("accept '{}'", printable(option == nullptr ? settings_.place : option->place)),
      .why = option == nullptr ? fmt::format("the sink '{}' needs '{}', which {}", settings_.name, name, why)
                               : fmt::format("{} of the sink '{}' is {}, but {}", name, settings_.name,
                                             shown(*option), why),
      .advice = {}};
}

void ConfiguredOptions::warn(std::string_view name, std::string what) {
  const SinkOption* const option = find(name);
  warnings_.push_back(fmt::format("'{}': {} of the sink '{}' {}",
                                  printable(option == nullptr ? settings_.place : option->place), name,
                                  settings_.name, what));
}

void ConfiguredOptions::asked_for(std::string_view name) {
  if (std::ranges::find(asked_for_, name) == asked_for_.end()) asked_for_.emplace_back(name);
}

// Advice on a key that does not exist: the one that was meant, or all that there are.
std::string ConfiguredOptions::advice_on(std::string_view name) const {
  const auto slips = [name](std::string_view other) { return edit_distance(name, other); };
  const auto nearest = std::ranges::min_element(asked_for_, {}, slips);
  if (nearest != asked_for_.end() && slips(*nearest) <= max_edits(name))
    return fmt::format("Did you mean '{}'?", *nearest);
  return fmt::format("It has: {}", fmt::join(asked_for_, ", "));
}

Status ConfiguredOptions::check() const {
  if (error_) return std::unexpected(*error_);
  for (const SinkOption& option : settings_.options) {
    if (std::ranges::find(asked_for_, option.name) != asked_for_.end()) continue;
    return fail(ErrorKind::Config, fmt::format("accept '{}'", printable(option.place)),
                fmt::format("a sink of the type {} has no key '{}'", settings_.type, printable(option.name)),
                advice_on(option.name));
  }
  return {};
}

}  // namespace slurper
