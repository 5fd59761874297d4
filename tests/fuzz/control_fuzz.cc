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
  } else {
    std::string line = slurper::to_request(*request);
    require(line.ends_with('\n'), "a request is one line");
    line.pop_back();
    const auto again = slurper::parse_request(line);
    require(again && *again == *request, "a request is read back");
  }
  require(slurper::parse_json(slurper::to_outcome(text)).has_value(), "any outcome becomes JSON");
  require(slurper::parse_json(slurper::to_refusal(text)).has_value(), "any text becomes JSON");
  if (const auto report = slurper::parse_report(text)) {
    const auto again = slurper::parse_report(slurper::to_json(*report));
    require(again && *again == *report, "what is written is read back");
  }
  return 0;
}
