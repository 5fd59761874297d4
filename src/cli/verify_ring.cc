#include "cli/verify_ring.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace slurper {

void check_ring(const RingView& ring, const Uuid& boot, LogVerification& log) {
  const std::string name = in_quotes(ring.path);
  const auto note = [&](std::string text) { log.notes.push_back(std::move(text)); };
  const auto& index = log.index;
  if (index && ring.log_id != index->log_id) {
    log.problems.push_back({fmt::format("the ring {} belongs to another log", name),
                            "Name this log's with --ring, or does its index come from elsewhere?"});
    return;
  }
  const std::uint64_t waiting = ring.head - std::clamp(log.end, ring.tail, ring.head);
  if (ring.boot_id != boot) {
    note(fmt::format("the ring {} is of an earlier boot of the machine; it held {} bytes that the log lacks",
                     name, waiting));
    return;
  }
  if (index && ring.session < index->session) {
    note(fmt::format("the log went on without the ring {}, which holds {} bytes", name, waiting));
    return;
  }
  if (ring.dropped_lines > 0)
    note(fmt::format("thrown away while the ring was full, since it was made: {} lines, {} bytes",
                     ring.dropped_lines, ring.dropped_bytes));
  if (log.writer) {
    // The ring changes all the time, but what it had released before the log was read is in the log.
    if (log.end < ring.tail)
      note(fmt::format(
          "the log ends {} bytes before what was written to it: another process has just cut it, or moved it "
          "away; slurper goes on with the next line",
          ring.tail - log.end));
    return;
  }
  if (index && log.end > ring.head && index->active_base > ring.head) {
    note(fmt::format(
        "the log goes on at an offset that the ring {} has never reached; the next start puts the ring "
        "aside, with {} bytes",
        name, ring.head - ring.tail));
    return;
  }
  if (index && log.end < ring.tail && ring.session > index->session + 1) {
    note(fmt::format(
        "the log ends at offset {}, and slurper had written it up to {}: it is an old copy; the next "
        "start goes on behind the gap, in a new segment",
        log.end.value, ring.tail.value));
  } else if (log.end < ring.tail) {
    log.problems.push_back({fmt::format("the log ends at offset {}, and slurper had written it up to {}: "
                                        "another process has cut it, or moved "
                                        "its file away",
                                        log.end.value, ring.tail.value),
                            "Put the file back, or let the next start of slurper go on behind the gap"});
  } else if (log.end > ring.head) {
    note(fmt::format(
        "the log ends {} bytes behind what slurper had taken: another process wrote them; the next start "
        "goes on in a new segment",
        log.end - ring.head));
  }
  if (waiting > 0)
    note(fmt::format("{} bytes wait in the ring {}; the next start of slurper writes them", waiting, name));
  if (ring.unsettled > 0 && ring.unsettled_is_certain) {
    note(fmt::format(
        "a read of {} bytes was cut short when they were in the ring {}; the next start takes them over",
        ring.unsettled, name));
  } else if (ring.unsettled > 0) {
    note(
        fmt::format("a read of {} bytes was cut short; the next start finds out whether the ring {} has them",
                    ring.unsettled, name));
  }
}

}  // namespace slurper
