// ConfiguredOptions: the settings of one sink from the configuration.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/settings.h"
#include "slurper/sink.h"

namespace slurper {

class ConfiguredOptions : public SinkOptions {
 public:
  // `declared` is every setting that the sink can have. `settings`, and the texts that `declared` refers to,
  // outlive this object.
  ConfiguredOptions(const SinkSettings& settings, std::vector<Setting> declared)
      : settings_(settings), declared_(std::move(declared)) {}

  [[nodiscard]] const SettingValue& value(std::string_view name) override;
  [[nodiscard]] bool has(std::string_view name) const override { return find(name) != nullptr; }
  using SinkOptions::reject;
  void reject(std::string_view name, Phrase why, Phrase advice) override;
  void warn(std::string_view name, Phrase what) override;

  // Returns the error of the first setting that was rejected so far.
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }

  // Call this once the sink has been made. Fails with Config, and the place, if the sink rejected a setting,
  // or if a value is wrong, a required setting is missing or a setting is not declared.
  [[nodiscard]] Status check();
  // Returns the sink's warnings, which name the setting and its place.
  [[nodiscard]] const std::vector<Phrase>& warnings() const { return warnings_; }

 private:
  [[nodiscard]] const SinkOption* find(std::string_view name) const;
  [[nodiscard]] SettingValue read(const Setting& setting);
  [[nodiscard]] bool hides(const SinkOption& option) const;
  [[nodiscard]] Phrase advice_on(std::string_view name) const;
  [[nodiscard]] PhraseValue place_of(const SinkOption* option) const;

  const SinkSettings& settings_;
  std::vector<Setting> declared_;
  std::map<std::string_view, SettingValue> values_;
  std::optional<Error> error_;
  std::vector<Phrase> warnings_;
};

}  // namespace slurper
