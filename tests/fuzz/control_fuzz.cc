// A request at the control socket, and an answer of whatever listens there.
#include "control/control_request.h"
#include "control/json.h"
#include "control/status_report.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using slurper::fuzz::require;
  const std::string_view text = slurper::fuzz::as_text(data, size);
  const auto request = slurper::parse_request(text);
  if (!request) {
    const std::string refusal = slurper::to_refusal(request.error());
    require(!refusal.contains('\n') && slurper::parse_json(refusal), "a refusal is one line of JSON");
  }
  require(slurper::parse_json(slurper::to_refusal(text)).has_value(), "any text becomes JSON");
  if (const auto report = slurper::parse_report(text)) {
    const auto again = slurper::parse_report(slurper::to_json(*report));
    require(again && *again == *report, "what is written is read back");
  }
  return 0;
}
