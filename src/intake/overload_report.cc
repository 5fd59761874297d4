#include "intake/overload_report.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "base/text.h"

namespace slurper {

OverloadReport::OverloadReport(const Ring& ring, std::string fifo_path, Troubles& troubles)
    : ring_(ring),
      fifo_path_(std::move(fifo_path)),
      troubles_(troubles),
      dropped_lines_before_(ring.dropped_lines()) {}

void OverloadReport::held_up(const std::string& why) {
  if (held_up_since_) return;
  held_up_since_ = Clock::now();
  troubles_.set(Trouble::FifoNotRead, why);
  spdlog::error(
      "cannot take more from the FIFO {}: {}. Writers wait, or lose lines if they do not, until it can; {} "
      "wait for the log",
      in_quotes(fifo_path_), why, format_rounded(ByteSize{ring_.used()}));
}

void OverloadReport::dropping() {
  if (std::exchange(dropping_, true)) return;
  troubles_.set(Trouble::LinesDropped, "the ring is full");
  spdlog::error(
      "the ring is full ({}), and ring.when_full = \"drop\": lines are thrown away until the log has caught "
      "up",
      format_rounded(ByteSize{ring_.size()}));
}

void OverloadReport::took() {
  if (ring_.room() < ring_.size() / 2) return;
  if (held_up_since_) {
    spdlog::warn("takes lines from the FIFO again, after {:.1f} s",
                 std::chrono::duration<double>(Clock::now() - *held_up_since_).count());
    held_up_since_.reset();
    troubles_.clear(Trouble::FifoNotRead);
  }
  report_dropped("the ring has room again");
}

void OverloadReport::end() {
  report_dropped("the ring was full until the end");
}

void OverloadReport::report_dropped(const char* now) {
  if (!std::exchange(dropping_, false)) return;
  troubles_.clear(Trouble::LinesDropped);
  spdlog::error("{}: {} lines were thrown away", now, ring_.dropped_lines() - dropped_lines_before_);
  dropped_lines_before_ = ring_.dropped_lines();
}

}  // namespace slurper
