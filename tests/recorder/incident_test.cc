// The incident that slurper trace was made for, with its own cast: a web server in front of an application
// that closes a connection before it has read all of the request.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <iterator>
#include <optional>
#include <regex>

#include "recorder/recording.h"
#include "support/daemon.h"
#include "support/files.h"
#include "support/temp_dir.h"
#include "support/wait.h"

namespace slurper::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// A port on which nothing listens at the moment.
std::uint16_t free_port() {
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
  EXPECT_EQ(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  return ntohs(address.sin_port);
}

bool accepts(std::uint16_t port) {
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

// Debian's packages, unpacked and not installed.
const fs::path& packages() {
  static const fs::path folder = [] {
    Child fetching(
        {.argv = {SLURPER_FETCH_PACKAGES, SLURPER_PACKAGES, "apache2-bin", "apache2-utils", "nginx-core"},
         .env = {}});
    EXPECT_TRUE(fetching.exits_with(0)) << fetching.err();
    return fs::path(SLURPER_PACKAGES);
  }();
  return folder;
}

std::vector<std::string> libraries() {
  for (const auto& entry : fs::directory_iterator(packages() / "usr/lib")) {
    if (entry.path().filename().native().ends_with("-linux-gnu"))
      return {"LD_LIBRARY_PATH=" + entry.path().native()};
  }
  return {};
}

class Incident : public testing::Test {
 protected:
  void SetUp() override {
    SKIP_WITHOUT_BPF();
    ASSERT_EQ(::chmod(folder_.path().c_str(), 0777), 0);  // the servers' children are another user's
    responder_.emplace(Program{.argv = {SLURPER_RESPONDER, socket_}, .env = {}});
    ASSERT_TRUE(eventually([&] { return fs::exists(socket_); }));
    ASSERT_EQ(::chmod(socket_.c_str(), 0777), 0);
  }

  // Apache with the event MPM, as the incident had it.
  void start_httpd() {
    const std::string modules = packages() / "usr/lib/apache2/modules";
    std::string config = "ServerRoot " + folder_.path() + "\nListen 127.0.0.1:" + std::to_string(port_) +
                         "\nServerName localhost\nPidFile " + (folder_ / "pid") + "\nErrorLog " +
                         (folder_ / "log") + "\nMutex file:" + folder_.path() +
                         "\nUser nobody\nGroup nogroup\n";
    for (const char* name : {"mpm_event", "authz_core", "proxy", "proxy_fcgi"})
      config += std::string("LoadModule ") + name + "_module " + modules + "/mod_" + name + ".so\n";
    config += "ProxyPass / unix:" + socket_ + "|fcgi://localhost/\n";
    write_file(folder_ / "httpd.conf", config);
    start({packages() / "usr/sbin/apache2", "-X", "-f", folder_ / "httpd.conf"});
  }

  void start(std::vector<std::string> argv) {
    server_.emplace(Program{.argv = std::move(argv), .env = libraries()});
    ASSERT_TRUE(eventually([&] { return accepts(port_); })) << server_->err() << read_file(folder_ / "log");
  }

  // How many of 1,000 requests were not answered with 200.
  int run_ab() {
    Child ab({.argv = {packages() / "usr/bin/ab", "-q", "-n", "1000", "-c", "5",
                       "http://127.0.0.1:" + std::to_string(port_) + "/"},
              .env = libraries()});
    EXPECT_TRUE(ab.exits_with(0)) << ab.err();
    std::smatch found;
    const std::string out = ab.out();
    EXPECT_THAT(out, HasSubstr("Complete requests:      1000"));
    return std::regex_search(out, found, std::regex("Non-2xx responses: +([0-9]+)")) ? std::stoi(found[1])
                                                                                     : 0;
  }

  TempDir folder_;
  const std::string socket_ = folder_ / "app.s";
  const std::string capture_ = folder_ / "incident.scap";
  const std::uint16_t port_ = free_port();
  std::optional<Child> responder_;
  std::optional<Child> server_;
};

// Whether a request fails is a race, so there are as many as it takes.
TEST_F(Incident, IsCaughtWithBothEndsUnderOneName) {
  start_httpd();
  Child tracing(
      {.argv = {slurper_binary(), "trace", "-p",
                std::to_string(responder_->pid()) + "," + std::to_string(server_->pid()), "--until",
                "evt.res = EPIPE and fd.type = unix", "--before", "10s", "--after", "100ms", "-w", capture_},
       .env = {"SLURPER_TRACE_PROGRAM=" SLURPER_RECORDER}});
  const auto is_caught = [&] { return tracing.err().contains("an event has matched"); };
  for (int i = 0; i < 100 && !is_caught(); ++i) run_ab();
  ASSERT_TRUE(tracing.exits_with(0)) << "100,000 requests, and none failed: " << tracing.err();

  const std::vector<std::string> failed =
      sysdig(capture_, {"-p", "%proc.name|%fd.name", "evt.res = EPIPE and fd.type = unix"});
  ASSERT_FALSE(failed.empty());
  EXPECT_THAT(failed.front(), testing::StartsWith("apache2|"));
  const std::string tuple = failed.front().substr(failed.front().find('|') + 1);
  EXPECT_THAT(tuple, testing::MatchesRegex("[0-9]+->[0-9]+ " + socket_));
  // The expression of the story, letter by letter, and both ends of the conversation under its name.
  const std::string story = "(proc.pid=" + std::to_string(responder_->pid()) +
                            " or proc.pid=" + std::to_string(server_->pid()) + ") and fd.type=unix";
  Child reading({.argv = {slurper_binary(), "trace", "-r", capture_, "-p",
                          "%proc.pid %evt.dir %evt.type %fd.name", story},
                 .env = {}});
  ASSERT_TRUE(reading.exits_with(0)) << reading.err();
  EXPECT_THAT(reading.out(), HasSubstr(std::to_string(server_->pid()) + " < writev " + tuple));
  EXPECT_THAT(reading.out(), HasSubstr(std::to_string(responder_->pid()) + " < read " + tuple));
  EXPECT_THAT(reading.out(), HasSubstr(std::to_string(responder_->pid()) + " < write " + tuple));
  EXPECT_THAT(reading.out(), HasSubstr(std::to_string(responder_->pid()) + " > close " + tuple));
  EXPECT_THAT(sysdig(capture_, {"-p", "%proc.pid %fd.name",
                                story + " and evt.type = close and fd.name contains " +
                                    tuple.substr(0, tuple.find(' '))}),
              testing::Contains(std::to_string(responder_->pid()) + " " + tuple));
}

}  // namespace
}  // namespace slurper::test
