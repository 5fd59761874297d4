// What a sink advises in a sandbox without a network. Each child is such a process.
#include "sink/net/no_network.h"

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>

#include "sink/net/connect.h"
#include "support/text_of.h"

namespace slurper::test {
namespace {

using namespace std::chrono_literals;

const Endpoint server{.host = "127.0.0.1", .port = 9};

// As RestrictAddressFamilies=AF_UNIX has it.
bool deny_all_but_unix_sockets() {
  std::array<sock_filter, 6> code = {{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[0])),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_UNIX, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  }};
  const sock_fprog program = {.len = code.size(), .filter = code.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

[[noreturn]] void print_and_exit(const std::string& text) {
  (void)std::fputs(("it says: '" + text + "'").c_str(), stderr);
  ::_exit(0);
}

std::string why_not_connected() {
  const auto connected = connect_stream(server, Deadline::clock::now() + 10s, -1);
  return connected ? "connected" : text_of(connected.error());
}

TEST(NoNetwork, IsNamedIfTheFamilyIsDenied) {
  EXPECT_EXIT(
      {
        if (!deny_all_but_unix_sockets()) ::_exit(1);
        print_and_exit(why_not_connected());
      },
      testing::ExitedWithCode(0), "cannot connect to .*Address family not supported.*network.conf");
}

TEST(NoNetwork, IsNamedIfAServiceHasNoInterfaceButItsLoopback) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root makes a network namespace";
  EXPECT_EXIT(
      {
        if (::unshare(CLONE_NEWNET) != 0 || ::setenv("INVOCATION_ID", "x", 1) != 0) ::_exit(1);
        print_and_exit(why_not_connected());
      },
      testing::ExitedWithCode(0), "cannot connect to .*network.conf");
}

// A machine whose network is down, or whose server is.
TEST(NoNetwork, IsNotNamedOutsideOfASandbox) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root makes a network namespace";
  EXPECT_EXIT(
      {
        if (::unshare(CLONE_NEWNET) != 0 || ::unsetenv("INVOCATION_ID") != 0) ::_exit(1);
        print_and_exit(text_of(network_remedy(ENETUNREACH)));
      },
      testing::ExitedWithCode(0), "it says: ''");
}

}  // namespace
}  // namespace slurper::test
