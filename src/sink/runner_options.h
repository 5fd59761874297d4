// RunnerOptions: the settings that every sink has.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>

#include "sink/record_source.h"
#include "slurper/sink.h"

namespace slurper {

enum class StartAt { End, Beginning };
// What to do about lines that the destination had, and has lost.
enum class OnReset { Resend, Continue, Stop };

// The wait after the first failure of a sink.
inline constexpr std::chrono::milliseconds kFirstRetry{100};

struct RunnerOptions {
  RecordSource::Options source;
  StartAt start = StartAt::End;  // for a sink that has never run on this log
  std::chrono::milliseconds retry_max{30'000};
  std::uint64_t window_bytes = 16 << 20;  // memory for what is in flight, beyond one batch
  std::uint64_t max_rate = 0;             // bytes of the log a second; 0: no limit
  std::uint64_t reject_limit = 1000;      // refused lines in a row; 0: no limit
  OnReset on_reset = OnReset::Resend;

  // Returns their declarations.
  static std::span<const Setting> settings();
  static RunnerOptions from(SinkOptions& options);
};

}  // namespace slurper
