#include "base/settings_keys.h"

#include <algorithm>
#include <array>
#include <concepts>
#include <type_traits>

namespace slurper {

namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using Type = Setting::Type;

constexpr std::uint64_t kKiB = 1 << 10;
constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint64_t kGiB = 1 << 30;
constexpr std::uint64_t kPage = 4096;

// A log's files have its name with up to 29 bytes more: ".<20 digits>.zst.tmp" (NAME_MAX is 255).
constexpr std::uint64_t kMaxLogName = 255 - 29;
constexpr std::uint64_t kMaxFifoName = 255;
// Its address, /proc/self/fd/NUMBER/NAME, has room for 107 bytes, and ".lock" follows (unix(7)).
constexpr std::uint64_t kMaxControlName = 80;
constexpr std::uint64_t kMaxTextfileName = 255 - 4;  // a ".tmp" follows

// Each in the order of its enumeration.
constexpr std::array<std::string_view, 2> kWhenFull = {"block", "drop"};
constexpr std::array<std::string_view, 2> kWhenDiskFull = {"wait", "remove-oldest"};
constexpr std::array<std::string_view, 2> kCompressions = {"none", "zstd"};
constexpr std::array<std::string_view, 2> kSyncModes = {"none", "always"};
static_assert(static_cast<std::size_t>(SyncMode::Periodic) == kSyncModes.size());

// How a value becomes a member of a struct of settings, and back.

void put(const SettingValue& value, std::string& text) {
  text = value.texts.empty() ? std::string() : value.texts.front();
}
SettingValue get(const std::string& text) {
  SettingValue value;
  value.texts.push_back(text);
  return value;
}

template <std::unsigned_integral Number>  // and bool
void put(const SettingValue& value, Number& number) {
  number = static_cast<Number>(value.number);
}
template <std::unsigned_integral Number>
SettingValue get(Number number) {
  return {.number = number};
}

void put(const SettingValue& value, ByteSize& size) {
  size.bytes = value.number;
}
SettingValue get(ByteSize size) {
  return {.number = size.bytes};
}

void put(const SettingValue& value, milliseconds& time) {
  time = milliseconds(value.number);
}
SettingValue get(milliseconds time) {
  return {.number = static_cast<std::uint64_t>(time.count())};
}

template <typename Enum>
  requires std::is_enum_v<Enum>
void put(const SettingValue& value, Enum& choice) {
  choice = static_cast<Enum>(value.choice);
}
template <typename Enum>
  requires std::is_enum_v<Enum>
SettingValue get(Enum choice) {
  return {.choice = static_cast<std::size_t>(choice)};
}

void put(const SettingValue& value, SyncPolicy& sync) {
  sync = {};
  put(value, sync.mode);
  if (sync.mode == SyncMode::Periodic) put(value, sync.period);
}
SettingValue get(const SyncPolicy& sync) {
  SettingValue value = get(sync.mode);
  if (sync.mode == SyncMode::Periodic) value.number = get(sync.period).number;
  return value;
}

template <auto Section, auto Member>
constexpr Key key(std::string_view table, const Setting& setting) {
  return {table, setting,
          [](const SettingValue& value, Settings& settings) { put(value, settings.*Section.*Member); },
          [](const Settings& settings) { return get(settings.*Section.*Member); }};
}

template <auto Member>
constexpr Key fifo(const Setting& setting) {
  return key<&Settings::fifo, Member>("fifo", setting);
}

template <auto Member>
constexpr Key ring(const Setting& setting) {
  return key<&Settings::ring, Member>("ring", setting);
}

template <auto Member>
constexpr Key log(const Setting& setting) {
  return key<&Settings::log, Member>("log", setting);
}

template <auto Member>
constexpr Key control(const Setting& setting) {
  return key<&Settings::control, Member>("control", setting);
}

template <auto Member>
constexpr Key metrics(const Setting& setting) {
  return key<&Settings::metrics, Member>("metrics", setting);
}

// The ring is mapped, so its size is a number of whole pages.
constexpr Key in_pages(Key key) {
  key.assign = [](const SettingValue& value, Settings& settings) {
    settings.ring.size.bytes = (value.number + kPage - 1) / kPage * kPage;
  };
  return key;
}

constexpr std::array kKeys = {
    fifo<&FifoSettings::path>({.name = "path",
                               .type = Type::FilePath,
                               .help = "the named pipe to read; required",
                               .required = true,
                               .max = kMaxFifoName}),
    fifo<&FifoSettings::create>({.name = "create",
                                 .type = Type::Flag,
                                 .help = "make the FIFO when it is missing",
                                 .initial = "true"}),
    fifo<&FifoSettings::mode>({.name = "mode",
                               .type = Type::Mode,
                               .help = "permissions of a FIFO that slurper makes",
                               .initial = "0600"}),
    fifo<&FifoSettings::owner>(
        {.name = "owner", .type = Type::User, .help = "owner of a FIFO that slurper makes"}),
    fifo<&FifoSettings::group>(
        {.name = "group", .type = Type::Group, .help = "group of a FIFO that slurper makes"}),
    fifo<&FifoSettings::pipe_size>({.name = "pipe_size",
                                    .type = Type::Size,
                                    .help = "bytes the kernel may buffer",
                                    .initial = "1MiB",
                                    .min = 4 * kKiB,
                                    .max = kGiB,
                                    .example = "\"1MiB\""}),

    ring<&RingSettings::directory>(
        {.name = "directory", .type = Type::FolderPath, .help = "folder in RAM for the ring"}),
    in_pages(ring<&RingSettings::size>({.name = "size",
                                        .type = Type::Size,
                                        .help = "bytes kept while the disk stalls",
                                        .initial = "64MiB",
                                        .min = 4 * kMiB,
                                        .max = 64 * kGiB,
                                        .example = "\"64MiB\""})),
    ring<&RingSettings::when_full>({.name = "when_full",
                                    .type = Type::Choice,
                                    .help = "block the writers, or drop lines",
                                    .initial = "block",
                                    .choices = kWhenFull}),

    log<&LogSettings::path>({.name = "path",
                             .type = Type::FilePath,
                             .help = "the log to write; required",
                             .required = true,
                             .max = kMaxLogName}),
    log<&LogSettings::mode>(
        {.name = "mode", .type = Type::Mode, .help = "permissions of the log's files", .initial = "0640"}),
    log<&LogSettings::group>({.name = "group", .type = Type::Group, .help = "group of the log's files"}),
    log<&LogSettings::sync>({.name = "sync",
                             .type = Type::Duration,
                             .help = "how often the log is forced to disk",
                             .initial = "1s",
                             .min = in_milliseconds(10ms),
                             .max = in_milliseconds(1h),
                             .choices = kSyncModes}),
    log<&LogSettings::rotate_size>({.name = "rotate_size",
                                    .type = Type::Size,
                                    .help = "rotate at this size",
                                    .initial = "0",
                                    .min = 4 * kKiB,
                                    .zero = "no limit",
                                    .example = "\"100MiB\""}),
    log<&LogSettings::rotate_every>({.name = "rotate_every",
                                     .type = Type::Duration,
                                     .help = "rotate at this age",
                                     .initial = "0",
                                     .min = in_milliseconds(1s),
                                     .zero = "never",
                                     .example = R"("1d" or "12h")"}),
    log<&LogSettings::keep_files>({.name = "keep_files",
                                   .type = Type::Number,
                                   .help = "rotated segments to keep",
                                   .initial = "0",
                                   .max = 1'000'000,
                                   .zero = "all"}),
    log<&LogSettings::keep_size>({.name = "keep_size",
                                  .type = Type::Size,
                                  .help = "space that rotated segments may take",
                                  .initial = "0",
                                  .min = 4 * kKiB,
                                  .zero = "no limit",
                                  .example = "\"100MiB\""}),
    log<&LogSettings::when_disk_full>({.name = "when_disk_full",
                                       .type = Type::Choice,
                                       .help = "wait for room, or remove old segments",
                                       .initial = "wait",
                                       .choices = kWhenDiskFull}),
    log<&LogSettings::compress>({.name = "compress",
                                 .type = Type::Choice,
                                 .help = "compression of rotated segments",
                                 .initial = "none",
                                 .choices = kCompressions}),

    control<&ControlSettings::path>({.name = "path",
                                     .type = Type::FilePath,
                                     .help = "the socket that `slurper status` asks",
                                     .max = kMaxControlName}),

    metrics<&MetricsSettings::listen>(
        {.name = "listen", .help = "address and port for Prometheus: \"127.0.0.1:9127\""}),
    metrics<&MetricsSettings::textfile>({.name = "textfile",
                                         .type = Type::FilePath,
                                         .help = "the .prom file for node_exporter, none by default",
                                         .max = kMaxTextfileName}),
    metrics<&MetricsSettings::interval>({.name = "interval",
                                         .type = Type::Duration,
                                         .help = "time between two writes of that file",
                                         .initial = "15s",
                                         .min = in_milliseconds(1s),
                                         .max = in_milliseconds(1h),
                                         .example = "\"15s\""}),
};

}  // namespace

std::span<const Key> keys() {
  return kKeys;
}

std::span<const Key> keys_of(std::string_view table) {
  const auto is_in_table = [table](const Key& key) { return key.table == table; };
  const auto* const first = std::ranges::find_if(kKeys, is_in_table);
  return {first, std::find_if_not(first, kKeys.end(), is_in_table)};
}

const Key* find_key(std::string_view table, std::string_view name) {
  const auto* const found = std::ranges::find_if(
      kKeys, [&](const Key& key) { return key.table == table && key.setting.name == name; });
  return found == kKeys.end() ? nullptr : &*found;
}

}  // namespace slurper
