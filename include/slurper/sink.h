// Sink: where records go. Part of the plug-in API: standard headers only.
//
// A plug-in is a shared object in slurper's folder of sinks that exports slurper_sink_plugin(), see the end
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
#include <vector>

#include "slurper/record.h"
#include "slurper/result.h"
#include "slurper/setting.h"

namespace slurper {

// The settings of one sink: what its [[sink]] table or its URL says, and else the defaults that its type
// declares. Errors are kept here, with their place, and reported once the sink has been made, so that a sink
// takes all of its settings without a look at any.
class SinkOptions {
 public:
  virtual ~SinkOptions() = default;

  // Of a setting that the type declares. If the value is wrong, the default.
  [[nodiscard]] virtual const SettingValue& value(std::string_view name) = 0;

  // The same by type. Text, paths, User and Group:
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
  // The place among the setting's choices.
  [[nodiscard]] std::size_t choice(std::string_view name) { return value(name).choice; }

  // Whether the configuration has it.
  [[nodiscard]] virtual bool has(std::string_view name) const = 0;
  // For rules that a declaration can't express. The setting `name` is missing or wrong: "must be …". Only the
  // first rejection is reported.
  virtual void reject(std::string_view name, std::string why) = 0;
  // The setting `name` is acceptable, but probably a mistake: "…". `slurper check` and `run` warn of it.
  virtual void warn(std::string_view name, std::string what) = 0;
};

enum class Level { Debug, Info, Warning, Error };

// What a sink gets to work with. It lives longer than the sink is open.
struct SinkContext {
  std::string name;  // the sink's own
  LogId log_id{};
  // Becomes readable when slurper ends. To be polled wherever the sink waits for long; it fails then.
  int stop_fd = -1;
  // A message for the operator. For changes of state, never for each record: who reads `*.*` reads it again.
  std::function<void(Level, std::string)> say;
};

struct Rejection {
  std::size_t index;   // in the batch
  std::string reason;  // in a few words
};

// What has become of the records so far.
struct Delivery {
  // The destination has every record before this stream offset, or has refused it for good. It may lag behind
  // what was handed over, where the destination takes its time to say so.
  std::uint64_t held = 0;
  // Of this batch, what the destination will never take: it goes to the dead letters.
  std::vector<Rejection> rejected = {};
  // Where `held` lags behind: how long to wait for more records before settle() is called.
  std::chrono::milliseconds settle_after{0};
};

// A destination. Each has a thread of its own, which alone calls it, and may block: neither the intake nor
// another sink waits for it. Its records are those of the log, in order.
//
// The order of calls is open(), any number of deliver() and settle(), close(), and so on from the beginning.
// After an error the runner calls close(), waits (longer each time; after a Loop until SIGHUP), and open().
// An error says what was tried, on what, and why it failed; the runner tells the operator, once, and once
// when it works again.
class Sink {
 public:
  virtual ~Sink() = default;

  // Connects. The offset before which the destination has everything, where it can tell: delivery goes on
  // there, and each record is delivered exactly once. Otherwise it goes on at the last known `held`, and what
  // was on its way is delivered again.
  [[nodiscard]] virtual Result<std::optional<std::uint64_t>> open(const SinkContext& context) = 0;

  // Hands a batch over, at least one record. `batch.back().next_offset()` in Delivery::held says that the
  // destination has all of it.
  [[nodiscard]] virtual Result<Delivery> deliver(std::span<const Record> batch) = 0;

  // There have been no more records for Delivery::settle_after, or slurper ends: waits until the destination
  // has all that it was handed, and says up to where that is. Needed only where `held` ever lags behind.
  [[nodiscard]] virtual Result<std::uint64_t> settle() {
    return fail(ErrorKind::Internal, "settle", "the sink has nothing on its way");
  }

  virtual void close() = 0;
};

// Makes a sink from its settings. It touches nothing yet: `slurper check` makes sinks, too.
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
  // What its table may have beside the settings of every sink. They stay in memory as long as the type.
  std::span<const Setting> settings = {};
};

// Changes with every change of these headers that breaks plug-ins built before it.
inline constexpr std::uint32_t kSinkApiVersion = 2;

// What a plug-in exports, with C linkage, under the name slurper_sink_plugin.
struct SinkPlugin {
  std::uint32_t api_version = kSinkApiVersion;
  SinkType type;
};
using SinkPluginEntry = const SinkPlugin* (*)();

}  // namespace slurper
