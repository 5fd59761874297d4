// The settings of the main job as plain data: `config` fills and checks them; the modules with their names
// read them. A duration or size of 0 switches its limit off, unless stated otherwise.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/text.h"

namespace slurper {

struct FifoSettings {
  std::string path;
  bool create = true;           // create the FIFO if its path is missing
  mode_t mode = 0600;           // of a FIFO that slurper creates
  std::string owner;            // of a FIFO that slurper creates; empty: the user that slurper runs as
  std::string group;            // the same for its group
  ByteSize pipe_size{1 << 20};  // requested with F_SETPIPE_SZ; 4 KiB to 1 GiB
  bool operator==(const FifoSettings&) const = default;
};

enum class WhenFull { Block, Drop };

struct RingSettings {
  std::string directory;    // empty: a folder for this log below the runtime directory
  ByteSize size{64 << 20};  // 4 MiB to 64 GiB, whole pages
  WhenFull when_full = WhenFull::Block;
  bool operator==(const RingSettings&) const = default;
};

enum class SyncMode { None, Always, Periodic };

struct SyncPolicy {
  SyncMode mode = SyncMode::Periodic;
  std::chrono::milliseconds period{1000};  // for Periodic; never 0
  bool operator==(const SyncPolicy&) const = default;
};

enum class Compression { None, Zstd };

enum class WhenDiskFull { Wait, RemoveOldest };

struct LogSettings {
  std::string path;
  mode_t mode = 0640;
  std::string group;  // of the log's files; empty: the process's group
  SyncPolicy sync;
  ByteSize rotate_size{0};
  std::chrono::milliseconds rotate_every{0};
  std::uint32_t keep_files = 0;  // rotated segments to keep; 0: all
  ByteSize keep_size{0};         // bytes that rotated segments may take on disk
  WhenDiskFull when_disk_full = WhenDiskFull::Wait;
  Compression compress = Compression::None;
  bool operator==(const LogSettings&) const = default;
};

struct ControlSettings {
  std::string path;  // of the socket; empty: named after the log, in the runtime directory
  bool operator==(const ControlSettings&) const = default;
};

struct MetricsSettings {
  std::string listen;                          // the address and port for HTTP; empty: off
  std::string textfile;                        // the file for node_exporter; empty: off
  std::chrono::milliseconds interval{15'000};  // between two writes of the file
  bool operator==(const MetricsSettings&) const = default;
};

// One key of a [[sink]] table or of a sink's URL. Only the sink knows which values it accepts.
struct SinkOption {
  std::string name;
  std::vector<std::string> values;  // one value, or those of a list
  bool is_list = false;
  std::string place;        // FILE:LINE:COLUMN, or the URL; for messages
  bool is_decimal = false;  // a decimal number of a file, as which TOML reads 640, too
  bool operator==(const SinkOption& other) const {
    return name == other.name && values == other.values && is_list == other.is_list;
  }
};

struct SinkSettings {
  std::string name;  // unique; also the name of its cursor
  std::string type;
  std::string place;                // of the table
  std::vector<SinkOption> options;  // all but name and type
  bool operator==(const SinkSettings& other) const {
    return name == other.name && type == other.type && options == other.options;
  }
};

struct Settings {
  FifoSettings fifo;
  RingSettings ring;
  LogSettings log;
  ControlSettings control;
  MetricsSettings metrics;
  std::vector<SinkSettings> sinks;
  bool operator==(const Settings&) const = default;
};

}  // namespace slurper
