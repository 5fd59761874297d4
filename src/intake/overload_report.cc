#include "intake/overload_report.h"

#include <utility>

namespace slurper {

OverloadReport::OverloadReport(const Ring& ring, std::string fifo_path, EventListener& events)
    : ring_(ring),
      fifo_path_(std::move(fifo_path)),
      events_(events),
      dropped_lines_before_(ring.dropped_lines()) {}

void OverloadReport::held_up(std::string_view why) {
  if (held_up_since_) return;
  held_up_since_ = Clock::now();
  events_.report(EventId::FifoHeldUp,
                 {{"fifo", Quoted{fifo_path_}}, {"reason", why}, {"waiting", ByteSize{ring_.used()}}});
}

void OverloadReport::dropping() {
  if (std::exchange(dropping_, true)) return;
  events_.report(EventId::LinesDropping, {{"size", ByteSize{ring_.size()}}});
}

void OverloadReport::took() {
  if (ring_.room() < ring_.size() / 2) return;
  if (held_up_since_) {
    events_.report(EventId::FifoReadAgain, {{"after", Clock::now() - *held_up_since_}});
    held_up_since_.reset();
  }
  report_dropped("the ring has room again");
}

void OverloadReport::end() {
  report_dropped("the ring was full until the end");
}

void OverloadReport::report_dropped(std::string_view now) {
  if (!std::exchange(dropping_, false)) return;
  events_.report(EventId::LinesDropped,
                 {{"when", now}, {"lines", ring_.dropped_lines() - dropped_lines_before_}});
  dropped_lines_before_ = ring_.dropped_lines();
}

}  // namespace slurper
