#include "recorder/engine.h"

#include <fmt/format.h>

#include <cstdio>
#include <utility>

#include "base/wrap.h"
#include "recorder/bpf_programs.h"
#include "recorder/ptrace_engine.h"

namespace slurper {

namespace {

constexpr int kUnavailable = 69;  // EX_UNAVAILABLE of sysexits.h

void report_ptrace(const RecorderOptions& options, const std::string& why) {
  std::string text = fmt::format(
      "traces by ptrace{}. Each call of a traced process takes some 30 microseconds more. The state of "
      "pipes is not recorded. Set-uid programs lack their rights unless root traces.",
      why.empty() ? "" : fmt::format(" ({})", why));
  if (!options.fifo.empty())
    text +=
        " Processes that open the FIFO later are traced only if they descend from one that has it open now.";
  fmt::print(stderr, "{}", message_for(STDERR_FILENO, text));
}

}  // namespace

Recorded<std::unique_ptr<Engine>> make_engine(const RecorderOptions& options, const TraceConfig& config,
                                              const Engine::Receiver& receiver) {
  std::string why;
  if (options.engine != EngineChoice::Ptrace) {
    auto loaded = BpfPrograms::load(config, receiver);
    if (loaded) return std::unique_ptr<Engine>(std::move(*loaded));
    const bool is_final =
        options.engine == EngineChoice::Bpf || options.whole_machine() || loaded.error().why.empty();
    if (is_final) return std::unexpected(std::move(loaded.error()));
    why = loaded.error().why;
  }
  if (options.whole_machine())
    return std::unexpected(
        RecorderError{kUnavailable,
                      "cannot trace the whole machine by ptrace. Select processes (-p, --fifo, "
                      "or a command), or use --engine bpf",
                      {}});
  report_ptrace(options, why);
  return PtraceEngine::start(config, receiver);
}

}  // namespace slurper
