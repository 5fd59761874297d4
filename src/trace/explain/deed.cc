#include "trace/explain/deed.h"

#include <fmt/format.h>

#include <cstring>

#include "trace/view/shown_event.h"

namespace slurper {

Actor actor_of(const Model& model, const Thread& thread) {
  return {.pid = thread.pid, .tid = thread.tid, .name = model.process_name(thread)};
}

Deed deed_of(const TraceEvent& event) {
  return {.time = event.raw.time,
          .number = event.number,
          .who = actor_of(*event.model, *event.thread),
          .fd = event.fd};
}

std::string text_of_file(const OpenFile& file) {
  if (file.name.empty()) {
    if (file.type == FdType::Fifo) return "a pipe";
    if (file.type == FdType::Unix) return "a UNIX socket";
    if (is_ip(file.type)) return "an IP socket";
  }
  std::string text;
  append_file(text, file);
  return text;
}

std::string signal_name(std::int64_t signal) {
  const char* const name = sigabbrev_np(static_cast<int>(signal));
  return name == nullptr ? fmt::format("signal {}", signal) : fmt::format("SIG{}", name);
}

}  // namespace slurper
