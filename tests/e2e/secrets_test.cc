// The secrets of sinks, in the real slurper: nothing that others can read shows one.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "sink/certificates.h"
#include "sink/tls_server.h"
#include "support/daemon.h"
#include "support/files.h"

namespace slurper::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kWrong = "wrong-hunter1";
constexpr std::string_view kRight = "right-hunter2";

class SecretsTest : public testing::Test {
 protected:
  SecretsTest() {
    authority_.sign("server", "DNS:localhost");
    authority_.sign("client", "DNS:client.example");
    key_ = authority_.encrypt_key("client", "pkcs8", std::string(kRight));
  }

  [[nodiscard]] std::string sink(int port, const std::string& where) const {
    return fmt::format(
        "syslog+tls://"
        "localhost:{}?name=s&start=beginning&probe=false&retry_max=100ms&ca_file={}&certificate={}"
        "&key={}&key_password={}",
        port, authority_.ca(), authority_.file("client.pem"), key_, where);
  }
  [[nodiscard]] TlsServer server() const {
    return {authority_.file("server.pem"),
            authority_.file("server.key"),
            {"-Verify", "1", "-verify_return_error", "-CAfile", authority_.ca()}};
  }
  static void expect_no_secret(const std::string& text, const std::string& what) {
    EXPECT_THAT(text, Not(HasSubstr(kWrong))) << what;
    EXPECT_THAT(text, Not(HasSubstr(kRight))) << what;
  }
  static void expect_no_secret_in(const Child& slurper) {
    expect_no_secret(slurper.err(), "messages and status");
    for (const std::string file : {"cmdline", "environ"})
      expect_no_secret(content_of(fmt::format("/proc/{}/{}", slurper.pid(), file)), file);
  }
  // Waits until the line has come to the server, and ends slurper after a status.
  void expect_delivery(Child& slurper, const TlsServer& server) {
    ASSERT_TRUE(eventually([&] { return server.received().find("hello, log") != std::string::npos; }))
        << slurper.err();
    slurper.signal(SIGUSR2);
    ASSERT_TRUE(slurper.said("status: ")) << slurper.err();
    expect_no_secret_in(slurper);
    slurper.signal(SIGTERM);
    ASSERT_TRUE(slurper.exits_with(0)) << slurper.err();
    expect_no_secret(slurper.err(), "messages");
  }

  Site site_;
  TempDir certificates_ = TempDir::in_ram();
  Authority authority_{certificates_ / "authority"};
  std::string key_;
};

TEST_F(SecretsTest, APassphraseInAFileIsReadAgainAndShownNowhere) {
  const std::string secret = site_.disk / "key.pass";
  write_file(secret, std::string(kWrong) + '\n');
  ASSERT_EQ(::chmod(secret.c_str(), 0600), 0);
  const TlsServer server = this->server();
  site_.sinks = {sink(server.port(), secret)};
  ASSERT_TRUE(site_.holder.write("hello, log\n"));

  Program check = site_.run();
  check.argv[1] = "check";
  Child checked(check);
  EXPECT_TRUE(checked.exits_with(78)) << checked.err();
  EXPECT_THAT(checked.out(), HasSubstr("key_password = \"" + secret + "\""));
  expect_no_secret(checked.out() + checked.err(), "check");

  Child slurper = site_.start();
  ASSERT_TRUE(slurper.said("the passphrase in '" + secret + "' is not that of this key")) << slurper.err();
  write_file(secret, std::string(kRight) + '\n');
  expect_delivery(slurper, server);
}

TEST_F(SecretsTest, APassphraseMayBeACredential) {
  const std::string credentials = site_.disk / "credentials";
  fs::create_directory(credentials);
  write_file(fs::path(credentials) / "key", std::string(kRight));
  const TlsServer server = this->server();
  site_.sinks = {sink(server.port(), "credential:key")};
  ASSERT_TRUE(site_.holder.write("hello, log\n"));
  Program run = site_.run();
  run.env.push_back("CREDENTIALS_DIRECTORY=" + credentials);
  Child slurper(run);
  expect_delivery(slurper, server);
}

TEST_F(SecretsTest, OneOnTheCommandLineIsRefusedAndNotShown) {
  for (const std::string& url :
       {sink(6514, std::string(kRight)), fmt::format("syslog+tls://user:{}@localhost:6514", kRight)}) {
    site_.sinks = {url};
    for (const std::string command : {"check", "run"}) {
      Program refused = site_.run();
      refused.argv[1] = command;
      Child slurper(refused);
      EXPECT_TRUE(slurper.exits_with(78)) << slurper.err();
      EXPECT_THAT(slurper.err(), HasSubstr("(not shown)"));
      expect_no_secret(slurper.out() + slurper.err(), command);
    }
  }
}

}  // namespace
}  // namespace slurper::test
