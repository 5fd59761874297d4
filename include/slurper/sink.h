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

namespace slurper {

// What a sink is told by its [[sink]] table or its URL. Asking for a setting makes it known: one that is
// there and was never asked for is an error, as is one of a wrong form. Errors are kept here, with their
// place, and reported when the sink has been made: a sink asks for all of its settings and needs not look at
// any.
class SinkOptions {
 public:
  virtual ~SinkOptions() = default;

  // `otherwise` where the setting is missing, or wrong.
  virtual std::string text(std::string_view name, std::string_view otherwise) = 0;
  virtual std::vector<std::string> list(std::string_view name) = 0;  // one string counts as a list of one
  virtual bool flag(std::string_view name, bool otherwise) = 0;
  virtual std::uint64_t number(std::string_view name, std::uint64_t otherwise, std::uint64_t min,
                               std::uint64_t max) = 0;
  // In bytes: "64KiB".
  virtual std::uint64_t size(std::string_view name, std::uint64_t otherwise, std::uint64_t min,
                             std::uint64_t max) = 0;
  // "500ms", "1h".
  virtual std::chrono::milliseconds duration(std::string_view name, std::chrono::milliseconds otherwise,
                                             std::chrono::milliseconds min,
                                             std::chrono::milliseconds max) = 0;
  // The place in `choices` of what is set; of `otherwise` where nothing is.
  virtual std::size_t choice(std::string_view name, std::span<const std::string_view> choices,
                             std::size_t otherwise) = 0;

  [[nodiscard]] virtual bool has(std::string_view name) const = 0;
  // The setting `name` is missing or wrong: "must be …". The first one that is rejected is reported.
  virtual void reject(std::string_view name, std::string why) = 0;
  // The setting `name` can be accepted, and is hardly meant: "…". `slurper check` and `run` tell the
  // operator. Behind the others, so that plug-ins that were built before it was there still work.
  virtual void warn(std::string_view /*name*/, std::string /*what*/) {}
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

struct SinkType {
  std::string_view name;  // the `type` of a [[sink]] table, and a URL's scheme
  std::string_view help;  // one line
  MakeSink make;
};

// Changes with every change of these headers that a plug-in built before would not survive.
inline constexpr std::uint32_t kSinkApiVersion = 1;

// What a plug-in exports, with C linkage, under the name slurper_sink_plugin.
struct SinkPlugin {
  std::uint32_t api_version = kSinkApiVersion;
  SinkType type;
};
using SinkPluginEntry = const SinkPlugin* (*)();

}  // namespace slurper
