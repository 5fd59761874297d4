// --peers: the processes at the other ends of pipes and connections.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <string>
#include <utility>

#include "recorder/recording.h"
#include "support/daemon.h"
#include "support/files.h"

namespace slurper::test {
namespace {

using testing::HasSubstr;

using Ends = std::pair<UniqueFd, UniqueFd>;  // to write to, and to read from

Ends pipe_ends() {
  Pipe pipe;
  return {std::move(pipe.write_end), std::move(pipe.read_end)};
}

Ends unix_ends() {
  std::array<int, 2> ends{};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

Ends tcp_ends() {
  const UniqueFd listening(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  EXPECT_EQ(::bind(listening.get(), generic, size), 0);
  EXPECT_EQ(::listen(listening.get(), 1), 0);
  EXPECT_EQ(::getsockname(listening.get(), generic, &size), 0);
  UniqueFd connected(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(::connect(connected.get(), generic, size), 0);
  return {std::move(connected), UniqueFd(::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC))};
}

class Peers : public RecorderSite {
 protected:
  explicit Peers(std::string engine) : RecorderSite(std::move(engine)) {}

  // Two processes copy bytes, from this one to the one that is selected, and over `ends` to its peer.
  void show_both_sides_of(Ends ends) {
    Pipe in;
    Pipe out;
    Child selected({.argv = traced({"copy"}), .env = {}}, in.read_end.get(), ends.first.get());
    Child peer({.argv = traced({"copy"}), .env = {}}, ends.second.get(), out.write_end.get());
    const UniqueFd writer = std::move(ends.first);
    ends.second.reset();
    in.read_end.reset();
    out.write_end.reset();
    const auto shown_of = [&](pid_t pid) {
      return std::ranges::any_of(events_of(capture_), [&](const RecordedEvent& event) {
        return event.type == kWriteEnter + 1 && event.tid == static_cast<std::uint64_t>(pid);
      });
    };
    Child recording(recorder({"-w", capture_, "--peers", "-p", std::to_string(selected.pid())}));
    ASSERT_TRUE(attached()) << recording.err();
    const auto both_show = [&] {
      char byte = 'x';
      return ::write(in.write_end.get(), &byte, 1) == 1 && ::read(out.read_end.get(), &byte, 1) == 1 &&
             shown_of(selected.pid()) && shown_of(peer.pid());
    };
    EXPECT_TRUE(eventually(both_show)) << recording.err();
    EXPECT_FALSE(shown_of(::getpid())) << "it carries the recorder's output";
    const UniqueFd keeps_peer(::dup(writer.get()));
    in.write_end.reset();
    EXPECT_TRUE(selected.exits_with(0));
    EXPECT_TRUE(recording.exits_with(0)) << "the peer lives on: " << recording.err();
    EXPECT_EQ(::kill(peer.pid(), 0), 0);
  }
};

class PeersOfBothEngines : public Peers, public testing::WithParamInterface<std::string> {
 protected:
  PeersOfBothEngines() : Peers(GetParam()) {}
};
INSTANTIATE_TEST_SUITE_P(Each, PeersOfBothEngines, testing::Values("bpf", "ptrace"),
                         [](const auto& engine) { return engine.param; });

TEST_P(PeersOfBothEngines, AreThoseAtTheOtherEndOfAPipe) {
  show_both_sides_of(pipe_ends());
}

TEST_P(PeersOfBothEngines, AreThoseAtTheOtherEndOfALocalConnection) {
  show_both_sides_of(unix_ends());
}

// The end that is closed is this process's, which is not recorded.
TEST_P(PeersOfBothEngines, AreMissedByTheSummaryOfARecordingWithoutThem) {
  Ends ends = unix_ends();
  Pipe in;
  Child selected({.argv = traced({"copy"}), .env = {}}, in.read_end.get(), ends.first.get());
  Child recording(recorder({"-w", capture_, "-p", std::to_string(selected.pid())}));
  ASSERT_TRUE(attached()) << recording.err();
  ends = {};
  ASSERT_EQ(::write(in.write_end.get(), "x", 1), 1);
  ASSERT_TRUE(selected.wait());
  ASSERT_TRUE(recording.exits_with(0)) << recording.err();
  Child summary({.argv = {slurper_binary(), "trace", "-r", capture_, "--summary"}, .env = {}});
  ASSERT_TRUE(summary.exits_with(0)) << summary.err();
  EXPECT_THAT(summary.out(), HasSubstr(" = -32(EPIPE) "));
  EXPECT_THAT(summary.out(), HasSubstr("    who closed the other end was not recorded (see --peers)\n"));
}

class PeersOfBpf : public Peers {
 protected:
  PeersOfBpf() : Peers("bpf") {}
};

TEST_F(PeersOfBpf, AreThoseAtTheOtherEndOfATcpConnection) {
  show_both_sides_of(tcp_ends());
}

// Someone opens the FIFO of a process that is watched already.
TEST_F(PeersOfBpf, AreThoseWhoComeLater) {
  const std::string fifo = make_fifo();
  Child reader({.argv = {"sh", "-c", "exec cat <>\"$1\"", "sh", fifo}, .env = {}});
  Child recording(recorder({"-w", capture_, "--peers", "-p", std::to_string(reader.pid())}));
  ASSERT_TRUE(attached()) << recording.err();
  Pipe in;
  const UniqueFd to_fifo(::open(fifo.c_str(), O_WRONLY | O_CLOEXEC));
  Child writer({.argv = traced({"copy"}), .env = {}}, in.read_end.get(), to_fifo.get());
  const auto shown = [&] {
    return ::write(in.write_end.get(), "y", 1) == 1 &&
           std::ranges::any_of(events_of(capture_), [&](const RecordedEvent& event) {
             return event.type == kWriteEnter + 1 && event.tid == static_cast<std::uint64_t>(writer.pid());
           });
  };
  EXPECT_TRUE(eventually(shown)) << recording.err();
  in = {};
  recording.signal(SIGTERM);
  EXPECT_TRUE(recording.exits_with(0)) << recording.err();
}

TEST_F(PeersOfBpf, AreOfASelection) {
  const Recorded whole = record({"-w", capture_, "--peers"});
  EXPECT_EQ(whole.status, 64);
  EXPECT_THAT(whole.err, HasSubstr("--peers is for a selection"));
  EXPECT_EQ(record({"-w", capture_, "--peers", "--fifo", make_fifo()}).status, 64);
}

}  // namespace
}  // namespace slurper::test
