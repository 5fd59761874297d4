#include "sink/net/endpoint.h"

#include <gtest/gtest.h>

#include <vector>

namespace slurper {
namespace {

TEST(EndpointTest, HostsAddressesAndPorts) {
  const std::vector<std::pair<std::string, Endpoint>> good = {{"logs.example", {"logs.example", 514}},
                                                              {"logs.example:6514", {"logs.example", 6514}},
                                                              {"192.0.2.1:1", {"192.0.2.1", 1}},
                                                              {"[::1]:65535", {"::1", 65535}},
                                                              {"[::1]", {"::1", 514}},
                                                              {"::1", {"::1", 514}},
                                                              {"[fe80::1%eth0]:514", {"fe80::1%eth0", 514}}};
  for (const auto& [text, endpoint] : good) {
    const auto parsed = parse_endpoint(text, 514);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(*parsed, endpoint) << text;
    EXPECT_EQ(parse_endpoint(format(*parsed), 1), parsed) << text;
  }
}

TEST(EndpointTest, AnythingElseIsNone) {
  for (const std::string text :
       {"",        ":",    ":514",      "host:",  "host:0",    "host:65536", "host:5x",
        "host:-1", "[",    "[]",        "[]:514", "[::1",      "[::1]x",     "[::1]514",
        "ho st",   "a\nb", "user@host", "//host", "host/path", "h\xc3\xb6st"})
    EXPECT_FALSE(parse_endpoint(text, 514)) << text;
  EXPECT_FALSE(parse_endpoint(std::string(256, 'x'), 514));
}

}  // namespace
}  // namespace slurper
