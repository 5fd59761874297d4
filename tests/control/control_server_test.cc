#include "control/control_server.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <grp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "control/control_client.h"
#include "support/temp_dir.h"
#include "support/text_of.h"
#include "support/wait.h"

namespace slurper {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using testing::HasSubstr;

constexpr auto kPatience = 60s;
constexpr std::string_view kStatus = R"({"version":1,"verb":"status"})";

// What a peer says up to the end of the line, or of the connection.
std::string read_line(int fd) {
  std::string line;
  for (char byte = 0; !line.ends_with('\n');) {
    pollfd readable{.fd = fd, .events = POLLIN, .revents = 0};
    if (::poll(&readable, 1, 120'000) <= 0) return line + "(nothing comes)";
    const ssize_t got = ::recv(fd, &byte, 1, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) continue;
    if (got <= 0) return line;
    line += byte;
  }
  return line;
}

void send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    pollfd writable{.fd = fd, .events = POLLOUT, .revents = 0};
    ASSERT_GT(::poll(&writable, 1, 120'000), 0);
    const ssize_t put = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (put < 0 && errno == EAGAIN) continue;
    if (put < 0) return;  // the server has let it go
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
}

class ControlServerTest : public testing::Test {
 protected:
  const test::TempDir folder_ = test::TempDir::in_ram();
  const std::string path_ = folder_ / "x.control";
  std::atomic<int> asked_{0};
  std::atomic<bool> is_rotated_{false};  // what was asked for is done
  std::atomic<int> rotations_{0};
  std::unique_ptr<ControlServer> server_;

  Status start() {
    auto server =
        ControlServer::start(kernel(), path_,
                             [this](const ControlRequest& request,
                                    const Asker&) -> std::variant<std::string, ControlServer::Later> {
                               ++asked_;
                               if (request.verb == ControlVerb::GetStatus) return to_json(StatusReport());
                               if (request.verb != ControlVerb::Rotate) return to_outcome("done at once");
                               return [this]() -> std::optional<std::string> {
                                 if (!is_rotated_) return std::nullopt;
                                 ++rotations_;
                                 return to_outcome("rotated");
                               };
                             });
    if (!server) return std::unexpected(server.error());
    server_ = std::move(*server);
    return {};
  }
  [[nodiscard]] UniqueFd connected() const {
    Result<UniqueFd> fd = connect_to_control(path_);
    // While it rests between two clients, its queue may be full.
    while (!fd && fd.error().errnum == EAGAIN) fd = connect_to_control(path_);
    EXPECT_TRUE(fd) << test::text_of(fd.error());
    return std::move(*fd);
  }
  // The answer to one line on a connection of its own.
  [[nodiscard]] std::string answer_to(std::string_view bytes) const {
    const UniqueFd fd = connected();
    send_all(fd.get(), bytes);
    return read_line(fd.get());
  }
  void expect_it_answers() const {
    const auto answered = ask_status(path_, kPatience);
    EXPECT_TRUE(answered) << test::text_of(answered.error());
  }
};

TEST_F(ControlServerTest, AnswersAndLeavesNothingBehind) {
  ASSERT_TRUE(start());
  struct stat st{};
  ASSERT_EQ(::lstat(path_.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode, static_cast<mode_t>(S_IFSOCK | 0660));
  expect_it_answers();
  server_.reset();
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
}

TEST_F(ControlServerTest, AnswersOnOneConnectionAgainAndAgain) {
  ASSERT_TRUE(start());
  const UniqueFd fd = connected();
  for (int i = 0; i < 5; ++i) {
    send_all(fd.get(), std::string(kStatus) + "\n");
    EXPECT_EQ(json::parse(read_line(fd.get()))["health"], "healthy");
  }
  // Several at once, and one byte after another.
  send_all(fd.get(), std::string(kStatus) + "\n" + std::string(kStatus) + "\n");
  EXPECT_THAT(read_line(fd.get()), HasSubstr("healthy"));
  EXPECT_THAT(read_line(fd.get()), HasSubstr("healthy"));
  for (const char byte : std::string(kStatus) + "\n") send_all(fd.get(), std::string_view(&byte, 1));
  EXPECT_THAT(read_line(fd.get()), HasSubstr("healthy"));
}

TEST_F(ControlServerTest, RefusesInWordsWhatItDoesNotUnderstand) {
  ASSERT_TRUE(start());
  EXPECT_EQ(json::parse(answer_to("status\n"))["error"],
            R"(a request is one line of JSON, such as {"version":1,"verb":"status"})");
  EXPECT_EQ(json::parse(answer_to("{\"version\":2,\"verb\":\"status\"}\n"))["error"],
            R"(this slurper knows "version":1 only)");
  EXPECT_EQ(
      json::parse(answer_to("{\"version\":1,\"verb\":\"stop\"}\n"))["error"],
      R"(this slurper knows the verbs "status", "rotate", "reload", "pause", "resume", "rewind", "level")");
  EXPECT_EQ(json::parse(answer_to(std::string(100'000, 'x')))["error"], "a request has at most 4096 bytes");
  EXPECT_EQ(json::parse(answer_to(std::string("\xff\0\x1b\n", 4)))["version"], 1);
  EXPECT_EQ(asked_, 0);
  expect_it_answers();
}

// A flood is answered at a pace that leaves the processor to others, and other clients are answered
// meanwhile.
TEST_F(ControlServerTest, AnswersOthersWhileAClientFloods) {
  ASSERT_TRUE(start());
  std::string flood;
  for (int i = 0; i < 1000; ++i) flood += std::string(kStatus) + "\n";
  const UniqueFd fd = connected();
  std::jthread flooder([&] { send_all(fd.get(), flood); });
  for (int i = 0; i < 5; ++i) expect_it_answers();
  ::shutdown(fd.get(), SHUT_RDWR);
  flooder.join();
  EXPECT_LT(asked_, 1000);
}

TEST_F(ControlServerTest, LetsTheOldestGoIfThereAreTooMany) {
  ASSERT_TRUE(start());
  std::vector<UniqueFd> silent;
  for (std::size_t i = 0; i < 3 * ControlServer::kMaxClients; ++i) silent.push_back(connected());
  expect_it_answers();
  EXPECT_EQ(read_line(silent.front().get()), "");
}

TEST_F(ControlServerTest, LetsGoWhoReadsNoAnswer) {
  ASSERT_TRUE(start());
  const UniqueFd fd = connected();
  // It asks and never reads: the answers fill the socket, the questions follow, and then the deadline comes.
  const std::string request = std::string(kStatus) + "\n";
  EXPECT_TRUE(test::eventually([&] {
    return ::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
           errno == EPIPE;
  }));
  expect_it_answers();
}

TEST_F(ControlServerTest, GoesOnAfterClientsThatLeaveInTheMiddle) {
  ASSERT_TRUE(start());
  for (int i = 0; i < 50; ++i) send_all(connected().get(), kStatus.substr(0, 10));
  for (int i = 0; i < 50; ++i) send_all(connected().get(), std::string(kStatus) + "\n");
  expect_it_answers();
}

// What is done later holds up nobody.
TEST_F(ControlServerTest, AnswersOthersWhileARequestIsUnderWay) {
  ASSERT_TRUE(start());
  const UniqueFd fd = connected();
  send_all(fd.get(), to_request({.verb = ControlVerb::Rotate}) + std::string(kStatus) + "\n");
  ASSERT_TRUE(test::eventually([&] { return asked_ == 1; }));
  for (int i = 0; i < 3; ++i) expect_it_answers();
  const auto paused = ask_to(path_, {.verb = ControlVerb::Pause, .sink = "x"}, kPatience);
  ASSERT_TRUE(paused) << test::text_of(paused.error());
  EXPECT_TRUE(paused->is_done);
  EXPECT_EQ(paused->text, "done at once");
  is_rotated_ = true;
  EXPECT_EQ(read_line(fd.get()), "{\"version\":1,\"outcome\":\"rotated\"}\n");
  EXPECT_THAT(read_line(fd.get()), HasSubstr("healthy")) << "then comes the next request of the same client";
}

// It is done, and reported, all the same.
TEST_F(ControlServerTest, FinishesTheRequestOfAClientThatHasGone) {
  ASSERT_TRUE(start());
  {
    const UniqueFd fd = connected();
    send_all(fd.get(), to_request({.verb = ControlVerb::Rotate}));
    ASSERT_TRUE(test::eventually([&] { return asked_ == 1; }));
  }
  expect_it_answers();
  is_rotated_ = true;
  EXPECT_TRUE(test::eventually([&] { return rotations_ == 1; }));
  expect_it_answers();
  EXPECT_EQ(rotations_, 1);
}

TEST_F(ControlServerTest, BoundsWhatIsNotDoneYet) {
  ASSERT_TRUE(start());
  for (int i = 1; i <= static_cast<int>(ControlServer::kMaxPending); ++i) {
    const UniqueFd fd = connected();
    send_all(fd.get(), to_request({.verb = ControlVerb::Rotate}));
    ASSERT_TRUE(test::eventually([&] { return asked_ == i; }));
  }
  const auto refused = ask_to(path_, {.verb = ControlVerb::Rotate}, kPatience);
  ASSERT_TRUE(refused) << test::text_of(refused.error());
  EXPECT_FALSE(refused->is_done);
  EXPECT_EQ(refused->text, "too many requests are not done yet; try again later");
  is_rotated_ = true;
  EXPECT_TRUE(test::eventually([&] { return rotations_ == static_cast<int>(ControlServer::kMaxPending); }));
  EXPECT_TRUE(ask_to(path_, {.verb = ControlVerb::Rotate}, kPatience)->is_done);
}

TEST_F(ControlServerTest, SaysThatItEndsToWhoWaits) {
  ASSERT_TRUE(start());
  const UniqueFd fd = connected();
  send_all(fd.get(), to_request({.verb = ControlVerb::Rotate}));
  ASSERT_TRUE(test::eventually([&] { return asked_ == 1; }));
  server_.reset();
  EXPECT_EQ(json::parse(read_line(fd.get()))["error"], "slurper is ending");
}

// What a process of this user and this group gets for a line; "refused" if it may not even connect.
std::string answer_as(uid_t user, gid_t group, const std::string& path, const std::string& line) {
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const UniqueFd read_fd(ends[0]);
  UniqueFd write_fd(ends[1]);
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setgroups(0, nullptr) != 0 || ::setgid(group) != 0 || ::setuid(user) != 0) ::_exit(1);
    const Result<UniqueFd> fd = connect_to_control(path);
    std::string got = "refused";
    if (fd) {
      (void)::send(fd->get(), line.data(), line.size(), MSG_NOSIGNAL);
      got = "'" + read_line(fd->get()) + "'";
    }
    ::_exit(::write(write_fd.get(), got.data(), got.size()) < 0 ? 1 : 0);
  }
  write_fd.reset();
  std::array<char, 4096> got{};
  const ssize_t size = ::read(read_fd.get(), got.data(), got.size());
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  return {got.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
}

constexpr uid_t kNobody = 65534;

TEST_F(ControlServerTest, TellsNothingToWhoMayNotAsk) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  ASSERT_TRUE(start());
  const std::string request = std::string(kStatus) + "\n";
  EXPECT_EQ(answer_as(kNobody, kNobody, path_, request), "refused");
  // Even if the socket was opened to all.
  ASSERT_EQ(::chmod(path_.c_str(), 0666), 0);
  EXPECT_EQ(answer_as(kNobody, kNobody, path_, request), "''");
  EXPECT_EQ(asked_, 0);
}

TEST_F(ControlServerTest, LetsAMemberOfTheGroupAskAndChangeNothing) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  ASSERT_TRUE(start());
  ASSERT_EQ(::chmod(folder_.path().c_str(), 0755), 0);
  const gid_t group = ::getegid();
  EXPECT_THAT(answer_as(kNobody, group, path_, std::string(kStatus) + "\n"), HasSubstr("healthy"));
  const int asked = asked_;
  for (const ControlVerb verb : {ControlVerb::Rotate, ControlVerb::Reload, ControlVerb::Pause,
                                 ControlVerb::Resume, ControlVerb::Rewind, ControlVerb::SetLevel}) {
    EXPECT_THAT(answer_as(kNobody, group, path_, to_request({.verb = verb, .sink = "x"})),
                HasSubstr(R"("error":"only root and the user that slurper runs as may ask for this")"));
  }
  EXPECT_EQ(asked_, asked);
}

TEST_F(ControlServerTest, ReplacesWhatAKilledOneHasLeft) {
  ASSERT_TRUE(start());
  const pid_t child = ::fork();
  if (child == 0) {
    const auto socket = ControlSocket::listen(kernel(), folder_ / "killed.control");
    ::kill(::getpid(), socket ? SIGKILL : SIGTERM);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(WTERMSIG(status), SIGKILL);
  const std::string path = folder_ / "killed.control";
  EXPECT_EQ(ask_status(path, kPatience).error().kind, ErrorKind::NoInput);
  EXPECT_EQ(test::text_of(ask_status(path, kPatience).error()),
            "cannot ask the slurper at '" + path +
                "': no process listens at this socket. The slurper that made it was killed, and no other has "
                "started since: start it");
  const auto socket = ControlSocket::listen(kernel(), path);
  ASSERT_TRUE(socket) << test::text_of(socket.error());
  EXPECT_TRUE(connect_to_control(path));
}

TEST_F(ControlServerTest, NeverTakesTheSocketOfOneThatLives) {
  ASSERT_TRUE(start());
  const auto second = ControlSocket::listen(kernel(), path_);
  ASSERT_FALSE(second);
  EXPECT_EQ(test::text_of(second.error()),
            "cannot make the control socket '" + path_ +
                "': another process listens at it. Set control.path to a path of its own for each slurper");
  expect_it_answers();
}

// Busy is not dead, even if the lock was removed.
TEST_F(ControlServerTest, TakesNoFullQueueForADeadOne) {
  auto socket = ControlSocket::listen(kernel(), path_);
  ASSERT_TRUE(socket);
  ASSERT_EQ(::listen(socket->fd(), 0), 0);
  const Result<UniqueFd> first = connect_to_control(path_);
  ASSERT_TRUE(first);
  EXPECT_EQ(connect_to_control(path_).error().errnum, EAGAIN);
  ASSERT_TRUE(std::filesystem::remove(path_ + ".lock"));
  const auto second = ControlSocket::listen(kernel(), path_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::Busy);
}

TEST_F(ControlServerTest, SaysWhyItCannotBeMade) {
  const auto text_for = [](const std::string& path) {
    const auto socket = ControlSocket::listen(kernel(), path);
    return socket ? "made" : test::text_of(socket.error());
  };
  EXPECT_EQ(
      text_for(folder_ / "missing/control"),
      "cannot open the lock file '" + (folder_ / "missing/control.lock") +
          "': No such file or directory. Set control.path to a short path in a folder of slurper's user");
  EXPECT_EQ(
      text_for(folder_ / std::string(100, 'x')),
      "cannot choose an address for the control socket: File name too long. Set control.path to a short "
      "path in a folder of slurper's user");
}

TEST_F(ControlServerTest, RemovesNothingThatIsNoSocket) {
  std::ofstream(path_) << "mine";
  const Status refused = start();
  ASSERT_FALSE(refused);
  EXPECT_EQ(test::text_of(refused.error()), "cannot make the control socket '" + path_ +
                                                "': it is a regular file, not a socket. Move it away, or set "
                                                "control.path to another path");
  std::filesystem::remove(path_);
  std::filesystem::create_symlink(folder_ / "elsewhere", path_);
  const Status link_refused = start();
  ASSERT_FALSE(link_refused);
  EXPECT_THAT(test::text_of(link_refused.error()), HasSubstr("it is a symbolic link to"));
  EXPECT_TRUE(std::filesystem::is_symlink(path_));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "elsewhere"));
}

TEST_F(ControlServerTest, HasOneWinnerIfTwoStartAtOnce) {
  for (int i = 0; i < 100; ++i) {
    {
      // A socket that was left behind.
      auto left = ControlSocket::listen(kernel(), path_);
      ASSERT_TRUE(left);
      ASSERT_EQ(::rename(path_.c_str(), (folder_ / "kept").c_str()), 0);
    }
    ASSERT_EQ(::rename((folder_ / "kept").c_str(), path_.c_str()), 0);
    std::array<std::optional<Result<ControlSocket>>, 2> sockets;
    {
      std::jthread one([&] { sockets[0].emplace(ControlSocket::listen(kernel(), path_)); });
      std::jthread other([&] { sockets[1].emplace(ControlSocket::listen(kernel(), path_)); });
    }
    EXPECT_EQ(sockets[0]->has_value() + sockets[1]->has_value(), 1) << i;
    EXPECT_TRUE(connect_to_control(path_)) << i;
  }
}

TEST_F(ControlServerTest, IsReachedUnderALongPath) {
  const std::string folder = folder_ / std::string(200, 'f');
  ASSERT_TRUE(std::filesystem::create_directory(folder));
  const std::string path = control_path("", folder + "/" + std::string(255, 'l'), false);
  EXPECT_LE(path.size(), folder.size() + 81);
  const auto socket = ControlSocket::listen(kernel(), path);
  ASSERT_TRUE(socket) << test::text_of(socket.error());
  EXPECT_TRUE(connect_to_control(path));
}

TEST(ControlPath, IsBesideTheFolderOfADefaultRingAndInAnother) {
  EXPECT_EQ(control_path("", "/run/slurper/var-log-messages", false),
            "/run/slurper/var-log-messages.control");
  EXPECT_EQ(control_path("", "/dev/shm/app", true), "/dev/shm/app/control");
  EXPECT_EQ(control_path("/run/x", "/dev/shm/app", true), "/run/x");
}

}  // namespace
}  // namespace slurper
