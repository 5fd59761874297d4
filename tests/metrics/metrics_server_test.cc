#include "metrics/metrics_server.h"

#include <gmock/gmock.h>
#include <sys/resource.h>

#include <atomic>
#include <ctime>
#include <string>
#include <thread>
#include <vector>

#include "support/http.h"
#include "support/recorded_messages.h"
#include "support/text_of.h"
#include "support/wait.h"

namespace slurper {
namespace {

using namespace std::chrono_literals;
using test::connect_to_port;
using test::eventually;
using test::http_get;
using test::http_request;
using test::receive_all;
using test::send_bytes;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class MetricsServerTest : public testing::Test {
 protected:
  std::uint16_t port_ = test::free_port();
  test::RecordedMessages messages_;
  std::atomic<int> rendered_ = 0;
  std::atomic<bool> is_unknown_ = false;
  std::string metrics_ = "slurper_healthy 1\n";
  std::unique_ptr<MetricsServer> server_;

  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  void start() {
    auto server = MetricsServer::start(address(),
                                       {.metrics = {.type = "text/plain; version=0.0.4; charset=utf-8",
                                                    .render = [this]() -> std::optional<std::string> {
                                                      ++rendered_;
                                                      if (is_unknown_) return std::nullopt;
                                                      return metrics_;
                                                    },
                                                    .unavailable = "no metrics now\n"},
                                        .status = {.type = "text/html; charset=utf-8",
                                                   .render = [this]() -> std::optional<std::string> {
                                                     if (is_unknown_) return std::nullopt;
                                                     return "<p>";
                                                   },
                                                   .unavailable = "<h1>"}},
                                       messages_.listener());
    ASSERT_TRUE(server) << test::text_of(server.error());
    server_ = std::move(*server);
  }
  void expect_it_answers() const { EXPECT_THAT(http_get(port_, "/metrics"), EndsWith(metrics_)); }
};

TEST_F(MetricsServerTest, ServesTheMetricsAndThePage) {
  start();
  EXPECT_EQ(messages_.text(), "1: serving the metrics at http://" + address() + "/metrics\n");
  EXPECT_THAT(http_get(port_, "/metrics"),
              AllOf(StartsWith("HTTP/1.1 200 OK\r\n"),
                    HasSubstr("\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"),
                    HasSubstr("\r\nContent-Length: 18\r\n"), EndsWith("\r\n\r\nslurper_healthy 1\n")));
  EXPECT_THAT(http_get(port_, "/metrics?x=y"), EndsWith("\r\n\r\nslurper_healthy 1\n"));
  EXPECT_THAT(http_get(port_, "/"),
              AllOf(HasSubstr("\r\nContent-Type: text/html; charset=utf-8\r\n"), EndsWith("\r\n\r\n<p>")));
  EXPECT_THAT(http_request(port_, "GET /metrics HTTP/1.0\r\n\r\n"), EndsWith("slurper_healthy 1\n"));
}

TEST_F(MetricsServerTest, AnswersToGetAndHeadAlone) {
  start();
  EXPECT_THAT(http_request(port_, "HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n"),
              AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), HasSubstr("\r\nContent-Length: 18\r\n"),
                    EndsWith("\r\n\r\n")));
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "TRACE", "get", "X"})
    EXPECT_THAT(http_request(port_, std::string(method) + " /metrics HTTP/1.1\r\nHost: x\r\n\r\n"),
                AllOf(StartsWith("HTTP/1.1 405 "), HasSubstr("\r\nAllow: GET, HEAD\r\n")));
  for (const char* path : {"/metric", "/metrics/", "//", "/../etc/passwd", "/%2e%2e/etc/passwd", "*"})
    EXPECT_THAT(http_get(port_, path), StartsWith("HTTP/1.1 404 ")) << path;
  EXPECT_EQ(rendered_, 1);
}

TEST_F(MetricsServerTest, SaysSoIfTheStateIsUnknownAndAsksAgain) {
  start();
  is_unknown_ = true;
  EXPECT_THAT(http_get(port_, "/metrics"), AllOf(StartsWith("HTTP/1.1 503 "), EndsWith("no metrics now\n")));
  EXPECT_THAT(http_get(port_, "/"),
              AllOf(StartsWith("HTTP/1.1 503 "), HasSubstr("Content-Type: text/html;"), EndsWith("<h1>")));
  is_unknown_ = false;
  EXPECT_TRUE(eventually([&] { return http_get(port_, "/metrics").ends_with(metrics_); }));
}

TEST_F(MetricsServerTest, LosesNoAnswerThatIsLong) {
  metrics_.clear();
  for (int i = 0; metrics_.size() < 3'000'000; ++i) metrics_ += "x{i=\"" + std::to_string(i) + "\"} 1\n";
  start();
  EXPECT_EQ(test::body_of(http_get(port_, "/metrics")), metrics_);
}

// Requests that no client should send. Some get an answer and some do not; the server answers the next one.
TEST_F(MetricsServerTest, TakesGarbageForWhatItIs) {
  start();
  std::string binary;
  for (int i = 0; i < 100'000; ++i) binary += static_cast<char>(i * 7919 >> 3);
  const std::string get = "GET /metrics HTTP/1.1\r\nHost: x\r\n";
  for (const std::string& garbage :
       {binary, std::string("GET\r\n\r\n"),
        "GET /" + std::string(100'000, 'a') + " HTTP/1.1\r\nHost: x\r\n\r\n",
        get + "X: " + std::string(100'000, 'b') + "\r\n\r\n", get + std::string(50'000, '\n') + "\r\n\r\n",
        "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 18446744073709551615\r\n\r\n" + binary,
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n" + binary,
        get + "Content-Length: -1\r\n\r\n", std::string("GET /metrics HTTP/9.9\r\n\r\n")}) {
    const UniqueFd fd = connect_to_port(port_);
    ASSERT_TRUE(fd);
    (void)send_bytes(fd.get(), garbage);
    EXPECT_THAT(receive_all(fd.get()), Not(HasSubstr("nothing comes"))) << garbage.substr(0, 40);
    expect_it_answers();
  }
  // These may be the beginning of a request: the server waits for the rest, for as long as for any client.
  std::vector<UniqueFd> begun;
  for (const std::string& garbage : {std::string("\r\n\r\n"), std::string("\0\0\0\0\r\n\r\n", 8),
                                     std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11)}) {
    begun.push_back(connect_to_port(port_));
    EXPECT_TRUE(send_bytes(begun.back().get(), garbage));
    expect_it_answers();
  }
}

// Those who say nothing, who say one byte after another, and who read nothing hold all places, and more.
TEST_F(MetricsServerTest, AnswersWhileOthersStall) {
  metrics_ = std::string(2'000'000, '#') + "\nx 1\n";
  start();
  std::vector<UniqueFd> stalled;
  for (std::size_t i = 0; i < 5 * MetricsServer::kMaxClients; ++i) {
    UniqueFd fd = connect_to_port(port_, 4096);
    ASSERT_TRUE(fd);
    if (i % 3 == 1) (void)send_bytes(fd.get(), "GET /metr");
    if (i % 3 == 2) (void)send_bytes(fd.get(), "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    stalled.push_back(std::move(fd));
    if (i % 20 == 0) expect_it_answers();
  }
  for (int i = 0; i < 5; ++i) expect_it_answers();
}

// Who says one byte after another is let go all the same: the time for a client does not begin anew.
TEST_F(MetricsServerTest, LetsGoWhoTakesTooLong) {
  start();
  const UniqueFd silent = connect_to_port(port_);
  const UniqueFd slow = connect_to_port(port_);
  ASSERT_TRUE(send_bytes(slow.get(), "GET /metrics HTTP/1.1\r\nX: "));
  EXPECT_TRUE(eventually([&] {
    std::this_thread::sleep_for(50ms);
    return !send_bytes(slow.get(), "x");
  }));
  EXPECT_EQ(receive_all(silent.get()), "");
  expect_it_answers();
}

TEST_F(MetricsServerTest, RendersAFewTimesASecondForWhoeverAsksMore) {
  start();
  const auto begin = std::chrono::steady_clock::now();
  int answers = 0;
  while (std::chrono::steady_clock::now() - begin < 1s) {
    expect_it_answers();
    ++answers;
  }
  const auto took = std::chrono::steady_clock::now() - begin;
  EXPECT_LE(rendered_, took / MetricsServer::kFresh + 1) << "of " << answers;
  EXPECT_GT(answers, rendered_);
}

// The processor time of a thread is what its work costs, however slow the machine is.
TEST_F(MetricsServerTest, SleepsWhileNobodyAsksAndWhileClientsStall) {
  metrics_ = std::string(2'000'000, '#') + "\nx 1\n";
  start();
  expect_it_answers();
  std::vector<UniqueFd> stalled;
  for (int i = 0; i < 6; ++i) {
    stalled.push_back(connect_to_port(port_, 4096));
    (void)send_bytes(stalled.back().get(), i % 2 == 0 ? "GET /" : "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  expect_it_answers();
  const auto switches = [] {
    rusage usage{};
    (void)::getrusage(RUSAGE_SELF, &usage);
    return usage.ru_nvcsw;
  };
  std::this_thread::sleep_for(200ms);
  const auto before = switches();
  std::this_thread::sleep_for(1s);
  // A loop that does not sleep would make thousands of calls and hundreds of switches.
  EXPECT_LT(switches() - before, 50);
}

TEST_F(MetricsServerTest, ReportsOnceThatThePortIsInUseAndServesWhenItIsFree) {
  auto other = MetricsServer::start(address(), {}, messages_.listener());
  ASSERT_TRUE(other);
  (void)messages_.take();
  start();
  EXPECT_THAT(
      messages_.text(),
      EndsWith("2: cannot listen at '" + address() +
               "': Address already in use. End the process that listens there, or set metrics.listen to "
               "another port. Prometheus gets no metrics there until that works: slurper tries again "
               "every 30 s, and reads and writes all the same\n"));
  other->reset();
  EXPECT_TRUE(eventually([&] { return http_get(port_, "/metrics").ends_with(metrics_); }));
  EXPECT_THAT(messages_.text(), EndsWith("1: serving the metrics at http://" + address() + "/metrics\n"));
}

TEST_F(MetricsServerTest, ServesAtAnAddressOfIPv6) {
  const std::string address = "[::1]:" + std::to_string(port_);
  auto server = MetricsServer::start(
      address,
      {.metrics = {.type = "text/plain", .render = [] { return std::optional<std::string>("x 1\n"); }},
       .status = {}},
      messages_.listener());
  ASSERT_TRUE(server);
  if (messages_.text().find("Cannot assign requested address") != std::string::npos)
    GTEST_SKIP() << "this machine has no IPv6";
  UniqueFd fd(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in6 to{};
  to.sin6_family = AF_INET6;
  to.sin6_port = htons(port_);
  to.sin6_addr = in6addr_loopback;
  ASSERT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
  ASSERT_TRUE(send_bytes(fd.get(), "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"));
  EXPECT_THAT(receive_all(fd.get()), EndsWith("x 1\n"));
}

TEST_F(MetricsServerTest, EndsWhileClientsAreConnected) {
  metrics_ = std::string(2'000'000, '#') + "\nx 1\n";
  start();
  const UniqueFd silent = connect_to_port(port_);
  const UniqueFd unread = connect_to_port(port_, 4096);
  ASSERT_TRUE(send_bytes(unread.get(), "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"));
  expect_it_answers();
  server_.reset();
  EXPECT_FALSE(connect_to_port(port_));
}

}  // namespace
}  // namespace slurper
