// What can be seen without a journald; the rest is tests/e2e/journald_case.sh.
#include "sink/journald/journald_sink.h"

#include <gmock/gmock.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <functional>
#include <mutex>
#include <thread>

#include "base/fd.h"
#include "sink/journald/journal_reader.h"
#include "sink/journald/journal_socket.h"
#include "sink/sink_site.h"
#include "support/text_of.h"

namespace slurper {
namespace {

using test::text_of;

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

TEST(JournaldSinkTest, Settings) {
  EXPECT_TRUE(SinkSite().make(journald_sink(), {}));
  EXPECT_TRUE(SinkSite().make(journald_sink(), {{"exactly_once", "false"}, {"give_up", "1h"}}));
  EXPECT_THAT(text_of(SinkSite().make(journald_sink(), {{"give_up", "0"}}).error()),
              HasSubstr("give_up of the sink 'test' is \"0\", but must be a time from 1s to 1d"));
  EXPECT_THAT(text_of(SinkSite().make(journald_sink(), {{"format", "raw"}}).error()),
              HasSubstr("It has: exactly_once, give_up"));
}

TEST(JournaldSinkTest, WhatWasNeverOpenedIsClosed) {
  auto sink = SinkSite().make(journald_sink(), {});
  ASSERT_TRUE(sink);
  (*sink)->close();
}

// A limit on open files: neither the journal nor what is sent to journald can be opened.
TEST(JournaldSinkTest, WithoutADescriptorItSaysWhatItNeedsOneFor) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const UniqueFd next(::dup(STDIN_FILENO));
  const rlimit none{.rlim_cur = static_cast<rlim_t>(next.get()), .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const Status opened = JournalReader().open({});
  const auto watched = JournalSocket().wait_until_read(-1, {});
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_FALSE(opened);
  EXPECT_EQ(text_of(opened.error()),
            "cannot read the journal: Too many open files. Raise the limit on open "
            "files: LimitNOFILE= of the service, or ulimit -n");
  ASSERT_FALSE(watched);
  EXPECT_THAT(text_of(watched.error()),
              StartsWith("cannot follow what journald has read: Too many open files. Raise the limit"));
}

// In a thread that does not see the machine's /run, with nothing there.
void with_an_empty_run(const std::function<void()>& act) {
  std::thread([&] {
    ASSERT_EQ(::unshare(CLONE_NEWNS), 0) << errno;
    ASSERT_EQ(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0) << errno;
    ASSERT_EQ(::mount("tmpfs", "/run", "tmpfs", 0, nullptr), 0) << errno;
    std::filesystem::create_directories("/run/systemd/journal");
    std::filesystem::create_directories("/run/log/journal");
    act();
  }).join();
}

// Takes what journald is sent, and keeps it out of every journal.
class DeafJournald {
 public:
  DeafJournald() : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    std::strncpy(address_.sun_path, "/run/systemd/journal/socket", sizeof address_.sun_path - 1);
    if (::bind(socket_.get(), address(), sizeof address_) != 0) throw std::runtime_error("no socket");
    reader_ = std::jthread([this](const std::stop_token& stop) {
      while (!stop.stop_requested()) take();
    });
  }
  DeafJournald(const DeafJournald&) = delete;
  DeafJournald& operator=(const DeafJournald&) = delete;
  ~DeafJournald() {
    reader_.request_stop();
    (void)::sendto(socket_.get(), "", 0, 0, address(), sizeof address_);  // ends the wait
  }

  // The first field `name` of all that it took; "": none.
  std::string field(const std::string& name) {
    const std::lock_guard lock(mutex_);
    const std::size_t at = taken_.find('\n' + name + '=');
    if (at == std::string::npos) return "";
    const std::size_t begin = at + name.size() + 2;
    return taken_.substr(begin, taken_.find('\n', begin) - begin);
  }

 private:
  [[nodiscard]] const sockaddr* address() const { return reinterpret_cast<const sockaddr*>(&address_); }

  // As journald does, closes files that it has no use for.
  void take() {
    std::array<char, 65536> bytes{};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    iovec part = {.iov_base = bytes.data(), .iov_len = bytes.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t size = ::recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC);
    const std::lock_guard lock(mutex_);  // before the file is closed, which tells that this was read
    if (size > 0) taken_ += '\n' + std::string(bytes.data(), static_cast<std::size_t>(size));
    if (const cmsghdr* const sent = CMSG_FIRSTHDR(&message); sent != nullptr) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(sent), sizeof fd);
      ::close(fd);
    }
  }

  UniqueFd socket_;
  sockaddr_un address_{.sun_family = AF_UNIX, .sun_path = {}};
  std::mutex mutex_;
  std::string taken_;
  std::jthread reader_;
};

class DeafJournaldTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can take a thread out of the machine's folders";
  }

  SinkSite site_;
};

TEST_F(DeafJournaldTest, WithoutAnyItSaysWhereItLooked) {
  with_an_empty_run([&] {
    const auto sink = site_.make(journald_sink(), {});
    ASSERT_TRUE(sink);
    EXPECT_EQ(text_of(site_.open(**sink).error()),
              "cannot reach journald at '/run/systemd/journal/socket': No such file or directory. Is "
              "systemd-journald running?");
  });
}

TEST_F(DeafJournaldTest, WhatTheJournalDoesNotShowIsNotSentAgainAndAgain) {
  with_an_empty_run([&] {
    DeafJournald journald;
    const auto sink = site_.make(journald_sink(), {});
    ASSERT_TRUE(sink);
    const auto opened = site_.open(**sink);
    ASSERT_TRUE(opened) << text_of(opened.error());
    const auto delivered = site_.deliver(**sink, site_.records({"one"}));
    ASSERT_FALSE(delivered);
    EXPECT_EQ(text_of(delivered.error()),
              "cannot find in the journal what was just written to it: it is not there. Put slurper's user "
              "into the group adm (or systemd-journal), and check Storage= and MaxLevelStore= in "
              "journald.conf");
    EXPECT_NE(journald.field("SLURPER_PROBE"), "");
    EXPECT_EQ(journald.field("SLURPER_OFFSET"), "");
    (*sink)->close();
  });
}

TEST_F(DeafJournaldTest, ALineThatComesBackStopsIt) {
  with_an_empty_run([&] {
    DeafJournald journald;
    const auto sink = site_.make(journald_sink(), {{"exactly_once", "false"}});
    ASSERT_TRUE(sink);
    ASSERT_TRUE(site_.open(**sink));
    const auto sent = site_.deliver(**sink, site_.records({"one"}));
    ASSERT_TRUE(sent) << text_of(sent.error());
    EXPECT_EQ(sent->acked, 4U);
    const std::string probe = "slurper-probe: " + journald.field("MESSAGE");
    const auto delivered = site_.deliver(**sink, site_.records({probe}));
    ASSERT_FALSE(delivered);
    EXPECT_EQ(delivered.error().kind, ErrorKind::Loop);
    EXPECT_THAT(
        text_of(delivered.error()),
        AllOf(
            StartsWith("cannot write to the journal: what this sink writes comes back through the FIFO, and "
                       "would circulate for ever: a syslogd receives the journal's lines and writes them "
                       "to the FIFO, as '" +
                       probe + "'. Use the settings for that syslogd in '/"),
            EndsWith("/syslog', which leave such lines out, or keep the journal's lines from it "
                     "(ForwardToSyslog=no in journald.conf, or no imjournal). Then run systemctl reload "
                     "slurper")));
    (*sink)->close();
  });
}

}  // namespace
}  // namespace slurper
