// Sink: a destination of records. Part of the plug-in API: uses standard headers only.
//
// A plug-in is a shared object in slurper's folder of sinks that exports slurper_sink_plugin(): see the end
// of this file and docs/plugins.md.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "slurper/record.h"
#include "slurper/result.h"
#include "slurper/setting.h"

namespace slurper {

// The settings of one sink: the values in its [[sink]] table or its URL, or else the defaults that its type
// declares. Errors are kept here, with their places, and reported after the sink was created. So a sink reads
// all of its settings without a check of its own.
class SinkOptions {
 public:
  virtual ~SinkOptions() = default;

  // The value of a setting that the type declares. If the value is wrong, the default.
  [[nodiscard]] virtual const SettingValue& value(std::string_view name) = 0;

  // The value by type. Text, paths, User and Group:
  [[nodiscard]] std::string text(std::string_view name) {
    const std::vector<std::string>& texts = value(name).texts;
    return texts.empty() ? std::string() : texts.front();
  }
  [[nodiscard]] std::vector<std::string> list(std::string_view name) { return value(name).texts; }
  [[nodiscard]] bool flag(std::string_view name) { return value(name).number != 0; }
  // Number, Size in bytes, Mode:
  [[nodiscard]] std::uint64_t number(std::string_view name) { return value(name).number; }
  [[nodiscard]] std::chrono::milliseconds duration(std::string_view name) {
    return std::chrono::milliseconds(value(name).number);
  }
  // The position among the setting's choices.
  [[nodiscard]] std::size_t choice(std::string_view name) { return value(name).choice; }

  // Whether the configuration sets it.
  [[nodiscard]] virtual bool has(std::string_view name) const = 0;
  // For rules that a declaration can't express. The setting `name` is missing or wrong: own_words("must be
  // …"). Only the first rejection is reported.
  virtual void reject(std::string_view name, Phrase why, Phrase advice) = 0;
  void reject(std::string_view name, Phrase why) { reject(name, std::move(why), {}); }
  // The setting `name` is acceptable, but probably a mistake: own_words("is …"). `slurper check` and `run`
  // warn of it.
  virtual void warn(std::string_view name, Phrase what) = 0;
};

enum class Level { Debug, Info, Warning, Error };

// What slurper gives a sink to work with. It outlives the open sink.
struct SinkContext {
  std::string name;  // the sink's name
  LogId log_id{};
  // Becomes readable when slurper ends. A sink polls it in every long wait, and then fails.
  int stop_fd = -1;
  // Reports a message to the operator: "the sink 'x' ", and then the phrase: own_words("has found …"). For
  // changes of state, never for each record: a syslogd that matches `*.*` may write it to the FIFO again.
  std::function<void(Level, Phrase)> say;
};

struct Rejection {
  std::size_t index;  // in the batch
  Phrase reason;      // in a few words: own_words("is …")
};

// What has become of the records so far.
struct Delivery {
  // The destination has every record before this stream offset, or has refused it for good. It may lag behind
  // the delivered records if the destination confirms them later.
  std::uint64_t held = 0;
  // Records of this batch that the destination will never take: they go to the dead letters.
  std::vector<Rejection> rejected = {};
  // If `held` lags behind: how long to wait for more records before settle() is called.
  std::chrono::milliseconds settle_after{0};
};

// A destination. Each sink has its own thread, which alone calls it, and the sink may block: neither the
// intake nor another sink waits for it. Its records are those of the log, in order.
//
// The order of calls is open(), any number of deliver() and settle(), close(), and so on from the beginning.
// After an error, the runner calls close(), waits (longer each time; after a Loop until SIGHUP), and calls
// open() again. An error states what was tried, on what, and why it failed, in own_words(); the runner
// reports it to the operator once, and reports once when the sink works again.
class Sink {
 public:
  virtual ~Sink() = default;

  // Connects. Returns the offset before which the destination has everything, if the destination can tell:
  // then delivery continues there, and each record is delivered exactly once. Otherwise, delivery continues
  // at the last known `held`, which redelivers at most what was in flight.
  [[nodiscard]] virtual Result<std::optional<std::uint64_t>> open(const SinkContext& context) = 0;

  // Delivers a batch of at least one record. `batch.back().next_offset()` in Delivery::held means that the
  // destination has the whole batch.
  [[nodiscard]] virtual Result<Delivery> deliver(std::span<const Record> batch) = 0;

  // Called when no more records came for Delivery::settle_after, or when slurper ends. Waits until the
  // destination has everything that was delivered, and returns the offset up to which it has. Needed only if
  // `held` ever lags behind.
  [[nodiscard]] virtual Result<std::uint64_t> settle() {
    return fail(ErrorKind::Internal, own_words("settle"), own_words("the sink has nothing on its way"));
  }

  virtual void close() = 0;
};

// Creates a sink from its settings. It must have no effect outside: `slurper check` creates sinks, too.
using MakeSink = std::unique_ptr<Sink> (*)(SinkOptions& options);

// For a sink whose constructor takes the options.
template <typename SomeSink>
std::unique_ptr<Sink> make_sink_of(SinkOptions& options) {
  return std::make_unique<SomeSink>(options);
}

struct SinkType {
  std::string_view name;  // the `type` of a [[sink]] table, and a URL's scheme
  std::string_view help;  // one line
  MakeSink make;
  // The settings that its table may have besides those of every sink. They stay in memory as long as the
  // type.
  std::span<const Setting> settings = {};
};

// Incremented by every change of these headers that breaks existing plug-ins.
inline constexpr std::uint32_t kSinkApiVersion = 3;

// What a plug-in exports, with C linkage, under the name slurper_sink_plugin.
struct SinkPlugin {
  std::uint32_t api_version = kSinkApiVersion;
  SinkType type;
};
using SinkPluginEntry = const SinkPlugin* (*)();

}  // namespace slurper
