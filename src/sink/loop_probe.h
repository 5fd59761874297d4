// LoopProbe: a line by which a sink finds out that what it writes comes back to it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "slurper/record.h"
#include "slurper/result.h"

namespace slurper {

// Of a sink into whose destination a line of slurper's own may be written. That line carries an id that
// nothing else has; a record that has it proves that the destination's lines are written to the FIFO, and go
// round for ever. The order of calls: begin() at each open(); for each batch came_back(), and if is_due(),
// the sink sends the probe and calls sent(). One thread; nothing of it survives a crash, after which begin()
// makes another id.
class LoopProbe {
 public:
  // Left out by no settings for syslogds that slurper ships, unlike "slurper".
  static constexpr std::string_view kProgram = "slurper-probe";
  // A loop may be closed later, by a change of the syslogd's settings.
  static constexpr std::chrono::minutes kAgain{10};

  // The probe is due. One that has come back is followed by another: the old one may still be on its way, and
  // says nothing of what has been mended.
  void begin();
  [[nodiscard]] bool is_due() const;
  void sent();

  // The first record that carries the id, if any does.
  [[nodiscard]] const Record* came_back(std::span<const Record> batch);

  [[nodiscard]] const std::string& id() const { return id_; }
  // The message; `what` is what the sink does: "writes to the journal".
  [[nodiscard]] std::string message(std::string_view what) const;
  // A severity that filters let pass which let `first`, the record that the probe precedes, pass: its own, or
  // a warning if that is graver.
  [[nodiscard]] static std::uint8_t severity_for(const Record& first);

 private:
  using Clock = std::chrono::steady_clock;
  std::string id_;
  bool has_come_back_ = false;
  std::optional<Clock::time_point> sent_at_;  // since begin()
};

// What the sink ends with: Loop. `what` is what it did ("write to the journal"), `way` how the line came back
// ("a syslogd gets the journal's lines, and writes them to the FIFO"), `remedy` what to do, a sentence.
[[nodiscard]] std::unexpected<Error> probe_error(std::string what, std::string_view way, const Record& probe,
                                                 std::string_view remedy);

}  // namespace slurper
