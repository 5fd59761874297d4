// LoopProbe: a line that shows a sink whether what it writes comes back to it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "slurper/record.h"

namespace slurper {

// For a sink whose destination may receive a line of slurper's own. That line carries a unique id. A record
// with that id proves that the destination's lines are written to the FIFO and would circulate for ever. The
// order of calls: begin() at each open(); for each batch came_back(), and if is_due(), the sink sends the
// probe and calls sent(). One thread uses it. Nothing of it survives a crash: begin() then makes another id.
class LoopProbe {
 public:
  // Unlike "slurper", no settings for syslogds that slurper ships exclude this name.
  static constexpr std::string_view kProgram = "slurper-probe";
  // Time between probes: a later change of the syslogd's settings may close a loop.
  static constexpr std::chrono::minutes kAgain{10};

  // Makes the probe due. If the last probe came back, the next one has a new id: the old probe may still be
  // on its way, and does not show whether the loop has been fixed.
  void begin();
  [[nodiscard]] bool is_due() const;
  void sent();

  // Returns the first record that carries the id, or nullptr.
  [[nodiscard]] const Record* came_back(std::span<const Record> batch);

  [[nodiscard]] const std::string& id() const { return id_; }
  // Returns the probe's message; `what` is what the sink does: "writes to the journal".
  [[nodiscard]] std::string message(std::string_view what) const;
  // Returns a severity that passes every filter that lets `first`, the record after the probe, pass: the
  // severity of `first`, or warning if that is graver.
  [[nodiscard]] static std::uint8_t severity_for(const Record& first);

 private:
  using Clock = std::chrono::steady_clock;
  std::string id_;
  bool has_come_back_ = false;
  std::optional<Clock::time_point> sent_at_;  // since begin()
};

}  // namespace slurper
