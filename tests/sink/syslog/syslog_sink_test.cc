#include "sink/syslog/syslog_sink.h"

#include <gmock/gmock.h>
#include <sys/un.h>

#include "sink/receiver.h"
#include "sink/sink_site.h"
#include "support/temp_dir.h"
#include "support/text_of.h"

namespace slurper {
namespace {

using test::Delivered;
using test::text_of;

using namespace std::string_literals;
using namespace std::string_view_literals;
using test::TcpServer;
using testing::AllOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::string_view kOwn = R"([slurper@32473 log="07070707-0707-0707-0707-070707070707" offset="0"])";

// The sink under test, and what it gets.
class SyslogSinkTest : public testing::Test {
 protected:
  void open(SinkSite::Pairs settings) {
    settings.emplace_back("hostname", "here");
    if (!with_probe_) settings.emplace_back("probe", "false");  // one test is about it
    auto made = site_.make(syslog_sink(), settings);
    ASSERT_TRUE(made) << text_of(made.error());
    sink_ = std::move(*made);
    const auto opened = site_.open(*sink_);
    ASSERT_TRUE(opened) << text_of(opened.error());
    EXPECT_FALSE(*opened) << "the protocol has no way to tell";
  }

  Delivered deliver(std::vector<std::string> lines) {
    auto delivery = site_.deliver(*sink_, site_.records(std::move(lines)));
    EXPECT_TRUE(delivery) << text_of(delivery.error());
    return delivery.value_or(Delivered{});
  }
  std::uint64_t settle() {
    const auto held = site_.flush(*sink_);
    EXPECT_TRUE(held) << text_of(held.error());
    return held.value_or(0);
  }

  // What a TCP server receives of these lines, over one connection.
  std::string sent_over_tcp(SinkSite::Pairs settings, std::vector<std::string> lines) {
    const TcpServer server;
    settings.emplace_back("target", server.target());
    open(std::move(settings));
    const UniqueFd connection = server.accept();
    deliver(std::move(lines));
    settle();
    sink_->close();
    return test::read_all(connection.get());
  }

  SinkSite site_;
  std::unique_ptr<Sink> sink_;
  bool with_probe_ = false;
};

// A socket bound to a path, or to a port of loopback.
UniqueFd bound_socket(int type, const std::string& path) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  UniqueFd fd(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  return fd;
}
std::pair<UniqueFd, std::string> udp_server(int family = AF_INET) {
  UniqueFd fd(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_storage storage{};
  socklen_t size = sizeof(sockaddr_in);
  auto& ipv4 = reinterpret_cast<sockaddr_in&>(storage);
  auto& ipv6 = reinterpret_cast<sockaddr_in6&>(storage);
  storage.ss_family = static_cast<sa_family_t>(family);
  if (family == AF_INET6) {
    ipv6.sin6_addr = in6addr_loopback;
    size = sizeof ipv6;
  } else {
    ipv4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  }
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&storage), size), 0);
  EXPECT_EQ(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&storage), &size), 0);
  return {std::move(fd),
          (family == AF_INET6 ? "[::1]:" : "127.0.0.1:") + std::to_string(ntohs(ipv4.sin_port))};
}
std::string datagram(const UniqueFd& fd) {
  pollfd waits{.fd = fd.get(), .events = POLLIN, .revents = 0};
  if (::poll(&waits, 1, 30'000) != 1) return "nothing";
  std::string text(1 << 17, '\0');
  const ssize_t size = ::recv(fd.get(), text.data(), text.size(), 0);
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  return text;
}
bool is_silent(const UniqueFd& fd) {
  char byte = 0;
  return ::recv(fd.get(), &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

TEST_F(SyslogSinkTest, FramesAreOctetCountedAndNoByteOfALineChangesThem) {
  const std::vector<std::string> lines = {"hello", "5 <13>1 a\r\0b\x1b[31m \xff"s, "",
                                          std::string(70'000, 'x')};
  const auto frames = test::cut_octet_frames(sent_over_tcp({}, lines));
  ASSERT_EQ(frames.messages.size(), lines.size());
  EXPECT_EQ(frames.rest, "");
  EXPECT_EQ(frames.messages[0],
            "<13>1 2027-01-15T08:00:00.000000Z here - - - " + std::string(kOwn) + " hello");
  EXPECT_THAT(frames.messages[1], EndsWith("] 5 <13>1 a\r\0b\x1b[31m \xff"sv));
  EXPECT_THAT(frames.messages[2], EndsWith(R"(offset="26"])"));
  EXPECT_THAT(frames.messages[3], EndsWith("] " + lines[3]));
}

TEST_F(SyslogSinkTest, WhereANewlineEndsAMessageNothingElseLooksLikeOne) {
  const std::string sent =
      sent_over_tcp({{"framing", "lf"}}, {"one\r\0two"s, "three\x1b", std::string("\r", 1)});
  EXPECT_EQ(std::ranges::count(sent, '\n'), 3);
  EXPECT_THAT(sent, HasSubstr("] one#015#000two\n<13>1 "));
  EXPECT_THAT(sent, HasSubstr("] three#033\n<13>1 "));
  EXPECT_THAT(sent, EndsWith("] #015\n"));
}

TEST_F(SyslogSinkTest, TheOldFormatIsEscapedAndInLocalTime) {
  const auto frames = test::cut_octet_frames(sent_over_tcp(
      {{"format", "rfc3164"}, {"facility", "local7"}, {"severity", "debug"}, {"program", "app"}},
      {"a\r\0b"s}));
  const std::time_t arrival = 1'800'000'000;
  std::tm local{};
  ::localtime_r(&arrival, &local);
  std::string time(32, '\0');
  time.resize(std::strftime(time.data(), time.size(), "%b %e %H:%M:%S", &local));
  EXPECT_THAT(frames.messages, ElementsAre("<191>" + time + " here app: a#015#000b"));
}

TEST_F(SyslogSinkTest, TheStatusShowsTheAddress) {
  const TcpServer server;
  open({{"target", server.target()}});
  EXPECT_EQ(site_.shown(), "connected to '" + server.target() + "'");
  sink_->close();
  const auto [udp_fd, target] = udp_server(AF_INET6);
  open({{"target", target}, {"transport", "udp"}});
  EXPECT_EQ(site_.shown(), "connected to '" + target + "'");
  sink_->close();
  const test::TempDir folder;
  const UniqueFd local = bound_socket(SOCK_DGRAM, folder / "log");
  open({{"path", folder / "log"}, {"transport", "unix"}});
  EXPECT_EQ(site_.shown(), "connected to '" + folder / "log" + "'");
  sink_->close();
}

// The first line of each connection is slurper's own. If it comes back, all lines would, again and again.
TEST_F(SyslogSinkTest, FindsThatWhatItSendsComesBack) {
  with_probe_ = true;
  for (const std::string format : {"rfc5424", "rfc3164"}) {
    const TcpServer server;
    open({{"target", server.target()}, {"format", format}});
    std::vector<std::string> probes;
    for (int time = 0; time < 2; ++time) {
      const UniqueFd connection = server.accept();
      deliver({"<11>Nov 21 22:14:15 host app: one", "<11>Nov 21 22:14:15 host app: two"});
      settle();
      sink_->close();
      const auto frames = test::cut_octet_frames(test::read_all(connection.get()));
      ASSERT_EQ(frames.messages.size(), 3U) << "one probe for a connection";
      probes.push_back(frames.messages[0]);
      EXPECT_THAT(probes.back(), StartsWith("<11>"));
      EXPECT_THAT(probes.back(), HasSubstr("slurper-probe"));
      EXPECT_THAT(probes.back(), testing::Not(HasSubstr("offset="))) << "it is no line of the log";
      ASSERT_TRUE(site_.open(*sink_));
      const UniqueFd again = server.accept();
      // As a syslogd with a format of its own writes it.
      const auto looped = site_.deliver(
          *sink_, site_.records({"two", "2027-01-15T08:00:00Z h " +
                                            probes.back().substr(probes.back().find("slurper"))}));
      ASSERT_FALSE(looped);
      EXPECT_EQ(looped.error().kind, ErrorKind::Loop);
      EXPECT_THAT(text_of(looped.error()),
                  AllOf(HasSubstr("cannot send to '" + server.target() + "'"),
                        HasSubstr("comes back through the FIFO, and would circulate for ever"),
                        HasSubstr("slurper-probe"), HasSubstr("systemctl reload slurper")));
      sink_->close();
      ASSERT_TRUE(site_.open(*sink_));
    }
    EXPECT_NE(probes[0].substr(probes[0].size() - 36), probes[1].substr(probes[1].size() - 36))
        << "what is still on its way says nothing of what was mended";
    const UniqueFd connection = server.accept();
    EXPECT_TRUE(site_.deliver(*sink_, site_.records({probes[0], probes[1]})));
    sink_->close();
  }
}

TEST_F(SyslogSinkTest, SlurpersOwnElementCanBeLeftOut) {
  const auto frames = test::cut_octet_frames(sent_over_tcp({{"own_element", "false"}}, {"a"}));
  EXPECT_THAT(frames.messages, ElementsAre("<13>1 2027-01-15T08:00:00.000000Z here - - - - a"));
}

TEST_F(SyslogSinkTest, ALocalSocketIsADatagramOrAStreamAsItsPathSays) {
  const test::TempDir dir = test::TempDir::in_ram();
  const UniqueFd datagrams = bound_socket(SOCK_DGRAM, dir / "dgram");
  open({{"transport", "unix"}, {"path", dir / "dgram"}, {"format", "rfc5424"}});
  const Delivered delivery = deliver({"one", "two"});
  EXPECT_EQ(delivery.acked, 8U);
  EXPECT_THAT(datagram(datagrams), EndsWith("] one"));
  EXPECT_THAT(datagram(datagrams), EndsWith("] two"));
  open({{"transport", "unix"}, {"path", dir / "dgram"}});
  deliver({"<86>Oct  1 22:14:15 host sshd[7]: three\r"});
  EXPECT_EQ(datagram(datagrams), "<86>Oct  1 22:14:15 sshd[7]: three#015") << "syslog(3) says no host";

  for (const auto& [framing, end] : {std::pair("lf", '\n'), std::pair("nul", '\0')}) {
    SCOPED_TRACE(framing);
    const UniqueFd listener = bound_socket(SOCK_STREAM, dir / framing);
    ASSERT_EQ(::listen(listener.get(), 1), 0);
    open({{"transport", "unix"}, {"path", dir / framing}, {"framing", framing}});
    const UniqueFd connection(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    deliver({"a\0b"s, "c"});
    sink_->close();
    const std::string sent = test::read_all(connection.get());
    EXPECT_THAT(sent, HasSubstr(" -: a#000b"s + end + "<13>Jan 15 "));
    EXPECT_THAT(sent, EndsWith(" -: c"s + end));
  }
}

// The kernel tells what the peer itself has read: nothing more counts as held.
TEST_F(SyslogSinkTest, OfALocalStreamWhatThePeerHasReadIsHeld) {
  const test::TempDir dir = test::TempDir::in_ram();
  const UniqueFd listener = bound_socket(SOCK_STREAM, dir / "stream");
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  open({{"transport", "unix"}, {"path", dir / "stream"}});
  UniqueFd connection(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  EXPECT_EQ(deliver({"one"}).acked, 0U);
  char byte = 0;
  while (::recv(connection.get(), &byte, 1, MSG_DONTWAIT) == 1) continue;
  EXPECT_EQ(settle(), 4U);
  deliver({"two"});
  connection.reset();
  EXPECT_FALSE(site_.flush(*sink_)) << "gone without having read it";
}

TEST_F(SyslogSinkTest, UdpSendsADatagramAMessage) {
  for (const int family : {AF_INET, AF_INET6}) {
    const auto [server, target] = udp_server(family);
    open({{"transport", "udp"}, {"target", target}});
    // More than one sendmmsg(2) takes, less than the receiver's buffer holds.
    std::vector<std::string> lines;
    lines.reserve(150);
    for (int i = 0; i < 150; ++i) lines.push_back(fmt::format("line\r{}", i));
    const Delivered delivery = deliver(lines);
    EXPECT_EQ(delivery.acked, settle());
    EXPECT_TRUE(delivery.rejected.empty());
    for (const std::string& line : lines) ASSERT_THAT(datagram(server), EndsWith("] " + line));
    EXPECT_TRUE(is_silent(server));
  }
}

TEST_F(SyslogSinkTest, WhatNoDatagramHoldsIsRefusedAndTold) {
  const auto [server, target] = udp_server();
  open({{"transport", "udp"}, {"target", target}});
  const Delivered delivery = deliver({"one", std::string(65'500, 'x'), "three"});
  ASSERT_EQ(delivery.rejected.size(), 1U);
  EXPECT_EQ(delivery.rejected[0].index, 1U);
  EXPECT_THAT(text_of(delivery.rejected[0].reason), HasSubstr("max_message is 65507"));
  EXPECT_EQ(delivery.acked, 4U + 65'501U + 6U);
  EXPECT_THAT(datagram(server), EndsWith("] one"));
  EXPECT_THAT(datagram(server), EndsWith("] three"));
  EXPECT_TRUE(is_silent(server));
}

TEST_F(SyslogSinkTest, WhatTheKernelFindsTooLongIsRefusedAlone) {
  const test::TempDir dir = test::TempDir::in_ram();
  const UniqueFd datagrams = bound_socket(SOCK_DGRAM, dir / "dgram");
  open({{"transport", "unix"}, {"path", dir / "dgram"}, {"send_buffer", "16KiB"}});
  const Delivered delivery = deliver({"one", std::string(100'000, 'x'), "three"});
  ASSERT_EQ(delivery.rejected.size(), 1U);
  EXPECT_EQ(delivery.rejected[0].index, 1U);
  EXPECT_THAT(text_of(delivery.rejected[0].reason), StartsWith("it is too long for a datagram to "));
  EXPECT_THAT(datagram(datagrams), EndsWith(" -: one"));
  EXPECT_THAT(datagram(datagrams), EndsWith(" -: three"));
}

TEST_F(SyslogSinkTest, TruncationIsBetweenCharactersAndTold) {
  const auto [server, target] = udp_server();
  open({{"transport", "udp"}, {"target", target}, {"max_message", "500B"}, {"too_long", "truncate"}});
  const std::size_t header =
      ("<13>1 2027-01-15T08:00:00.000000Z here - - - " + std::string(kOwn) + " ").size();
  std::string line(499 - header, 'x');
  line += "\xe2\x82\xac";  // its first byte would fit
  const Delivered delivery = deliver({line});
  ASSERT_EQ(delivery.rejected.size(), 1U);
  EXPECT_EQ(text_of(delivery.rejected[0].reason), "it was cut off after 499 of 502 bytes");
  EXPECT_THAT(datagram(server), EndsWith("x"));
}

TEST_F(SyslogSinkTest, WhatNobodyWantedByUdpIsNotHeld) {
  auto [server, target] = udp_server();
  open({{"transport", "udp"}, {"target", target}});
  server.reset();
  const auto delivery = site_.deliver(*sink_, site_.records({"one"}));
  ASSERT_FALSE(delivery);
  EXPECT_THAT(text_of(delivery.error()), HasSubstr("cannot send to '" + target + "': Connection refused"));
}

// Lines that a syslogd writes back into the FIFO would go round for ever.
TEST_F(SyslogSinkTest, WhatCameBackIsRefused) {
  const TcpServer server;
  open({{"target", server.target()}});
  const std::string line = fmt::format("<13>1 - here - - - {} hello", kOwn);
  const Record back(site_.context().log_id, 0, line.size() + 1, line, Part::Whole, Timestamp(),
                    [](std::string_view raw, Timestamp, SyslogHeader& header) {
                      header.structured_data = kOwn;
                      header.message = raw;
                    });
  const auto delivery = site_.deliver(*sink_, {&back, 1});
  ASSERT_TRUE(delivery);
  ASSERT_EQ(delivery->rejected.size(), 1U);
  EXPECT_THAT(text_of(delivery->rejected[0].reason), HasSubstr("a loop"));
  EXPECT_EQ(settle(), line.size() + 1);
  sink_->close();
  EXPECT_EQ(test::read_all(server.accept().get()), "");
}

TEST_F(SyslogSinkTest, WrongSettingsAreTold) {
  const std::vector<std::pair<SinkSite::Pairs, std::string>> wrong = {
      {{}, "'target', which must be a server"},
      {{{"target", "a b"}}, "but must be a host, or a host and a port"},
      {{{"transport", "unix"}}, "'path', which must be the path of a socket"},
      {{{"transport", "unix"}, {"path", "dev/log"}}, "must begin with a '/'"},
      {{{"transport", "unix"}, {"path", "/dev/log"}, {"target", "a"}},
       "may be set only with the transport udp, tcp or tls"},
      {{{"target", "a"}, {"path", "/dev/log"}}, "may be set only with the transport unix"},
      {{{"target", "a"}, {"transport", "carrier-pigeon"}}, "must be one of unix, udp, tcp, tls"},
      {{{"target", "a"}, {"framing", "lf"}, {"transport", "udp"}},
       "may be set only with the transport tcp, tls or unix"},
      {{{"target", "a"}, {"ca_file", "x"}}, "may be set only with the transport tls"},
      {{{"target", "a"}, {"transport", "tls"}, {"key", "x"}},
       "'certificate', which must be set if key or key_password is set"},
      {{{"target", "a"}, {"transport", "tls"}, {"key_password", "/x"}},
       "'certificate', which must be set if key or key_password is set"},
      {{{"target", "a"}, {"transport", "tls"}, {"key_passwd", "/x"}},
       "no key 'key_passwd'. Did you mean 'key_password'?"},
      {{{"target", "a"}, {"transport", "tls"}, {"verify", "no"}}, "must be \"full\" or \"none\""},
      {{{"target", "a"}, {"max_message", "100B"}}, "which every receiver accepts"},
      {{{"target", "a"}, {"resend", "1MiB"}, {"transport", "udp"}},
       "may be set only with the transport tcp or tls"},
      {{{"target", "a"}, {"resolve_every", "1s"}}, "may be set only with the transport udp"},
      {{{"target", "a"}, {"facility", "local8"}}, "must be one of kern, user"},
      {{{"target", "a"}, {"tagret", "b"}}, "no key 'tagret'"}};
  for (const auto& [settings, why] : wrong) {
    const auto sink = site_.make(syslog_sink(), settings);
    ASSERT_FALSE(sink) << why;
    EXPECT_EQ(sink.error().kind, ErrorKind::Config);
    EXPECT_THAT(text_of(sink.error()), HasSubstr(why));
  }
}

}  // namespace
}  // namespace slurper
