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

// Where a sink reports what has become of its records: on any thread, in any order, as often as it likes.
// What is reported about a record that is not in flight has no effect, and nothing has one after close(). An
// offset is that of a record (Record::offset()), or of the end of one (Record::next_offset()).
class Acknowledgements {
 public:
  virtual ~Acknowledgements() = default;

  // The destination has every record that ends at `offset` or before it, except those that it has refused.
  virtual void up_to(std::uint64_t offset) = 0;
  // The destination has the record that begins at `offset`. It may not have earlier ones yet.
  virtual void one(std::uint64_t offset) = 0;
  // The destination will never take the record that begins at `offset`. It goes to the dead letters with the
  // destination's reason: own_words("is …").
  virtual void reject(std::uint64_t offset, Phrase reason) = 0;
  // The sink has its own copy of every record that ends at `offset` or before it (the kernel has their bytes,
  // for example), and can no longer reject them. slurper releases their memory; they remain in flight.
  virtual void release(std::uint64_t offset) = 0;
  // The connection has failed, as if a call had returned this error.
  virtual void fail(Error error) = 0;
};

// How far a destination is that can tell, and which record is its last, so that slurper does not take another
// log's record for its own: a log that was restored from a backup, and the log of a cloned machine, have the
// log's id, and other lines at the same offsets.
struct Reached {
  // NOLINTNEXTLINE(google-explicit-constructor): a sink may know no more.
  Reached(std::uint64_t offset_, std::uint32_t checksum_ = 0, const MachineId& machine_ = {})
      : offset(offset_), checksum(checksum_), machine(machine_) {}

  std::uint64_t offset;    // the destination has everything before it
  std::uint32_t checksum;  // SinkContext::checksum() of the record that ends there; 0: not known
  MachineId machine;       // SinkContext::machine_id when that record was delivered; all zero: not known
  bool operator==(const Reached&) const = default;
};

// What slurper gives a sink to work with, at each open(). It outlives the open sink.
struct SinkContext {
  std::string name;  // the sink's name
  LogId log_id{};
  // The log's id before `slurper identity --new`; all zero: it has always had this one. What a destination of
  // this machine alone knows by it is this log's.
  LogId former_log_id{};
  MachineId machine_id{};
  // The CRC-32C of a whole line, without the CRs at its end; 0 for a part of one. To be stored at the
  // destination with a record, for Reached.
  std::uint32_t (*checksum)(const Record& record) = nullptr;
  std::shared_ptr<Acknowledgements> acks;  // may be kept, and called, after close()
  // An eventfd(2): a write of 1 as a 64-bit number, from any thread, makes slurper call work() soon. A
  // library that announces its events by writing to a descriptor can write to this one.
  int wake_fd = -1;
  // Becomes readable when slurper ends. A sink polls it in every long wait, and then returns.
  int stop_fd = -1;
  // Reports a message to the operator: "the sink 'x' ", and then the phrase: own_words("has found …"). For
  // changes of state, never for each record: a syslogd that matches `*.*` may write it to the FIFO again. On
  // any thread, while the sink is open.
  std::function<void(Level, Phrase)> say;
  // Shows a phrase in the status, "the sink 'x' … (phrase)", until the next call or close(): own_words("is
  // …"). On any thread, while the sink is open.
  std::function<void(Phrase)> show = [](const Phrase&) {};
  // The same, of what is wrong although the sink works: the status then says that a sink has a problem.
  std::function<void(Phrase)> show_problem = [](const Phrase&) {};
};

// A destination. Each sink has its own thread, which alone calls it, and the sink may block: neither the
// intake nor another sink waits for it. Its records are those of the log, in order.
//
// The order of calls is open(), any number of deliver(), work() and flush(), close(), and so on from the
// beginning. After an error, the runner calls close(), waits (longer each time; after a Loop until SIGHUP),
// and calls open() again. An error states what was tried, on what, and why it failed, in own_words(); the
// runner reports it to the operator once, and reports once when the sink works again. What was acknowledged
// before the error counts.
//
// A sink may acknowledge a record before deliver() returns, or at any time later. Until then the record is in
// flight. The runner hands over more as long as the records in flight, and the memory that they need, stay
// within the sink's `window_bytes`; it keeps nothing else in memory. After a failure it reads the log again,
// from the first record that was not acknowledged.
class Sink {
 public:
  virtual ~Sink() = default;

  // Connects. Returns the offset before which the destination has everything, if the destination can tell:
  // then delivery continues there, and each record is delivered exactly once. Otherwise, delivery continues
  // at the first record that was not acknowledged, which redelivers at most what was in flight. A destination
  // that has lost lines answers a lower offset than before (0, if it has lost all), and then the sink's
  // `on_reset` decides.
  [[nodiscard]] virtual Result<std::optional<Reached>> open(const SinkContext& context) = 0;

  // Takes a batch of at least one record over. The records, and what they refer to, stay valid until they are
  // acknowledged, rejected or released, or until close().
  [[nodiscard]] virtual Status deliver(std::span<const Record> batch) = 0;

  // For a destination that knows a batch again by its bytes, or by its name. If this is not 0, each batch has
  // exactly the records that begin in one block of so many bytes of the log, from a multiple of it to the
  // next, and that the filter accepts. So the borders of batches depend on offsets and settings alone, and a
  // batch that is delivered again, after a failure or a SIGKILL, is the same batch. It comes once the log has
  // all of its records: the sink's batch_lines, batch_bytes and batch_time do not apply, and what slurper has
  // at its end of the last block waits for the next start. Delivery resumes only between two blocks. A batch
  // is shorter if the sink's first offset, or an answer of open(), is within its block, or if the log has
  // lost lines since. Asked once after each open().
  [[nodiscard]] virtual std::uint64_t border() const { return 0; }

  // Called soon after a write to SinkContext::wake_fd, and sometimes without one: serves a library whose
  // callbacks need the sink's own thread.
  [[nodiscard]] virtual Status work() { return {}; }

  // How long to wait after the last delivery before flush() is called.
  [[nodiscard]] virtual std::chrono::milliseconds flush_after() const { return {}; }

  // Called once after a delivery if records are in flight and no more come, if the window is full, or if
  // slurper ends. A sink that gathers sends what it has. A sink that can find out only by waiting what its
  // destination has waits here, but not for longer than half a second once `stop_fd` is readable.
  [[nodiscard]] virtual Status flush() { return {}; }

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
inline constexpr std::uint32_t kSinkApiVersion = 5;

// What a plug-in exports, with C linkage, under the name slurper_sink_plugin.
struct SinkPlugin {
  std::uint32_t api_version = kSinkApiVersion;
  SinkType type;
};
using SinkPluginEntry = const SinkPlugin* (*)();

}  // namespace slurper
