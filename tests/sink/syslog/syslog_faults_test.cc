// Syslog servers that are down, slow, dead, or gone in the middle of a batch.

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <linux/filter.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>

#include <fstream>
#include <future>

#include "sink/feed.h"
#include "sink/receiver.h"
#include "sink/sink_site.h"
#include "sink/syslog/syslog_sink.h"
#include "support/temp_dir.h"
#include "support/text_of.h"
#include "support/wait.h"

namespace slurper::test {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using testing::HasSubstr;

class SyslogFaultsTest : public testing::Test {
 protected:
  std::unique_ptr<Sink> make(SinkSite::Pairs settings) {
    settings.emplace_back("probe", "false");
    auto made = site_.make(syslog_sink(), settings);
    EXPECT_TRUE(made) << text_of(made.error());
    return std::move(*made);
  }
  void open(Sink& sink) {
    const auto opened = site_.open(sink);
    ASSERT_TRUE(opened) << text_of(opened.error());
  }

  SinkSite site_;
};

void count_messages(std::string_view stream, Arrived& arrived) {
  for (const std::string& message : cut_octet_frames(stream).messages) arrived.count(message);
}

// What a server that dies has read; the frame it had begun is lost to it.
enum class End { Reset, Close };

// Dies again and again while lines flow: each time it has read so much, its kernel has taken more.
class DyingServer : public SyslogFaultsTest, public testing::WithParamInterface<End> {};

TEST_P(DyingServer, LosesNothingAndDoublesWithinTheBound) {
  constexpr int kDeaths = 10;
  constexpr std::size_t kReceiveBuffer = 256 << 10;
  constexpr std::size_t kSendBuffer = 256 << 10;
  constexpr std::size_t kResend = 2 << 20;
  constexpr std::size_t kBatch = 1000;
  const Feed feed(site_.context().log_id, 150'000);
  const TcpServer server(0, kReceiveBuffer);
  const auto sink = make({{"target", server.target()}, {"resend", "2MiB"}, {"send_buffer", "256KiB"}});
  auto running = std::async(std::launch::async, [&] { return run(*sink, site_.context(), feed, kBatch); });

  Arrived arrived(feed);
  std::size_t bytes = 0;
  std::size_t messages = 0;
  for (int death = 0; death <= kDeaths; ++death) {
    UniqueFd connection = server.accept();
    ASSERT_TRUE(connection);
    const std::string read =
        death < kDeaths ? read_some(connection.get(), 3'000'000 + 77'777U * static_cast<unsigned>(death))
                        : read_all(connection.get());
    bytes += read.size();
    const auto frames = cut_octet_frames(read);
    messages += frames.messages.size();
    for (const std::string& message : frames.messages) arrived.count(message);
    if (death == kDeaths) break;
    if (GetParam() == End::Reset) {
      reset_connection(connection);
    } else {
      connection.reset();
    }
  }
  const FeedRun result = running.get();
  EXPECT_TRUE(result.done) << result.last_error;
  EXPECT_EQ(result.breaks, kDeaths);
  EXPECT_EQ(arrived.lost(), 0);
  // What was on the way, in both kernels (which count their own overhead in, twice what was asked for), and
  // what is sent again in any case; and the batch at hand.
  const std::size_t frame = bytes / messages;
  const std::size_t bound = kDeaths * ((kResend + 2 * (kSendBuffer + kReceiveBuffer)) / frame + 2 * kBatch);
  EXPECT_LE(static_cast<std::size_t>(arrived.duplicates()), bound);
  fmt::print("{} deaths: {} of {} lines doubled, {} a death; the bound is {}\n", kDeaths,
             arrived.duplicates(), feed.count(), arrived.duplicates() / kDeaths, bound / kDeaths);
}

INSTANTIATE_TEST_SUITE_P(By, DyingServer, testing::Values(End::Reset, End::Close),
                         [](const auto& param) { return param.param == End::Reset ? "Reset" : "Close"; });

// What remains: the kernel of the server has acknowledged the lines, its syslogd has not read them for as
// long as resend_time, and slurper, with nothing more to send, counts them as held.
TEST_F(SyslogFaultsTest, WhatADyingServerHasLongNotReadIsLost) {
  const Feed feed(site_.context().log_id, 100);
  const TcpServer server;
  const auto sink = make({{"target", server.target()}});
  open(*sink);
  UniqueFd connection = server.accept();
  const auto delivery = site_.deliver(*sink, feed.from(0, 100));
  ASSERT_TRUE(delivery);
  EXPECT_EQ(delivery->acked, 0U);
  EXPECT_EQ(sink->flush_after(), 1s);
  EXPECT_EQ(*site_.flush(*sink), feed.end());
  connection.reset();
  // At least it is seen before more is written.
  ASSERT_TRUE(site_.deliver(*sink, feed.from(0, 1)));
  connection = server.accept();
  EXPECT_TRUE(site_.flush(*sink));
  sink->close();
  EXPECT_EQ(cut_octet_frames(read_all(connection.get())).messages.size(), 1U);
}

TEST_F(SyslogFaultsTest, AnIdleConnectionThatTheServerClosesIsNoFailure) {
  const Feed feed(site_.context().log_id, 4);
  const TcpServer server;
  const auto sink = make({{"target", server.target()}});
  open(*sink);
  Arrived arrived(feed);
  std::uint64_t next = 0;
  for (std::size_t i = 0; i < feed.count(); ++i) {
    UniqueFd connection;
    const auto delivery = site_.deliver(*sink, feed.from(next, 1));
    ASSERT_TRUE(delivery) << text_of(delivery.error());
    connection = server.accept();
    next = *site_.flush(*sink);
    ASSERT_EQ(::shutdown(connection.get(), SHUT_WR), 0);
    // It has the end at once; what slurper makes of it is seen with the next line.
    std::string read(1000, '\0');
    read.resize(static_cast<std::size_t>(::recv(connection.get(), read.data(), read.size(), 0)));
    count_messages(read, arrived);
  }
  EXPECT_EQ(arrived.lost(), 0);
  EXPECT_EQ(arrived.duplicates(), 0);
}

TEST_F(SyslogFaultsTest, AServerThatClosesWithLinesOnTheirWayIsAFailure) {
  const Feed feed(site_.context().log_id, 10);
  const TcpServer server;
  const auto sink = make({{"target", server.target()}, {"resend_time", "1h"}});
  open(*sink);
  const UniqueFd connection = server.accept();
  ASSERT_TRUE(site_.deliver(*sink, feed.from(0, 1)));
  ASSERT_EQ(::shutdown(connection.get(), SHUT_WR), 0);
  Result<Delivered> delivery = Delivered{};
  ASSERT_TRUE(eventually([&] { return !(delivery = site_.deliver(*sink, feed.from(0, 1))); }));
  EXPECT_EQ(text_of(delivery.error()),
            "cannot send to '" + server.target() + "': the server has closed the connection");
}

// Lines that trickle must not all come again because there were never 8 MiB of them.
TEST_F(SyslogFaultsTest, WhatHasHadItsTimeIsHeld) {
  const Feed feed(site_.context().log_id, 5000);
  const TcpServer server;
  const auto sink = make({{"target", server.target()}, {"resend_time", "200ms"}});
  open(*sink);
  const UniqueFd connection = server.accept();
  const auto since = Clock::now();
  std::uint64_t next = 0;
  for (std::uint64_t held = 0; held == 0; std::this_thread::sleep_for(20ms)) {
    ASSERT_LT(Clock::now() - since, kDeadline);
    const auto delivery = site_.deliver(*sink, feed.from(next, 1));
    ASSERT_TRUE(delivery);
    held = delivery->acked;
    next = feed.from(next, 1).back().next_offset();
    (void)read_some(connection.get(), 100);
  }
  EXPECT_GE(Clock::now() - since, 200ms);
}

TEST_F(SyslogFaultsTest, WhileMoreFollowsAcknowledgedIsNotYetHeld) {
  constexpr std::size_t kMaxFrame = 200;
  const Feed feed(site_.context().log_id, 20'000);
  const std::uint64_t line = feed.from(0, 1).front().next_offset();
  const TcpServer server;
  const auto sink = make({{"target", server.target()}, {"resend", "64KiB"}});
  open(*sink);
  const UniqueFd connection = server.accept();
  auto reading = std::async(std::launch::async, [&] { return read_all(connection.get()); });
  std::uint64_t held = 0;
  std::uint64_t next = 0;
  while (next < feed.end() && held == 0) {
    const auto records = feed.from(next, 10);
    const auto delivery = site_.deliver(*sink, records);
    ASSERT_TRUE(delivery);
    held = delivery->acked;
    next = records.back().next_offset();
  }
  EXPECT_GT(held, 0U);
  EXPECT_LE(held, next - line * ((64 << 10) / kMaxFrame));
  EXPECT_EQ(*site_.flush(*sink), next);
  sink->close();
  EXPECT_LE(reading.get().size(), kMaxFrame * next / line);
}

// In the byte's own time: TCP lets nothing through for very long, and the connection stays.
TEST_F(SyslogFaultsTest, ASlowServerIsWaitedForAndDoublesNothing) {
  const Feed feed(site_.context().log_id, 20'000);
  const TcpServer server(0, 4096);
  const auto sink = make({{"target", server.target()}, {"send_buffer", "16KiB"}, {"dead_after", "1s"}});
  auto running = std::async(std::launch::async, [&] { return run(*sink, site_.context(), feed, 1000); });
  const UniqueFd connection = server.accept();
  std::string read;
  for (const auto end = Clock::now() + 4s; Clock::now() < end; std::this_thread::sleep_for(10ms))
    read += read_some(connection.get(), 1);
  EXPECT_EQ(running.wait_for(0s), std::future_status::timeout);
  read += read_all(connection.get());
  const FeedRun result = running.get();
  EXPECT_TRUE(result.done);
  EXPECT_EQ(result.breaks, 0) << result.last_error;
  Arrived arrived(feed);
  count_messages(read, arrived);
  EXPECT_EQ(arrived.lost(), 0);
  EXPECT_EQ(arrived.duplicates(), 0);
}

TEST_F(SyslogFaultsTest, AStuckServerIsLeftWhereASettingSaysSo) {
  const Feed feed(site_.context().log_id, 20'000);
  const TcpServer server(0, 4096);
  const auto sink = make({{"target", server.target()}, {"send_buffer", "16KiB"}, {"write_timeout", "300ms"}});
  open(*sink);
  const auto delivery = site_.deliver(*sink, feed.from(0, 20'000));
  ASSERT_FALSE(delivery);
  EXPECT_THAT(text_of(delivery.error()), HasSubstr("it has taken nothing for 300ms"));
}

// All that comes for this connection is thrown away: its host has lost its power, or its network.
void play_dead(int fd) {
  sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
  const sock_fprog program{.len = 1, .filter = &nothing};
  ASSERT_EQ(::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program), 0);
}

TEST_F(SyslogFaultsTest, ADeadHostIsNoticed) {
  const Feed feed(site_.context().log_id, 100);
  const TcpServer server;
  const auto sink = make({{"target", server.target()}, {"dead_after", "1s"}, {"resend", "0"}});
  open(*sink);
  const UniqueFd connection = server.accept();
  ASSERT_TRUE(site_.deliver(*sink, feed.from(0, 10)));
  const std::uint64_t held = *site_.flush(*sink);
  play_dead(connection.get());
  const auto since = Clock::now();
  const auto delivery = site_.deliver(*sink, feed.from(held, 10));
  ASSERT_TRUE(delivery) << "the kernel has room for it";
  EXPECT_EQ(delivery->acked, held);
  const auto settled = site_.flush(*sink);
  ASSERT_FALSE(settled);
  EXPECT_THAT(text_of(settled.error()), HasSubstr("it has not answered for 1s"));
  EXPECT_GE(Clock::now() - since, 1s);
}

TEST_F(SyslogFaultsTest, DownAndThenUp) {
  const Feed feed(site_.context().log_id, 1000);
  auto server = std::make_unique<TcpServer>();
  const std::uint16_t port = server->port();
  const auto sink = make({{"target", server->target()}});
  server.reset();
  const auto opened = site_.open(*sink);
  ASSERT_FALSE(opened);
  EXPECT_EQ(
      text_of(opened.error()),
      fmt::format("cannot connect to '127.0.0.1:{}' by TCP: Connection refused. Nothing listens there by "
                  "TCP: is the server running?",
                  port));
  auto running = std::async(std::launch::async, [&] { return run(*sink, site_.context(), feed, 100); });
  server = std::make_unique<TcpServer>(port);
  const UniqueFd connection = server->accept();
  Arrived arrived(feed);
  count_messages(read_all(connection.get()), arrived);
  EXPECT_TRUE(running.get().done);
  EXPECT_EQ(arrived.lost(), 0);
  EXPECT_EQ(arrived.duplicates(), 0);
}

TEST_F(SyslogFaultsTest, ALaterServerIsUsedUntilTheFirstIsBack) {
  const Feed feed(site_.context().log_id, 100);
  auto first = std::make_unique<TcpServer>();
  const std::uint16_t first_port = first->port();
  const TcpServer second;
  SinkSettings settings{.name = "test", .type = "syslog", .place = "here:1:1", .options = {}};
  settings.options.push_back(
      {.name = "target", .values = {first->target(), second.target()}, .is_list = true, .place = "here:2:1"});
  settings.options.push_back({.name = "fail_back", .values = {"1s"}, .is_list = false, .place = "here:3:1"});
  settings.options.push_back({.name = "probe", .values = {"false"}, .is_list = false, .place = "here:4:1"});
  ConfiguredOptions options(settings, settings_of(syslog_sink()));
  const auto sink = syslog_sink().make(options);
  ASSERT_TRUE(options.check());
  first.reset();

  open(*sink);
  const UniqueFd to_second = second.accept();
  ASSERT_TRUE(site_.deliver(*sink, feed.from(0, 10)));
  EXPECT_EQ(*site_.flush(*sink), feed.from(0, 10).back().next_offset());
  EXPECT_THAT(site_.said(), HasSubstr(fmt::format(
                                "sends to '{0}', because '127.0.0.1:{1}' fails: Connection refused. slurper "
                                "tries '127.0.0.1:{1}' again every 1s",
                                second.target(), first_port)));
  first = std::make_unique<TcpServer>(first_port);
  // In the time of the first: one more line for each look, so long as it is not tried again.
  std::uint64_t next = feed.from(0, 10).back().next_offset();
  for (const auto end = Clock::now() + 5s;
       Clock::now() < end && site_.said().find("again\n") == std::string::npos;
       std::this_thread::sleep_for(100ms)) {
    const auto delivery = site_.deliver(*sink, feed.from(next, 1));
    ASSERT_TRUE(delivery) << text_of(delivery.error());
    next = *site_.flush(*sink);
  }
  EXPECT_THAT(site_.said(), HasSubstr(fmt::format("sends to '127.0.0.1:{}' again\n", first_port)));
  const UniqueFd to_first = first->accept();
  sink->close();
  Arrived arrived(feed);
  count_messages(read_all(to_second.get()), arrived);
  const auto by_second = feed.count() - static_cast<std::size_t>(arrived.lost());
  EXPECT_GE(by_second, 10U);
  count_messages(read_all(to_first.get()), arrived);
  EXPECT_EQ(feed.count() - static_cast<std::size_t>(arrived.lost()), by_second + 1);
  EXPECT_EQ(arrived.duplicates(), 0);
}

TEST_F(SyslogFaultsTest, EachServerThatIsDownIsNamed) {
  SinkSettings settings{.name = "test", .type = "syslog", .place = "here:1:1", .options = {}};
  settings.options.push_back(
      {.name = "path", .values = {"/nowhere/a", "/nowhere/b"}, .is_list = true, .place = "here:2:1"});
  settings.options.push_back(
      {.name = "transport", .values = {"unix"}, .is_list = false, .place = "here:3:1"});
  ConfiguredOptions options(settings, settings_of(syslog_sink()));
  const auto sink = syslog_sink().make(options);
  ASSERT_TRUE(options.check());
  EXPECT_EQ(
      text_of(site_.open(*sink).error()),
      "cannot reach any of the 2 syslog servers: cannot connect to the socket '/nowhere/a': No such file "
      "or directory; cannot connect to the socket '/nowhere/b': No such file or directory. No such "
      "socket exists: is the syslogd running?");
}

// A server that takes connections and ends each at once, as a balancer does with nothing behind it.
TEST_F(SyslogFaultsTest, AServerThatOnlyAnswersIsNoServer) {
  const Feed feed(site_.context().log_id, 1000);
  const TcpServer first(0, 4096);
  const TcpServer second;
  SinkSettings settings{.name = "test", .type = "syslog", .place = "here:1:1", .options = {}};
  settings.options.push_back(
      {.name = "target", .values = {first.target(), second.target()}, .is_list = true, .place = "here:2:1"});
  settings.options.push_back({.name = "probe", .values = {"false"}, .is_list = false, .place = "here:4:1"});
  ConfiguredOptions options(settings, settings_of(syslog_sink()));
  const auto sink = syslog_sink().make(options);
  auto running = std::async(std::launch::async, [&] { return run(*sink, site_.context(), feed, 10); });
  UniqueFd refused = first.accept();
  reset_connection(refused);
  const UniqueFd connection = second.accept();
  Arrived arrived(feed);
  count_messages(read_all(connection.get()), arrived);
  EXPECT_TRUE(running.get().done);
  EXPECT_EQ(arrived.lost(), 0);
}

// What slurper's end finds it waiting for: `wait`, which does.
template <typename Wait>
auto stopped(Wait wait) {
  SinkSite site;
  auto waiting = std::async(std::launch::async, [&] { return wait(site); });
  EXPECT_EQ(waiting.wait_for(200ms), std::future_status::timeout) << "it does not wait";
  site.stop();
  EXPECT_EQ(waiting.wait_for(5s), std::future_status::ready);
  return waiting.get();
}

// Connections to it hang: its queue of connections to be accepted is full.
class FullServer {
 public:
  FullServer() : server_(0, 0, 0) {
    for (UniqueFd& fd : waiting_) {
      fd.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_port = htons(server_.port());
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      (void)::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
    }
  }
  [[nodiscard]] std::string target() const { return server_.target(); }

 private:
  TcpServer server_;
  std::array<UniqueFd, 4> waiting_;
};

TEST_F(SyslogFaultsTest, AStopEndsEveryWait) {
  const Feed feed(site_.context().log_id, 20'000);
  const TcpServer server(0, 4096);
  {
    SCOPED_TRACE("writing");
    const auto sink = make({{"target", server.target()}, {"send_buffer", "16KiB"}});
    const auto delivery = stopped([&](SinkSite& site) -> Result<Delivered> {
      if (auto opened = site.open(*sink); !opened) return std::unexpected(opened.error());
      return site.deliver(*sink, feed.from(0, 20'000));
    });
    ASSERT_FALSE(delivery);
    EXPECT_EQ(delivery.error().kind, ErrorKind::Busy);
    EXPECT_THAT(text_of(delivery.error()), HasSubstr("slurper is ending"));
  }
  {
    SCOPED_TRACE("settling");
    const auto sink = make({{"target", server.target()}, {"send_buffer", "64KiB"}});
    const auto held = stopped([&](SinkSite& site) -> Result<std::uint64_t> {
      if (auto opened = site.open(*sink); !opened) return std::unexpected(opened.error());
      EXPECT_TRUE(site.deliver(*sink, feed.from(0, 200)));
      return site.flush(*sink);
    });
    ASSERT_TRUE(held) << "what is there is said, the rest is sent again";
    EXPECT_LT(*held, feed.from(0, 200).back().next_offset());
  }
  {
    SCOPED_TRACE("connecting");
    const FullServer full;
    const auto sink = make({{"target", full.target()}});
    const auto opened = stopped([&](SinkSite& site) { return site.open(*sink); });
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().kind, ErrorKind::Busy);
    const auto hasty = make({{"target", full.target()}, {"connect_timeout", "100ms"}});
    const auto late = hasty->open(site_.context());
    ASSERT_FALSE(late);
    EXPECT_THAT(text_of(late.error()), HasSubstr("Connection timed out. Nothing answers"));
  }
  {
    SCOPED_TRACE("talking TLS");
    const auto sink = make({{"target", server.target()}, {"transport", "tls"}, {"verify", "none"}});
    const auto opened = stopped([&](SinkSite& site) { return site.open(*sink); });
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().kind, ErrorKind::Busy);
  }
}

// A machine of its own for the calling thread and those that it starts: its network is loopback with a DNS
// that never answers.
void enter_silent_network(const std::string& resolv_conf, const std::string& hosts = {}) {
  ASSERT_EQ(::unshare(CLONE_NEWNS | CLONE_NEWNET), 0) << errno;
  ASSERT_EQ(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0) << errno;
  std::ofstream(resolv_conf) << "nameserver 127.0.0.1\noptions timeout:3 attempts:1\n";
  ASSERT_EQ(::mount(resolv_conf.c_str(), "/etc/resolv.conf", nullptr, MS_BIND, nullptr), 0) << errno;
  if (!hosts.empty()) {
    ASSERT_EQ(::mount(hosts.c_str(), "/etc/hosts", nullptr, MS_BIND, nullptr), 0) << errno;
  }
  const UniqueFd any(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq interface{};
  std::string("lo").copy(interface.ifr_name, IFNAMSIZ);
  interface.ifr_flags = IFF_UP;
  ASSERT_EQ(::ioctl(any.get(), SIOCSIFFLAGS, &interface), 0) << errno;
}

TEST_F(SyslogFaultsTest, ALookUpHoldsUpNothing) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can take a thread out of the machine's network";
  const TempDir dir = TempDir::in_ram();
  const auto sink = make({{"target", "logs.example"}});
  const auto hasty = make({{"target", "logs.example"}, {"connect_timeout", "100ms"}});
  std::thread([&] {
    enter_silent_network(dir / "resolv.conf");
    const UniqueFd dns(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(53);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(::bind(dns.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);

    const auto late = hasty->open(site_.context());
    ASSERT_FALSE(late);
    EXPECT_EQ(text_of(late.error()),
              "cannot find the address of 'logs.example': the DNS does not answer in time. Look at "
              "/etc/resolv.conf");
    const auto opened = stopped([&](SinkSite& site) { return site.open(*sink); });
    ASSERT_FALSE(opened);
    EXPECT_EQ(text_of(opened.error()), "cannot find the address of 'logs.example': slurper is ending");
  }).join();
}

// Takes datagrams at a port of one address of loopback.
class UdpServer {
 public:
  explicit UdpServer(const char* address) : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in here{};
    here.sin_family = AF_INET;
    here.sin_port = htons(514);
    EXPECT_EQ(::inet_pton(AF_INET, address, &here.sin_addr), 1);
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&here), sizeof here), 0) << errno;
  }
  // How many are there by now.
  int take() {
    char byte = 0;
    int count = 0;
    while (::recv(fd_.get(), &byte, 1, MSG_DONTWAIT) >= 0) ++count;
    return count;
  }

 private:
  UniqueFd fd_;
};

class SyslogNamesTest : public SyslogFaultsTest {
 protected:
  // In a thread of its own, on a machine where only /etc/hosts knows names.
  void on_a_machine(const std::function<void()>& test) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can take a thread out of the machine's network";
    set_hosts("");
    std::thread([&] {
      enter_silent_network(dir_ / "resolv.conf", dir_ / "hosts");
      if (!HasFatalFailure()) test();
    }).join();
  }
  void set_hosts(const std::string& text) { std::ofstream(dir_ / "hosts") << text; }
  std::unique_ptr<Sink> make_udp(const std::string& resolve_every) {
    return make({{"target", "logs.example"}, {"transport", "udp"}, {"resolve_every", resolve_every}});
  }

  TempDir dir_ = TempDir::in_ram();
};

// Whichever of the two is tried first.
TEST_F(SyslogNamesTest, EveryAddressOfANameIsTriedByUdp) {
  on_a_machine([&] {
    set_hosts("127.0.0.1 logs.example\n127.0.0.2 logs.example\n");
    const Feed feed(site_.context().log_id, 150);
    for (const char* address : {"127.0.0.1", "127.0.0.2"}) {
      SCOPED_TRACE(address);
      UdpServer server(address);
      const auto sink = make_udp("1h");
      open(*sink);
      const auto delivery = site_.deliver(*sink, feed.all());
      ASSERT_TRUE(delivery) << text_of(delivery.error());
      EXPECT_EQ(delivery->acked, feed.end());
      EXPECT_EQ(server.take(), 150);
      sink->close();
    }
    const auto sink = make_udp("1h");
    open(*sink);
    const auto delivery = site_.deliver(*sink, feed.all());
    ASSERT_FALSE(delivery) << "nothing listens at any of them";
    EXPECT_THAT(text_of(delivery.error()), HasSubstr("Connection refused"));
  });
}

// The old address takes what is sent to it, for ever: nothing breaks.
TEST_F(SyslogNamesTest, ANameThatMovesIsFollowedByUdp) {
  on_a_machine([&] {
    set_hosts("127.0.0.1 logs.example\n");
    const Feed feed(site_.context().log_id, 100'000);
    UdpServer before("127.0.0.1");
    UdpServer after("127.0.0.2");
    const auto sink = make_udp("1ms");
    open(*sink);
    std::uint64_t next = 0;
    const auto send_one = [&] {
      const auto records = feed.from(next, 1);
      const auto delivery = site_.deliver(*sink, records);
      ASSERT_TRUE(delivery) << text_of(delivery.error());
      next = records.back().next_offset();
    };
    send_one();
    EXPECT_EQ(before.take(), 1);
    set_hosts("127.0.0.2 logs.example\n");
    EXPECT_TRUE(eventually([&] {
      send_one();
      return after.take() > 0;
    }));
    (void)before.take();
    send_one();
    EXPECT_EQ(before.take(), 0);
    EXPECT_EQ(after.take(), 1);
    sink->close();
  });
}

TEST_F(SyslogNamesTest, ANameThatNothingKnowsSaysWhatToCheck) {
  on_a_machine([&] {
    const auto opened = make_udp("1h")->open(site_.context());
    ASSERT_FALSE(opened);
    EXPECT_THAT(text_of(opened.error()), HasSubstr("cannot find the address of 'logs.example': "));
    EXPECT_THAT(text_of(opened.error()), HasSubstr("Check the target's spelling, and the DNS"));
  });
}

TEST_F(SyslogNamesTest, ALookUpThatFailsLeavesTheAddressAsItWas) {
  on_a_machine([&] {
    set_hosts("127.0.0.1 logs.example\n");
    const Feed feed(site_.context().log_id, 10);
    UdpServer server("127.0.0.1");
    const auto sink = make_udp("1ms");
    open(*sink);
    set_hosts("");
    for (std::uint64_t next = 0; next < feed.end();) {
      const auto records = feed.from(next, 1);
      const auto delivery = site_.deliver(*sink, records);
      ASSERT_TRUE(delivery) << text_of(delivery.error());
      next = records.back().next_offset();
    }
    EXPECT_EQ(server.take(), 10);
    sink->close();
  });
}

TEST_F(SyslogFaultsTest, AServerThatDoesNotAnswerInTimeIsDown) {
  const TcpServer server;
  const auto sink = make(
      {{"target", server.target()}, {"transport", "tls"}, {"verify", "none"}, {"connect_timeout", "200ms"}});
  const auto opened = site_.open(*sink);
  ASSERT_FALSE(opened);
  EXPECT_THAT(text_of(opened.error()),
              HasSubstr("it does not answer in time. Is this the server's TLS port?"));
}

TEST_F(SyslogFaultsTest, WhatASyslogServerSaysIsNoMatter) {
  const Feed feed(site_.context().log_id, 20'000);
  const TcpServer server;
  const auto sink = make({{"target", server.target()}});
  auto running = std::async(std::launch::async, [&] { return run(*sink, site_.context(), feed, 100); });
  const UniqueFd connection = server.accept();
  std::string read;
  for (int i = 0; i < 100; ++i) {
    ASSERT_GT(::send(connection.get(), "220 welcome\r\n", 13, MSG_NOSIGNAL), 0);
    read += read_some(connection.get(), 1000);
  }
  read += read_all(connection.get());
  EXPECT_TRUE(running.get().done);
  Arrived arrived(feed);
  count_messages(read, arrived);
  EXPECT_EQ(arrived.lost(), 0);
}

}  // namespace
}  // namespace slurper::test
