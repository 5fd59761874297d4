#include "base/listen_address.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <string>

namespace slurper {
namespace {

TEST(ListenAddress, IsAnAddressOfEitherFamilyAndAPort) {
  const auto four = parse_listen_address("127.0.0.1:9127");
  ASSERT_TRUE(four);
  const auto& address = reinterpret_cast<const sockaddr_in&>(four->address);
  EXPECT_EQ(four->size, sizeof address);
  EXPECT_EQ(address.sin_family, AF_INET);
  EXPECT_EQ(ntohs(address.sin_port), 9127);
  EXPECT_EQ(ntohl(address.sin_addr.s_addr), INADDR_LOOPBACK);
  const auto six = parse_listen_address("[::1]:65535");
  ASSERT_TRUE(six);
  const auto& address6 = reinterpret_cast<const sockaddr_in6&>(six->address);
  EXPECT_EQ(six->size, sizeof address6);
  EXPECT_EQ(address6.sin6_family, AF_INET6);
  EXPECT_EQ(ntohs(address6.sin6_port), 65535);
}

TEST(ListenAddress, KnowsWhatOnlyThisMachineReaches) {
  for (const char* text : {"127.0.0.1:1", "127.9.9.9:1", "[::1]:1"})
    EXPECT_TRUE(parse_listen_address(text).value().is_loopback) << text;
  for (const char* text : {"0.0.0.0:1", "192.0.2.1:1", "[::]:1", "[2001:db8::1]:1"})
    EXPECT_FALSE(parse_listen_address(text).value().is_loopback) << text;
}

TEST(ListenAddress, IsNothingElse) {
  for (const std::string text : {"",
                                 ":",
                                 "9127",
                                 ":9127",
                                 "127.0.0.1",
                                 "127.0.0.1:",
                                 "127.0.0.1:0",
                                 "127.0.0.1:65536",
                                 "127.0.0.1:-1",
                                 "127.0.0.1:+1",
                                 "127.0.0.1: 1",
                                 "127.0.0.1:9127 ",
                                 " 127.0.0.1:9127",
                                 "127.0.0.1:9127x",
                                 "localhost:9127",
                                 "::1:9127",
                                 "[::1]",
                                 "[::1:9127",
                                 "[::1]9127",
                                 "[127.0.0.1]:1",
                                 "[]:1",
                                 "[:1",
                                 "300.0.0.1:1",
                                 "127.1:1",
                                 "http://127.0.0.1:9127",
                                 "[fe80::1%lo]:1"}) {
    EXPECT_FALSE(parse_listen_address(text)) << text;
  }
  EXPECT_FALSE(parse_listen_address(std::string("127.0.0.1\0:1", 12)));
}

}  // namespace
}  // namespace slurper
