// OpenSSL's own server.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "support/child.h"
#include "support/wait.h"

namespace slurper::test {

// openssl-s_server(1) on a port of the kernel's choice. What it receives is on its standard output.
class TlsServer {
 public:
  TlsServer(const std::string& certificate, const std::string& key, std::vector<std::string> more = {})
      : input_(make_pipe()), server_(program(certificate, key, std::move(more)), input_.first.get()) {
    constexpr std::string_view kMark = "ACCEPT 127.0.0.1:";
    EXPECT_TRUE(eventually([&] {
      const std::string said = server_.out();
      const auto at = said.find(kMark);
      if (at == std::string::npos || said.find('\n', at) == std::string::npos) return false;
      port_ = std::stoi(said.substr(at + kMark.size()));
      return true;
    })) << server_.err();
  }

  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] std::string received() const { return server_.out(); }
  void kill() { server_.kill(); }

 private:
  static Program program(const std::string& certificate, const std::string& key,
                         std::vector<std::string> more) {
    std::vector<std::string> argv = {"openssl", "s_server",  "-accept", "127.0.0.1:0",
                                     "-cert",   certificate, "-key",    key};
    argv.insert(argv.end(), more.begin(), more.end());
    return {.argv = std::move(argv), .env = {}};
  }
  // It ends with its standard input.
  static std::pair<UniqueFd, UniqueFd> make_pipe() {
    std::array<int, 2> fds{};
    EXPECT_EQ(::pipe2(fds.data(), O_CLOEXEC), 0);
    return {UniqueFd(fds[0]), UniqueFd(fds[1])};
  }

  std::pair<UniqueFd, UniqueFd> input_;
  Child server_;
  int port_ = 0;
};

}  // namespace slurper::test
