// TLS against OpenSSL's own server: whom slurper talks to, and what it says of whom it doesn't.

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <future>

#include "sink/certificates.h"
#include "sink/feed.h"
#include "sink/receiver.h"
#include "sink/sink_site.h"
#include "sink/syslog/syslog_sink.h"
#include "sink/tls_server.h"
#include "support/files.h"
#include "support/temp_dir.h"
#include "support/text_of.h"

namespace slurper::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class SyslogTlsTest : public testing::Test {
 protected:
  SyslogTlsTest() {
    authority_.sign("good", "DNS:localhost,IP:127.0.0.1");
    authority_.sign("other", "DNS:other.example,DNS:another.example,IP:::1");
    authority_.sign("client", "DNS:client.example");
  }

  Result<std::optional<Reached>> open(const std::string& host, int port, SinkSite::Pairs settings,
                                      bool with_ca = true) {
    settings.emplace_back("transport", "tls");
    settings.emplace_back("probe", "false");
    settings.emplace_back("target", fmt::format("{}:{}", host, port));
    if (with_ca) settings.emplace_back("ca_file", authority_.ca());
    auto made = site_.make(syslog_sink(), settings);
    if (!made) return std::unexpected(made.error());
    sink_ = std::move(*made);
    return site_.open(*sink_);
  }
  std::string refusal(const std::string& host, int port, const SinkSite::Pairs& settings,
                      bool with_ca = true) {
    const auto opened = open(host, port, settings, with_ca);
    if (opened) return "connected";
    EXPECT_FALSE(text_of(opened.error()).find('\n') != std::string::npos);
    return text_of(opened.error());
  }
  void deliver_and_find(const TlsServer& server) {
    const Feed feed(site_.context().log_id, 2000);
    ASSERT_TRUE(site_.deliver(*sink_, feed.from(0, feed.count())));
    const auto held = site_.flush(*sink_);
    ASSERT_TRUE(held) << text_of(held.error());
    EXPECT_EQ(*held, feed.end());
    EXPECT_TRUE(eventually([&] { return server.received().find("line 00001999") != std::string::npos; }));
    sink_->close();
  }

  TempDir dir_ = TempDir::in_ram();
  Authority authority_{dir_ / "authority"};
  SinkSite site_;
  std::unique_ptr<Sink> sink_;
};

TEST_F(SyslogTlsTest, APrivateKeyThatEveryUserMayReadIsWarnedOfOnce) {
  const std::string key = authority_.file("client.key");
  const TlsServer server(authority_.file("good.pem"), authority_.file("good.key"));
  const SinkSite::Pairs own = {{"certificate", authority_.file("client.pem")}, {"key", key}};
  ASSERT_EQ(::chmod(key.c_str(), 0640), 0);
  ASSERT_TRUE(open("localhost", server.port(), own));
  EXPECT_EQ(site_.said().find("every user may read"), std::string::npos) << site_.said();
  sink_->close();
  ASSERT_EQ(::chmod(key.c_str(), 0644), 0);
  ASSERT_TRUE(open("localhost", server.port(), own));
  sink_->close();
  ASSERT_TRUE(site_.open(*sink_));
  const std::string said = site_.said();
  const auto at =
      said.find("every user may read, and so could pose as this machine: '" + key + "' (mode 0644)");
  ASSERT_NE(at, std::string::npos) << said;
  EXPECT_EQ(said.find("every user", at + 1), std::string::npos) << said;
}

TEST_F(SyslogTlsTest, ATrustedServerByNameAndByAddress) {
  for (const std::string version : {"-tls1_2", "-tls1_3"}) {
    for (const std::string host : {"localhost", "127.0.0.1"}) {
      SCOPED_TRACE(version + host);
      const TlsServer server(authority_.file("good.pem"), authority_.file("good.key"), {version});
      const auto opened = open(host, server.port(), {});
      ASSERT_TRUE(opened) << text_of(opened.error());
      EXPECT_EQ(site_.shown(), fmt::format("connected to '127.0.0.1:{}' by {}", server.port(),
                                           version == "-tls1_2" ? "TLSv1.2" : "TLSv1.3"));
      deliver_and_find(server);
    }
  }
}

TEST_F(SyslogTlsTest, AServerOfAnotherCaIsNotTrusted) {
  const Authority other(dir_ / "other", "Evil CA");
  other.sign("server", "DNS:localhost");
  const TlsServer server(other.file("server.pem"), other.file("server.key"));
  const std::string peer = fmt::format("cannot talk TLS with 'localhost:{}': ", server.port());
  EXPECT_EQ(refusal("localhost", server.port(), {}),
            fmt::format("{}its certificate 'CN = server' was issued by 'CN = Evil CA', which is not in '{}'. "
                        "Set ca_file to the certificate of the CA that issued it",
                        peer, authority_.ca()));
  EXPECT_THAT(refusal("localhost", server.port(), {}, false),
              HasSubstr("which is not among the system's CA certificates"));
  const auto opened = open("localhost", server.port(), {{"verify", "none"}}, false);
  ASSERT_TRUE(opened) << "asked for";
  deliver_and_find(server);
}

TEST_F(SyslogTlsTest, AServerOfAnotherNameIsNotTheOne) {
  const TlsServer server(authority_.file("other.pem"), authority_.file("other.key"));
  EXPECT_EQ(
      refusal("localhost", server.port(), {}),
      fmt::format("cannot talk TLS with 'localhost:{}': its certificate is for 'other.example', "
                  "'another.example', '::1', not for 'localhost'. Use one of these names as the target, "
                  "or set server_name to it",
                  server.port()));
  EXPECT_THAT(refusal("127.0.0.1", server.port(), {}), HasSubstr("not for '127.0.0.1'"));
  const auto opened = open("127.0.0.1", server.port(), {{"server_name", "another.example"}});
  ASSERT_TRUE(opened) << text_of(opened.error());
  deliver_and_find(server);
}

// A name in the subject counts if there is no alternative name, an address never (RFC 6125, RFC 2818).
TEST_F(SyslogTlsTest, WhatIsAdvisedWithoutAnAlternativeNameLeadsOn) {
  authority_.sign("127.0.0.1", "");
  authority_.sign("logs.example", "");
  authority_.sign("mail", "email:root@example");
  const TlsServer by_address(authority_.file("127.0.0.1.pem"), authority_.file("127.0.0.1.key"));
  EXPECT_EQ(
      refusal("127.0.0.1", by_address.port(), {}),
      fmt::format("cannot talk TLS with '127.0.0.1:{}': its certificate contains the address '127.0.0.1' "
                  "as its common name only, and a common name counts only if it is no address. Have the "
                  "server's certificate issued with subjectAltName = IP:127.0.0.1",
                  by_address.port()));
  EXPECT_THAT(refusal("localhost", by_address.port(), {}), HasSubstr("subjectAltName = DNS:localhost"));
  const TlsServer by_name(authority_.file("logs.example.pem"), authority_.file("logs.example.key"));
  EXPECT_THAT(refusal("127.0.0.1", by_name.port(), {}),
              HasSubstr("its certificate is for 'logs.example', not for '127.0.0.1'. Use that name as the "
                        "target, or set server_name to it"));
  const auto as_advised = open("127.0.0.1", by_name.port(), {{"server_name", "logs.example"}});
  ASSERT_TRUE(as_advised) << text_of(as_advised.error());
  deliver_and_find(by_name);
  const TlsServer mail(authority_.file("mail.pem"), authority_.file("mail.key"));
  EXPECT_THAT(refusal("127.0.0.1", mail.port(), {}), HasSubstr("its certificate is for 'mail', not for"));
  ASSERT_TRUE(open("127.0.0.1", mail.port(), {{"server_name", "mail"}}));
}

TEST_F(SyslogTlsTest, AnExpiredCertificateSaysSince) {
  authority_.sign("expired", "DNS:localhost", -1);
  const TlsServer server(authority_.file("expired.pem"), authority_.file("expired.key"));
  const std::string why = refusal("localhost", server.port(), {});
  EXPECT_THAT(why, HasSubstr("its certificate 'CN = expired' expired on "));
  EXPECT_THAT(why, HasSubstr("GMT. Renew it on the server, or set this machine's clock right"));
}

TEST_F(SyslogTlsTest, ACertificateOfTheFutureSaysFromWhen) {
  authority_.sign("localhost", "");
  authority_.sign_from("localhost", "20980101000000Z");
  const TlsServer server(authority_.file("localhost.pem"), authority_.file("localhost.key"));
  EXPECT_THAT(
      refusal("localhost", server.port(), {}),
      HasSubstr("its certificate 'CN = localhost' is not valid before Jan  1 00:00:00 2098 GMT. Set this "
                "machine's clock right"));
}

TEST_F(SyslogTlsTest, ACertificateForAnotherPurposeSaysWhatIsWrong) {
  authority_.sign("purpose", R"($'DNS:localhost\nextendedKeyUsage=clientAuth')");
  const TlsServer server(authority_.file("purpose.pem"), authority_.file("purpose.key"));
  EXPECT_THAT(refusal("localhost", server.port(), {}),
              HasSubstr("its certificate 'CN = purpose' can't be verified: unsuitable certificate purpose"));
}

TEST_F(SyslogTlsTest, ACertificateWithoutANameSaysHowToIssueOne) {
  authority_.sign("nameless", "", 2, "/O=nameless");
  const TlsServer server(authority_.file("nameless.pem"), authority_.file("nameless.key"));
  EXPECT_THAT(refusal("localhost", server.port(), {}),
              HasSubstr("its certificate contains no name, so it is not for 'localhost'. Have the server's "
                        "certificate issued with subjectAltName = DNS:localhost"));
}

TEST_F(SyslogTlsTest, ANameThatNoCertificateCanHaveIsAnErrorOfTheSettings) {
  const TcpServer server;
  EXPECT_THAT(refusal("127.0.0.1", server.port(), {{"server_name", std::string(300, 'x')}}),
              HasSubstr("the server's name can't be checked. Set server_name"));
}

TEST_F(SyslogTlsTest, ABrokenRecordSaysWhatOpensslSays) {
  const TcpServer server;
  auto answering = std::async(std::launch::async, [&] {
    UniqueFd connection = server.accept();
    EXPECT_EQ(::send(connection.get(), "\x16\x03\x03\x00\x04\x02\x00\x00\x00", 9, MSG_NOSIGNAL), 9);
    (void)read_some(connection.get(), 1);
    return connection;
  });
  EXPECT_THAT(refusal("127.0.0.1", server.port(), {}), HasSubstr(": TLS failed: "));
  answering.wait();
}

TEST_F(SyslogTlsTest, AServerMayAskForACertificate) {
  for (const std::string version : {"-tls1_2", "-tls1_3"}) {
    SCOPED_TRACE(version);
    const TlsServer server(authority_.file("good.pem"), authority_.file("good.key"),
                           {version, "-Verify", "1", "-verify_return_error", "-CAfile", authority_.ca()});
    const std::string why = refusal("localhost", server.port(), {});
    EXPECT_THAT(why,
                HasSubstr(fmt::format("the server ended the connection with the TLS alert '{}'",
                                      version == "-tls1_3" ? "certificate required" : "handshake failure")));
    EXPECT_THAT(why,
                HasSubstr("it asked for a certificate, and slurper has none. Give slurper a certificate that "
                          "the server trusts: set certificate and key"));
    const Authority other(dir_ / "other");
    other.sign("client", "DNS:client.example");
    EXPECT_THAT(refusal("localhost", server.port(),
                        {{"certificate", other.file("client.pem")}, {"key", other.file("client.key")}}),
                HasSubstr("it has seen slurper's certificate"));
    const auto opened =
        open("localhost", server.port(),
             {{"certificate", authority_.file("client.pem")}, {"key", authority_.file("client.key")}});
    ASSERT_TRUE(opened) << text_of(opened.error());
    deliver_and_find(server);
  }
}

TEST_F(SyslogTlsTest, OldVersionsAreRefused) {
  const TlsServer server(authority_.file("good.pem"), authority_.file("good.key"),
                         {"-tls1_1", "-cipher", "ALL:@SECLEVEL=0"});
  EXPECT_THAT(refusal("localhost", server.port(), {}), HasSubstr("the TLS alert 'protocol version'"));
}

TEST_F(SyslogTlsTest, WhatDoesNotSpeakTlsIsTold) {
  const TcpServer server;
  auto answering = std::async(std::launch::async, [&] {
    UniqueFd connection = server.accept();
    EXPECT_EQ(::send(connection.get(), "220 mail.example ESMTP\r\n", 24, MSG_NOSIGNAL), 24);
    (void)read_some(connection.get(), 1);
    return connection;
  });
  EXPECT_THAT(
      refusal("127.0.0.1", server.port(), {}),
      HasSubstr(
          "what answers there does not speak TLS. Name the server's TLS port, which is 6514 by default"));
  answering.wait();
}

TEST_F(SyslogTlsTest, FilesThatAreNotRightAreTold) {
  const TcpServer server;
  const auto why = [&](const SinkSite::Pairs& settings) {
    return refusal("127.0.0.1", server.port(), settings);
  };
  EXPECT_EQ(
      why({{"certificate", "/nowhere/c.pem"}}),
      "cannot load the certificate '/nowhere/c.pem': No such file or directory. It must be a PEM file that "
      "slurper may read");
  EXPECT_THAT(why({{"certificate", authority_.file("client.pem")}, {"key", authority_.file("good.key")}}),
              AllOf(HasSubstr("good.key': it is not the key of the certificate '"),
                    HasSubstr("client.pem' (OpenSSL: ")));
  EXPECT_THAT(refusal("127.0.0.1", server.port(), {{"ca_file", "/nowhere/ca.pem"}}, false),
              HasSubstr("cannot load the CA certificates '/nowhere/ca.pem': No such file or directory"));
}

TEST_F(SyslogTlsTest, AnEncryptedKeyNeedsItsPassphrase) {
  for (const std::string kind : {"ec", "pkcs8"}) {  // the two formats of encrypted PEM
    SCOPED_TRACE(kind);
    const std::string key = authority_.encrypt_key("client", kind, "hunter2");
    const std::string secret = dir_ / "key.pass";
    const SinkSite::Pairs own = {
        {"certificate", authority_.file("client.pem")}, {"key", key}, {"key_password", secret}};
    const TlsServer server(authority_.file("good.pem"), authority_.file("good.key"),
                           {"-Verify", "1", "-verify_return_error", "-CAfile", authority_.ca()});
    const std::string cannot = fmt::format("cannot load the private key '{}': ", key);

    EXPECT_EQ(
        refusal("localhost", server.port(), {own[0], own[1]}),
        cannot + "it is encrypted. Set key_password to the file or the credential that has its passphrase");
    EXPECT_EQ(refusal("localhost", server.port(), own),
              fmt::format("cannot read the secret in '{}': No such file or directory", secret));
    write_file(secret, "wrong7\n");
    EXPECT_EQ(
        refusal("localhost", server.port(), own),
        fmt::format("{}the passphrase in '{}' is not that of this key. Correct the passphrase there, or set "
                    "key_password to another file",
                    cannot, secret));
    // The file is read anew by the same sink.
    write_file(secret, "hunter2\n");
    const auto opened = site_.open(*sink_);
    ASSERT_TRUE(opened) << text_of(opened.error());
    deliver_and_find(server);
    fs::remove(secret);
  }
}

// No server can mend that, so the sink need not reach one to say it.
TEST_F(SyslogTlsTest, WhatIsWrongWithAFileShowsWithoutAServer) {
  const std::string secret = dir_ / "key.pass";
  const SinkSite::Pairs own = {{"certificate", authority_.file("client.pem")},
                               {"key", authority_.encrypt_key("client", "ec", "hunter2")},
                               {"key_password", secret}};
  write_file(secret, "");
  EXPECT_EQ(refusal("localhost", 1, own),
            fmt::format("cannot read the secret in '{}': it is empty. Write the secret into it", secret));
  write_file(secret, "wrong7");
  EXPECT_THAT(refusal("localhost", 1, own), HasSubstr("is not that of this key"));
}

TEST_F(SyslogTlsTest, AKeyWithoutAPassphraseIgnoresOne) {
  const std::string secret = dir_ / "key.pass";
  write_file(secret, "hunter2");
  const TlsServer server(authority_.file("good.pem"), authority_.file("good.key"));
  const auto opened = open("localhost", server.port(),
                           {{"certificate", authority_.file("client.pem")},
                            {"key", authority_.file("client.key")},
                            {"key_password", secret}});
  ASSERT_TRUE(opened) << text_of(opened.error());
}

TEST_F(SyslogTlsTest, ASecretThatOtherUsersMayReadIsWarnedOfOnce) {
  const std::string secret = dir_ / "key.pass";
  write_file(secret, "hunter2");
  ASSERT_EQ(::chmod(secret.c_str(), 0644), 0);
  const TlsServer server(authority_.file("good.pem"), authority_.file("good.key"));
  ASSERT_TRUE(open("localhost", server.port(),
                   {{"certificate", authority_.file("client.pem")},
                    {"key", authority_.file("client.key")},
                    {"key_password", secret}}));
  sink_->close();
  ASSERT_TRUE(site_.open(*sink_));
  const std::string said = site_.said();
  const auto at = said.find("has a secret that other users may read: '" + secret + "' (mode 0644)");
  ASSERT_NE(at, std::string::npos) << said;
  EXPECT_EQ(said.find("secret", said.find('\n', at)), std::string::npos) << said;
}

TEST_F(SyslogTlsTest, TheOldestVersionMayBeSet) {
  const TlsServer old(authority_.file("good.pem"), authority_.file("good.key"), {"-tls1_2"});
  EXPECT_THAT(refusal("localhost", old.port(), {{"tls_min", "1.3"}}), HasSubstr("protocol version"));
  const TlsServer current(authority_.file("good.pem"), authority_.file("good.key"), {"-tls1_3"});
  ASSERT_TRUE(open("localhost", current.port(), {{"tls_min", "1.3"}}));
  deliver_and_find(current);
}

// What was on its way when the server was killed is sent again, as over TCP: ciphertext is counted.
TEST_F(SyslogTlsTest, WhatAServerHasNotAcknowledgedIsNotHeld) {
  TlsServer server(authority_.file("good.pem"), authority_.file("good.key"));
  ASSERT_TRUE(open("localhost", server.port(), {{"resend", "0"}}));
  const Feed feed(site_.context().log_id, 20'000);
  std::uint64_t held = 0;
  for (std::uint64_t next = 0; next < feed.end(); next = feed.from(next, 500).back().next_offset()) {
    const auto delivery = site_.deliver(*sink_, feed.from(next, 500));
    ASSERT_TRUE(delivery);
    EXPECT_LE(held, delivery->acked);
    held = delivery->acked;
  }
  EXPECT_EQ(*site_.flush(*sink_), feed.end());
  server.kill();
  EXPECT_TRUE(eventually([&] { return !site_.deliver(*sink_, feed.from(0, 1)); }));
}

}  // namespace
}  // namespace slurper::test
