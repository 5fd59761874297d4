// A syslog server as settings name it.
#include "fuzz/fuzz.h"
#include "sink/net/endpoint.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using slurper::fuzz::require;
  const auto endpoint = slurper::parse_endpoint(slurper::fuzz::as_text(data, size), 514);
  if (!endpoint) return 0;
  require(endpoint->port != 0, "there is a port");
  require(!endpoint->host.empty(), "there is a host");
  require(slurper::parse_endpoint(format(*endpoint), 1) == endpoint, "what is written is read back");
  return 0;
}
