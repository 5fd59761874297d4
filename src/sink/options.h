// ConfiguredOptions: the settings of one sink, as the configuration has them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/settings.h"
#include "slurper/sink.h"

namespace slurper {

class ConfiguredOptions : public SinkOptions {
 public:
  // `settings` outlives it.
  explicit ConfiguredOptions(const SinkSettings& settings) : settings_(settings) {}

  std::string text(std::string_view name, std::string_view otherwise) override;
  std::vector<std::string> list(std::string_view name) override;
  bool flag(std::string_view name, bool otherwise) override;
  std::uint64_t number(std::string_view name, std::uint64_t otherwise, std::uint64_t min,
                       std::uint64_t max) override;
  std::uint64_t size(std::string_view name, std::uint64_t otherwise, std::uint64_t min,
                     std::uint64_t max) override;
  std::chrono::milliseconds duration(std::string_view name, std::chrono::milliseconds otherwise,
                                     std::chrono::milliseconds min, std::chrono::milliseconds max) override;
  std::size_t choice(std::string_view name, std::span<const std::string_view> choices,
                     std::size_t otherwise) override;
  [[nodiscard]] bool has(std::string_view name) const override { return find(name) != nullptr; }
  void reject(std::string_view name, std::string why) override;
  void warn(std::string_view name, std::string what) override;

  // The first setting that was rejected so far.
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }

  // What is wrong with them, now that the sink has asked for all that it knows. Config, with the place.
  [[nodiscard]] Status check() const;
  // What the sink was warned of: sentences that name the setting and its place.
  [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  [[nodiscard]] const SinkOption* find(std::string_view name) const;
  void asked_for(std::string_view name);
  [[nodiscard]] std::string advice_on(std::string_view name) const;
  const std::string* single(std::string_view name, std::string_view must_be);

  const SinkSettings& settings_;
  std::vector<std::string> asked_for_;
  std::optional<Error> error_;
  std::vector<std::string> warnings_;
};

}  // namespace slurper
