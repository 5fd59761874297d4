// The sink `syslog` with real servers: rsyslogd over a local socket, UDP, TCP and TLS, syslog-ng over TCP.

#include <gmock/gmock.h>

#include <csignal>
#include <fstream>
#include <optional>

#include "sink/certificates.h"
#include "sink/feed.h"
#include "sink/receiver.h"
#include "sink/sink_site.h"
#include "sink/syslog/syslog_sink.h"
#include "support/packages.h"
#include "support/temp_dir.h"
#include "support/text_of.h"

namespace slurper::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

namespace fs = std::filesystem;

std::vector<std::string> lines_of(const fs::path& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

// Chosen by the kernel, and free again: for servers that can't say which one they were given.
std::uint16_t free_port(int type) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const UniqueFd fd(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
  EXPECT_EQ(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  return ntohs(address.sin_port);
}

// What the server makes of a message, a line each: pri|host|program|pid|msgid|structured data|message.
constexpr std::string_view kRsyslogFormat =
    R"(template(name="parts" type="string" string="%pri%|%hostname%|%app-name%|%procid%|%msgid%|%structured-data%|%msg%\n")";

class SyslogServersTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    Child fetch({.argv = {SLURPER_FETCH_PACKAGES, SLURPER_SYSLOGDS, "rsyslog", "rsyslog-openssl",
                          "rsyslog-gnutls", "syslog-ng-core"},
                 .env = {}});
    ASSERT_TRUE(fetch.exits_with(0, std::chrono::minutes(3))) << fetch.err();
  }

  // Up, if `is_up` says so.
  Child start(const Program& program, const std::function<bool()>& is_up) {
    Child server(program);
    EXPECT_TRUE(eventually([&] { return is_up() || server.wait(0ms); }));
    EXPECT_FALSE(server.wait(0ms)) << server.err() << server.out();
    return server;
  }

  // With these inputs; what comes goes to the file `out`.
  Child start_rsyslogd(const std::string& global, const std::string& inputs,
                       const std::function<bool()>& is_up) {
    const fs::path conf = dir_ / "rsyslog.conf";
    std::ofstream(conf) << fmt::format(
        "global(workDirectory=\"{0}\" maxMessageSize=\"64k\" {1})\n{2}\n{3})\n"
        "*.* action(type=\"omfile\" file=\"{0}/out\" template=\"parts\")\n",
        dir_.path(), global, inputs, kRsyslogFormat);
    return start({.argv = {Packages::root() / "usr/sbin/rsyslogd", "-n", "-i", "NONE", "-M",
                           Packages::libraries() / "rsyslog", "-f", conf},
                  .env = Packages::env()},
                 is_up);
  }
  Child start_rsyslogd_tcp(const std::string& global, const std::string& module) {
    fs::remove(dir_ / "port");
    Child server = start_rsyslogd(
        global,
        fmt::format("module(load=\"imtcp\" {})\ninput(type=\"imtcp\" address=\"127.0.0.1\" port=\"{}\" "
                    "listenPortFileName=\"{}\")",
                    module, port_, dir_ / "port"),
        [&] { return port_ != 0 ? accepts() : !lines_of(dir_ / "port").empty(); });
    if (port_ == 0) port_ = std::stoi(lines_of(dir_ / "port").at(0));
    return server;
  }

  Child start_syslog_ng() {
    const fs::path modules = Packages::syslog_ng_modules();
    const fs::path conf = dir_ / "syslog-ng.conf";
    if (port_ == 0) port_ = free_port(SOCK_STREAM);
    std::ofstream(conf) << fmt::format(R"(@version: {2}
options {{ use-dns(no); dns-cache(no); keep-hostname(yes); }};
source sent {{ syslog(transport("tcp") ip("127.0.0.1") port({1}) log-msg-size(65536)); }};
destination out {{ file("{0}/out" template("$PRI|$HOST|$PROGRAM|$PID|$MSGID|$SDATA|$MSG\n")); }};
log {{ source(sent); destination(out); }};
)",
                                       dir_.path(), port_, modules.filename().string());
    return start({.argv = {Packages::root() / "usr/sbin/syslog-ng", "-F", "--no-caps", "-f", conf, "-R",
                           dir_ / "persist", "-c", dir_ / "control", "-p", dir_ / "pid",
                           "--module-path=" + modules.string()},
                  .env = Packages::env()},
                 [&] { return accepts(); });
  }
  [[nodiscard]] bool accepts() const {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port_));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }

  std::unique_ptr<Sink> make(SinkSite::Pairs settings) {
    settings.emplace_back("hostname", "here");
    settings.emplace_back("probe", "false");
    auto made = site_.make(syslog_sink(), settings);
    EXPECT_TRUE(made) << text_of(made.error());
    return std::move(*made);
  }
  [[nodiscard]] std::string target() const { return fmt::format("localhost:{}", port_); }

  [[nodiscard]] std::vector<std::string> out() const { return lines_of(dir_ / "out"); }
  void wait_for_lines(std::size_t count) {
    EXPECT_TRUE(eventually([&] { return out().size() >= count; })) << out().size() << " of " << count;
  }

  // Some of every kind, and then a thousand: each is there, once, and says what it said.
  void expect_all_understood(Sink& sink, std::string_view how) {
    SinkSite site;
    const auto opened = site.open(sink);
    ASSERT_TRUE(opened) << text_of(opened.error());
    const auto delivery = site.deliver(
        sink,
        site.records(
            {"<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su 77 ID47 [a@1 x=\"y\"] 'su root' failed",
             "<78>Oct 11 22:14:15 host CRON[123]: (root) CMD (true)", "no header at all",
             "<13>Oct 11 22:14:15 host evil: 30 <34>1 - x y - - - forged"}));
    ASSERT_TRUE(delivery) << text_of(delivery.error());
    EXPECT_TRUE(delivery->rejected.empty());
    ASSERT_TRUE(site.flush(sink));
    const Feed feed(site_.context().log_id, 1000, 100);
    for (std::size_t sent = 0; sent < feed.count(); sent += 100) {
      const auto records = feed.all().subspan(sent, 100);
      ASSERT_TRUE(site.deliver(sink, records));
      ASSERT_TRUE(site.flush(sink));
      wait_for_lines(4 + sent + 100);  // UDP has no flow control
    }
    sink.close();
    const auto lines = out();
    ASSERT_EQ(lines.size(), 1004U) << how;
    EXPECT_THAT(lines[0], testing::StartsWith("34|mymachine.example.com|su|77|ID47|"));
    EXPECT_THAT(lines[0],
                HasSubstr("[slurper@32473 log=\"07070707-0707-0707-0707-070707070707\" offset=\"0\"]"));
    EXPECT_THAT(lines[0], HasSubstr("[a@1 x=\"y\"]"));
    EXPECT_THAT(lines[0], testing::EndsWith("|'su root' failed"));
    EXPECT_THAT(lines[1], testing::StartsWith("78|host|CRON|123|"));
    EXPECT_THAT(lines[2], testing::StartsWith("13|here|"));
    EXPECT_THAT(lines[2], testing::EndsWith("|no header at all"));
    EXPECT_THAT(lines[3], testing::EndsWith("|30 <34>1 - x y - - - forged"));
    for (int i = 0; i < 1000; ++i)
      ASSERT_EQ(Feed::number_in(lines[static_cast<std::size_t>(i) + 4]), i)
          << lines[static_cast<std::size_t>(i) + 4];
  }

  TempDir dir_ = TempDir::in_ram();
  SinkSite site_;
  int port_ = 0;
};

TEST_F(SyslogServersTest, RsyslogdOverALocalSocket) {
  const std::string socket = dir_ / "socket";
  const auto inputs = [&](std::string_view more) {
    return fmt::format(
        "module(load=\"imuxsock\" SysSock.Use=\"off\")\n"
        "input(type=\"imuxsock\" Socket=\"{}\" RateLimit.Interval=\"0\" {})",
        socket, more);
  };
  {
    // As it comes, it reads what syslog(3) writes.
    const Child server = start_rsyslogd("", inputs(""), [&] { return fs::exists(socket); });
    const auto sink = make({{"transport", "unix"}, {"path", socket}});
    ASSERT_TRUE(site_.open(*sink));
    ASSERT_TRUE(site_.deliver(
        *sink, site_.records({"<34>1 2003-10-11T22:14:15.003Z far su 77 ID47 - 'su root' failed"})));
    wait_for_lines(1);
    EXPECT_THAT(out().at(0), testing::MatchesRegex(R"(34\|[^|]+\|su\|77\|-\|-\| ?'su root' failed)"));
  }
  fs::remove(dir_ / "out");
  fs::remove(socket);
  const Child server = start_rsyslogd("", inputs("useSpecialParser=\"off\" parseHostname=\"on\""),
                                      [&] { return fs::exists(socket); });
  expect_all_understood(*make({{"transport", "unix"}, {"path", socket}, {"format", "rfc5424"}}), "unix");
}

TEST_F(SyslogServersTest, RsyslogdOverUdp) {
  port_ = free_port(SOCK_DGRAM);
  const Child server = start_rsyslogd(
      "",
      fmt::format("module(load=\"imudp\")\ninput(type=\"imudp\" address=\"127.0.0.1\" port=\"{}\")", port_),
      [&] {
        // Refused as long as no server listens.
        const auto sink = make({{"transport", "udp"}, {"target", fmt::format("127.0.0.1:{}", port_)}});
        SinkSite probe;
        return probe.open(*sink) && probe.deliver(*sink, probe.records({"up?"}));
      });
  wait_for_lines(1);
  fs::resize_file(dir_ / "out", 0);
  expect_all_understood(*make({{"transport", "udp"}, {"target", fmt::format("127.0.0.1:{}", port_)}}), "udp");
}

TEST_F(SyslogServersTest, RsyslogdOverTcp) {
  for (const std::string framing : {"octet-counting", "lf"}) {
    fs::remove(dir_ / "out");
    Child server = start_rsyslogd_tcp("", "");
    expect_all_understood(*make({{"target", target()}, {"framing", framing}}), framing);
    server.kill();
  }
}

TEST_F(SyslogServersTest, RsyslogdOverTls) {
  const Authority authority(dir_ / "authority");
  authority.sign("server", "DNS:localhost");
  authority.sign("client", "DNS:client.example");
  for (const std::string driver : {"ossl", "gtls"}) {
    SCOPED_TRACE(driver);
    fs::remove(dir_ / "out");
    Child server = start_rsyslogd_tcp(
        fmt::format("defaultNetstreamDriverCAFile=\"{}\" defaultNetstreamDriverCertFile=\"{}\" "
                    "defaultNetstreamDriverKeyFile=\"{}\"",
                    authority.ca(), authority.file("server.pem"), authority.file("server.key")),
        fmt::format("streamDriver.name=\"{}\" streamDriver.mode=\"1\" streamDriver.authMode=\"x509/name\" "
                    "permittedPeer=[\"client.example\"]",
                    driver));
    const SinkSite::Pairs settings = {{"transport", "tls"},
                                      {"target", target()},
                                      {"ca_file", authority.ca()},
                                      {"certificate", authority.file("client.pem")},
                                      {"key", authority.file("client.key")}};
    expect_all_understood(*make(settings), driver);
    server.kill();
  }
}

TEST_F(SyslogServersTest, SyslogNgOverTcp) {
  const Child server = start_syslog_ng();
  expect_all_understood(*make({{"target", target()}}), "syslog-ng");
}

// Killed while it reads, and started again. What a syslogd has in its own memory when it is killed is its own
// loss; this one has little: what it reads it writes.
TEST_F(SyslogServersTest, RsyslogdKilledInMidBatch) {
  constexpr std::uint64_t kDeaths = 10;
  const Feed feed(site_.context().log_id, 200'000, 100);
  const std::string directly = "main_queue(queue.type=\"Direct\")\n";
  std::optional<Child> server(start_rsyslogd_tcp(")\n" + directly + "global(", ""));
  const auto sink = make({{"target", target()}});
  std::uint64_t deaths = 0;
  const FeedRun result = run(*sink, site_.context(), feed, 1000, [&](std::uint64_t next) {
    if (next < (deaths + 1) * feed.end() / (kDeaths + 1) || deaths == kDeaths) return;
    ++deaths;
    server->kill();
    server.emplace(start_rsyslogd_tcp(")\n" + directly + "global(", ""));
  });
  EXPECT_TRUE(result.done) << result.last_error;
  EXPECT_EQ(result.breaks, static_cast<int>(kDeaths));
  const int last = static_cast<int>(feed.count()) - 1;
  EXPECT_TRUE(eventually([&] {
    const auto lines = out();
    return !lines.empty() && Feed::number_in(lines.back()) == last;
  }));
  Arrived arrived(feed);
  std::size_t cut_short = 0;
  for (const std::string& line : out()) {
    if (line.ends_with(std::string(100, 'x'))) {
      arrived.count(line);
    } else {
      ++cut_short;  // the write that the kill ended
    }
  }
  EXPECT_LE(cut_short, 2 * kDeaths);
  EXPECT_EQ(arrived.lost(), 0);
  fmt::print("rsyslogd killed {} times: {} of {} lines doubled, {} a time\n", kDeaths, arrived.duplicates(),
             feed.count(), static_cast<std::uint64_t>(arrived.duplicates()) / kDeaths);
}

}  // namespace
}  // namespace slurper::test
