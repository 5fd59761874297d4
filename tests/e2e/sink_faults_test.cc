// Every sink at once, with the real slurper, while all destinations are down, slow, refuse, or die in the
// middle of a batch. Each line arrives, and the log never waits for any of them.
//
// SLURPER_DOWN_SECONDS: how long the trouble lasts (3).

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <re2/re2.h>

#include <csignal>
#include <optional>
#include <set>

#include "e2e/destinations.h"
#include "e2e/numbered_lines.h"
#include "sink/certificates.h"
#include "support/daemon.h"
#include "support/small_disk.h"
#include "support/stalled_disk.h"
#include "support/text_of.h"

namespace slurper::test {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kKiB = 1 << 10;
constexpr std::uint64_t kMiB = 1 << 20;
// A few before the trouble, more than any buffer on the way holds during it, a few after.
constexpr int kBefore = 200;
constexpr int kDuring = 20'000;
constexpr int kAfter = 200;

int count_of(const std::string& text, const std::string& part) {
  int count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

class SinkFaults : public testing::Test {
 protected:
  void SetUp() override {
    if (!may_mount()) GTEST_SKIP() << "mounting needs root";
  }

  // `files` is the folder for the sink file.
  void make_destinations(const std::filesystem::path& files) {
    authority_.emplace(site_.disk / "authority");
    authority_->sign("server", "IP:127.0.0.1");
    const SyslogReceiver::Certificate certificate = {authority_->file("server.pem"),
                                                     authority_->file("server.key")};
    const auto sockets = site_.ram / "s";
    std::filesystem::create_directory(sockets);
    const auto server = [&](std::string name, By by) {
      all_.push_back(
          std::make_unique<ServerDestination>(std::move(name), by, sockets, certificate, authority_->ca()));
    };
    all_.push_back(std::make_unique<FileDestination>("file", files));
    auto reader = std::make_unique<ReaderDestination>("stdout", site_.disk.path());
    reader_ = reader.get();
    all_.push_back(std::move(reader));
    server("udp", By::Udp);
    server("tcp", By::Tcp);
    server("tls", By::Tls);
    server("datagram", By::UnixDatagram);
    server("stream", By::UnixStream);
    all_.push_back(std::make_unique<ProgramDestination>("exec", site_.disk / "exec", "none"));
    all_.push_back(std::make_unique<ProgramDestination>("confirm", site_.disk / "confirm", "line"));
    for (const auto& destination : all_) site_.sinks.push_back(destination->url());
  }

  void start() {
    // As root, but without root's right to any socket.
    Program program = site_.run();
    program.argv.insert(program.argv.begin(),
                        {"setpriv", "--pdeathsig=KILL", "--bounding-set", "-dac_override"});
    slurper_.emplace(program, -1, reader_->write_fd());
    reader_->close_write_fd();
    ASSERT_TRUE(slurper_->said("ready")) << slurper_->err();
  }

  void each(const std::function<void(Destination&)>& what) {
    for (const auto& destination : all_) what(*destination);
  }

  // The log has them, whatever the sinks do meanwhile.
  void send(int count) {
    for (const int end = sent_ + count; sent_ < end;) {
      std::string text;
      for (; sent_ < end && text.size() < 3900; ++sent_) text += line_of(sent_) + '\n';
      ASSERT_TRUE(eventually([&] { return site_.holder.write(text); })) << "a writer waited";
    }
    const auto sent_at = Clock::now();
    ASSERT_TRUE(site_.log.reaches(site_.holder.accepted().size()));
    slowest_ = std::max<std::chrono::nanoseconds>(slowest_, Clock::now() - sent_at);
  }

  static bool wants(const Destination& destination, int number) {
    return destination.name() != "udp" || is_rare(number);
  }
  Account account(const Destination& destination) const {
    return account_for(destination.received(), sent_, [&](int number) { return wants(destination, number); });
  }
  void expect_everything_arrives() {
    each([&](Destination& destination) {
      int lost = 0;
      EXPECT_TRUE(eventually_by_progress([&] { return lost; },
                                         [&] {
                                           std::this_thread::sleep_for(10ms);
                                           return (lost = account(destination).lost) == 0;
                                         }))
          << destination.name() << ": " << account(destination).text() << '\n'
          << slurper_->err();
    });
  }
  // All sinks have said so, or as much time has passed as there is to.
  void last(Clock::time_point since) const {
    const auto time = std::chrono::seconds(count_from_env("SLURPER_DOWN_SECONDS", 3, 3));
    std::this_thread::sleep_until(since + time);
  }

  // Of what slurper's status says of a sink: "1.2MiB behind", "1.2MiB behind, FAILING".
  std::string status_of(const std::string& name) {
    const int before = count_of(slurper_->err(), "status: ");
    slurper_->signal(SIGUSR2);
    EXPECT_TRUE(slurper_->said("status: ", before + 1));
    const std::string text = slurper_->err();
    const std::string last = text.substr(text.rfind("status: "));
    std::string status;
    const std::string wanted = "sink '" + name + "': [0-9]+ lines, ([^,]* behind(?:, FAILING)?)";
    return RE2::PartialMatch(last, wanted, &status) ? status : "not there: " + last;
  }
  // Soon: a file is known to have its lines when it has been synced.
  void expect_lag(const std::set<std::string>& lagging, const std::set<std::string>& failing) {
    each([&](const Destination& destination) {
      const std::string& name = destination.name();
      const std::string wanted = fmt::format("{} behind{}", lagging.contains(name) ? "[1-9].*" : "0B",
                                             failing.contains(name) ? ", FAILING" : "");
      std::string status;
      const auto is_right = [&] { return RE2::FullMatch(status = status_of(name), wanted); };
      EXPECT_TRUE(eventually(is_right)) << name << ": " << status;
    });
  }
  void expect_said_once(const std::set<std::string>& failed) {
    each([&](const Destination& destination) {
      const int times = failed.contains(destination.name()) ? 1 : 0;
      const std::string sink = fmt::format("the sink '{}' ", destination.name());
      EXPECT_EQ(count_of(slurper_->err(), sink + "fails: "), times) << slurper_->err();
      EXPECT_EQ(count_of(slurper_->err(), sink + "works again"), times) << slurper_->err();
    });
  }

  // `may_double`: in lines, of a sink that can't know what arrived.
  void finish(int may_double) {
    slurper_->signal(SIGTERM);
    ASSERT_TRUE(slurper_->exits_with(0)) << slurper_->err();
    EXPECT_EQ(difference(site_.holder.accepted(), site_.log.bytes()), "");
    each([&](const Destination& destination) {
      const Account at_end = account(destination);
      fmt::print("{:9} {}\n", destination.name(), at_end.text());
      EXPECT_EQ(at_end.lost + at_end.early + at_end.torn, 0) << destination.name();
      EXPECT_LE(at_end.doubled, destination.name() == "file" ? 0 : may_double) << destination.name();
    });
    fmt::print("the log had all lines of a burst at most {} ms after the last of them\n",
               std::chrono::duration_cast<std::chrono::milliseconds>(slowest_).count());
  }

  Site site_;
  std::optional<Authority> authority_;
  std::vector<std::unique_ptr<Destination>> all_;
  ReaderDestination* reader_ = nullptr;
  std::optional<Child> slurper_;
  int sent_ = 0;
  std::chrono::nanoseconds slowest_{0};
};

const std::set<std::string>& but_udp() {
  static const std::set<std::string> names = {"file",     "stdout", "tcp",  "tls",
                                              "datagram", "stream", "exec", "confirm"};
  return names;
}
const std::set<std::string>& all_names() {
  static const std::set<std::string> names = [] {
    std::set<std::string> all = but_udp();
    all.insert("udp");
    return all;
  }();
  return names;
}

TEST_F(SinkFaults, NoneAtAll) {
  make_destinations(site_.disk / "file");
  each(&Destination::up);
  start();
  send(kDuring);
  expect_everything_arrives();
  expect_lag({}, {});
  expect_said_once({});
  finish(0);
}

TEST_F(SinkFaults, DestinationsThatAreDown) {
  make_destinations(site_.disk / "file");
  start();
  const auto since = Clock::now();
  send(kDuring);
  each([&](const Destination& destination) {
    EXPECT_TRUE(slurper_->said(fmt::format("the sink '{}' fails: ", destination.name()))) << slurper_->err();
  });
  last(since);
  expect_lag(all_names(), all_names());
  each(&Destination::up);
  expect_everything_arrives();
  send(kAfter);
  expect_everything_arrives();
  expect_lag({}, {});
  expect_said_once(all_names());
  finish(0);
}

TEST_F(SinkFaults, DestinationsThatAreSlow) {
  auto disk = StalledDisk::create(site_.disk.path());
  if (!disk) GTEST_SKIP() << text_of(disk.error());
  make_destinations(disk->path() / "file");
  each(&Destination::up);
  start();
  send(kBefore);
  expect_everything_arrives();
  each([](Destination& destination) { destination.behave(Manner::Slow); });
  const auto since = Clock::now();
  const auto time = std::chrono::seconds(count_from_env("SLURPER_DOWN_SECONDS", 3, 3));
  ASSERT_TRUE(disk->stall(0ms, time + 1s));
  // The stall is to begin before the last of it.
  for (int i = 0; i < 10; ++i) {
    send(kDuring / 10);
    std::this_thread::sleep_for(20ms);
  }
  last(since);
  expect_lag(but_udp(), {});
  each([](Destination& destination) { destination.behave(Manner::Reading); });
  expect_everything_arrives();
  send(kAfter);
  expect_everything_arrives();
  expect_lag({}, {});
  expect_said_once({});
  finish(0);
}

TEST_F(SinkFaults, DestinationsThatRefuse) {
  SmallDisk disk(site_.disk / "small", 256 * kKiB);
  make_destinations(site_.disk / "small/file");
  each(&Destination::up);
  start();
  send(kBefore);
  expect_everything_arrives();
  each([](Destination& destination) { destination.behave(Manner::Refusing); });
  const auto since = Clock::now();
  send(kDuring);
  for (const std::string& name : but_udp())
    EXPECT_TRUE(slurper_->said(fmt::format("the sink '{}' fails: ", name))) << slurper_->err();
  last(since);
  expect_lag(but_udp(), but_udp());
  disk.resize(64 * kMiB);
  each([](Destination& destination) { destination.behave(Manner::Reading); });
  expect_everything_arrives();
  send(kAfter);
  expect_everything_arrives();
  expect_lag({}, {});
  expect_said_once(but_udp());
  finish(4000);
}

// Those that have no middle (datagrams, a file) go on undisturbed.
TEST_F(SinkFaults, DestinationsThatDieInTheMiddle) {
  const std::set<std::string> mortal = {"stdout", "tcp", "tls", "stream", "exec", "confirm"};
  make_destinations(site_.disk / "file");
  each(&Destination::up);
  start();
  send(kBefore);
  expect_everything_arrives();
  each([](Destination& destination) { destination.die_soon(); });
  send(kDuring);
  each([&](Destination& destination) {
    if (!mortal.contains(destination.name())) return;
    EXPECT_TRUE(slurper_->said(fmt::format("the sink '{}' fails: ", destination.name()))) << slurper_->err();
    destination.behave(Manner::Reading);
  });
  expect_everything_arrives();
  send(kAfter);
  expect_everything_arrives();
  expect_lag({}, {});
  expect_said_once(mortal);
  finish(4000);
}

}  // namespace
}  // namespace slurper::test
